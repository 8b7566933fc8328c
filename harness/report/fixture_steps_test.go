package report

import (
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// steps is a run of a scenario whose guests take steps: all that a step can show, and
// what stands where it was not taken.
func steps() *result.Results {
	r := matrix()
	r.Scenario = result.Scenario{Name: "hostfs-ignored", Title: "mount -t hostfs ignores where it is mounted", Digest: "sha256:5f0c2b"}
	r.Command, r.Cells, r.Controls, r.Notes, r.Seconds = "go tool mage matrix -scenario=hostfs-ignored", nil, nil, nil, 3.1
	show := func(name string, kind string, o outcome.Outcome) result.Step {
		o.Offset = 2210
		return result.Step{Name: name, Kind: kind, Outcome: &o}
	}
	passed := outcome.Outcome{Kind: outcome.Passed, Evidence: "umlab[1.0f1e2d3c4b5a6978]: end step x status=0"}
	test := func(name string, o outcome.Outcome) result.Step {
		s := show("lists", "kunit", o)
		s.Test = "list-kunit-test/" + name
		return s
	}
	good := []result.Step{show("mount-it", "mount", passed), show("look", "run", passed), show("poke", "c", passed), show("say", "run", passed), show("lists", "kunit", passed),
		test("list_test_list_init", passed), test("list_test_list_add", passed),
		{Name: "lists", Kind: "kunit", Test: "list-kunit-test/list_test_slow", Skipped: "not with this configuration"}}
	status := outcome.Outcome{Kind: outcome.Failed, Status: 139, Evidence: "umlab[2.0f1e2d3c4b5a6978]: end step poke status=139",
		Detail: `Exit status 139 (signal 11, SIGSEGV) where 0 was wanted. The last line that it printed: "Segmentation fault".`}
	output := outcome.Outcome{Kind: outcome.Failed, Missing: outcome.MissingOutput, Evidence: "umlab[1.0f1e2d3c4b5a6978]: end step look status=0",
		Detail: `Nothing that it printed matches ^etc$. It printed nothing.`}
	kernel := outcome.Outcome{Kind: outcome.Failed, Missing: outcome.MissingKernel, Evidence: "umlab[3.0f1e2d3c4b5a6978]: end step say status=0",
		Detail: `"hostfs: mounted" matches ^hostfs, but a process of the guest printed it, and not its kernel.`}
	notOK := outcome.Outcome{Kind: outcome.Failed, Evidence: "    not ok 2 list_test_list_add",
		Detail: "# list_test_list_add: EXPECTATION FAILED at lib/list-test.c:42 Expected list.next == &b, but"}
	hang := outcome.Outcome{Kind: outcome.Timeout, Stage: "step look", Evidence: "umlab[4.0f1e2d3c4b5a6978]: begin step look",
		Detail: "The step began and did not end: the deadline passed."}
	failed := notOK
	failed.Detail = "1 of 2 tests failed. " + notOK.Detail
	bad := []result.Step{show("mount-it", "mount", passed), show("look", "run", output), show("poke", "c", status), show("say", "run", kernel),
		show("lists", "kunit", failed), test("list_test_list_init", passed), test("list_test_list_add", notOK), good[len(good)-1]}
	add := func(id, expected string, asExpected bool, low, high []result.Step) {
		place := func(name, mem string, steps []result.Step) result.Placement {
			run := boot(mem, loaded)
			run.Modules, run.Steps = nil, steps
			return result.Placement{Name: name, Mem: mem, Runs: []result.Run{run}}
		}
		r.Cells = append(r.Cells, result.Cell{ID: id, Expected: expected, AsExpected: asExpected,
			Placements: []result.Placement{place("low", "64M", low), place("high", "1G", high)}})
	}
	add("stock", "passes", true, good, good)
	add("pie@module", "passes", false, bad, good)
	add("static@module", "low mount-it: failed", true, []result.Step{show("look", "run", output)}, []result.Step{show("look", "run", output)})
	add("pic@module", "", true, good, append([]result.Step{show("mount-it", "mount", passed), show("look", "run", hang),
		{Name: "poke", Kind: "c", NotRun: "after timeout in look"}, {Name: "say", Kind: "run", NotRun: "after timeout in look"}}, good[4:]...))
	judge(r)
	r.Exit = 1
	return r
}
