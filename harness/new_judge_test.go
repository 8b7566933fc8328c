package harness

import (
	"regexp"
	"strings"
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/propose"
	"umlab/harness/result"
)

// TestJudged holds the sentence that a run of a proposed scenario ends with.
func TestJudged(t *testing.T) {
	unknown := outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(9)}
	overflow := outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11)}
	loaded := outcome.Outcome{Kind: outcome.Loaded}
	failed := outcome.Outcome{Kind: outcome.InitFailed, Errno: 22}
	module := func(cell string, o outcome.Outcome) result.Cell {
		return result.Cell{ID: cell, Verdict: "rejected", Placements: []result.Placement{{Name: "low",
			Runs: []result.Run{{Modules: []result.Module{{Name: "m", Outcome: o}}}}}}}
	}
	built := func(o outcome.Outcome) result.Cell { return result.Cell{ID: "stock", Build: result.Build{Outcome: &o}} }
	claim := func(o outcome.Outcome, kinds ...outcome.Kind) *propose.Scenario {
		return &propose.Scenario{Claims: []propose.Claim{{Module: "m", Outcome: o, Kinds: kinds}}}
	}
	said := &propose.Scenario{Claims: []propose.Claim{{Outcome: outcome.Outcome{Kind: outcome.BuildFailed}, Said: regexp.MustCompile("^bad"), Line: "bad"}}}
	for _, tt := range []struct {
		name     string
		s        *propose.Scenario
		r        result.Results
		sentence string
		code     int
	}{
		{"shown", claim(unknown), result.Results{Cells: []result.Cell{module("stock", unknown)}},
			"The scenario shows what the report says: m unknown 9 GOTPCREL.", 0},
		{"another type", claim(overflow), result.Results{Cells: []result.Cell{module("stock", unknown)}},
			"The scenario shows unknown 9 GOTPCREL at stock:low instead of m overflow 11 32S.", 1},
		{"in another cell", claim(overflow), result.Results{Cells: []result.Cell{module("stock", unknown), module("static@module", overflow)}},
			"The scenario shows unknown 9 GOTPCREL at stock:low instead of m overflow 11 32S; static@module:low shows what the report says.", 1},
		{"loaded", claim(unknown), result.Results{Cells: []result.Cell{module("stock", loaded)}},
			"The scenario shows loaded at stock:low instead of m unknown 9 GOTPCREL.", 1},
		{"either kind", claim(outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 22}, outcome.InsmodFailed, outcome.InitFailed),
			result.Results{Cells: []result.Cell{module("stock", failed)}}, "The scenario shows what the report says: m init-failed 22 EINVAL.", 0},
		{"not seen", claim(unknown), result.Results{Cells: []result.Cell{module("stock", outcome.Outcome{})}},
			"The scenario proves nothing, because m was not seen to its end in stock.", 1},
		{"nothing claimed", &propose.Scenario{}, result.Results{Cells: []result.Cell{module("stock", unknown)}},
			"The scenario proves nothing, because the report does not say what goes wrong; here stock is rejected.", 1},
		{"not there", &propose.Scenario{Own: []string{"acme"}}, result.Results{Cells: []result.Cell{module("stock", unknown)}},
			"The scenario proves nothing, because acme of the report is not there to be tried.", 1},
		{"a control that fails", claim(unknown), result.Results{Cells: []result.Cell{module("stock", unknown)},
			Controls: []result.Control{{Name: "known-load", Want: "loaded", Got: "oops"}}},
			"The scenario proves nothing, because control known-load, which is known to be loaded, is oops.", 3},
		{"the machine", claim(unknown), result.Results{Infra: "no space"}, "The scenario proves nothing, because no space.", 3},
		{"a build", said, result.Results{Cells: []result.Cell{built(outcome.Outcome{Kind: outcome.BuildFailed,
			Diagnostic: &outcome.Diagnostic{Message: "bad thing"}})}}, `The scenario shows what the report says: the build build-failed "bad".`, 0},
		{"another error", said, result.Results{Cells: []result.Cell{built(outcome.Outcome{Kind: outcome.BuildFailed,
			Diagnostic: &outcome.Diagnostic{Message: "worse"}})}}, `The scenario shows build-failed "worse" at stock instead of the build build-failed "bad".`, 1},
		{"built", said, result.Results{Cells: []result.Cell{built(outcome.Outcome{Kind: outcome.Built})}},
			`The scenario shows built at stock instead of the build build-failed "bad".`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := judged(tt.s, &tt.r); got.sentence != tt.sentence || got.code != tt.code {
				t.Errorf("%d: %s\nwant %d: %s", got.code, got.sentence, tt.code, tt.sentence)
			}
			if next := judged(tt.s, &tt.r).next("umlab", "x.toml", tt.s); !strings.HasPrefix(next, "Next: ") {
				t.Errorf("next is %q", next)
			}
		})
	}
}
