package predicate

import (
	"strings"
	"testing"

	"umlab/harness/bisect"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

func steps(all ...result.Step) *result.Results {
	return &result.Results{Cells: []result.Cell{{ID: "stock", Build: result.Build{Signature: map[string]string{"linux": "1", "m": "2"}},
		Placements: []result.Placement{{Name: "low", Runs: []result.Run{{Steps: all}}}}}}}
}

// Steps and tests are targets as modules are, and their outcomes conditions.
func TestSteps(t *testing.T) {
	show := func(name, test string, o outcome.Outcome) result.Step {
		return result.Step{Name: name, Test: test, Outcome: &o}
	}
	passed, failed := outcome.Outcome{Kind: outcome.Passed}, outcome.Outcome{Kind: outcome.Failed, Status: 139}
	good := steps(show("a", "", passed), show("k", "s/t", passed))
	for _, tt := range []struct {
		until, target string
		seen          *result.Results
		want          bisect.Verdict
	}{
		{"failed", "stock:low:a", steps(show("a", "", failed)), bisect.Bad},
		{"failed:139", "stock:low:a", steps(show("a", "", failed)), bisect.Bad},
		{"failed:1", "stock:low:a", steps(show("a", "", failed)), bisect.Skip},
		{"failed", "stock:low:a", good, bisect.Good},
		{"failed", "stock:low:s/t", steps(show("a", "", failed), show("k", "s/t", passed)), bisect.Good},
		{"failed", "stock:low:s/t", steps(show("k", "s/t", failed)), bisect.Bad},
		{"failed", "stock:low:a", steps(show("x", "", outcome.Outcome{Kind: outcome.Oops}), result.Step{Name: "a", NotRun: "after oops in x"}), bisect.Skip},
	} {
		target, err := ParseTarget(tt.target)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(tt.until)
		if err != nil || c.String() != tt.until {
			t.Fatalf("%s: %v, %v", tt.until, c, err)
		}
		g, err := Observe(good, target)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Observe(tt.seen, target)
		if err != nil {
			t.Fatal(err)
		}
		if got, why := c.verdict(g, nil, m); got != tt.want {
			t.Errorf("%s of %s: %v, %s", tt.until, tt.target, got, why)
		}
	}
	if _, err := Parse("failed:x"); err == nil || !strings.Contains(err.Error(), "exit status") {
		t.Error(err)
	}
}
