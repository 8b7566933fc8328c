package result

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
)

// foresee gives the runs of the only module of a placement predictions, in the
// shorthand of the tables: "=" went as predicted, "!" did not, "?" was not.
func foresee(t *testing.T, p *Placement, predictions string) {
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
		want                  Verdict
	}{
		{"each as its address says", "low+aslr: a=ok | a=ovf11 | a=ok", "=ok =ovf11 =ok", AddressDependent},
		{"explained, though the placement does not say random", "low: a=ok | a=ovf11", "=ok =ovf11", AddressDependent},
		{"the address says otherwise", "low+aslr: a=ok | a=ovf11", "=ok !ok", Flaky},
		{"random, but no address explains it", "low+aslr: a=ok | a=insmod2", "=ok !ok", Flaky},
		{"init at one address comes and goes", "low+aslr: a=ok | a=insmod2", "=ok =ok", Flaky},
		{"not predicted, random", "low+aslr: a=ok | a=ovf11", "? ?", AddressDependent},
		{"not all predicted, random", "low+aslr: a=ok | a=ovf11", "=ok ?", AddressDependent},
		{"not all predicted", "low: a=ok | a=ovf11", "=ok ?", Flaky},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ps := placements(t, tt.runs)
			foresee(t, &ps[0], tt.predicted)
			if got, reason := VerdictOf(ps); got != tt.want {
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
	chance := Chance{Computed: 0.43, Loaded: 9, Runs: 20, Low: 0.258, High: 0.658, Holds: true}
	each := func(names ...string) (list []Chance) {
		for _, n := range names {
			c := chance
			c.Module = n
			list = append(list, c)
		}
		return list
	}
	other := each("b")
	other[0].Loaded, other[0].Holds = 0, false
	threshold := Threshold{Modules: []string{"a", "b"}, Mem: "504M", Base: "0x80000000", Probes: probes, Holds: true}
	one, open, wrong := threshold, threshold, threshold
	one.Modules = []string{"b"}
	open.Probes, open.Holds = nil, false
	wrong.Holds = false
	for _, tt := range []struct {
		name       string
		thresholds []Threshold
		chances    []Chance
		want       string // behind the reason of VerdictOf
	}{
		{"nothing is known", nil, nil, ""},
		{"all modules", []Threshold{threshold}, nil, "; fails from mem=504M on (0x80000000); booted 503M: loaded, 504M: relocation-overflow 11 32S"},
		{"one module", []Threshold{one}, nil, "; b fails from mem=504M on (0x80000000); booted 503M: loaded, 504M: relocation-overflow 11 32S"},
		{"cannot be booted", []Threshold{open}, nil, "; fails from mem=504M on (0x80000000); computed only, no such mem= can be booted"},
		{"refuted", []Threshold{wrong}, nil, "; fails from mem=504M on (0x80000000); but booted 503M: loaded, 504M: relocation-overflow 11 32S"},
		{"alike", nil, each("a", "b"), "; at low each module loads with a computed probability of 43.0 %, which lies in the 25.8–65.8 % that 9 of 20 boots show (95 %)"},
		{"unlike", nil, append(each("a"), other...), "; at low a loads with a computed probability of 43.0 %, which lies in the 25.8–65.8 % that 9 of 20 boots show (95 %)" +
			"; at low b loads with a computed probability of 43.0 %, which lies outside of the 25.8–65.8 % that 0 of 20 boots show (95 %)"},
		{"certain", nil, []Chance{{Module: "a", Computed: 1, Loaded: 20, Runs: 20, High: 1, Holds: true}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Cell{Placements: placements(t, "low+aslr: a=ok b=ok | a=ovf11 b=ovf11"), Thresholds: tt.thresholds}
			_, plain := VerdictOf(c.Placements)
			c.Placements[0].Chances = tt.chances
			verdict, reason := c.Judge()
			if verdict != AddressDependent {
				t.Fatal(verdict)
			}
			if diff := cmp.Diff(plain+tt.want, reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
		})
	}
}

// The boots that confirm a threshold count, and are predictions like any other.
func TestSumsOfThresholds(t *testing.T) {
	no := false
	loaded := outcome.Outcome{Kind: outcome.Loaded}
	cell := Cell{AsExpected: true, Placements: placements(t, "low: a=ok"),
		Thresholds: []Threshold{{Probes: []Placement{{Runs: []Run{{Cached: true, Modules: []Module{{Predicted: &loaded, Agrees: &no}}}}}}}}}
	r := &Results{Cells: []Cell{cell}}
	Sums(r)
	if got := r.Totals; got.Boots != 2 || got.Cached != 1 || got.Loads != 2 || got.Predicted != 1 || got.Disagreeing != 1 || got.Placements != 1 {
		t.Errorf("%+v", got)
	}
	if len(cell.Booted()) != 2 || len(cell.Placements) != 1 {
		t.Errorf("%+v", cell.Booted())
	}
}
