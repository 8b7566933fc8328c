package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"umlab/harness/store"
)

// forkable returns an overlay on /build over a small tree, with directories of its own that do not exist yet.
func forkable(t *testing.T) Overlay {
	t.Helper()
	dir := t.TempDir()
	// The kernel leaves a directory that t.TempDir cannot remove.
	t.Cleanup(func() {
		if err := store.RemoveAll(filepath.Join(dir, "work")); err != nil {
			t.Error(err)
		}
	})
	for _, d := range []string{"lower/sub", "lower/gone"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"lower/a", "lower/sub/b", "lower/gone/c"} {
		put(t, filepath.Join(dir, f), f+"\n")
	}
	return Overlay{Lower: filepath.Join(dir, "lower"), Upper: filepath.Join(dir, "upper/x"), Work: filepath.Join(dir, "work/x"), Target: "/build"}
}

func TestOverlay(t *testing.T) {
	o := forkable(t)
	c := Command{Root: sysroot(t), Overlays: []Overlay{o}}
	before := snapshot(t, o.Lower)
	out := inside(t, c, "write /build/a changed", "write /build/sub/new new", "remove /build/gone", "mkdir /build/gone", "list /build/gone", "read /build/sub/b")
	if out != "lower/sub/b\n" {
		t.Errorf("inside: %q", out)
	}
	for f, want := range map[string]string{"a": "changed", "sub/new": "new"} {
		if b, err := os.ReadFile(filepath.Join(o.Upper, f)); err != nil || string(b) != want {
			t.Errorf("upper %s: %q %v", f, b, err)
		}
	}
	if _, err := os.Stat(filepath.Join(o.Upper, "sub/b")); err == nil {
		t.Error("a file that was only read is in Upper")
	}
	// The next sandbox sees what the last one did.
	if out := inside(t, c, "read /build/a", "list /build/gone"); out != "changed" {
		t.Errorf("the second time: %q", out)
	}
	if snapshot(t, o.Lower) != before {
		t.Error("the lower directory changed")
	}
}

func TestOverlayInMemory(t *testing.T) {
	o := forkable(t)
	c := Command{Root: sysroot(t), Overlays: []Overlay{{Lower: o.Lower, Target: "/build"}}, Limits: Limits{Disk: 1 << 20}}
	before := snapshot(t, o.Lower)
	if out := inside(t, c, "write /build/a changed", "read /build/a", "remove /build/sub", "fill /build/big 10000000"); !strings.HasPrefix(out, "changed") || !strings.HasSuffix(out, " true\n") {
		t.Errorf("got %q", out)
	}
	if out := inside(t, c, "read /build/a", "read /build/sub/b", "list /"); !strings.HasPrefix(out, "lower/a\nlower/sub/b\n") || strings.Contains(out, ".umlab") {
		t.Errorf("got %q", out)
	}
	if snapshot(t, o.Lower) != before {
		t.Error("the lower directory changed")
	}
}

func TestMountOver(t *testing.T) {
	o := forkable(t)
	top, middle := t.TempDir(), t.TempDir()
	put(t, filepath.Join(top, "a"), "top\n")
	put(t, filepath.Join(middle, "a"), "middle\n")
	if err := unix.Mknod(filepath.Join(middle, "gone"), unix.S_IFCHR, 0); err != nil {
		t.Fatal(err)
	}
	c := Command{Root: sysroot(t), Mounts: []Mount{{Source: o.Lower, Over: []string{top, middle}, Target: "/two", ReadOnly: true},
		{Source: o.Lower, Over: []string{middle}, Target: "/one", ReadOnly: true}}}
	if out := inside(t, c, "read /two/a", "read /two/sub/b", "read /one/a", "list /two"); out != "top\nlower/sub/b\nmiddle\na\nsub\n" {
		t.Errorf("got %q", out)
	}
	for _, op := range []string{"write /one/a x", "write /two/a x", "mkdir /one/x"} {
		if out, status, err := try(t, c, op); err != nil || status.Code != 1 || !strings.Contains(out, "read-only") {
			t.Errorf("%s: %v %v %s", op, status, err, out)
		}
	}
}

