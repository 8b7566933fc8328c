package bisect_test

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"umlab/harness/bisect"
)

// history is what git knows of commits, the oldest first; it bisects between the
// first and the last of them as git does.
type history struct {
	parents  [][]int  // of each commit, all of them older
	subjects []string // nil: "change 0", ...

	reversed bool
	newer    int // marked as the newer end is
	older    []int
	skipped  map[int]bool
}

// object is the name of commit i.
func object(i int) string { return fmt.Sprintf("%012x%028x", i, i) }

func (h *history) index(commit string) (i int) {
	for i = range h.parents {
		if object(i) == commit {
			return i
		}
	}
	panic("there is no commit " + commit)
}

// chooser begins a bisection; reversed, the newest commit is the good one.
func (h *history) chooser(reversed bool) *bisect.Commits {
	last := len(h.parents) - 1
	h.reversed, h.newer, h.older, h.skipped = reversed, last, []int{0}, map[int]bool{}
	c := &bisect.Commits{Git: h, Good: object(0), Bad: object(last), Reversed: reversed}
	if reversed {
		c.Good, c.Bad = c.Bad, c.Good
	}
	return c
}

// name is how commit i is called in a search.
func (h *history) name(i int) string {
	subject, _ := h.Subject(context.Background(), object(i))
	return fmt.Sprintf("%.12s (%q)", object(i), subject)
}

// ancestors are a commit and all that it descends from.
func (h *history) ancestors(of ...int) map[int]bool {
	seen := map[int]bool{}
	for len(of) > 0 {
		i := of[0]
		if of = of[1:]; !seen[i] {
			seen[i] = true
			of = append(of, h.parents[i]...)
		}
	}
	return seen
}

// left are the commits that could be the first that is as the newer end, and of
// each how many of them it descends from, itself included.
func (h *history) left() (list []int, weights map[int]int) {
	out, weights := h.ancestors(h.older...), map[int]int{}
	for i := range h.ancestors(h.newer) {
		if !out[i] {
			list = append(list, i)
		}
	}
	slices.Sort(list)
	for _, i := range list {
		for j := range h.ancestors(i) {
			if slices.Contains(list, j) {
				weights[i]++
			}
		}
	}
	return list, weights
}

func (h *history) State(context.Context) (s bisect.State, err error) {
	list, weights := h.left()
	if len(list) == 1 {
		return bisect.State{First: object(h.newer)}, nil
	}
	best := 0
	for _, i := range list {
		halves := min(weights[i], len(list)-weights[i])
		if i != h.newer && !h.skipped[i] && halves > best {
			best, s.Next = halves, object(i)
		}
	}
	if s.Next == "" {
		for _, i := range list {
			s.Possible = append(s.Possible, object(i))
		}
		return s, nil
	}
	s.Left = len(list) - best - 1
	s.Steps = bits.Len(uint(s.Left))
	return s, nil
}

func (h *history) Mark(_ context.Context, commit string, v bisect.Verdict) error {
	i := h.index(commit)
	switch {
	case v == bisect.Skip:
		h.skipped[i] = true
	case v == bisect.Good == h.reversed:
		h.newer = i
	default:
		h.older = append(h.older, i)
	}
	return nil
}

func (h *history) Parent(_ context.Context, commit string) (string, error) {
	p := h.parents[h.index(commit)]
	if len(p) == 0 {
		return "", nil
	}
	return object(p[0]), nil
}

func (h *history) Subject(_ context.Context, commit string) (string, error) {
	i := h.index(commit)
	if h.subjects != nil {
		return h.subjects[i], nil
	}
	return fmt.Sprintf("change %d", i), nil
}

