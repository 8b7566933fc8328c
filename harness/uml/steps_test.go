package uml

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/console"
	"umlab/harness/manifest"
)

// given makes steps s0, s1, … that do what.
func given(what ...string) (steps []Step, finds Extra) {
	for i, w := range what {
		s := Step{Name: fmt.Sprintf("s%d", i), File: fmt.Sprintf("/steps/s%d", i)}
		steps = append(steps, s)
		finds.Files = append(finds.Files, File{Path: s.File, Mode: 0o644, Data: []byte(w)})
	}
	return steps, finds
}

func TestBootSteps(t *testing.T) {
	b, kernel := booter(t)
	for _, tt := range []struct {
		name    string
		modules []string
		steps   []string
		edit    func([]Step)
		kind    console.Kind
		want    []string // what was begun
	}{
		{"behind the modules", []string{"loads"}, []string{"loads", "is rejected", "loads"}, nil, console.Halted,
			[]string{"insmod m0", "modules m0", "rmmod m0", "step s0", "step s1", "step s2", "log", "halt"}},
		{"none behind a fault", nil, []string{"loads", "oopses", "loads"}, nil, console.Halted, []string{"step s0", "step s1", "log", "halt"}},
		{"none behind a module's fault", []string{"oopses"}, []string{"loads"}, nil, console.Halted, []string{"insmod m0", "modules m0", "rmmod m0", "log", "halt"}},
		{"one that talks", nil, []string{"oopses", "loads"}, func(s []Step) { s[0].Talks = true }, console.Halted, []string{"step s0", "step s1", "log", "halt"}},
		{"the log right behind", nil, []string{"loads", "loads"}, func(s []Step) { s[0].Log = true }, console.Halted,
			[]string{"step s0", "log", "step s1", "log", "halt"}},
		{"none behind the guest's end", nil, []string{"exits", "loads"}, nil, console.Exited, []string{"step s0"}},
		{"a deadline of its own", nil, []string{"hangs", "loads"}, func(s []Step) { s[0].Within = 50 * time.Millisecond }, console.TimedOut, []string{"step s0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			steps, finds := given(tt.steps...)
			if tt.edit != nil {
				tt.edit(steps)
			}
			r, err := b.Boot(t.Context(), Spec{Kernel: kernel, Modules: modules(t, tt.modules...), Steps: steps, Finds: finds, Mem: 64 << 20})
			if err != nil {
				t.Fatal(err)
			}
			var begun []string
			for _, m := range regexp.MustCompile(`(?m)^umlab\[[^]]*\]: begin (.*)$`).FindAllStringSubmatch(string(r.Transcript), -1) {
				begun = append(begun, m[1])
			}
			if !slices.Equal(begun, tt.want) || r.End.Kind != tt.kind {
				t.Errorf("%s: %q\n%s", r.End.Kind, begun, r.Transcript)
			}
			if !strings.Contains(string(r.Transcript), "command: sh /steps/s0 </dev/null\n") && len(tt.modules) == 0 {
				t.Errorf("the step's file is not run:\n%s", r.Transcript)
			}
		})
	}
}

// TestBootIsAsEver: without steps, what is typed is what it always was.
func TestBootIsAsEver(t *testing.T) {
	b, kernel := booter(t)
	r, err := b.Boot(t.Context(), Spec{Kernel: kernel, Modules: modules(t, "loads", "is rejected"), Mem: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`\.[0-9a-f]{16}\]`).ReplaceAllString(string(r.Transcript), "]")
	_, text, _ = strings.Cut(text, "umlab: ready\n")
	want := "\numlab[1]: begin insmod m0\ncommand: insmod /modules/m0.ko\n\numlab[1]: end insmod m0 status=0\n" +
		"\numlab[2]: begin modules m0\n\numlab[2]: end modules m0 status=0\n\numlab[3]: begin rmmod m0\n\numlab[3]: end rmmod m0 status=0\n" +
		"\numlab[4]: begin insmod m1\ncommand: insmod /modules/m1.ko\n\numlab[4]: end insmod m1 status=8\n" +
		"\numlab[5]: begin log\n\numlab[5]: end log status=0\n\numlab[6]: begin halt\n"
	if d := cmp.Diff(want, text); d != "" {
		t.Error(d)
	}
}

func TestExtra(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "root")
	busybox := write(t, filepath.Join(t.TempDir(), "bb"), "busy")
	more := Extra{
		Entries: []manifest.Entry{{Kind: "file", Path: "etc/a", Mode: 0o600, Source: "a.txt"}, {Kind: "dir", Path: "mnt", Mode: 0o711},
			{Kind: "link", Path: "bin/ls", Source: "busybox"}, {Kind: "busybox", Path: "sbin/box", Mode: 0o755}},
		Sources: map[string][]byte{"a.txt": []byte("A")},
		Files:   []File{{Path: "/steps/p.bin", Mode: 0o755, Host: busybox}, {Path: "/steps/x", Mode: 0o644, Data: []byte("echo")}},
		Dirs:    []string{"/mnt", "/scratch/deep/"},
	}
	if err := buildRootfs(dir, busybox, testRootfs(), nil, more); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	for _, want := range []string{"etc/a -rw------- A", "mnt drwx--x--x", "bin/ls -> busybox", "sbin/box -rwxr-xr-x busy", "steps/p.bin -rwxr-xr-x busy",
		"steps/x -rw-r--r-- echo"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "scratch/deep")); err != nil {
		t.Error(err)
	}
	outside := t.TempDir()
	for name, bad := range map[string]Extra{
		"a file that is there":  {Files: []File{{Path: "/init"}}},
		"a source that is none": {Entries: []manifest.Entry{{Kind: "file", Path: "a", Source: "b"}}},
		"through a link":        {Entries: []manifest.Entry{{Kind: "link", Path: "out", Source: outside}}, Dirs: []string{"/out/x"}},
		"above":                 {Dirs: []string{"/../../x"}, Files: []File{{Path: "/../x"}}},
	} {
		if err := buildRootfs(filepath.Join(t.TempDir(), "root"), busybox, testRootfs(), nil, bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if left := tree(t, outside); len(left) > 0 {
		t.Errorf("written outside: %q", left)
	}
}
