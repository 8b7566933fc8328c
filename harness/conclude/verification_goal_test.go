package conclude

import (
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// TestVerificationOfBuilds holds that only the failure that is described counts as the bug, and only its end as a fix.
func TestVerificationOfBuilds(t *testing.T) {
	failed := func(message string) outcome.Outcome {
		return outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error: " + message,
			Diagnostic: &outcome.Diagnostic{Tool: "rustc", Step: "rust/core.o", Message: message}}
	}
	bug, other := failed("custom targets"), failed("no such option")
	bug.Known, other.Other = "it", true
	made := outcome.Outcome{Kind: outcome.Built}
	warned := outcome.Outcome{Kind: outcome.Built, Known: "it", Warnings: []outcome.Diagnostic{{Message: "unused"}}}
	dropped := outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: "CONFIG_RUST"}
	side := func(list []outcome.Outcome) *result.Results {
		r := &result.Results{Toolchain: result.Toolchain{Name: "sid"}}
		for i := range list {
			r.Cells = append(r.Cells, result.Cell{ID: "stock", Build: result.Build{Goal: "rust/core.o", Outcome: &list[i]}})
		}
		return r
	}
	type list = []outcome.Outcome
	for name, tt := range map[string]struct {
		before, after list
		want          result.Conclusion
	}{
		"fixed":           {list{bug}, list{made}, result.Fixed},
		"as it was":       {list{bug}, list{bug}, result.NotFixed},
		"another error":   {list{bug}, list{other}, result.PatchBroken},
		"another before":  {list{other}, list{made}, result.NotReproduced},
		"built before":    {list{made}, list{made}, result.NotReproduced},
		"broken by it":    {list{made}, list{other}, result.Regressed},
		"shown by it":     {list{made}, list{bug}, result.Regressed},
		"one is left":     {list{bug, bug}, list{made, bug}, result.NotFixed},
		"one was built":   {list{bug, made}, list{made, made}, result.Fixed},
		"a warning":       {list{warned}, list{made}, result.Fixed},
		"a warning stays": {list{warned}, list{warned}, result.NotFixed},
		"dropped":         {list{bug}, list{dropped}, result.NoConclusion},
	} {
		got, reason := Verification([]result.Pair{{Before: side(tt.before), After: side(tt.after)}})
		if got != tt.want || reason == "" {
			t.Errorf("%s: %s (%s), want %s", name, got, reason, tt.want)
		}
	}
	void := side(list{bug})
	void.Infra = "a control does not hold"
	if got, _ := Verification([]result.Pair{{Before: void, After: side(list{made})}}); got != result.NoConclusion {
		t.Errorf("of a void run: %s", got)
	}
}
