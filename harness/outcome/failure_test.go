package outcome_test

import (
	"testing"

	"umlab/harness/outcome"
)

func TestSameSource(t *testing.T) {
	oops := outcome.Outcome{Kind: outcome.Oops, Evidence: "Kernel panic - not syncing: Kernel mode fault at addr 0x0, ip 0x60123456"}
	built := func(place, message string) outcome.Outcome {
		return outcome.Outcome{Kind: outcome.BuildFailed, Evidence: place + ": error: " + message, Diagnostic: &outcome.Diagnostic{Tool: "cc", Place: place, Message: message}}
	}
	c, old := built("hello.c:3:5", "unknown type name 'x'"), outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "hello.c:3:5: error: x"}
	with := func(o outcome.Outcome, change func(*outcome.Outcome)) outcome.Outcome { change(&o); return o }
	for name, tt := range map[string]struct {
		a, b        outcome.Outcome
		same, moved bool
	}{
		"another address": {oops, with(oops, func(o *outcome.Outcome) {
			o.Evidence = "Kernel panic - not syncing: Kernel mode fault at addr 0x8, ip 0x7"
		}), true, true},
		"another fault":        {oops, with(oops, func(o *outcome.Outcome) { o.Evidence = "Kernel panic - not syncing: stack overflow" }), false, false},
		"another kind":         {oops, c, false, false},
		"another errno":        {outcome.Outcome{Kind: outcome.InitFailed, Errno: 22}, outcome.Outcome{Kind: outcome.InitFailed, Errno: 12}, false, false},
		"loaded":               {outcome.Outcome{Kind: outcome.Loaded, Evidence: "hello"}, outcome.Outcome{Kind: outcome.Loaded, Evidence: "x"}, true, true},
		"not to be removed":    {outcome.Outcome{Kind: outcome.Loaded}, outcome.Outcome{Kind: outcome.Loaded, Stays: true}, false, false},
		"another symbol":       {outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 2, Evidence: "x: Unknown symbol foo (err -2)"}, outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 2, Evidence: "x: Unknown symbol bar (err -2)"}, false, false},
		"another relocation":   {outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(9)}, outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(29)}, false, false},
		"at another line":      {c, built("hello.c:2:5", "unknown type name 'x'"), false, true},
		"with another message": {c, built("hello.c:3:5", "expected ';'"), false, false},
		"in another file":      {c, built("other.c:3:5", "unknown type name 'x'"), false, false},
		"old, at another line": {old, outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "hello.c:2:5: error: x"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pair := range [][2]outcome.Outcome{{tt.a, tt.b}, {tt.b, tt.a}} {
				if got := pair[0].SameFailure(pair[1], false); got != tt.same {
					t.Errorf("the same: %v", got)
				}
				if got := pair[0].SameFailure(pair[1], true); got != tt.moved {
					t.Errorf("the same where lines moved: %v", got)
				}
			}
			if !tt.a.SameFailure(tt.a, false) || !tt.b.SameFailure(tt.b, false) {
				t.Error("not the same as itself")
			}
		})
	}
}
