package kmake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/scenario"
	"umlab/harness/tree"
)

// What the tools said has the user's names: of the directories of modules, of the tree, and of what the build made.
func TestFrame(t *testing.T) {
	own := t.TempDir()
	if err := os.MkdirAll(filepath.Join(own, "samples/rust"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(own, "samples/rust/rust_print.rs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "make.log")
	text := `make: Entering directory '/src'
make[1]: Entering directory '/build'
error: first
 --> samples/rust/rust_print.rs:4:1

/src/init/main.c:1:2: error: second
In file included from ./include/generated/x.h:1:
/build/include/generated/y.h:3:1: error: third
make[2]: Entering directory '/ext/hello'
hello.c:5:1: error: fourth
/ext/hellofoo/x.c:5:1: error: of nobody
`
	if err := os.WriteFile(log, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cell := scenario.Cell{Modules: []scenario.Module{{External: &scenario.External{Given: "../hello/", Mount: "ext/hello"}}}}
	for name, top := range map[string]string{own: own + "/", "debian-6.12": ""} {
		base := Base{Tree: &tree.Tree{Name: name, Layers: []string{own}}}
		got, brief := base.Frame(cell, log)
		want := []string{
			"error: first", " --> " + top + "samples/rust/rust_print.rs:4:1", "", top + "init/main.c:1:2: error: second", "",
			"In file included from include/generated/x.h:1:", "include/generated/y.h:3:1: error: third", "",
			"../hello/hello.c:5:1: error: fourth", "", "/ext/hellofoo/x.c:5:1: error: of nobody",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if want := top + "samples/rust/rust_print.rs:4:1: error: first"; brief != want {
			t.Errorf("%s: %q, want %q", name, brief, want)
		}
	}
}

// A frame is as long as it can be read, and says what is left out.
func TestFrameIsBounded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "make.log")
	one := "error: again\n --> a.rs:1:1\n" + strings.Repeat("  |\n", 20) + "\n"
	if err := os.WriteFile(log, []byte(strings.Repeat(one, 9)), 0o644); err != nil {
		t.Fatal(err)
	}
	base := Base{Tree: &tree.Tree{Name: "debian-6.12", Layers: []string{t.TempDir()}}}
	got, _ := base.Frame(scenario.Cell{}, log)
	if len(got) > mostFrame+2 || got[len(got)-1] != "… and 7 more errors" {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
	if err := os.WriteFile(log, []byte("error: long\n"+strings.Repeat("  |\n", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, _ := base.Frame(scenario.Cell{}, log); len(got) != mostFrame+1 || got[mostFrame] != "…" {
		t.Errorf("%d lines", len(got))
	}
}
