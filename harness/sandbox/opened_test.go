package sandbox

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
)

// What is opened is told of a directory that is mounted and of one that is layered; what is only there, only looked
// at, or opened elsewhere is not.
func TestOpened(t *testing.T) {
	needNamespaces(t)
	o := forkable(t)
	plain := t.TempDir()
	put(t, filepath.Join(plain, "read"), "")
	put(t, filepath.Join(plain, "unread"), "")
	var out bytes.Buffer
	status, err := Run(t.Context(), Command{
		Root: sysroot(t),
		Mounts: []Mount{{Source: plain, Target: "/plain", ReadOnly: true},
			{Source: o.Lower, Over: []string{t.TempDir()}, Target: "/layers", ReadOnly: true}},
		Overlays: []Overlay{o},
		Watch:    []string{"/layers", "/build"}, WatchOnly: []string{"/plain", "/plain/gone", "/plain/read/not"},
		Stdout: &out, Stderr: &out,
		Args: []string{"/bin/payload", "read /plain/read", "list /plain", "read /layers/sub/b", "read /layers/sub/b",
			"write /build/a new", "read /etc/motd"},
	})
	if err != nil || !status.Success() {
		t.Fatalf("%v %v: %s", status, err, out.Bytes())
	}
	if status.Opened == nil || status.Opened.Lost {
		t.Fatalf("opened: %+v", status.Opened)
	}
	if want := []string{"/build/a", "/layers/sub/b", "/plain/read"}; !slices.Equal(status.Opened.Files, want) {
		t.Errorf("opened %q, want %q", status.Opened.Files, want)
	}
	if want := []string{"/build", "/build/gone", "/build/sub", "/layers", "/layers/gone", "/layers/sub", "/plain"}; !slices.Equal(status.Opened.Dirs, want) {
		t.Errorf("watched %q, want %q", status.Opened.Dirs, want)
	}
}

// Openings faster than they are read make the kernel drop some, and that is told.
func TestOpenedEvents(t *testing.T) {
	o := &opens{dirs: map[int32]string{7: "/src/kernel"}, seen: map[int32]map[string]bool{}}
	event := func(wd, mask uint32, name string) []byte {
		b := make([]byte, 16, 32)
		for i, v := range []uint32{wd, mask, 0, uint32(len(name))} {
			b[4*i], b[4*i+1], b[4*i+2], b[4*i+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
		}
		return append(b, name...)
	}
	o.events(slices.Concat(event(7, 0x20, "fork.c\x00\x00"), event(7, 0x40000020, "sub\x00"), event(7, 0x40000020, "")))
	if len(o.seen) != 1 || len(o.seen[7]) != 1 || !o.seen[7]["fork.c"] || o.lost {
		t.Errorf("seen %v, lost %v", o.seen, o.lost)
	}
	if o.events(event(0xffffffff, 0x4000, "")); !o.lost {
		t.Error("an overflow was not noticed")
	}
}
