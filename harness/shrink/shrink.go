// Package shrink looks for a smallest part of a list of which something still holds, by delta debugging. It imports
// nothing of umlab; what it is asked about it never makes, runs or judges.
package shrink

import (
	"context"
	"fmt"
	"slices"
)

// Answer is what is known of a part.
type Answer string

// The answers. Unknown is never taken as Holds.
const (
	Holds   Answer = "holds"
	Not     Answer = "not"
	Unknown Answer = "unknown"
)

// Search is a list of N things, of all of which together something holds.
type Search struct {
	N int
	// Ask answers for the things that are kept, by their indices in rising order. An error ends the search.
	Ask func(ctx context.Context, keep []int) (Answer, error)
	// Key names what a part comes to: parts of one key have one answer, which is asked for once. nil: each part is its own.
	Key func(ctx context.Context, keep []int) (string, error)
	On  func(Step) // nil: nobody is told
	// Once tries each single thing once, for a search that is made again of smaller things.
	Once bool
}

// Step is a part that is about to be asked for.
type Step struct {
	Without, Kept int // things that it leaves out, and that it has
	Left          int // parts that are then left to be tried, at most, unless one of them holds
}

// Found is how far a search came.
type Found struct {
	Keep    []int // what is left
	Asked   int   // parts that were asked for
	Free    int   // parts whose answer was known by their key
	Minimal bool  // without any one of Keep it does not hold; false also where nobody knows of one
}

// Run looks for a smallest part. It tries nothing at all first, then to go without ever smaller pieces, and at last
// without each single thing, again after each that could go. It begins at the end of the list: what stands there often
// needs what stands before. Where the error is not nil, what was found is how far it came.
func (s *Search) Run(ctx context.Context) (*Found, error) {
	r := &run{Search: s, answers: map[string]Answer{}, found: &Found{Keep: []int{}}}
	for i := range s.N {
		r.found.Keep = append(r.found.Keep, i)
	}
	key, err := r.key(ctx, r.found.Keep)
	if err != nil {
		return r.found, err
	}
	r.answers[key] = Holds
	return r.found, r.all(ctx)
}

type run struct {
	*Search
	answers map[string]Answer // by key
	found   *Found
}

func (r *run) all(ctx context.Context) error {
	if r.N == 0 {
		r.found.Minimal = true
		return nil
	}
	switch a, err := r.without(ctx, 0, r.N, rest(r.N, r.N)); {
	case err != nil:
		return err
	case a == Holds:
		r.found.Minimal = true
		return nil
	}
	for size := r.N / 2; size > 1; size /= 2 {
		for end := len(r.found.Keep); end > 0; end = max(0, end-size) {
			from := max(0, end-size)
			if _, err := r.without(ctx, from, end, pieces(from, size)+rest(len(r.found.Keep), size)); err != nil {
				return err
			}
		}
	}
	// Round and round, until each was tried since the last that could go.
	unknown := 0
	for at, since := len(r.found.Keep), 0; since < len(r.found.Keep); {
		if at--; at < 0 {
			if r.Once {
				return nil
			}
			at = len(r.found.Keep) - 1
		}
		a, err := r.without(ctx, at, at+1, len(r.found.Keep)-since-1)
		if err != nil {
			return err
		}
		if since++; a == Holds {
			since, unknown = 0, 0
		} else if a == Unknown {
			unknown++
		}
	}
	r.found.Minimal = unknown == 0
	return nil
}

// pieces is how many of a size n things are.
func pieces(n, size int) int { return (n + size - 1) / size }

// rest is how many pieces of n things there are that are smaller than size.
func rest(n, size int) (count int) {
	for size /= 2; size > 0; size /= 2 {
		count += pieces(n, size)
	}
	return count
}

// without tries to go without some of what is kept; left is how many parts are to be tried after it.
func (r *run) without(ctx context.Context, from, to, left int) (Answer, error) {
	keep := slices.Delete(slices.Clone(r.found.Keep), from, to)
	key, err := r.key(ctx, keep)
	if err != nil {
		return Unknown, err
	}
	a, known := r.answers[key]
	if known {
		r.found.Free++
	} else {
		if r.On != nil {
			r.On(Step{Without: to - from, Kept: len(keep), Left: left})
		}
		if a, err = r.Ask(ctx, keep); err != nil {
			return Unknown, err
		}
		r.found.Asked++
		r.answers[key] = a
	}
	if a == Holds {
		r.found.Keep = keep
	}
	return a, nil
}

func (r *run) key(ctx context.Context, keep []int) (string, error) {
	if r.Key == nil {
		return fmt.Sprint(keep), nil
	}
	return r.Key(ctx, keep)
}
