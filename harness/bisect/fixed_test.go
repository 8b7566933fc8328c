package bisect

import (
	"context"
	"strings"
	"testing"
)

// TestFixed holds that where the first good candidate is looked for, every word that a person reads is turned.
func TestFixed(t *testing.T) {
	var told []string
	probe := func(_ context.Context, p Point) (Answer, error) {
		v := Good
		if p.Name >= "c" {
			v = Bad
		}
		return Answer{Verdict: v, Reason: "seen"}, nil
	}
	search := func(names ...string) (*Found, error) {
		told = nil
		s := &Search{Chooser: &List{Names: names}, Probe: probe, Fixed: true, On: func(e Event) { told = append(told, Trace(e)) }}
		return s.Run(context.Background())
	}
	found, err := search("a", "b", "c", "d")
	if err != nil || found.Good != "b" || found.Bad != "c" {
		t.Fatalf("%+v, %v", found, err)
	}
	text := strings.Join(told, "\n")
	for _, want := range []string{"from a (bad) to d (good)", "a (bad end): bad: seen", "d (good end): good: seen", "(last bad, again)",
		"(first good, again)", "c is the first good one; b, just before it, is bad"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
	if _, err := search("a", "b"); err == nil || err.Error() != "b was given as the good end, but it is bad: seen" {
		t.Errorf("%v", err)
	}
}
