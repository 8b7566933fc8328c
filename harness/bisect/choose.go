package bisect

import (
	"context"
	"fmt"
	"math/bits"
)

// progress is how far a search is.
type progress struct {
	search    *Search
	lo, hi    int // known to be good, known to be bad
	skipped   map[int]bool
	budget    int // good or bad answers that may still be asked for between the ends
	number    int // steps taken
	ends      int // ends that are checked
	confirmed int // last good and first bad, as far as they were asked again

	first map[int]Answer // what each said at first
}

// open are the candidates that can still be asked.
func (p *progress) open() []int {
	var open []int
	for i := p.lo + 1; i < p.hi; i++ {
		if !p.skipped[i] {
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

// ahead is how many steps there are at most, of those between the ends, when no
// more candidate is skipped.
func (p *progress) ahead(open int) int {
	if p.search.Hint == nil {
		return worst(open)
	}
	return min(p.budget, open) // a guess may cost all of it
}

// most is how many steps there are at most, with the taken ones.
func (p *progress) most(taken int) int {
	return taken + (2 - p.ends) + p.ahead(len(p.open())) + (2 - p.confirmed)
}

// choose returns the candidate to ask next, and why.
func (p *progress) choose(ctx context.Context, open []int) (int, string) {
	k := len(open)
	left := fmt.Sprintf("of %d left", k)
	if i, ok := p.logged(open); ok {
		return i, fmt.Sprintf("asked before, %d left", k)
	}
	if k == 1 {
		return open[0], "the only one left"
	}
	if j, ok := p.guessed(ctx, open); ok {
		return open[j], "where a change is predicted, " + left
	}
	middle := (k - 1) / 2
	best := middle
	if cost := p.search.Cost; cost != nil {
		// In the order of their distance from the middle, so that the nearest of
		// the cheapest is taken.
		for d := 1; d < k; d++ {
			for _, j := range []int{middle - d, middle + d} {
				if j >= 0 && j < k && after(j, k) == after(middle, k) && cost(open[j]) < cost(open[best]) {
					best = j
				}
			}
		}
	}
	if best != middle {
		return open[best], "cheap and near the middle " + left
	}
	return open[best], "middle " + left
}

// logged returns the candidate that a log answers for next. What it holds costs
// nothing; and in its order, since what is chosen may depend on guesses and costs
// that have changed since it was written.
func (p *progress) logged(open []int) (int, bool) {
	if p.search.Replay == nil {
		return 0, false
	}
	for _, r := range p.search.Replay.Records {
		if r.Fresh {
			continue
		}
		for _, i := range open {
			if p.search.Names[i] == r.Name {
				return i, true
			}
		}
	}
	return 0, false
}

// guessed returns the position in open of one of the two candidates between
// which a hint puts the change: of those that can be afforded, the one after
// which less is left if the hint is right.
func (p *progress) guessed(ctx context.Context, open []int) (int, bool) {
	if p.search.Hint == nil {
		return 0, false
	}
	hint := p.search.Hint(ctx, p.lo, p.hi)
	if len(hint) != p.hi-p.lo-1 {
		return 0, false
	}
	k := len(open)
	guess := make([]Verdict, k)
	for j, i := range open {
		guess[j] = hint[i-p.lo-1]
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
		if j >= 0 && j < k && after(j, k) <= p.budget {
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

// ask asks for a candidate as the next step.
func (p *progress) ask(ctx context.Context, i int, fresh bool, why string) (Answer, error) {
	step := Step{Number: p.number + 1, Most: p.most(p.number), Index: i, Name: p.search.Names[i], Fresh: fresh, Why: why}
	got, err := p.search.Ask(ctx, step, func(a Answer) (left, steps int) { return p.remaining(i, fresh, a) })
	if err != nil {
		return got, err
	}
	p.number++
	if !fresh {
		p.first[i] = got
	}
	return got, nil
}

// remaining is what is left after an answer: candidates, and steps at most.
func (p *progress) remaining(i int, fresh bool, a Answer) (left, steps int) {
	next := *p
	want := Bad
	if i == p.lo {
		want = Good
	}
	switch {
	case (fresh || p.ends < 2) && a.Verdict != want:
		return 0, 0 // the search ends here
	case fresh:
		next.confirmed++
	case p.ends < 2:
		next.ends++
	case a.Verdict == Good:
		next.lo = i
		next.budget--
	case a.Verdict == Bad:
		next.hi = i
		next.budget--
	default:
		left = len(p.open()) - 1
		return left, p.ahead(left) + 2
	}
	return len(next.open()), next.most(0)
}
