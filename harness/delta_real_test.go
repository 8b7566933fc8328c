package harness

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"umlab/harness/conclude"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// TestDeltaReal compares two toolchains of which only Rust differs, and holds
// the delta against what the results of both say of themselves.
func TestDeltaReal(t *testing.T) {
	l := longLab(t)
	var sides []*ran
	var facts []conclude.Facts
	for _, name := range []string{"trixie", "trixie-backports"} {
		j, err := l.plan(MatrixOptions{Tree: "debian-6.12", Toolchain: name, Select: scenario.Selection{Cells: []string{"stock"}, Placements: []string{"low"}}})
		if err != nil {
			t.Fatal(err)
		}
		tr, tc, err := j.Fetch(t.Context(), l.sources)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.runOn(t.Context(), j, tr, tc)
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.facts(t.Context(), r, "stock", name)
		if err != nil {
			t.Fatal(err)
		}
		sides, facts = append(sides, r), append(facts, f)
	}
	good, bad := sides[0], sides[1]
	same := conclude.Delta("stock", facts[0], facts[0])
	if same.Conclusion != "" && !strings.Contains(same.Conclusion, "Nothing that was compared differs.") || len(same.Unknown) > 0 {
		t.Errorf("a side differs from itself: %+v", same)
	}
	d := conclude.Delta("stock", facts[0], facts[1])
	if len(d.Unknown) > 0 {
		t.Errorf("not compared: %v", d.Unknown)
	}
	for _, c := range d.Toolchain {
		if a, b := good.Toolchain.Identity[c.Name], bad.Toolchain.Identity[c.Name]; a == b || a != c.Good || b != c.Bad {
			t.Errorf("%s: %s and %s are %s and %s", c.Name, c.Good, c.Bad, a, b)
		}
	}
	if !strings.Contains(d.Conclusion, good.Toolchain.Identity["rustc"]+" → "+bad.Toolchain.Identity["rustc"]) {
		t.Errorf("does not name the compilers: %s", d.Conclusion)
	}
	if len(d.Modules) != len(good.plan.Modules()) {
		t.Errorf("%d modules of %d were compared", len(d.Modules), len(good.plan.Modules()))
	}
	for _, m := range d.Modules {
		counts := maps.Clone(good.Cells[0].Build.Relocations[m.Module])
		if len(counts) == 0 {
			t.Errorf("%s: the results count no relocations", m.Module)
		}
		for _, c := range m.Types {
			counts[c.Type] += c.Bad - c.Good
			if counts[c.Type] == 0 {
				delete(counts, c.Type)
			}
		}
		if want := bad.Cells[0].Build.Relocations[m.Module]; !maps.Equal(counts, want) {
			t.Errorf("%s: the delta leads to %v, the build has %v", m.Module, counts, want)
		}
		of := func(list []result.CountsOfChange) (n int) {
			for _, s := range list {
				for _, c := range s.Types {
					n += c.Bad - c.Good
				}
			}
			return n
		}
		if s, f := of(m.Symbols), of(m.Functions); s != f {
			t.Errorf("%s: %+d by symbol, %+d by function", m.Module, s, f)
		}
	}
	var text bytes.Buffer
	if err := doc.Terminal(&text, report.Bisection(&result.Bisection{Delta: d}), doc.Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &text)
}
