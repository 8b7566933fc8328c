package result

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
)

func TestSums(t *testing.T) {
	yes, no := true, false
	loaded := outcome.Outcome{Kind: outcome.Loaded}
	r := &Results{Totals: Totals{Boots: 99}, Cells: []Cell{
		{Verdict: Loads, AsExpected: true, Placements: []Placement{
			{Runs: []Run{{Cached: true, Modules: []Module{{Predicted: &loaded, Agrees: &yes}, {Predicted: &loaded, Agrees: &no}}}, {Modules: []Module{{}, {}}}}},
			{Runs: []Run{{Modules: []Module{{}}}}},
		}},
		{Verdict: Loads},
		{Verdict: Broken, AsExpected: true, Build: Build{Outcome: &outcome.Outcome{Kind: outcome.BuildFailed}}},
	}}
	Sums(r)
	want := Totals{Cells: 3, Placements: 2, Loads: 5, Verdicts: map[Verdict]int{Loads: 2, Broken: 1},
		Boots: 3, Cached: 1, Differing: 1, Predicted: 2, Disagreeing: 1}
	if diff := cmp.Diff(want, r.Totals); diff != "" {
		t.Errorf("Sums (-want +got):\n%s", diff)
	}
}

func TestTallies(t *testing.T) {
	no := false
	p := placements(t, "low: a=ok b=unk9 | a=ovf11 | a=ok b=unk9")[0]
	p.Runs[1].Modules[0].Agrees = &no
	got := p.Tallies()
	want := []Tally{
		{Module: "a", Runs: 3, Counts: []Count{{parse(t, "ok"), 2}, {parse(t, "ovf11"), 1}}, Disagree: 1},
		{Module: "b", Runs: 3, Counts: []Count{{parse(t, "unk9"), 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Tallies (-want +got):\n%s", diff)
	}
	if got[0].Stable() || got[1].Stable() || !placements(t, "low: a=ok | a=ok")[0].Tallies()[0].Stable() {
		t.Error("Stable must hold only where every run showed the same")
	}
}
