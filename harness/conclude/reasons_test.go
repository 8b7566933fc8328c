package conclude

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// foresee gives the runs of the only module of a placement predictions, in the
// shorthand of the tables: "=" went as predicted, "!" did not, "?" was not.
func foresee(t *testing.T, p *result.Placement, predictions string) {
	t.Helper()
	yes, no := true, false
	for i, text := range strings.Fields(predictions) {
		m := &p.Runs[i].Modules[0]
		if text == "?" {
			continue
		}
		o := parse(t, text[1:])
		m.Predicted, m.Agrees = &o, &yes
		if text[0] == '!' {
			m.Agrees = &no
		}
	}
}

// Runs that differ are explained by their own addresses or not at all.
func TestFlakyAgainstPredictions(t *testing.T) {
	for _, tt := range []struct {
		name, runs, predicted string
		want                  result.Verdict
	}{
		{"each as its address says", "low+aslr: a=ok | a=ovf11 | a=ok", "=ok =ovf11 =ok", result.AddressDependent},
		{"explained, though the placement does not say random", "low: a=ok | a=ovf11", "=ok =ovf11", result.AddressDependent},
		{"the address says otherwise", "low+aslr: a=ok | a=ovf11", "=ok !ok", result.Flaky},
		{"random, but no address explains it", "low+aslr: a=ok | a=insmod2", "=ok !ok", result.Flaky},
		{"init at one address comes and goes", "low+aslr: a=ok | a=insmod2", "=ok =ok", result.Flaky},
		{"not predicted, random", "low+aslr: a=ok | a=ovf11", "? ?", result.AddressDependent},
		{"not all predicted, random", "low+aslr: a=ok | a=ovf11", "=ok ?", result.AddressDependent},
		{"not all predicted", "low: a=ok | a=ovf11", "=ok ?", result.Flaky},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ps := placements(t, tt.runs)
			foresee(t, &ps[0], tt.predicted)
			if got, reason := ofPlacements(ps); got != tt.want {
				t.Errorf("%s (%s), want %s", got, reason, tt.want)
			}
		})
	}
}

func TestReasonOfThresholdsAndChances(t *testing.T) {
	probes := placements(t, "503M: a=ok b=ok; 504M: a=ovf11 b=ovf11")
	for i := range probes {
		probes[i].Mem = probes[i].Name
	}
	chance := result.Chance{Computed: 0.43, Loaded: 9, Runs: 20, Low: 0.258, High: 0.658, Holds: true}
	each := func(names ...string) (list []result.Chance) {
		for _, n := range names {
			c := chance
			c.Module = n
			list = append(list, c)
		}
		return list
	}
	other := each("b")
	other[0].Loaded, other[0].Holds = 0, false
	threshold := result.Threshold{Modules: []string{"a", "b"}, Mem: "504M", Base: "0x80000000", Probes: probes, Holds: true}
	one, open, wrong := threshold, threshold, threshold
	one.Modules = []string{"b"}
	open.Probes, open.Holds = nil, false
	wrong.Holds = false
	for _, tt := range []struct {
		name       string
		thresholds []result.Threshold
		chances    []result.Chance
		want       string // behind the reason of ofPlacements
	}{
		{"nothing is known", nil, nil, ""},
		{"all modules", []result.Threshold{threshold}, nil, "; fails from mem=504M on (0x80000000); booted 503M: loaded, 504M: relocation-overflow 11 32S"},
		{"one module", []result.Threshold{one}, nil, "; b fails from mem=504M on (0x80000000); booted 503M: loaded, 504M: relocation-overflow 11 32S"},
		{"cannot be booted", []result.Threshold{open}, nil, "; fails from mem=504M on (0x80000000); computed only, no such mem= can be booted"},
		{"refuted", []result.Threshold{wrong}, nil, "; fails from mem=504M on (0x80000000); but booted 503M: loaded, 504M: relocation-overflow 11 32S"},
		{"alike", nil, each("a", "b"), "; at low each module loads with a computed probability of 43.0 %, which lies in the 25.8–65.8 % that 9 of 20 boots show (95 %)"},
		{"unlike", nil, append(each("a"), other...), "; at low a loads with a computed probability of 43.0 %, which lies in the 25.8–65.8 % that 9 of 20 boots show (95 %)" +
			"; at low b loads with a computed probability of 43.0 %, which lies outside of the 25.8–65.8 % that 0 of 20 boots show (95 %)"},
		{"certain", nil, []result.Chance{{Module: "a", Computed: 1, Loaded: 20, Runs: 20, High: 1, Holds: true}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := result.Cell{Placements: placements(t, "low+aslr: a=ok b=ok | a=ovf11 b=ovf11"), Thresholds: tt.thresholds}
			_, plain := ofPlacements(c.Placements)
			c.Placements[0].Chances = tt.chances
			verdict, reason := Cell(c)
			if verdict != result.AddressDependent {
				t.Fatal(verdict)
			}
			if diff := cmp.Diff(plain+tt.want, reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
		})
	}
}

// The boots that confirm a threshold count, and are predictions like any other.
func TestTotalsOfThresholds(t *testing.T) {
	no := false
	loaded := outcome.Outcome{Kind: outcome.Loaded}
	cell := result.Cell{AsExpected: true, Placements: placements(t, "low: a=ok"),
		Thresholds: []result.Threshold{{Probes: []result.Placement{{Runs: []result.Run{{Cached: true, Modules: []result.Module{{Predicted: &loaded, Agrees: &no}}}}}}}}}
	if got := Totals([]result.Cell{cell}); got.Boots != 2 || got.Cached != 1 || got.Loads != 2 || got.Predicted != 1 || got.Disagreeing != 1 || got.Placements != 1 {
		t.Errorf("%+v", got)
	}
	if len(cell.Booted()) != 2 || len(cell.Placements) != 1 {
		t.Errorf("%+v", cell.Booted())
	}
}
