package bisect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umlab/harness/bisect"
)

// retries is how often a fault is tried again.
const retries = 2

var errFault = errors.New("no space left on device")

// world is a random list with all that can go wrong, and what was seen of it.
type world struct {
	truth  []bisect.Verdict
	name   func(i int) string // of a candidate; nil: "v0", ...
	flaky  map[int]bool       // says anything, each time anew
	draw   func(i int) bisect.Verdict
	faults map[int]int                     // attempts of each probe that fail
	seen   map[bisect.Point]bisect.Verdict // none of a point with an attempt
	order  []bisect.Point
}

// names are those of all candidates.
func (w *world) names() (list []string) {
	for i := range w.truth {
		if w.name != nil {
			list = append(list, w.name(i))
			continue
		}
		list = append(list, fmt.Sprintf("v%d", i))
	}
	return list
}

func (w *world) index(name string) int { return slices.Index(w.names(), name) }

func (w *world) probe(_ context.Context, p bisect.Point) (bisect.Answer, error) {
	i := w.index(p.Name)
	if p.Attempt <= w.faults[i] {
		return bisect.Answer{}, errFault
	}
	v := w.truth[i]
	if w.flaky[i] {
		v = w.draw(i)
	}
	p.Attempt = 0
	w.order = append(w.order, p)
	w.seen[p] = v
	return bisect.Answer{Verdict: v, Reason: "as drawn"}, nil
}

func (w *world) search(c bisect.Chooser) *bisect.Search {
	return &bisect.Search{Chooser: c, Probe: w.probe, Now: func() time.Time { return time.Unix(0, 0) }}
}

func (w *world) list() *bisect.List { return &bisect.List{Names: w.names()} }

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

// drawGuesses gives a list guesses that know nothing, and cheap candidates.
func drawGuesses(t *rapid.T, l *bisect.List) *bisect.List {
	n := len(l.Names)
	if rapid.Bool().Draw(t, "guesses") {
		guess := rapid.SliceOfN(rapid.SampledFrom([]bisect.Verdict{bisect.Good, bisect.Bad, bisect.Unknown, bisect.Skip}), n, n).Draw(t, "guess")
		l.Guess = func(name string) bisect.Verdict { return guess[slices.Index(l.Names, name)] }
	}
	if rapid.Bool().Draw(t, "some are cheap") {
		cheap := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "cheap")
		l.Cheap = func(name string) bool { return cheap[slices.Index(l.Names, name)] }
	}
	return l
}

// honest fails where the answer claims what was not seen. It returns where the
// two sides stand.
func (w *world) honest(t *rapid.T, f *bisect.Found) (good, bad int) {
	ns := w.names()
	good, bad = w.index(f.Good), w.index(f.Bad)
	if good >= bad {
		t.Fatalf("good is %d, bad is %d", good, bad)
	}
	for _, fresh := range []bool{false, true} {
		w.saw(t, f.Good, fresh, bisect.Good)
		w.saw(t, f.Bad, fresh, bisect.Bad)
	}
	for i := good + 1; i < bad; i++ {
		w.saw(t, ns[i], false, bisect.Skip)
		if !slices.Contains(f.Skipped, ns[i]) {
			t.Fatalf("%d lies between %d and %d, and is not said to be skipped", i, good, bad)
		}
	}
	if len(f.Skipped) != bad-good-1 || f.Exact() != (len(f.Skipped) == 0) {
		t.Fatalf("skipped %v between %d and %d", f.Skipped, good, bad)
	}
	return good, bad
}

// saw fails where a candidate did not say what is claimed.
func (w *world) saw(t *rapid.T, name string, fresh bool, want bisect.Verdict) {
	i := w.index(name)
	got, asked := w.seen[bisect.Point{Name: name, Fresh: fresh}]
	if !asked || got != want {
		t.Fatalf("claims that %d is %s; seen (fresh %t): %q", i, want, fresh, got)
	}
	if !w.flaky[i] && w.truth[i] != want {
		t.Fatalf("claims that %d is %s, it is %s", i, want, w.truth[i])
	}
}

// limited fails where more was asked than may be.
func (w *world) limited(t *rapid.T, bound int) {
	asked, skipped := map[string]bool{}, 0
	for _, p := range w.order {
		if p.Fresh {
			continue
		}
		if asked[p.Name] {
			t.Fatalf("%s was asked twice", p.Name)
		}
		asked[p.Name] = true
		if w.seen[p] == bisect.Skip {
			skipped++
		}
	}
	if got := len(asked) - skipped; got > bound {
		t.Fatalf("%d candidates were asked, and %d skipped: %d may be", got, skipped, bound)
	}
}

