package result

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
)

// placements are from the shorthand of the tables: "low: a=ok b=ovf11 | …; high: …".
func placements(text string) (list []Placement) {
	for part := range strings.SplitSeq(text, "; ") {
		name, runs, _ := strings.Cut(part, ": ")
		p := Placement{Name: name}
		for run := range strings.SplitSeq(runs, " | ") {
			var r Run
			for module := range strings.FieldsSeq(run) {
				name, seen, _ := strings.Cut(module, "=")
				r.Modules = append(r.Modules, Module{Name: name, Outcome: shorthand[seen]})
			}
			p.Runs = append(p.Runs, r)
		}
		list = append(list, p)
	}
	return list
}

var shorthand = map[string]outcome.Outcome{
	"ok":    {Kind: outcome.Loaded},
	"unk9":  {Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(9)},
	"ovf10": {Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(10)},
	"ovf11": {Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11)},
}

func TestTallies(t *testing.T) {
	no := false
	p := placements("low: a=ok b=unk9 | a=ovf11 | a=ok b=unk9")[0]
	p.Runs[1].Modules[0].Agrees = &no
	got := p.Tallies()
	want := []Tally{
		{Module: "a", Runs: 3, Counts: []Count{{Outcome: shorthand["ok"], N: 2}, {Outcome: shorthand["ovf11"], N: 1}}, Disagree: 1},
		{Module: "b", Runs: 3, Counts: []Count{{Outcome: shorthand["unk9"], N: 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Tallies (-want +got):\n%s", diff)
	}
	if got[0].Stable() || got[1].Stable() || !placements("low: a=ok | a=ok")[0].Tallies()[0].Stable() {
		t.Error("Stable must hold only where every run showed the same")
	}
}

func TestSameSeen(t *testing.T) {
	cell := func(verdict Verdict, runs string) Cell {
		return Cell{Verdict: verdict, Placements: placements(runs)}
	}
	unbuilt := func(kind outcome.Kind) Cell {
		return Cell{Verdict: Unknown, Build: Build{Outcome: &outcome.Outcome{Kind: kind}}}
	}
	for _, tt := range []struct {
		name string
		a, b Cell
		want bool
	}{
		{"alike", cell(AddressDependent, "low: a=ok b=ovf11"), cell(AddressDependent, "low: a=ok b=ovf11"), true},
		{"how often does not count", cell(AddressDependent, "low+aslr: a=ok | a=ovf11 | a=ok"), cell(AddressDependent, "low+aslr: a=ovf11 | a=ok"), true},
		{"one outcome more", cell(AddressDependent, "low+aslr: a=ok | a=ovf11"), cell(Loads, "low+aslr: a=ok | a=ok"), false},
		{"another type", cell(Rejected, "low: a=ovf10"), cell(Rejected, "low: a=ovf11"), false},
		{"another module", cell(Loads, "low: a=ok"), cell(Loads, "low: b=ok"), false},
		{"one module more", cell(Loads, "low: a=ok"), cell(Loads, "low: a=ok b=ok"), false},
		{"another placement", cell(Loads, "low: a=ok"), cell(Loads, "high: a=ok"), false},
		{"one placement more", cell(Loads, "low: a=ok"), cell(Loads, "low: a=ok; high: a=ok"), false},
		{"does not build", cell(Loads, "low: a=ok"), unbuilt(outcome.BuildFailed), false},
		{"both do not build", unbuilt(outcome.BuildFailed), unbuilt(outcome.BuildFailed), true},
		{"for other reasons", unbuilt(outcome.BuildFailed), unbuilt(outcome.ConfigDropped), false},
	} {
		if got := tt.a.SameSeen(tt.b); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
		if tt.a.SameSeen(tt.b) != tt.b.SameSeen(tt.a) {
			t.Errorf("%s: the other way round it is not so", tt.name)
		}
	}
}

func TestBefore(t *testing.T) {
	s := &Sweep{}
	for _, name := range []string{"t1:a", "t1:b", "t1:c", "t2:a", "t2:b", "t2:c"} {
		c := SweepColumn{Results: &Results{}}
		c.Tree, c.Toolchain, _ = strings.Cut(name, ":")
		s.Columns = append(s.Columns, c)
	}
	befores := func() (list []int) {
		for i := range s.Columns {
			list = append(list, s.Before(i))
		}
		return list
	}
	if got, want := befores(), []int{-1, 0, 1, -1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s.Columns[1].Results, s.Columns[1].Refused = nil, &Refusal{}
	s.Columns[3].Results, s.Columns[3].Infra = nil, "down"
	if got, want := befores(), []int{-1, 0, 0, -1, -1, 4}; !slices.Equal(got, want) {
		t.Errorf("what proves nothing is passed over: %v, want %v", got, want)
	}
	s.Columns = []SweepColumn{s.Columns[0], s.Columns[3], {Tree: "t3", Toolchain: "a", Results: &Results{}}}
	if got, want := befores(), []int{-1, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("trees with one toolchain: %v, want %v", got, want)
	}
}