// drawHistory draws commits, some of which are merges, that show what they are
// told to: in half of the worlds, all that descend from the culprit are as the
// newer end, and all others as the older one, but for what is skipped. The
// culprit is -1 in the other half.
func drawHistory(t *rapid.T, flaky bool) (h *history, w *world, reversed bool, culprit int) {
	w = drawWorld(t, flaky)
	n := len(w.truth)
	h = &history{parents: [][]int{nil}}
	w.name = h.name
	for i := 1; i < n; i++ {
		parents := []int{i - 1}
		if rapid.Bool().Draw(t, "branches") {
			parents[0] = rapid.IntRange(max(0, i-4), i-1).Draw(t, "parent")
		}
		if p := rapid.IntRange(-4, i-1).Draw(t, "merged"); p >= 0 && p != parents[0] {
			parents = append(parents, p)
		}
		h.parents = append(h.parents, parents)
	}
	reversed = rapid.Bool().Draw(t, "reversed")
	older, newer := bisect.Good, bisect.Bad
	if reversed {
		older, newer = newer, older
	}
	if rapid.Bool().Draw(t, "any order") {
		w.truth[0], w.truth[n-1] = older, newer
		return h, w, reversed, -1
	}
	leading := slices.Sorted(maps.Keys(h.ancestors(n - 1)))
	culprit = rapid.SampledFrom(leading[1:]).Draw(t, "culprit")
	for i := range w.truth {
		switch {
		case w.truth[i] == bisect.Skip && i != 0 && i != n-1:
		case h.ancestors(i)[culprit]:
			w.truth[i] = newer
		default:
			w.truth[i] = older
		}
	}
	return h, w, reversed, culprit
}

// honestOf fails where the answer claims what was not seen, or what the history
// does not bear.
func (h *history) honestOf(t *rapid.T, w *world, reversed bool, culprit int, f *bisect.Found) {
	newer, older := f.Bad, f.Good
	if reversed {
		newer, older = older, newer
	}
	if newer == "" {
		t.Fatalf("it names no commit: %+v", f)
	}
	at := w.index(newer)
	for name, want := range map[string]bisect.Verdict{f.Good: bisect.Good, f.Bad: bisect.Bad} {
		if name != "" {
			w.saw(t, name, true, want)
		}
	}
	if f.Exact() && older != h.name(h.parents[at][0]) {
		t.Fatalf("%s is said to be the first, and %s the one before", newer, older)
	}
	if older != "" && !h.ancestors(at)[w.index(older)] {
		t.Fatalf("%s is said to lie before %s", older, newer)
	}
	could := []int{at}
	for _, name := range f.Skipped {
		_, atFirst := w.seen[bisect.Point{Name: name}]
		w.saw(t, name, !atFirst, bisect.Skip)
		i := w.index(name)
		if !h.ancestors(at)[i] {
			t.Fatalf("%s could be the first, which %s does not descend from", name, newer)
		}
		could = append(could, i)
	}
	if culprit >= 0 && len(w.flaky) == 0 && !slices.Contains(could, culprit) {
		t.Fatalf("it is said to be one of %v, and it is %d", could, culprit)
	}
}

// TestCommitsNeverWrong is TestNeverWrong of a history that git bisects.
func TestCommitsNeverWrong(t *testing.T) {
	for _, flaky := range []bool{false, true} {
		t.Run(fmt.Sprintf("flaky=%t", flaky), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				h, w, reversed, culprit := drawHistory(t, flaky)
				s := w.search(h.chooser(reversed))
				steps := 0
				s.On = func(e bisect.Event) {
					if e.Kind != bisect.Stepped {
						return
					}
					if steps++; e.Step.Number != steps || !e.Step.Rough || e.Step.Most < steps {
						t.Fatalf("step %d: %s", steps, bisect.Trace(e))
					}
				}
				f, err := s.Run(context.Background())
				if err != nil {
					w.explained(t, err)
				} else {
					h.honestOf(t, w, reversed, culprit, f)
				}
				w.limited(t, len(w.truth))
			})
		})
	}
}

// TestCommitsResume is TestResume of a history that git bisects.
func TestCommitsResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w, reversed, culprit := drawHistory(t, false)
		w.faults = map[int]int{}
		ends := []string{h.name(0), h.name(len(w.truth) - 1)}
		f := w.resumed(t, func() bisect.Chooser { return h.chooser(reversed) }, ends, false)
		if f != nil {
			h.honestOf(t, w, reversed, culprit, f)
		}
		w.limited(t, len(w.truth))
	})
}
