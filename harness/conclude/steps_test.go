package conclude

import (
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// stepRuns reads "a=passed b=failed c=- | a=oops": runs are parted by |, - is not run, and m:x is a module.
func stepRuns(name, text string) result.Placement {
	p := result.Placement{Name: name}
	for run := range strings.SplitSeq(text, "|") {
		var r result.Run
		for one := range strings.FieldsSeq(run) {
			name, kind, _ := strings.Cut(one, "=")
			o := outcome.Outcome{Kind: outcome.Kind(kind)}
			switch kind {
			case "passed!":
				o.Kind, o.Detail = outcome.Passed, "The kernel warned."
			case "status":
				o.Kind, o.Status = outcome.Failed, 139
			case "lost":
				o.Kind, o.Missing = outcome.Failed, outcome.MissingTest
			case "overflow":
				o.Kind, o.Relocation = outcome.RelocationOverflow, outcome.NewRelocation(11)
			}
			if module, is := strings.CutPrefix(name, "m:"); is {
				r.Modules = append(r.Modules, result.Module{Name: module, Outcome: o})
				continue
			}
			s := result.Step{Name: name, Kind: "run", Outcome: &o}
			if suite, _, test := strings.Cut(name, "/"); test {
				s.Name, s.Kind, s.Test = suite, "kunit", name
			}
			switch kind {
			case "-":
				s.Outcome, s.NotRun = nil, "after oops in x"
			case "skipped":
				s.Outcome, s.Skipped = nil, "not here"
			}
			r.Steps = append(r.Steps, s)
		}
		p.Runs = append(p.Runs, r)
	}
	return p
}

func TestVerdictsOfSteps(t *testing.T) {
	for _, tt := range []struct {
		name, low, high string
		want            result.Verdict
		reason          string
	}{
		{"all pass", "a=passed b=passed", "a=passed b=passed", result.Passes, "passed everywhere"},
		{"with a warning", "a=passed!", "a=passed!", result.Passes, "passed everywhere; a: The kernel warned."},
		{"all fail", "a=failed b=failed", "a=failed b=failed", result.Fails, "failed everywhere"},
		{"one fails", "a=passed b=status", "a=passed b=status", result.Mixed, "failed status 139: b at low, high; all others passed"},
		{"at one place", "a=passed", "a=failed", result.Mixed, "failed: a at high; all others passed"},
		{"now and then", "a=passed | a=failed", "a=passed | a=passed", result.Flaky, "a at low: passed in 1 of 2 (50 %, 9–91 %), failed in 1 of 2 (50 %, 9–91 %); intervals at 95 %; addresses do not explain it"},
		{"an oops", "a=passed x=oops b=-", "a=passed x=passed b=passed", result.Broken, "x at low: oops"},
		{"a deadline", "a=timeout b=-", "a=passed b=passed", result.Broken, "a at low: timeout"},
		{"a deadline now and then, with tests behind it", "k=timeout | k=passed k/t=passed", "k=passed k/t=passed | k=passed k/t=passed", result.Broken, "k at low: timeout"},
		{"tests that are lost", "k=lost", "k=passed k/t=passed", result.Mixed, "failed no test: k at low; all others passed"},
		{"a test that skips itself", "k=passed k/t=skipped", "k=passed k/t=skipped", result.Passes, "passed everywhere"},
		{"a boot that fails", "a=boot-failed b=-", "a=boot-failed b=-", result.Broken, "a at low: boot-failed"},
		{"the host", "a=infra b=-", "a=passed b=passed", result.Unknown, "a at low: infra"},
		{"a step that is missing", "a=passed", "a=passed b=passed", result.Unknown, "b was tried in 0 of 1 runs at low"},
		{"nothing", "", "", result.Unknown, "a run at low tried no module and no step"},
		{"a module that a step loads, by address", "in=passed", "in=overflow", result.AddressDependent, "in loads at low, relocation-overflow 11 32S at high"},
		{"modules and steps", "m:m=loaded a=passed", "m:m=loaded a=passed", result.Loads, "m loaded, and all steps passed, at low, high"},
		{"modules load, a step fails", "m:m=loaded a=failed", "m:m=loaded a=failed", result.Mixed, ""},
		{"modules alone", "m:m=insmod-failed", "m:m=insmod-failed", result.Rejected, "insmod-failed everywhere"},
	} {
		verdict, reason := Cell(result.Cell{Placements: []result.Placement{stepRuns("low", tt.low), stepRuns("high", tt.high)}})
		if verdict != tt.want || tt.reason != "" && reason != tt.reason {
			t.Errorf("%s: %s, %q; want %s, %q", tt.name, verdict, reason, tt.want, tt.reason)
		}
	}
}

// A step that the machine has spoiled proves as little as a module.
func TestSpoiledStep(t *testing.T) {
	r := &result.Results{Cells: []result.Cell{{ID: "stock", Placements: []result.Placement{stepRuns("low", "x=passed b=infra")}}}}
	if Whole(r); r.Exit != result.ExitInfra || !strings.HasPrefix(r.Infra, "stock:low: the machine is at fault, not the kernel: b") {
		t.Errorf("exit %d, %q", r.Exit, r.Infra)
	}
}

// TestExpectedOfSteps: a step that was not run is missed, unless what kept it from being run is
// as expected.
func TestExpectedOfSteps(t *testing.T) {
	const head = "schema = \"umlab.scenario/v1\"\nname = \"x\"\ntitle = \"t\"\ntree = \"t\"\ntoolchain = \"t\"\nfragments = \"a.config\"\n" +
		"[axes]\nplacement = \"low\"\n[[step]]\nname = \"x\"\nrun = \"a\"\n[[step]]\nname = \"b\"\nrun = \"b\"\n[[step]]\nname = \"k\"\nkunit = \"*\"\n"
	for _, tt := range []struct {
		name, expect, seen, text string
		as                       bool
	}{
		{"nothing", "", "x=oops b=-", "", true},
		{"all pass", "[[expect]]\noutcome = \"passed\"\n", "x=passed b=passed k/t=skipped", "low x: passed; low b: passed", true},
		{"one fails", "[[expect]]\noutcome = \"passed\"\n", "x=passed b=failed", "low b: passed", false},
		{"an oops", "[[expect]]\noutcome = \"passed\"\n", "x=oops b=-", "low x: passed; low b, which was not run after oops in x: passed", false},
		{"an oops that is expected", "[[expect]]\noutcome = \"passed\"\n[[expect]]\nstep = \"x\"\noutcome = \"oops\"\n", "x=oops b=-", "low x: oops", true},
		{"a step behind what nothing is expected of", "[[expect]]\nstep = \"b\"\noutcome = \"passed\"\n", "x=oops b=-", "low b, which was not run after oops in x: passed", false},
		{"a test", "[[expect]]\nstep = \"k/t*\"\noutcome = \"failed\"\n", "k/t1=failed k/u=passed", "low k/t1: failed", true},
		{"a verdict", "[[expect]]\nverdict = \"passes\"\n", "x=passed b=passed", "passes", true},
	} {
		s, err := scenario.Library{Project: fstest.MapFS{"scenarios/x.toml": {Data: []byte(head + tt.expect)}, "configs/a.config": {Data: []byte("CONFIG_A=y\n")}}}.Load("x")
		if err != nil {
			t.Fatal(err)
		}
		plan, err := s.Select(scenario.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		cell := result.Cell{ID: "stock", Placements: []result.Placement{stepRuns("low", tt.seen)}}
		cell.Verdict, _ = Cell(cell)
		if text, as := expected(s, scenario.On{Kernel: "6.12"}, plan.Cells[0], cell); text != tt.text || as != tt.as {
			t.Errorf("%s: %q, %v; want %q, %v", tt.name, text, as, tt.text, tt.as)
		}
	}
}
