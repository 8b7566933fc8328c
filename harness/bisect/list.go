package bisect

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
)

// List chooses by halves from a list that is known as a whole.
type List struct {
	Names []string                  // at least two, distinct; the first is good, the last is bad
	Guess func(name string) Verdict // what to expect, Unknown where it cannot tell; nil: no guesses
	Cheap func(name string) bool    // costs less to be probed than others; nil: none

	lo, hi  int // known to be good, known to be bad
	skipped map[int]bool
	budget  int // good or bad answers that may still be asked for between the ends
}

// Bound is how many of n candidates are asked at most, skipped ones apart.
func Bound(n int) int { return bits.Len(uint(n-1)) + 3 }

func (l *List) start(context.Context) (span, error) {
	n := len(l.Names)
	if n < 2 {
		return span{}, fmt.Errorf("a list of %d has no two ends to search between: give more candidates", n)
	}
	seen := map[string]bool{"": true}
	for _, name := range l.Names {
		if seen[name] {
			return span{}, fmt.Errorf("the list names %q twice, or not at all", name)
		}
		seen[name] = true
	}
	l.lo, l.hi, l.skipped, l.budget = 0, n-1, map[int]bool{}, Bound(n)-2
	return span{good: l.Names[0], bad: l.Names[n-1], candidates: n}, nil
}

// open are the candidates that can still be asked.
func (l *List) open() (open []int) {
	for i := l.lo + 1; i < l.hi; i++ {
		if !l.skipped[i] {
			open = append(open, i)
		}
	}
	return open
}

// worst is how many answers a search by halves needs of k candidates, when no
// more of them is skipped.
func worst(k int) int { return bits.Len(uint(k)) }

// after is what worst is once the candidate at position j of k has answered,
// with that answer counted.
func after(j, k int) int { return 1 + worst(max(j, k-1-j)) }

func (l *List) ahead() int {
	if l.Guess == nil {
		return worst(len(l.open()))
	}
	return min(l.budget, len(l.open())) // a guess may cost all of it
}

func (l *List) mark(_ context.Context, name string, v Verdict) error {
	i := slices.Index(l.Names, name)
	switch v {
	case Good:
		l.lo = i
		l.budget--
	case Bad:
		l.hi = i
		l.budget--
	default:
		l.skipped[i] = true
	}
	// A log that was written by other choices may have used it up.
	l.budget = max(l.budget, worst(len(l.open())))
	return nil
}

func (l *List) found(context.Context) (*Found, error) {
	return &Found{Good: l.Names[l.lo], Bad: l.Names[l.hi], Skipped: slices.Clone(l.Names[l.lo+1 : l.hi])}, nil
}

func (l *List) next(_ context.Context, log *Log) (name, why string, err error) {
	open := l.open()
	k := len(open)
	if k == 0 {
		return "", "", nil
	}
	left := fmt.Sprintf("of %d left", k)
	if name := l.logged(open, log); name != "" {
		return name, fmt.Sprintf("asked before, %d left", k), nil
	}
	if k == 1 {
		return l.Names[open[0]], "the only one left", nil
	}
	if j, ok := l.guessed(open); ok {
		return l.Names[open[j]], "where a change is predicted, " + left, nil
	}
	middle := (k - 1) / 2
	best := middle
	cheap := func(j int) bool { return l.Cheap != nil && l.Cheap(l.Names[open[j]]) }
	// The nearest to the middle, and the earlier of two that are as near.
	for d := 1; d < k && !cheap(best); d++ {
		for _, j := range []int{middle + d, middle - d} {
			if j >= 0 && j < k && after(j, k) == after(middle, k) && cheap(j) {
				best = j
			}
		}
	}
	why = "middle " + left
	if best != middle {
		why = "cheap and near the middle " + left
	}
	return l.Names[open[best]], why, nil
}

// logged is the open candidate that a log answers for next, empty where there is
// none. What it holds costs nothing; and in its order, since what is chosen may
// depend on guesses and costs that have changed since it was written.
func (l *List) logged(open []int, log *Log) string {
	if log == nil {
		return ""
	}
	for _, r := range log.Records {
		if !r.Fresh && slices.Contains(open, slices.Index(l.Names, r.Name)) {
			return r.Name
		}
	}
	return ""
}

// guessed returns the position in open of one of the two candidates between
// which the guesses put the change: of those that can be afforded, the one after
// which less is left if the guesses are right.
func (l *List) guessed(open []int) (int, bool) {
	if l.Guess == nil {
		return 0, false
	}
	k := len(open)
	guess := make([]Verdict, k)
	for j, i := range open {
		guess[j] = l.Guess(l.Names[i])
	}
	s, ok := split(guess)
	if !ok {
		return 0, false
	}
	// open[s-1] is the last that is taken for good, open[s] the first for bad.
	sides := []int{s - 1, s}
	if s < k-s {
		sides = []int{s, s - 1}
	}
	for _, j := range sides {
		if j >= 0 && j < k && after(j, k) <= l.budget {
			return j, true
		}
	}
	return 0, false
}

// split returns how many candidates from the first on are to be taken for good,
// so that the fewest guesses are against it: of several such numbers, the middle
// one. Without any guess there is none.
func split(guess []Verdict) (int, bool) {
	against, known := 0, 0
	for _, g := range guess {
		if g == Good {
			against++
		}
		if g == Good || g == Bad {
			known++
		}
	}
	if known == 0 {
		return 0, false
	}
	fewest, at := against, []int{0}
	for j, g := range guess {
		switch g {
		case Good:
			against--
		case Bad:
			against++
		}
		switch {
		case against < fewest:
			fewest, at = against, []int{j + 1}
		case against == fewest:
			at = append(at, j+1)
		}
	}
	return at[len(at)/2], true
}
