package conclude

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// part is a piece of a run that everybody sees alike: a cell that loads, at a random address in a range.
func part(id string, span int64) Part {
	r := &result.Results{Schema: result.Schema, Scenario: result.Scenario{Digest: "s"}, Question: &result.Question{Digest: "q"},
		Tree: result.Tree{Name: "t", Digest: "1"}, Toolchain: result.Toolchain{Name: "c", Digest: "2", Identity: map[string]string{"rustc": "1.85.1"}},
		Config: result.Config{Digest: "3"}, Kernel: &result.Kernel{Steps: 9}, Notes: []string{"frozen"}}
	loaded := outcome.Outcome{Kind: outcome.Loaded}
	r.Cells = []result.Cell{{ID: id, Verdict: result.Loads, AsExpected: true, Placements: []result.Placement{{Name: "high", ASLR: true,
		Runs:    []result.Run{{Modules: []result.Module{{Name: "m", Outcome: loaded}}}},
		Chances: []result.Chance{{Module: "m", Range: span}}}}}}
	return Part{Name: id, Results: r, Seen: 1, Wide: [][]result.Chance{{{Module: "m", Range: 1 << 30, Computed: 0.5}}}}
}

// The parts of a run come to what it would have been in one piece.
func TestTogether(t *testing.T) {
	a, b, c := part("a", 32<<20), part("b", 1<<30), part("other", 32<<20)
	c.Group = 1
	known := Part{Name: "control two", Results: part("", 0).Results, Seen: 1, Group: 1}
	known.Results.Cells, known.Results.Controls = nil, []result.Control{{Name: "two", Holds: true}}
	a.Results.Controls = []result.Control{{Name: "three", Holds: true}}
	b.Results.Controls = []result.Control{{Name: "one", Holds: true}}
	a.Results.Notes = append(a.Results.Notes, "y", "z")
	b.Results.Notes = append(b.Results.Notes, "x", "z")
	got, err := Together([]Part{a, b, c, known}, []string{"one", "two", "three"})
	if err != nil {
		t.Fatal(err)
	}
	var ids, controls []string
	var spans []int64
	for _, c := range got.Cells {
		ids, spans = append(ids, c.ID), append(spans, c.Placements[0].Chances[0].Range)
	}
	for _, c := range got.Controls {
		controls = append(controls, c.Name)
	}
	if d := cmp.Diff([]any{"a b other", []int64{1 << 30, 1 << 30, 32 << 20}, "one two three", "frozen x y z", 3, 0},
		[]any{strings.Join(ids, " "), spans, strings.Join(controls, " "), strings.Join(got.Notes, " "), got.Totals.Cells, got.Exit}); d != "" {
		t.Error(d)
	}
	if was := a.Results.Cells[0].Placements[0].Chances[0].Range; was != 32<<20 || len(a.Results.Notes) != 3 {
		t.Error("a part was written to")
	}

	known.Results.Controls[0] = result.Control{Name: "two", Cell: "other:low", Want: "loaded", Got: "oops"}
	if got, err = Together([]Part{a, b, c, known}, nil); err != nil || got.Exit != result.ExitInfra || !strings.HasPrefix(got.Infra, "control two: other:low gave oops") {
		t.Errorf("%v, %+v", err, got)
	}
	b.Fault = "no space left"
	if got, err = Together([]Part{a, b, c, known}, nil); err != nil || got.Infra != "no space left" {
		t.Errorf("%v, %+v", err, got)
	}
}

// Parts that cannot be of one run are none.
func TestTogetherContradicts(t *testing.T) {
	for want, change := range map[string]func(*result.Results){
		"":                     func(r *result.Results) { r.Kernel.Steps, r.Kernel.From = 3, "another" },
		"the scenario is s":    func(r *result.Results) { r.Scenario.Digest = "S" },
		"the question is q":    func(r *result.Results) { r.Question.Digest = "Q" },
		"the tree is t  1 []":  func(r *result.Results) { r.Tree.Digest = "x" },
		"the toolchain is c ":  func(r *result.Results) { r.Toolchain.Digest = "x" },
		"rustc:1.85.1":         func(r *result.Results) { r.Toolchain.Identity["rustc"] = "1.86.0" },
		"the configuration is": func(r *result.Results) { r.Config.Digest = "x" },
		"the kernel is built for the one and broken": func(r *result.Results) { r.Kernel, r.Config.Digest = nil, "" },
	} {
		a, b := part("a", 0), part("b", 0)
		change(b.Results)
		_, err := Together([]Part{a, b}, nil)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "a and b do not belong together: ")) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// Builds of which nothing is booted have a configuration each, where their groups are others.
func TestTogetherOfGoals(t *testing.T) {
	parts := []Part{part("a", 0), part("b", 0), part("c", 0)}
	for i := range parts {
		parts[i].Results.Cells[0].Build.Goal = "prepare"
	}
	parts[1].Results.Config.Digest, parts[1].Group = "another", 1
	got, err := Together(parts, nil)
	if err != nil || got.Config.Digest != "3" || len(got.Cells) != 3 {
		t.Errorf("%v, %+v", err, got)
	}
	parts[2].Results.Config.Digest = "another"
	if _, err := Together(parts, nil); err == nil || !strings.Contains(err.Error(), "a and c do not belong together: the configuration is 3") {
		t.Errorf("two configurations of one group: %v", err)
	}
}
