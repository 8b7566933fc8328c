package result

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"umlab/harness/outcome"
)

// column is a column in the shorthand of the tables.
func column(state string) SweepColumn {
	switch state {
	case "refused":
		return SweepColumn{Refused: &Refusal{Reasons: []string{"rustc is too old"}}}
	case "failed": // no results at all
		return SweepColumn{Infra: "the mirror does not answer"}
	case "void": // results that prove nothing
		return SweepColumn{Results: &Results{Infra: "control known-load failed", Exit: 3}}
	case "differs":
		return SweepColumn{Results: &Results{Exit: 1, Totals: Totals{Cells: 2, Differing: 1, Boots: 3}}}
	}
	return SweepColumn{Results: &Results{Totals: Totals{Cells: 2, Loads: 4, Boots: 3, Cached: 1, Placements: 2, Predicted: 4, Disagreeing: 0}}}
}

func sweep(states string) *Sweep {
	s := &Sweep{}
	for state := range strings.FieldsSeq(states) {
		s.Columns = append(s.Columns, column(state))
	}
	SumSweep(s)
	return s
}

func TestSweepExit(t *testing.T) {
	for states, want := range map[string]int{
		"":                      2, // nothing can be said of nothing
		"ok":                    0,
		"ok ok":                 0,
		"ok refused":            0,
		"refused refused":       2,
		"differs":               1,
		"ok differs refused":    1,
		"refused differs":       1,
		"ok failed":             3,
		"void":                  3,
		"differs void":          3,
		"refused failed":        3,
		"ok differs refused ok": 1,
		"failed refused void":   3,
	} {
		if s := sweep(states); s.Exit != want {
			t.Errorf("%q: exit %d, want %d", states, s.Exit, want)
		}
	}
}

func TestSweepTotals(t *testing.T) {
	got := sweep("ok differs refused failed ok").Totals
	if got.Columns != 5 || got.Cells != 6 || got.Differing != 1 || got.Loads != 8 || got.Boots != 9 || got.Cached != 2 || got.Placements != 4 || got.Predicted != 8 {
		t.Errorf("%+v", got)
	}
	for state, n := range map[ColumnState]int{ColumnExpected: 2, ColumnDiffers: 1, ColumnRefused: 1, ColumnInfra: 1} {
		if got.States[state] != n {
			t.Errorf("%d columns are %s, want %d", got.States[state], state, n)
		}
	}
}

// The exit code does not depend on the order of the columns.
func TestSweepExitAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := rapid.SliceOf(rapid.SampledFrom([]string{"ok", "differs", "refused", "failed", "void"})).Draw(t, "states")
		want := sweep(strings.Join(states, " ")).Exit
		if got := sweep(strings.Join(rapid.Permutation(states).Draw(t, "order"), " ")).Exit; got != want {
			t.Fatalf("%v: %d, and %d in another order", states, want, got)
		}
	})
}

func TestSameSeen(t *testing.T) {
	cell := func(runs string) Cell {
		c := Cell{Placements: placements(t, runs)}
		c.Verdict, _ = c.Judge()
		return c
	}
	unbuilt := func(kind outcome.Kind) Cell {
		c := Cell{Build: Build{Outcome: &outcome.Outcome{Kind: kind}}}
		c.Verdict, _ = c.Judge()
		return c
	}
	for _, tt := range []struct {
		name string
		a, b Cell
		want bool
	}{
		{"alike", cell("low: a=ok b=ovf11"), cell("low: a=ok b=ovf11"), true},
		{"how often does not count", cell("low+aslr: a=ok | a=ovf11 | a=ok"), cell("low+aslr: a=ovf11 | a=ok"), true},
		{"one outcome more", cell("low+aslr: a=ok | a=ovf11"), cell("low+aslr: a=ok | a=ok"), false},
		{"another type", cell("low: a=ovf10"), cell("low: a=ovf11"), false},
		{"another module", cell("low: a=ok"), cell("low: b=ok"), false},
		{"one module more", cell("low: a=ok"), cell("low: a=ok b=ok"), false},
		{"another placement", cell("low: a=ok"), cell("high: a=ok"), false},
		{"one placement more", cell("low: a=ok"), cell("low: a=ok; high: a=ok"), false},
		{"does not build", cell("low: a=ok"), unbuilt(outcome.BuildFailed), false},
		{"both do not build", unbuilt(outcome.BuildFailed), unbuilt(outcome.BuildFailed), true},
		{"for other reasons", unbuilt(outcome.BuildFailed), unbuilt(outcome.ConfigDropped), false},
	} {
		if got := tt.a.SameSeen(tt.b); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
		if tt.a.SameSeen(tt.b) != tt.b.SameSeen(tt.a) {
			t.Errorf("%s: the other way round it is not so", tt.name)
		}
	}
}

func TestBefore(t *testing.T) {
	s := &Sweep{}
	for _, name := range []string{"t1:a", "t1:b", "t1:c", "t2:a", "t2:b", "t2:c"} {
		c := column("ok")
		c.Tree, c.Toolchain, _ = strings.Cut(name, ":")
		s.Columns = append(s.Columns, c)
	}
	befores := func() (list []int) {
		for i := range s.Columns {
			list = append(list, s.Before(i))
		}
		return list
	}
	if got, want := befores(), []int{-1, 0, 1, -1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s.Columns[1].Results, s.Columns[1].Refused = nil, &Refusal{}
	s.Columns[3].Results, s.Columns[3].Infra = nil, "down"
	if got, want := befores(), []int{-1, 0, 0, -1, -1, 4}; !slices.Equal(got, want) {
		t.Errorf("what proves nothing is passed over: %v, want %v", got, want)
	}
	s.Columns = []SweepColumn{s.Columns[0], s.Columns[3], {Tree: "t3", Toolchain: "a", Results: &Results{}}}
	if got, want := befores(), []int{-1, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("trees with one toolchain: %v, want %v", got, want)
	}
}
