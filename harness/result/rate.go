package result

import (
	"fmt"
	"math"
)

// Interval is a confidence interval of a probability.
type Interval struct{ Low, High float64 }

// Wilson is the score interval for k of n trials at z standard deviations: 1.96
// for 95 %, 2.576 for 99 %. Without trials it is [0, 1].
func Wilson(k, n int, z float64) Interval {
	if n <= 0 || k < 0 || k > n {
		return Interval{0, 1}
	}
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	i := Interval{Low: max(mid-half, 0), High: min(mid+half, 1)}
	// The formula's ends are exact there; rounding must not move them.
	if k == 0 {
		i.Low = 0
	}
	if k == n {
		i.High = 1
	}
	return i
}

// Holds reports whether p lies in the interval.
func (i Interval) Holds(p float64) bool { return p >= i.Low && p <= i.High }

// Meets reports whether the two have a probability in common.
func (i Interval) Meets(j Interval) bool { return i.Low <= j.High && j.Low <= i.High }

// half is how far the ends are from the middle.
func (i Interval) half() float64 { return (i.High - i.Low) / 2 }

// UsualConfidence is that of intervals where nobody asked for another, in percent.
const UsualConfidence = 95

// Margin is how exactly rates are wanted where a confidence is: to so much more or less.
const Margin = 0.10

// Z is how many standard deviations a confidence in percent is: 1.96 for 95.
func Z(confidence int) float64 { return math.Sqrt2 * math.Erfinv(float64(confidence)/100) }

// Rate is how often the runs of a placement showed an outcome for a module or step.
type Rate struct {
	Module  string  `json:"module" jsonschema:"minLength=1"`
	Outcome string  `json:"outcome"` // in its short form: "loaded", "relocation-overflow 11 32S"
	N       int     `json:"n"`       // runs that showed it
	Runs    int     `json:"runs"`    // of the placement
	Low     float64 `json:"low" jsonschema:"maximum=1"`
	High    float64 `json:"high" jsonschema:"maximum=1"` // of the interval (Wilson) of n in runs
}

// Rates are those of all outcomes that were seen at p, with their intervals.
func (p Placement) Rates(confidence int) (rates []Rate) {
	for _, t := range p.Tallies() {
		for _, c := range t.Counts {
			i := t.Interval(c, confidence)
			rates = append(rates, Rate{Module: t.Module, Outcome: c.Outcome.String(), N: c.N, Runs: t.Runs, Low: i.Low, High: i.High})
		}
	}
	return rates
}

// Interval is that of the rate of one of t's outcomes.
func (t Tally) Interval(c Count, confidence int) Interval { return Wilson(c.N, t.Runs, Z(confidence)) }

// Settled reports whether the runs tell the rate of each outcome to Margin: whether half of each interval is no wider.
func (p Placement) Settled(confidence int) bool {
	for _, t := range p.Tallies() {
		for _, c := range t.Counts {
			if t.Interval(c, confidence).half() > Margin {
				return false
			}
		}
	}
	return len(p.Runs) > 0
}

// String is "17 of 20 (85 %, 64–95 %)".
func (r Rate) String() string {
	return fmt.Sprintf("%d of %d (%.0f %%, %.0f–%.0f %%)", r.N, r.Runs, 100*float64(r.N)/float64(r.Runs), 100*r.Low, 100*r.High)
}
