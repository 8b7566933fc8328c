package report

import (
	"bytes"
	"testing"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// TestExplainedSteps: of each step it is told what it did, what was wanted, and what was seen.
func TestExplainedSteps(t *testing.T) {
	r := steps()
	cell := r.Cells[1]
	e := &result.Explanation{Cell: cell.ID, Tree: r.Tree, Toolchain: r.Toolchain, Config: r.Config, Placement: cell.Placements[0],
		Chosen: "the first placement at which look does not pass", Verdict: cell.Verdict, Reason: cell.Reason}
	did := map[string]result.ExplainedStep{
		"mount-it": {Did: "mount -t hostfs none /mnt", Command: "mount -t hostfs none /mnt", Wanted: []string{"exit status 0"}},
		"look":     {Did: "run ls /mnt", Command: "ls /mnt", Wanted: []string{"exit status 0", "output ^etc$"}},
		"poke":     {Did: "c poke.c 1", Command: "exec /steps/poke.bin 1", Wanted: []string{"exit status 0", "within 5s"}},
		"lists":    {Did: "kunit list*", Wanted: []string{"a result of each test that the suites planned, and none that failed"}},
	}
	for _, s := range append(cell.Placements[0].Runs[0].Steps, result.Step{Name: "last", Kind: "run", NotRun: "after oops in say"}) {
		x := did[s.Name]
		if s.Test != "" {
			x = result.ExplainedStep{}
		}
		x.Step = s
		if s.Name == "poke" {
			x.Excerpt = []result.ConsoleLine{{Number: 80, Offset: 2180, Text: "Segmentation fault"}, {Number: 81, Offset: 2210, Text: s.Outcome.Evidence, Evidence: true}}
		}
		e.Steps = append(e.Steps, x)
	}
	var b bytes.Buffer
	if err := doc.Terminal(&b, Explanation(e), doc.Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	golden(t, "explain.steps.100.txt", b.Bytes())
}