// explained fails where there is no answer though there could be one.
func (w *world) explained(t *rapid.T, err error) {
	var end *bisect.EndError
	var fault *bisect.FaultError
	var flaky *bisect.FlakyError
	switch {
	case errors.As(err, &end):
		i := w.index(end.Name)
		if w.truth[i] == end.Want && !w.flaky[i] {
			t.Fatalf("%v; it is %s", err, w.truth[i])
		}
	case errors.As(err, &fault):
		i := w.index(fault.Name)
		if w.faults[i] <= retries || !errors.Is(err, errFault) {
			t.Fatalf("%v; it has %d faults", err, w.faults[i])
		}
		if fault.Attempts != retries+1 {
			t.Fatalf("given up after %d attempts", fault.Attempts)
		}
	case errors.As(err, &flaky):
		// What git concludes of a commit is first seen when it is asked to be sure.
		_, asked := w.seen[bisect.Point{Name: flaky.Name}]
		if (asked || flaky.Again.Verdict == bisect.Skip) && !w.flaky[w.index(flaky.Name)] {
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
				f, err := w.search(drawGuesses(t, w.list())).Run(context.Background())
				if err != nil {
					w.explained(t, err)
				} else {
					w.honest(t, f)
				}
				w.limited(t, bisect.Bound(len(w.truth)))
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
		s := w.search(drawGuesses(t, w.list()))
		most, last := 0, bisect.Step{}
		s.On = func(e bisect.Event) {
			switch e.Kind {
			case bisect.Started:
				most = e.Step.Most
			case bisect.Stepped:
				if e.Step.Most > most || e.Step.Number > e.Step.Most || e.Step.Number+e.Step.Ahead > most {
					t.Fatalf("said to be at most %d steps, then %s", most, bisect.Trace(e))
				}
				most, last = e.Step.Most, e.Step
			}
		}
		f, err := s.Run(context.Background())
		if err != nil || w.index(f.Good) != change-1 || w.index(f.Bad) != change || !f.Exact() {
			t.Fatalf("found %+v, %v; the first bad is %d of %d", f, err, change, n)
		}
		if last.Ahead != 0 || last.Number != len(w.order) {
			t.Fatalf("the last step of %d is %+v", len(w.order), last)
		}
		w.limited(t, bisect.Bound(n))
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
		chooser := func() bisect.Chooser { return drawGuesses(t, w.list()) } // others each time
		if f := w.resumed(t, chooser, w.names(), true); f != nil {
			w.honest(t, f)
		}
		w.limited(t, bisect.Bound(len(w.truth)))
	})
}

// resumed is the answer of a search that is killed again and again, nil where
// there is none; it fails where that differs from what a search finds that is
// not. What was asked is then in w.
func (w *world) resumed(t *rapid.T, chooser func() bisect.Chooser, names []string, all bool) (f *bisect.Found) {
	whole, wholeErr := w.search(chooser()).Run(context.Background())
	log := (&bisect.Log{Question: []string{"which"}, Names: names}).Head()
	var asked []bisect.Point
	for round := 0; ; round++ {
		if round > 100 {
			t.Fatal("it never ends")
		}
		l, n, err := bisect.ParseLog("log", []byte(log))
		if err == nil {
			err = l.Check([]string{"which"}, names, all)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.order = nil
		s := w.search(chooser())
		out := &limit{lines: rapid.IntRange(1, 4).Draw(t, "lines"), torn: rapid.Bool().Draw(t, "torn")}
		s.Replay, s.Log = l, out
		f, err = s.Run(context.Background())
		if errors.Is(err, errKilled) {
			w.order = w.order[:len(w.order)-1] // asked, but not written
		}
		asked = append(asked, w.order...)
		log = log[:n] + out.out.String()
		if errors.Is(err, errKilled) {
			continue
		}
		if err != nil && (wholeErr == nil || err.Error() != wholeErr.Error()) {
			t.Fatalf("resumed: %v; at once: %+v, %v", err, whole, wholeErr)
		}
		break
	}
	for i, p := range asked {
		if slices.Contains(asked[:i], p) {
			t.Fatalf("%+v was asked twice", p)
		}
	}
	w.order = asked
	return f
}
