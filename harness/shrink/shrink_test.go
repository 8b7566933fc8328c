package shrink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"umlab/harness/shrink"
)

// TestMinimal: of any truth that is monotone or not, a search ends within its bound, asks for no part twice, keeps what
// holds, and what it calls minimal is.
func TestMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 24).Draw(t, "n")
		kinds := rapid.IntRange(0, 2).Draw(t, "kind")
		needed := rapid.SliceOfNDistinct(rapid.IntRange(0, max(n-1, 0)), 0, min(n, 5), rapid.ID[int]).Draw(t, "needed")
		seed := rapid.Uint32().Draw(t, "seed")
		truth := func(keep []int) shrink.Answer {
			has := func(i int) bool { return slices.Contains(keep, i) }
			switch {
			case len(keep) == n:
				return shrink.Holds
			case kinds == 0: // all of some are needed
				if !slices.ContainsFunc(needed, func(i int) bool { return !has(i) }) {
					return shrink.Holds
				}
				return shrink.Not
			case kinds == 1: // one of some is
				if len(needed) == 0 || slices.ContainsFunc(needed, has) {
					return shrink.Holds
				}
				return shrink.Not
			}
			sum := seed // anything at all, nobody knowing of some
			for _, i := range keep {
				sum = sum*16777619 + uint32(i)
			}
			return []shrink.Answer{shrink.Holds, shrink.Not, shrink.Unknown, shrink.Not}[sum>>7%4]
		}
		asked := map[string]shrink.Answer{}
		s := &shrink.Search{N: n, Ask: func(_ context.Context, keep []int) (shrink.Answer, error) {
			if !slices.IsSorted(keep) || len(keep) >= max(n, 1) {
				t.Fatalf("asks for %v of %d", keep, n)
			}
			key := fmt.Sprint(keep)
			if _, twice := asked[key]; twice {
				t.Fatalf("asks for %v twice", keep)
			}
			asked[key] = truth(keep)
			return asked[key], nil
		}}
		found, err := s.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if found.Asked != len(asked) || found.Asked > bound(n) {
			t.Fatalf("%d asked, %d counted, bound %d", len(asked), found.Asked, bound(n))
		}
		if truth(found.Keep) != shrink.Holds {
			t.Fatalf("%v does not hold", found.Keep)
		}
		minimal := true
		for i := range found.Keep {
			switch a := asked[fmt.Sprint(slices.Delete(slices.Clone(found.Keep), i, i+1))]; a {
			case shrink.Not:
			case shrink.Unknown:
				minimal = false
			default:
				t.Fatalf("without the %dth of %v: %q", i, found.Keep, a)
			}
		}
		if found.Minimal != minimal && len(found.Keep) > 0 {
			t.Fatalf("minimal %v, and %v", found.Minimal, minimal)
		}
		if kinds == 0 && len(found.Keep) != len(needed) {
			t.Fatalf("keeps %v of %v", found.Keep, needed)
		}
	})
}

// TestKey: parts that come to the same are one question, and what comes to the same as what holds needs none.
func TestKey(t *testing.T) {
	asked := 0
	s := &shrink.Search{N: 40,
		Key: func(_ context.Context, keep []int) (string, error) { // the even ones are selected by 1
			var odd []int
			for _, i := range keep {
				if i%2 == 1 || !slices.Contains(keep, 1) {
					odd = append(odd, i)
				}
			}
			return fmt.Sprint(odd), nil
		},
		Ask: func(_ context.Context, keep []int) (shrink.Answer, error) {
			asked++
			return shrink.Not, nil
		}}
	found, err := s.Run(t.Context())
	if err != nil || len(found.Keep) != 20 || slices.ContainsFunc(found.Keep, func(i int) bool { return i%2 == 0 }) || !found.Minimal {
		t.Errorf("%+v, %v", found, err)
	}
	if asked != found.Asked || found.Free < 20 {
		t.Errorf("%d asked; %+v", asked, found)
	}
}

// TestStopped: a search that is ended says how far it came.
func TestStopped(t *testing.T) {
	stop := errors.New("enough")
	asked := 0
	s := &shrink.Search{N: 16, Ask: func(_ context.Context, keep []int) (shrink.Answer, error) {
		if asked++; asked > 4 {
			return "", stop
		}
		if slices.Contains(keep, 3) {
			return shrink.Holds, nil
		}
		return shrink.Not, nil
	}}
	found, err := s.Run(t.Context())
	if !errors.Is(err, stop) || found.Minimal || len(found.Keep) >= 16 || !slices.Contains(found.Keep, 3) {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestUnits(t *testing.T) {
	text := strings.Split(`#include <linux/module.h>
// a comment with {
static const char *s = "{";

static int __init f(void)
{
	int c = '{';
	if (c) {
		a();
		b();
	}
	return 0;
}
module_init(f);
impl<'a> X<'a> { fn g() {
	h(); /* { */
} }
last`, "\n")
	for depth, want := range [][][]int{
		{{0}, {1}, {2}, {4, 5, 6, 7, 8, 9, 10, 11, 12}, {13}, {14, 15, 16}, {17}},
		{{0}, {1}, {2}, {4, 5, 6}, {7, 8, 9, 10}, {11}, {12}, {13}, {14, 15, 16}, {17}},
		{{0}, {1}, {2}, {4, 5, 6}, {7, 8}, {9}, {10}, {11}, {12}, {13}, {14, 15, 16}, {17}},
	} {
		got, deeper := shrink.Units(text, depth)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("depth %d:\n%s", depth, d)
		}
		if deeper != (depth < 2) {
			t.Errorf("depth %d: deeper %v", depth, deeper)
		}
	}
}

// Every line that is not blank is in one unit, in order, whatever the text is.
func FuzzUnits(f *testing.F) {
	f.Add("a {\n b;\n}\n", 1)
	f.Add("\"\\", 0)
	f.Add("'", 0)
	f.Add("/*\n*/'\\''{", 0)
	f.Fuzz(func(t *testing.T, text string, depth int) {
		lines := strings.Split(text, "\n")
		units, _ := shrink.Units(lines, depth)
		var got, want []int
		for _, u := range units {
			if len(u) == 0 {
				t.Error("an empty unit")
			}
			got = append(got, u...)
		}
		for i, l := range lines {
			if strings.TrimSpace(l) != "" {
				want = append(want, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v of %v", got, want)
		}
	})
}

// bound is how many parts of n things a search asks for at most.
func bound(n int) int { return 1 + 3*n + n*(n+1)/2 }
