package bisect_test

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umlab/harness/bisect"
)

var errFault = errors.New("no space left on device")

// world is a random list with all that can go wrong, and what was seen of it.
type world struct {
	truth  []bisect.Verdict
	flaky  map[int]bool // says anything, each time anew
	draw   func(i int) bisect.Verdict
	faults map[int]int // attempts of each probe that fail
	seen   map[bisect.Point]bisect.Verdict
	order  []bisect.Point
}

func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("v%d", i))
	}
	return list
}

func (w *world) probe(_ context.Context, p bisect.Point) (bisect.Answer, error) {
	if p.Attempt <= w.faults[p.Index] {
		return bisect.Answer{}, errFault
	}
	v := w.truth[p.Index]
	if w.flaky[p.Index] {
		v = w.draw(p.Index)
	}
	p.Attempt = 0
	w.order = append(w.order, p)
	w.seen[p] = v
	return bisect.Answer{Verdict: v, Reason: "as drawn"}, nil
}

func (w *world) search() *bisect.Search {
	n := len(w.truth)
	return &bisect.Search{Names: names(n), Inquiry: bisect.Inquiry{Probe: w.probe, Now: func() time.Time { return time.Unix(0, 0) }}}
}

var verdicts = []bisect.Verdict{bisect.Good, bisect.Bad, bisect.Skip}

func drawWorld(t *rapid.T, flaky bool) *world {
	n := rapid.IntRange(2, 40).Draw(t, "n")
	// Lists that change once, and lists that change at will.
	from := rapid.SampledFrom([][]bisect.Verdict{verdicts, verdicts[:2], {bisect.Skip, bisect.Skip, bisect.Good, bisect.Bad}}).Draw(t, "verdicts")
	w := &world{truth: rapid.SliceOfN(rapid.SampledFrom(from), n, n).Draw(t, "truth"), flaky: map[int]bool{}, faults: map[int]int{}, seen: map[bisect.Point]bisect.Verdict{}}
	if rapid.Bool().Draw(t, "ends as said") {
		w.truth[0], w.truth[n-1] = bisect.Good, bisect.Bad
	}
	if rapid.Bool().Draw(t, "monotonic") {
		change := rapid.IntRange(1, n-1).Draw(t, "change")
		for i := range w.truth {
			if w.truth[i] != bisect.Skip {
				w.truth[i] = bisect.Good
				if i >= change {
					w.truth[i] = bisect.Bad
				}
			}
		}
		w.truth[0], w.truth[n-1] = bisect.Good, bisect.Bad
	}
	if rapid.Bool().Draw(t, "faults") {
		for range rapid.IntRange(0, 3).Draw(t, "faulty") {
			w.faults[rapid.IntRange(0, n-1).Draw(t, "fault at")] = rapid.IntRange(1, 4).Draw(t, "attempts")
		}
	}
	if flaky {
		for range rapid.IntRange(1, 4).Draw(t, "flaky ones") {
			w.flaky[rapid.IntRange(0, n-1).Draw(t, "flaky at")] = true
		}
		w.draw = func(i int) bisect.Verdict { return rapid.SampledFrom(verdicts).Draw(t, fmt.Sprintf("v%d says", i)) }
	}
	return w
}

// drawGuesses gives a search a hint and costs that know nothing.
func drawGuesses(t *rapid.T, s *bisect.Search) {
	n := len(s.Names)
	if rapid.Bool().Draw(t, "hint") {
		guess := rapid.SliceOfN(rapid.SampledFrom([]bisect.Verdict{bisect.Good, bisect.Bad, bisect.Unknown, bisect.Skip}), n, n).Draw(t, "guess")
		wrong := rapid.IntRange(-1, 1).Draw(t, "length is off by")
		s.Hint = func(_ context.Context, lo, hi int) []bisect.Verdict {
			return guess[lo+1 : min(n, max(lo+1, hi+wrong))]
		}
	}
	if rapid.Bool().Draw(t, "cost") {
		cost := rapid.SliceOfN(rapid.IntRange(0, 2), n, n).Draw(t, "costs")
		s.Cost = func(i int) int { return cost[i] }
	}
}

// bound is how many candidates may be asked, skipped ones apart.
func bound(n int) int { return bits.Len(uint(n-1)) + 3 }

// honest fails where the answer claims what was not seen.
func (w *world) honest(t *rapid.T, f *bisect.Found) {
	ns := names(len(w.truth))
	saw := func(i int, fresh bool, want bisect.Verdict) {
		got, asked := w.seen[bisect.Point{Index: i, Name: ns[i], Fresh: fresh}]
		if !asked || got != want {
			t.Fatalf("claims that %d is %s; seen (fresh %t): %q", i, want, fresh, got)
		}
		if !w.flaky[i] && w.truth[i] != want {
			t.Fatalf("claims that %d is %s, it is %s", i, want, w.truth[i])
		}
	}
	if f.Good >= f.Bad {
		t.Fatalf("good is %d, bad is %d", f.Good, f.Bad)
	}
	for _, fresh := range []bool{false, true} {
		saw(f.Good, fresh, bisect.Good)
		saw(f.Bad, fresh, bisect.Bad)
	}
	for i := f.Good + 1; i < f.Bad; i++ {
		saw(i, false, bisect.Skip)
		if !slices.Contains(f.Skipped, i) {
			t.Fatalf("%d lies between %d and %d, and is not said to be skipped", i, f.Good, f.Bad)
		}
	}
	if len(f.Skipped) != f.Bad-f.Good-1 || f.Exact() != (len(f.Skipped) == 0) {
		t.Fatalf("skipped %v between %d and %d", f.Skipped, f.Good, f.Bad)
	}
}

