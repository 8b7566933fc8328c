package runner

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"umlab/harness/console"
	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/kmsg"
	"umlab/harness/oracle"
	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/scenario"
	"umlab/harness/tree"
	"umlab/harness/uml"
)

// sealed is a Booter of a kernel that loads nothing.
type sealed struct{}

func (sealed) Boot(context.Context, uml.Spec) (*uml.Result, error) {
	text := "umlab: ready\numlab[1]: begin insmod a\na: sealed by acme, not loaded\n" +
		"insmod: can't insert '/modules/a.ko': invalid module format\numlab[1]: end insmod a status=8\n"
	return &uml.Result{Transcript: []byte(text), End: console.End{Kind: console.Halted}}, nil
}

// A line that only this tree's loader prints is evidence, and no output of init.
func TestLoaderOfTheTree(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "kernel/module/main.c")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`void f(void) { pr_err("%s: sealed by %s, not loaded\n", mod->name, who); }`), 0o644); err != nil {
		t.Fatal(err)
	}
	c := scenario.Cell{Variant: scenario.Variant{ID: scenario.Stock}, Placements: []scenario.Placement{low},
		Modules: []scenario.Module{{Name: "a", Path: "m/a.ko", Output: regexp.MustCompile("^a: ")}}}
	of := &kbuild.Baseline{Base: kmake.Base{Tree: &tree.Tree{Layers: []string{dir}}}}
	for _, tt := range []struct {
		formats  func() kmsg.Formats
		kind     outcome.Kind
		evidence string
	}{
		{nil, outcome.InitFailed, "insmod: can't insert '/modules/a.ko': invalid module format"},
		{oracle.New(of).Formats, outcome.InsmodFailed, "a: sealed by acme, not loaded"},
	} {
		r := &Runner{Builder: built{}, Booter: sealed{}, Formats: tt.formats, Guest: "guest", Store: openStore(t),
			Sink: progress.Discard{}, Jobs: 1}
		cells, err := r.Run(t.Context(), Job{Baseline: of, Cells: []scenario.Cell{c}})
		if err != nil {
			t.Fatal(err)
		}
		if o := cells[0].Placements[0].Runs[0].Modules[0].Outcome; o.Kind != tt.kind || o.Evidence != tt.evidence {
			t.Errorf("got %+v, want %s with %q", o, tt.kind, tt.evidence)
		}
	}
}
