package conclude

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

func TestTotals(t *testing.T) {
	yes, no := true, false
	loaded := outcome.Outcome{Kind: outcome.Loaded}
	cells := []result.Cell{
		{Verdict: result.Loads, AsExpected: true, Placements: []result.Placement{
			{Runs: []result.Run{{Cached: true, Modules: []result.Module{{Predicted: &loaded, Agrees: &yes}, {Predicted: &loaded, Agrees: &no}}}, {Modules: []result.Module{{}, {}}}}},
			{Runs: []result.Run{{Modules: []result.Module{{}}}}},
		}},
		{Verdict: result.Loads},
		{Verdict: result.Broken, AsExpected: true, Build: result.Build{Outcome: &outcome.Outcome{Kind: outcome.BuildFailed}}},
	}
	want := result.Totals{Cells: 3, Placements: 2, Loads: 5, Verdicts: map[result.Verdict]int{result.Loads: 2, result.Broken: 1},
		Boots: 3, Cached: 1, Differing: 1, Predicted: 2, Disagreeing: 1}
	if diff := cmp.Diff(want, Totals(cells)); diff != "" {
		t.Errorf("Totals (-want +got):\n%s", diff)
	}
}
