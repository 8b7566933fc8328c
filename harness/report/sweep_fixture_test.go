package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"umlab/harness/conclude"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// realSweep is what four toolchains of Debian showed for linux-source-6.12, less
// flags, commands and paths.
//
//go:embed testdata/sweep.json
var realSweep []byte

func readSweep(t testing.TB) *result.Sweep {
	t.Helper()
	var s result.Sweep
	if err := json.Unmarshal(realSweep, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// sweeps are the sweeps that the golden files render.
func sweeps(t testing.TB) map[string]*result.Sweep {
	return map[string]*result.Sweep{
		"same": readSweep(t), "unlike": unlikeSweep(t), "series": seriesSweep(t), "trees": treesSweep(t), "onetoolchain": byTreeSweep(t),
		"refused": refusedSweep(t), "empty": summed(&result.Sweep{}), "every": everySweep(t),
	}
}

func summed(s *result.Sweep) *result.Sweep {
	for _, c := range s.Columns {
		if r := c.Results; r != nil {
			r.Totals = conclude.Totals(r.Cells)
			r.Exit = 0
			switch {
			case r.Infra != "":
				r.Exit = 3
			case r.Totals.Differing+r.Totals.Disagreeing > 0:
				r.Exit = 1
			}
		}
	}
	s.Totals, s.Exit = conclude.Sweep(s.Columns)
	return s
}

// reseen gives all runs of a cell at a placement another outcome, and judges it.
func reseen(r *result.Results, id, placement string, o outcome.Outcome, asExpected bool) {
	c := &r.Cells[slices.IndexFunc(r.Cells, func(c result.Cell) bool { return c.ID == id })]
	for i := range c.Placements {
		if c.Placements[i].Name != placement {
			continue
		}
		for j := range c.Placements[i].Runs {
			for k := range c.Placements[i].Runs[j].Modules {
				m := &c.Placements[i].Runs[j].Modules[k]
				m.Outcome = o
				if m.Predicted != nil {
					m.Predicted = &o
				}
			}
		}
	}
	if placement == "high" {
		c.Thresholds = nil
	}
	c.Verdict, c.Reason = conclude.Cell(*c)
	c.AsExpected, c.Expected = asExpected, "address-dependent"
}

// unlikeSweep is the real one with a change in the middle that comes to stay,
// one that nobody expected, a prediction that fails, a toolchain that is refused
// and a column that was lost.
func unlikeSweep(t testing.TB) *result.Sweep {
	s := readSweep(t)
	for _, i := range []int{2, 3} {
		reseen(s.Columns[i].Results, "static-small@module", "high", loaded("rust_minimal"), false)
		reseen(s.Columns[i].Results, "pie-large@module", "low", unknown(42)("rust_minimal"), true)
		reseen(s.Columns[i].Results, "pie-large@module", "high", unknown(42)("rust_minimal"), true)
	}
	missed := &s.Columns[3].Results.Cells[0].Placements[1].Runs[0].Modules[1]
	o, no := loaded("rust_print"), false
	missed.Predicted, missed.Agrees = &o, &no
	s.Columns = append(s.Columns,
		result.SweepColumn{Tree: "debian-6.12", Toolchain: "bookworm", Refused: &result.Refusal{
			Reasons: []string{"rustc 1.63.0 is older than 1.78.0, which scripts/min-tool-version.sh asks for"}, Nearest: "trixie"}},
		result.SweepColumn{Tree: "debian-6.12", Toolchain: "rust-nightly:2026-11-21", Infra: "toolchain rust-nightly:2026-11-21: the server does not answer\ntry again later"})
	return summed(s)
}

// seriesSweep has nine members of a series, of which the last two show other.
func seriesSweep(t testing.TB) *result.Sweep {
	s := readSweep(t)
	first := s.Columns[0]
	s.Columns = nil
	for i, v := range []string{"1.85.0", "1.85.1", "1.88.0", "1.90.0", "1.91.1", "1.93.0", "1.96.1", "1.97.1", "1.98.1"} {
		again := readSweep(t).Columns[0]
		r := again.Results
		r.Toolchain.Name = "debian-rustc:" + v
		r.Toolchain.Identity["rustc"], r.Toolchain.Identity["rustc-llvm"] = v, fmt.Sprintf("%d.1.%d", 19+i/3, i)
		if i > 6 {
			reseen(r, "stock", "low", unknown(42)("rust_minimal"), true)
		}
		s.Columns = append(s.Columns, result.SweepColumn{Tree: first.Tree, Toolchain: r.Toolchain.Name, Results: r})
	}
	return summed(s)
}

// treesSweep has two trees with two toolchains each, of which one was refused.
func treesSweep(t testing.TB) *result.Sweep {
	s := readSweep(t)
	s.Columns = s.Columns[:2]
	second := readSweep(t).Columns[:2]
	for i := range second {
		second[i].Tree = "debian-7.3"
		second[i].Results.Tree = result.Tree{Name: "debian-7.3", Version: "7.3.4", Digest: "77aa"}
		reseen(second[i].Results, "static-kernel@module", "high", loaded("rust_minimal"), true)
	}
	second[1].Results, second[1].Refused = nil, &result.Refusal{Reasons: []string{"bindgen 0.65.1 is older than 0.71.1"}}
	s.Columns = append(s.Columns, second...)
	return summed(s)
}

// byTreeSweep has two trees with one toolchain.
func byTreeSweep(t testing.TB) *result.Sweep {
	s := treesSweep(t)
	s.Columns = []result.SweepColumn{s.Columns[0], s.Columns[2]}
	return summed(s)
}

// refusedSweep has nothing but refusals.
func refusedSweep(t testing.TB) *result.Sweep {
	s := readSweep(t)
	for i := range s.Columns {
		s.Columns[i].Results, s.Columns[i].Refused = nil, &result.Refusal{Reasons: []string{"rust-src is missing", "bindgen is too old"}}
	}
	return summed(s)
}

// everySweep has all that results can hold in its columns.
func everySweep(t testing.TB) *result.Sweep {
	s := &result.Sweep{Scenario: matrix().Scenario, Command: "go tool mage matrix -toolchains=trixie,trouble,collapsed,again", Seconds: 700}
	for _, c := range []struct {
		name string
		r    *result.Results
	}{{"trixie", matrix()}, {"trouble", trouble()}, {"collapsed", collapsed()}, {"again", matrix()}} {
		s.Columns = append(s.Columns, result.SweepColumn{Tree: "debian-6.12", Toolchain: c.name, Results: c.r})
	}
	return summed(s)
}
