package harness_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness"
	"umlab/harness/outcome"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// TestMinimise leaves of a module of the user's what its failure needs, and of the modules of the scenario the one that decides;
// what it writes shows the same, and the second time all answers are there.
func TestMinimise(t *testing.T) {
	l, out := real(t)
	long(t)
	dir := filepath.Join(t.TempDir(), "bad")
	source := `#include <linux/module.h>
#include <linux/slab.h>

static int sum(int n)
{
	int total = 0;
	while (n) {
		total += n--;
	}
	return total;
}

static int __init bad_init(void)
{
	pr_info("bad: %d\n", sum(4));
	if (sum(4) == 10)
		return -EBADMSG;
	return 0;
}
module_init(bad_init);
MODULE_LICENSE("GPL");
`
	if err := os.CopyFS(dir, fstest.MapFS{"Kbuild": {Data: []byte("obj-m := bad.o\n")}, "bad.c": {Data: []byte(source)}}); err != nil {
		t.Fatal(err)
	}
	o := harness.MinimiseOptions{Cell: "stock:low:bad", What: []string{"modules", "source"}, Log: filepath.Join(t.TempDir(), "log"),
		Out:           filepath.Join(t.TempDir(), "out"),
		MatrixOptions: harness.MatrixOptions{Select: scenario.Selection{Modules: []string{dir, "rust_minimal"}}}}
	m, err := l.Minimise(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, result.MinimisationSchema, report.JSON, m)
	if m.Conclusion != result.Minimised || len(m.Parts) != 2 || m.Left == "" {
		t.Fatalf("%+v", m)
	}
	if p := m.Parts[0]; p.Name != "modules" || !slices.Equal(p.Kept, []string{"bad"}) || p.Tried != 1 {
		t.Errorf("%+v", p)
	}
	p := m.Parts[1]
	kept := strings.Join(p.Kept, "\n")
	if p.Left >= p.Was/2+1 || !strings.Contains(kept, "return -EBADMSG;") || strings.Contains(kept, "slab.h") || strings.Contains(kept, "total") {
		t.Errorf("left are %d of %d lines:\n%s", p.Left, p.Was, kept)
	}
	if text, err := os.ReadFile(out.Name()); err != nil || !strings.Contains(string(text), "-#include <linux/slab.h>") {
		t.Errorf("%v:\n%s", err, text)
	}
	r := matrix(t, l, harness.MatrixOptions{Select: scenario.Selection{Cells: []string{"stock"}, Placements: []string{"low"}, Modules: []string{filepath.Join(o.Out, "bad")}}})
	if got := outcomeOf(t, r, "stock", "bad"); got.Kind != outcome.InitFailed || got.Errno != 74 {
		t.Errorf("what was written: %s", got)
	}
	o.Out = ""
	again, err := l.Minimise(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range again.Parts {
		if first := m.Parts[i]; p.Known != p.Tried || p.Tried != first.Tried || p.Diff != first.Diff {
			t.Errorf("the second time %+v, the first %+v", p, first)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "bad.c")); err != nil || string(text) != source {
		t.Errorf("the user's own file was written to: %v", err)
	}
}

// TestMinimiseKconfig leaves of the options of a scenario what the module that decides needs, and builds nothing where Kconfig says that
// there is no such module.
func TestMinimiseKconfig(t *testing.T) {
	l, _ := real(t)
	long(t)
	m, err := l.Minimise(t.Context(), harness.MinimiseOptions{Cell: "stock:low:rust_minimal",
		MatrixOptions: harness.MatrixOptions{Command: "go test"}})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(m.Parts, func(p result.MinimisedPart) bool { return p.Name == "kconfig" })
	if m.Conclusion != result.Minimised || at < 0 {
		t.Fatalf("%+v", m)
	}
	p := m.Parts[at]
	want := []string{"CONFIG_RUST=y", "CONFIG_SAMPLES=y", "CONFIG_SAMPLES_RUST=y", "CONFIG_SAMPLE_RUST_MINIMAL=m"}
	if !slices.Equal(p.Kept, want) || p.Was != 6 || p.Known < 4 {
		t.Errorf("%+v", p)
	}
	if !slices.ContainsFunc(m.Notes, func(n string) bool { return strings.Contains(n, "were not tried: -what=guest") }) {
		t.Errorf("%q", m.Notes)
	}
}
