package harness

import (
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