// Paths of the host may hold every character that the mount options of overlayfs give a meaning to.
func TestOverlayNames(t *testing.T) {
	o := forkable(t)
	dir := filepath.Join(t.TempDir(), `a,b:c\d "e`)
	if err := os.Rename(filepath.Dir(o.Lower), dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.RemoveAll(filepath.Join(dir, "work")) })
	o = Overlay{Lower: filepath.Join(dir, "lower"), Upper: filepath.Join(dir, "up:per"), Work: filepath.Join(dir, "work"), Target: "/b,u:ild"}
	if out := inside(t, Command{Root: sysroot(t), Overlays: []Overlay{o}}, "read /b,u:ild/a", "write /b,u:ild/a x"); out != "lower/a\n" {
		t.Errorf("got %q", out)
	}
	if b, err := os.ReadFile(filepath.Join(o.Upper, "a")); err != nil || string(b) != "x" {
		t.Errorf("upper: %q %v", b, err)
	}
}

func TestOverlayFaults(t *testing.T) {
	root := sysroot(t)
	fails := func(o Overlay, stage stageName, errno error, hint string) {
		t.Helper()
		_, _, err := try(t, Command{Root: root, Overlays: []Overlay{o}}, "say x")
		var e *stageError
		if !errors.As(err, &e) || e.stage != stage || !errors.Is(err, errno) || !strings.Contains(e.hint, hint) {
			t.Errorf("got %v, want %s: %v; … %s", err, stage, errno, hint)
		}
	}
	o := forkable(t)
	o.Lower = filepath.Join(o.Lower, "none")
	fails(o, stageSource, unix.ENOENT, "")

	// Upper on another mount than Work: /dev/shm is one on every machine that has it.
	o = forkable(t)
	shm, err := os.MkdirTemp("/dev/shm", "umlab-test-")
	if err != nil {
		t.Skip("no second file system at hand")
	}
	defer os.RemoveAll(shm)
	o.Upper = shm
	fails(o, stageOverlay, unix.EINVAL, "one mount")

	o = forkable(t)
	p, err := Start(t.Context(), Command{Root: root, Overlays: []Overlay{o}, Args: []string{"payload", "wait"}})
	if err != nil {
		t.Fatal(err)
	}
	fails(o, stageOverlay, unix.EBUSY, "another sandbox")
	if err := p.init.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err == nil {
		t.Error("no error although init was killed")
	}
	if out := inside(t, Command{Root: root, Overlays: []Overlay{o}}, "read /build/a"); out != "lower/a\n" {
		t.Errorf("after the other sandbox: %q", out)
	}
}

func TestTmpfs(t *testing.T) {
	c := Command{Root: sysroot(t), Limits: Limits{Disk: 1 << 20}}
	if out := inside(t, c, "fill /run/f 10000000", "fill /dev/shm/f 10000000", "remove /dev/shm/f"); out != "1048576 true\n1048576 true\n" {
		t.Errorf("sizes: %q", out)
	}
	// As UML does it: a sparse file of the guest's memory size, mapped executable.
	inside(t, c, "sparse /dev/shm/mem 4294967296", "mapexec /dev/shm/m", "mapexec /tmp/m")
	if out, status, err := try(t, c, "mapexec /run/m"); err != nil || status.Code != 1 {
		t.Errorf("mapped executable on a noexec tmpfs: %v %v %s", status, err, out)
	}
	c = Command{Root: c.Root, Limits: Limits{Disk: 1 << 20}}
	if out := inside(t, c, "fill /tmp/f 10000000", "fill /dev/shm/f 10000000", "fill /run/f 10000000"); out != strings.Repeat("1048576 true\n", 3) {
		t.Errorf("sizes: %q", out)
	}
}
