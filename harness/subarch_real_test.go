package harness_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/outcome"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// TestSubarch is the main job on User-Mode Linux of 32 bits: every load as the tree's apply_relocate was predicted to do it,
// addresses included.
func TestSubarch(t *testing.T) {
	l, _ := real(t)
	long(t)
	r := matrix(t, l, harness.MatrixOptions{Tree: "debian-7.3", Subarch: "i386"})
	valid(t, result.SchemaV2, report.JSON, r)
	if r.Version() != result.SchemaV2 || r.Tree.Subarch != "i386" {
		t.Errorf("%s of SUBARCH %q", r.Version(), r.Tree.Subarch)
	}
	for _, c := range r.Cells {
		if !c.AsExpected {
			t.Errorf("%s: %s (%s), expected %s", c.ID, c.Verdict, c.Reason, c.Expected)
		}
		for module, counts := range c.Build.Relocations {
			for name := range counts {
				if !strings.HasPrefix(name, "R_386_") {
					t.Errorf("%s: %s holds %s", c.ID, module, name)
				}
			}
		}
		for _, p := range c.Placements {
			for _, run := range p.Runs {
				for _, m := range run.Modules {
					if m.Agrees == nil || !*m.Agrees {
						t.Errorf("%s:%s %s: %+v, predicted %+v", c.ID, p.Name, m.Name, m.Outcome, m.Predicted)
					}
					if at, err := strconv.ParseUint(m.Outcome.Address, 0, 32); m.Outcome.Kind == outcome.Loaded && (err != nil || at == 0) {
						t.Errorf("%s:%s %s lies at %q", c.ID, p.Name, m.Name, m.Outcome.Address)
					}
				}
			}
		}
	}
	if got := outcomes(r); got["stock:low:rust_minimal"] != "relocation-unknown 10 GOTPC" || got["static-small@module:high:rust_print"] != "loaded" {
		t.Errorf("%v", got)
	}
	off := false
	small := harness.MatrixOptions{Tree: "debian-7.3", Subarch: "i386", Select: scenario.Selection{ASLR: &off}}
	e, _, dir := explain(t, "stock:low", small)
	shows(t, e, repeats(t, filepath.Join(dir, "boot.sh")))
	if a := e.Modules[0].Groups[0].Entries[0]; !strings.Contains(a.Instruction, "%ebx") || a.Source == "" {
		t.Errorf("the first relocation that is refused: %+v", a)
	}
}

// TestSubarchRefused holds that nothing is quietly built for x86-64 where i386 cannot be had.
func TestSubarchRefused(t *testing.T) {
	l, _ := real(t)
	long(t)
	for compiler, want := range map[string]string{"clang": "scripts/Makefile.clang", "gcc": "unsupported option"} {
		r := matrix(t, l, harness.MatrixOptions{Tree: "debian-6.12", Subarch: "i386", Compiler: compiler,
			Select: scenario.Selection{Cells: []string{"stock"}}})
		o := r.Cells[0].Build.Outcome
		if o == nil || o.Kind != outcome.BuildFailed || !strings.Contains(o.Evidence, want) {
			t.Errorf("6.12 with %s: %+v", compiler, o)
		}
	}
	_, err := l.Matrix(t.Context(), harness.MatrixOptions{Tree: "debian-7.3", Subarch: "i386", Toolchain: "host"}, harness.Outputs{})
	if err == nil || harness.ExitCode(err) == 0 {
		t.Errorf("host: %v", err)
	}
}
