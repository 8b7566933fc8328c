package harness_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// loads returns the outcomes of a cell's one boot, in order.
func loads(t *testing.T, r *result.Results, cell string) (names []string, kinds map[string]outcome.Kind) {
	t.Helper()
	kinds = map[string]outcome.Kind{}
	for _, c := range r.Cells {
		if c.ID != cell || len(c.Placements) == 0 {
			continue
		}
		for _, m := range c.Placements[0].Runs[0].Modules {
			names = append(names, m.Name)
			kinds[m.Name] = m.Outcome.Kind
		}
	}
	return names, kinds
}

// TestAllModules: this tree has just the scenario's own samples.
func TestAllModules(t *testing.T) {
	l, _ := real(t)
	r := matrix(t, l, low("all", "stock", "static-large"))
	check(t, r)
	if r.Exit != result.ExitExpected {
		t.Errorf("exit %d", r.Exit)
	}
	for cell, want := range map[string]outcome.Kind{"stock": outcome.RelocationUnknown, "static-large@module": outcome.Loaded} {
		names, kinds := loads(t, r, cell)
		if !slices.Equal(names, []string{"rust_minimal", "rust_print"}) {
			t.Errorf("%s: %v", cell, names)
		}
		for name, kind := range kinds {
			if kind != want {
				t.Errorf("%s: %s: %s, want %s", cell, name, kind, want)
			}
		}
	}
}

// TestAllModulesElsewhere: samples that the scenario does not know, some of which
// need more options, some a bus that UML has not; and a patch is proved with the
// same.
func TestAllModulesElsewhere(t *testing.T) {
	long(t)
	l, _ := real(t)
	o := low("all", "stock", "static-large")
	o.Tree = "debian-7.3"
	r := matrix(t, l, o)
	check(t, r)
	names, kinds := loads(t, r, "static-large@module")
	for _, want := range []string{"rust_minimal", "rust_misc_device", "rust_print", "rust_debugfs", "rust_driver_platform", "rust_driver_faux", "rust_configfs"} {
		if kinds[want] != outcome.Loaded {
			t.Errorf("static-large: %s: %q", want, kinds[want])
		}
	}
	notes := strings.Join(r.Notes, "\n")
	for _, none := range []string{"rust_dma", "rust_driver_pci", "rust_driver_usb"} {
		if slices.Contains(names, none) || !strings.Contains(notes, "module "+none+" is left out of -modules=all: ") {
			t.Errorf("%s: run, or not said to be left out:\n%s", none, notes)
		}
	}
	if _, stock := loads(t, r, "stock"); len(stock) != len(names) {
		t.Errorf("stock has %d modules, static-large %d", len(stock), len(names))
	}
	v := verify(t, l, harness.VerifyOptions{Patch: filepath.Join("../scenarios", plan.DefaultScenario, "fix.patch"), MatrixOptions: harness.MatrixOptions{
		Tree: "debian-7.3", Select: scenario.Selection{Modules: []string{"all"}},
	}})
	if v.Conclusion != result.Fixed {
		t.Errorf("%s: %s", v.Conclusion, v.Reason)
	}
	for _, side := range []*result.Results{v.Pairs[0].Before, v.Pairs[0].After} {
		if got, _ := loads(t, side, "stock"); !slices.Equal(got, names) {
			t.Errorf("verify ran %v, matrix %v", got, names)
		}
	}
}
