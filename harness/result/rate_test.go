package result

import (
	"math"
	"testing"

	"umlab/harness/outcome"
)

func TestWilson(t *testing.T) {
	for _, test := range []struct {
		k, n      int
		low, high float64
	}{{8, 20, 0.2188, 0.6134}, {0, 20, 0, 0.1611}, {20, 20, 0.8389, 1}, {0, 0, 0, 1}, {3, 2, 0, 1}} {
		i := Wilson(test.k, test.n, 1.96)
		if math.Abs(i.Low-test.low) > 1e-3 || math.Abs(i.High-test.high) > 1e-3 {
			t.Errorf("%d/%d: %+v, want %.4f–%.4f", test.k, test.n, i, test.low, test.high)
		}
	}
	if !Wilson(0, 20, 1.96).Holds(0) || Wilson(0, 20, 1.96).Holds(0.5) {
		t.Error("Holds")
	}
}

// A confidence is so many standard deviations; at 95 %, 16 runs that agree are enough, and never more than 93 are needed.
func TestSettled(t *testing.T) {
	for confidence, want := range map[int]float64{95: 1.95996, 99: 2.57583, 50: 0.67449} {
		if got := Z(confidence); math.Abs(got-want) > 1e-5 {
			t.Errorf("%d %%: %v", confidence, got)
		}
	}
	runs := func(n, loaded int) Placement {
		var p Placement
		for i := range n {
			o := outcome.Outcome{Kind: outcome.Loaded}
			if i >= loaded {
				o = outcome.Outcome{Kind: outcome.Oops}
			}
			p.Runs = append(p.Runs, Run{Modules: []Module{{Name: "a", Outcome: o}}})
		}
		return p
	}
	for _, tt := range []struct {
		n, loaded, confidence int
		want                  bool
	}{
		{0, 0, 95, false}, {1, 1, 95, false}, {15, 15, 95, false}, {16, 16, 95, true}, {16, 15, 95, false}, {92, 46, 95, false}, {93, 46, 95, true},
		{93, 46, 99, false}, {163, 81, 99, true}, {400, 200, 99, true},
	} {
		if got := runs(tt.n, tt.loaded).Settled(tt.confidence); got != tt.want {
			t.Errorf("%d of %d at %d %%: %v", tt.loaded, tt.n, tt.confidence, got)
		}
	}
	if r := runs(20, 17).Rates(95); len(r) != 2 || r[0].String() != "17 of 20 (85 %, 64–95 %)" || r[1].N != 3 || r[1].Outcome != "oops" {
		t.Errorf("%v", r)
	}
	if !(Interval{0.1, 0.2}).Meets(Interval{0.2, 0.3}) || (Interval{0.1, 0.2}).Meets(Interval{0.21, 0.3}) {
		t.Error("which intervals meet")
	}
}
