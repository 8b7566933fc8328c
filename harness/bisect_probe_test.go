package harness

import (
	"slices"
	"testing"

	"umlab/harness/bisect"
	"umlab/harness/predicate"
	"umlab/harness/result"
)

// TestGuesses holds what is expected of a candidate before it is asked.
func TestGuesses(t *testing.T) {
	target, err := predicate.ParseTarget("stock")
	if err != nil {
		t.Fatal(err)
	}
	message := func(relocation uint32) *predicate.Message {
		m, err := predicate.Observe(seen("s:0", relocation), target)
		if err != nil {
			t.Fatal(err)
		}
		return &m
	}
	p := &prober{target: target, ends: predicate.Ends{Good: predicate.End{Name: "s:0", Message: message(9)}, Bad: predicate.End{Name: "s:9", Message: message(0)}}}
	for name, c := range map[string]struct {
		past *result.Results
		want bisect.Verdict
	}{
		"like good": {seen("like good", 9), bisect.Good}, "like bad": {seen("like bad", 0), bisect.Bad},
		"like none": {seen("like none", 29), bisect.Unknown}, "never run": {nil, bisect.Unknown},
	} {
		if got := p.expected(c.past); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	p.ends.Good.Message = nil
	if got := p.expected(seen("like good", 9)); got != bisect.Unknown {
		t.Errorf("before the good end is known: %q", got)
	}
}

// What is expected of a candidate comes from results that were asked the same, or the same of more placements and modules,
// and from no others.
func TestGuessesOfTheSameQuestion(t *testing.T) {
	list := []string{"loaded", "loaded", "oops", "oops", "oops", "oops", "oops", "oops", "oops"}
	for name, c := range map[string]struct {
		asked func(q *question) *result.Question
		guess bool
	}{
		"the same":       {func(q *question) *result.Question { return q.plan.Asked }, true},
		"of all modules": {func(q *question) *result.Question { return q.wide.Asked }, true},
		"of an own module": {func(*question) *result.Question {
			return &result.Question{Digest: "d2", Own: []string{"modules hello"}}
		}, false},
	} {
		b := newBench(t)
		o := BisectOptions{Good: "a", Bad: "z", Cell: "stock:low:rust_print"}
		o.Select.Placements = []string{"low"}
		q, err := b.question(t, o)
		if err != nil {
			t.Fatal(err)
		}
		if q.plan.Asked.Digest == q.wide.Asked.Digest {
			t.Fatal("one module is asked the same as all")
		}
		for i, shows := range list {
			r, err := b.results(string(rune('a'+i)), shows)
			if err != nil {
				t.Fatal(err)
			}
			r.Question, r.Scenario, r.Config.Fragments, r.Tree.Origin = c.asked(q), q.plan.Named(), q.plan.Fragments, b.sources.Origin(r.Tree.Name)
			b.remember(r)
		}
		got, err := b.bisected(t, BisectOptions{Cell: "stock:low:rust_print"}, list...)
		if err != nil || side0(got.FirstBad) != "c" {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		want := []string{"a", "i", "c", "b", "b!", "c!"} // straight to where it is expected
		if guessed := slices.Equal(b.asked, want); guessed != c.guess {
			t.Errorf("%s: asked %v", name, b.asked)
		}
	}
}
