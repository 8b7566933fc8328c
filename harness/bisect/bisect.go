package bisect

import (
	"context"
	"fmt"
	"math/bits"
)

// Verdict is what a probe says of a candidate.
type Verdict string

// The verdicts. Unknown is only ever a guess, see Hint.
const (
	Good    Verdict = "good"
	Bad     Verdict = "bad"
	Skip    Verdict = "skip" // it says nothing of the question
	Unknown Verdict = ""
)

// Answer is a verdict, with why in one line.
type Answer struct {
	Verdict Verdict // Good, Bad or Skip
	Reason  string  // "relocation-unknown 9 GOTPCREL"
	Data    string  // what the probe wants back when the answer is taken from a log; may be empty
}

// Point is what a probe is asked for.
type Point struct {
	Index   int // in Search.Names
	Name    string
	Fresh   bool // nothing that is remembered of it may answer
	Attempt int  // 1, and more after a fault
}

// Probe looks at one candidate. An error is a fault of the infrastructure and
// says nothing of the candidate.
type Probe func(ctx context.Context, p Point) (Answer, error)

// Hint guesses: the verdict of each candidate after lo and before hi, in their
// order, Unknown where it cannot tell. A list of another length is no guess.
type Hint func(ctx context.Context, lo, hi int) []Verdict

// Search is a question over a list.
type Search struct {
	Names   []string        // at least two, distinct; the first is good, the last is bad
	Inquiry                 // how candidates are asked
	Hint    Hint            // nil: none
	Cost    func(i int) int // of probing Names[i], in any unit; nil: all the same
}

// Found is the answer: Good is good, Bad is bad, both by two probes each, and
// all of Skipped, which is all that lies between, were skipped.
type Found struct {
	Good, Bad int // indices of Search.Names
	Skipped   []int
	Probed    int // distinct candidates that were asked, in the log or afresh
}

// Exact reports whether Bad alone is the culprit.
func (f *Found) Exact() bool { return len(f.Skipped) == 0 }

// Run searches. The error is an EndError, a FlakyError or a FaultError, that of
// the context, or that of writing the log.
func (s *Search) Run(ctx context.Context) (*Found, error) {
	n := len(s.Names)
	if err := distinct(s.Names); err != nil {
		return nil, err
	}
	p := &progress{search: s, lo: 0, hi: n - 1, skipped: map[int]bool{}, first: map[int]Answer{}, budget: bits.Len(uint(n-1)) + 1}
	s.tell(Event{Kind: Started, Names: s.Names, Most: p.most(0)})
	for _, end := range []struct {
		index int
		want  Verdict
	}{{0, Good}, {n - 1, Bad}} {
		got, err := p.ask(ctx, end.index, false, string(end.want)+" end")
		if err != nil {
			return nil, err
		}
		if got.Verdict != end.want {
			return nil, &EndError{Name: s.Names[end.index], Want: end.want, Got: got}
		}
		p.ends++
	}
	for open := p.open(); len(open) > 0; open = p.open() {
		i, why := p.choose(ctx, open)
		got, err := p.ask(ctx, i, false, why)
		if err != nil {
			return nil, err
		}
		switch got.Verdict {
		case Good:
			p.lo = i
			p.budget--
		case Bad:
			p.hi = i
			p.budget--
		default:
			p.skipped[i] = true
		}
		// A log that was written by other choices may have used it up.
		p.budget = max(p.budget, worst(len(p.open())))
	}
	for _, side := range []struct {
		index int
		want  Verdict
		why   string
	}{{p.lo, Good, "last good, again"}, {p.hi, Bad, "first bad, again"}} {
		got, err := p.ask(ctx, side.index, true, side.why)
		if err != nil {
			return nil, err
		}
		if got.Verdict != side.want {
			name := s.Names[side.index]
			return nil, &FlakyError{Name: name, First: p.first[side.index], Again: got, FirstAt: s.Replay.At(name, false), AgainAt: s.Replay.At(name, true)}
		}
		p.confirmed++
	}
	f := &Found{Good: p.lo, Bad: p.hi, Probed: len(p.first)}
	for i := p.lo + 1; i < p.hi; i++ {
		f.Skipped = append(f.Skipped, i)
	}
	s.tell(Event{Kind: Ended, Names: s.Names, Found: f})
	return f, nil
}

// distinct says why the names are no list that can be searched.
func distinct(names []string) error {
	if len(names) < 2 {
		return fmt.Errorf("a list of %d has no two ends to search between: give more candidates", len(names))
	}
	seen := map[string]bool{}
	for _, n := range names {
		if n == "" || seen[n] {
			return fmt.Errorf("the list names %q twice, or not at all", n)
		}
		seen[n] = true
	}
	return nil
}

// Between returns the part of list from good to bad, in that order: reversed
// where good is the later one. The indices must be of list.
func Between[T any](list []T, good, bad int) []T {
	var part []T
	step := 1
	if bad < good {
		step = -1
	}
	for i := good; i != bad+step; i += step {
		part = append(part, list[i])
	}
	return part
}