// limited fails where more was asked than may be.
func (w *world) limited(t *rapid.T, from, bad int) {
	asked, skipped := map[int]bool{}, 0
	for _, p := range w.order {
		if p.Fresh {
			continue
		}
		if asked[p.Index] {
			t.Fatalf("%s was asked twice", p.Name)
		}
		asked[p.Index] = true
		if w.seen[p] == bisect.Skip {
			skipped++
		}
	}
	if got := len(asked) - skipped; got > bound(bad-from+1) {
		t.Fatalf("%d candidates were asked, and %d skipped: of %d, %d may be", got, skipped, bad-from+1, bound(bad-from+1))
	}
}

// explained fails where there is no answer though there could be one.
func (w *world) explained(t *rapid.T, err error) {
	n := len(w.truth)
	var end *bisect.EndError
	var fault *bisect.FaultError
	var flaky *bisect.FlakyError
	switch {
	case errors.As(err, &end):
		i := 0
		if end.Want == bisect.Bad {
			i = n - 1
		}
		if w.truth[i] == end.Want && !w.flaky[i] {
			t.Fatalf("%v; it is %s", err, w.truth[i])
		}
	case errors.As(err, &fault):
		var i int
		if _, serr := fmt.Sscanf(fault.Name, "v%d", &i); serr != nil || w.faults[i] <= bisect.DefaultRetries || !errors.Is(err, errFault) {
			t.Fatalf("%v; it has %d faults", err, w.faults[i])
		}
		if fault.Attempts != bisect.DefaultRetries+1 {
			t.Fatalf("given up after %d attempts", fault.Attempts)
		}
	case errors.As(err, &flaky):
		var i int
		if _, serr := fmt.Sscanf(flaky.Name, "v%d", &i); serr != nil || !w.flaky[i] {
			t.Fatalf("%v; it never says anything else", err)
		}
	default:
		t.Fatalf("no answer: %v", err)
	}
}

func TestNeverWrong(t *testing.T) {
	for _, flaky := range []bool{false, true} {
		t.Run(fmt.Sprintf("flaky=%t", flaky), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := drawWorld(t, flaky)
				s := w.search()
				drawGuesses(t, s)
				f, err := s.Run(context.Background())
				if err != nil {
					w.explained(t, err)
				} else {
					w.honest(t, f)
				}
				w.limited(t, 0, len(w.truth)-1)
			})
		})
	}
}

// Where a list changes once and nothing is skipped, there is one right answer.
func TestBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 200).Draw(t, "n")
		change := rapid.IntRange(1, n-1).Draw(t, "first bad")
		w := &world{seen: map[bisect.Point]bisect.Verdict{}}
		for i := range n {
			v := bisect.Good
			if i >= change {
				v = bisect.Bad
			}
			w.truth = append(w.truth, v)
		}
		s := w.search()
		drawGuesses(t, s)
		most, last := 0, bisect.Step{}
		s.On = func(e bisect.Event) {
			switch e.Kind {
			case bisect.Started:
				most = e.Most
			case bisect.Stepped:
				if e.Step.Most > most || e.Step.Number > e.Step.Most || e.Step.Number+e.Step.Ahead > most {
					t.Fatalf("said to be at most %d steps, then %s", most, bisect.Trace(e))
				}
				most, last = e.Step.Most, e.Step
			}
		}
		f, err := s.Run(context.Background())
		if err != nil || f.Good != change-1 || f.Bad != change || !f.Exact() {
			t.Fatalf("found %+v, %v; the first bad is %d of %d", f, err, change, n)
		}
		if last.Left != 0 || last.Ahead != 0 || last.Number != f.Probed+2 {
			t.Fatalf("the last step of %d candidates is %+v", f.Probed, last)
		}
		w.limited(t, 0, n-1)
	})
}

// limit ends a search as a kill does.
type limit struct {
	lines int
	out   strings.Builder
	torn  bool
}

var errKilled = errors.New("killed")

func (l *limit) Write(b []byte) (int, error) {
	if l.lines--; l.lines < 0 {
		if l.torn {
			l.out.Write(b[:len(b)/2])
		}
		return 0, errKilled
	}
	return l.out.Write(b)
}

// A search that is killed at any place goes on there, and nothing is asked twice.
func TestResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, false)
		w.faults = map[int]int{}
		whole, wholeErr := w.search().Run(context.Background())

		log := (&bisect.Log{Question: []string{"which"}, Names: names(len(w.truth))}).Head()
		var asked []bisect.Point
		for round := 0; ; round++ {
			if round > 100 {
				t.Fatal("it never ends")
			}
			l, n, err := bisect.ParseLog("log", []byte(log))
			if err != nil {
				t.Fatal(err)
			}
			w.order = nil
			s := w.search()
			drawGuesses(t, s) // others each time
			out := &limit{lines: rapid.IntRange(1, 4).Draw(t, "lines"), torn: rapid.Bool().Draw(t, "torn")}
			s.Replay, s.Log = l, out
			f, err := s.Run(context.Background())
			if errors.Is(err, errKilled) {
				w.order = w.order[:len(w.order)-1] // asked, but not written
			}
			asked = append(asked, w.order...)
			log = log[:n] + out.out.String()
			if errors.Is(err, errKilled) {
				continue
			}
			switch {
			case err == nil:
				w.honest(t, f)
			case wholeErr == nil || err.Error() != wholeErr.Error():
				t.Fatalf("resumed: %v; at once: %+v, %v", err, whole, wholeErr)
			}
			w.order = asked
			w.limited(t, 0, len(w.truth)-1)
			break
		}
		for i, p := range asked {
			if slices.Contains(asked[:i], p) {
				t.Fatalf("%+v was asked twice", p)
			}
		}
	})
}
