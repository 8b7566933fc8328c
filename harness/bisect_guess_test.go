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
	g := guesses{
		p:     &prober{target: target, good: bisectEnd{"s:0", message(9)}, bad: bisectEnd{"s:9", message(0)}},
		known: map[string]bisect.Verdict{"answered": bisect.Bad},
		past: map[string]*result.Results{
			"answered": seen("answered", 9), "like good": seen("like good", 9), "like bad": seen("like bad", 0), "like none": seen("like none", 29),
		},
	}
	for name, want := range map[string]bisect.Verdict{
		"answered": bisect.Bad, "like good": bisect.Good, "like bad": bisect.Bad, "like none": bisect.Unknown, "never run": bisect.Unknown,
	} {
		if got := g.of(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if got, want := g.built(name), name != "never run"; got != want {
			t.Errorf("%s: built %t, want %t", name, got, want)
		}
	}
	g.p.good.message = nil
	if got := g.of("like good"); got != bisect.Unknown {
		t.Errorf("before the good end is known: %q", got)
	}
}
