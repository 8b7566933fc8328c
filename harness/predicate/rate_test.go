package predicate

import (
	"strings"
	"testing"

	"umlab/harness/bisect"
)

// rated is the message of a module that loads in so many of so many runs, at a confidence in percent.
func rated(t *testing.T, loaded, runs, confidence int) Message {
	t.Helper()
	text := "low: " + strings.Repeat("a=ok | ", loaded) + strings.Repeat("a=oops | ", runs-loaded)
	r := seen(t, strings.TrimSuffix(text, " | "))
	r.Cells[0].Placements[0].Confidence = confidence
	m, err := Observe(r, Target{Cell: "stock"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Where a confidence is asked for, a candidate is as the end whose rates its own cannot be told apart from, and as neither
// where that is true of both.
func TestRates(t *testing.T) {
	good, bad := rated(t, 16, 16, 95), rated(t, 20, 60, 95)
	for _, tt := range []struct {
		loaded, runs, confidence int
		want                     bisect.Verdict
		reason                   string
	}{
		{16, 16, 95, bisect.Good, "low a: loaded"},
		{23, 24, 95, bisect.Good, "runs differ: low a: 23/24 loaded, 1/24 oops"},
		{22, 60, 95, bisect.Bad, "runs differ: low a: 22/60 loaded, 38/60 oops"},
		{0, 40, 95, bisect.Skip, "neither end's message: low a: oops"},
		{4, 6, 95, bisect.Skip, "as both ends, at a confidence of 95 %: runs differ: low a: 4/6 loaded, 2/6 oops"},
		{22, 60, 0, bisect.Skip, "runs differ: low a: 22/60 loaded, 38/60 oops"}, // nobody asked for rates
	} {
		v, reason := Condition{}.verdict(good, &bad, rated(t, tt.loaded, tt.runs, tt.confidence))
		if v != tt.want || reason != tt.reason {
			t.Errorf("%d of %d: %s, %q; want %s, %q", tt.loaded, tt.runs, v, reason, tt.want, tt.reason)
		}
	}
	if text := (Condition{}).unpinned(bad); text != "" {
		t.Errorf("an end of rates: %s", text)
	}
	// Ends that cannot be told apart are no two ends.
	near := rated(t, 24, 60, 95)
	if v, _ := (Condition{}).verdict(bad, &near, near); v != bisect.Skip {
		t.Errorf("%s", v)
	}
	if good.SameRates(bad) || !bad.SameRates(near) || !near.SameRates(bad) {
		t.Error("which rates are the same")
	}
	other := bad
	other.Places = append([]place{}, bad.Places...)
	other.Places[0].Module = "b"
	if bad.SameRates(other) || bad.SameRates(Message{Confidence: 95}) {
		t.Error("rates of another module")
	}
}
