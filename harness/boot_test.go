package harness

import (
	"testing"

	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// TestInteractiveInsmod: what a person is told to type gives a module the
// parameters that a matrix gives it.
func TestInteractiveInsmod(t *testing.T) {
	b := &built{
		cell:     scenario.Cell{Modules: []scenario.Module{{Name: "m", Params: []string{"n=1", "name=it's  $x"}}}, Placements: []scenario.Placement{{}}},
		baseline: &kbuild.Baseline{Base: kmake.Base{Tree: &tree.Tree{}, Toolchain: &toolchain.Toolchain{}}}, product: &kbuild.Product{},
	}
	_, intro := interactive(b)
	if want := `insmod /modules/m.ko n=1 'name=it'\''s  $x'`; len(intro.Insmod) != 1 || intro.Insmod[0] != want {
		t.Errorf("%q, want %q", intro.Insmod, want)
	}
}
