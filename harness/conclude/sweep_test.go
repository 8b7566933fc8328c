package conclude

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"umlab/harness/result"
)

// column is a column in the shorthand of the tables.
func column(state string) result.SweepColumn {
	switch state {
	case "refused":
		return result.SweepColumn{Refused: &result.Refusal{Reasons: []string{"rustc is too old"}}}
	case "failed": // no results at all
		return result.SweepColumn{Infra: "the mirror does not answer"}
	case "void": // results that prove nothing
		return result.SweepColumn{Results: &result.Results{Infra: "control known-load failed", Exit: 3}}
	case "differs":
		return result.SweepColumn{Results: &result.Results{Exit: 1, Totals: result.Totals{Cells: 2, Differing: 1, Boots: 3}}}
	}
	return result.SweepColumn{Results: &result.Results{Totals: result.Totals{Cells: 2, Loads: 4, Boots: 3, Cached: 1, Placements: 2, Predicted: 4, Disagreeing: 0}}}
}

func sweep(states string) *result.Sweep {
	s := &result.Sweep{}
	for state := range strings.FieldsSeq(states) {
		s.Columns = append(s.Columns, column(state))
	}
	s.Totals, s.Exit = Sweep(s.Columns)
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
	for state, n := range map[result.ColumnState]int{result.ColumnExpected: 2, result.ColumnDiffers: 1, result.ColumnRefused: 1, result.ColumnInfra: 1} {
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
