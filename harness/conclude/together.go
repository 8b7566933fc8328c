package conclude

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"umlab/harness/result"
)

// Part is what one piece of a run came to, see plan.Piece.
type Part struct {
	Name    string          // of the piece, with who did it: "stock of HOST"
	Results *result.Results // of its cell, or its control, alone; see Cells
	Seen    int             // of its notes, those that all pieces have
	Fault   string          // why it proves nothing, as far as the machine said so
	Group   int             // pieces of one group are forks of one build
	// Wide are the chances at each placement of the cell over the widest range of random addresses; Results has those over
	// the range that its own boots show.
	Wide [][]result.Chance
}

// Together is what the parts of a run come to as one, its cells in their order and its controls in that of names: as if it had been run
// in one piece. The error says which of them contradict each other.
func Together(parts []Part, names []string) (*result.Results, error) {
	r := *parts[0].Results
	r.Cells, r.Controls, r.Infra = []result.Cell{}, nil, ""
	var told []string
	for _, p := range parts {
		if err := contradicts(parts[0], p); err != nil {
			return nil, err
		}
		one := p.Results
		if r.Config.Digest == "" {
			r.Config, r.Kernel = one.Config, one.Kernel
		}
		r.Infra = cmp.Or(r.Infra, p.Fault)
		r.Controls = append(r.Controls, one.Controls...)
		told = append(told, one.Notes[p.Seen:]...)
	}
	slices.SortStableFunc(r.Controls, func(a, b result.Control) int {
		return cmp.Compare(slices.Index(names, a.Name), slices.Index(names, b.Name))
	})
	slices.Sort(told)
	seen := parts[0].Seen
	r.Notes = append(r.Notes[:seen:seen], slices.Compact(told)...)
	ranges := map[int]int64{} // of random addresses, by group
	for _, p := range parts {
		for _, c := range p.Results.Cells {
			ranges[p.Group] = max(ranges[p.Group], rangeOf(c))
		}
	}
	for _, p := range parts {
		for _, c := range p.Results.Cells {
			if rangeOf(c) < ranges[p.Group] {
				c.Placements = slices.Clone(c.Placements)
				for i := range c.Placements {
					if i < len(p.Wide) {
						c.Placements[i].Chances = p.Wide[i]
					}
				}
			}
			r.Cells = append(r.Cells, c)
		}
	}
	Whole(&r)
	return &r, nil
}

// rangeOf is the range of random addresses that the chances of a cell are over; 0 where it has none.
func rangeOf(c result.Cell) (most int64) {
	for _, p := range c.Placements {
		for _, chance := range p.Chances {
			most = max(most, chance.Range)
		}
	}
	return most
}

// contradicts says in what two parts of one run differ where they cannot.
func contradicts(a, b Part) error {
	say := func(what, x, y string) error {
		return fmt.Errorf("%s and %s do not belong together: %s is %s for the one and %s for the other", a.Name, b.Name, what, x, y)
	}
	for _, f := range []struct{ what, a, b string }{
		{"the scenario", a.Results.Scenario.Digest, b.Results.Scenario.Digest},
		{"the question", question(a.Results), question(b.Results)},
		{"the tree", tree(a.Results), tree(b.Results)},
		{"the toolchain", toolchain(a.Results), toolchain(b.Results)},
	} {
		if f.a != f.b {
			return say(f.what, f.a, f.b)
		}
	}
	if !maps.Equal(a.Results.Toolchain.Identity, b.Results.Toolchain.Identity) {
		return say("the toolchain", fmt.Sprint(a.Results.Toolchain.Identity), fmt.Sprint(b.Results.Toolchain.Identity))
	}
	// A part of a build alone may come to no configuration, and in another group it comes to another.
	goal := func(r *result.Results) bool { return len(r.Cells) > 0 && r.Cells[0].Goal() }
	goals := goal(a.Results) || goal(b.Results)
	if x, y := a.Results.Config.Digest, b.Results.Config.Digest; x != y && x != "" && y != "" && (!goals || a.Group == b.Group) {
		return say("the configuration", x, y)
	}
	booted := func(r *result.Results) bool { return len(r.Cells) > 0 && !goals }
	if x, y := a.Results.Kernel, b.Results.Kernel; (x == nil) != (y == nil) && booted(a.Results) && booted(b.Results) {
		return say("the kernel", state(x), state(y))
	}
	return nil
}

func state(k *result.Kernel) string {
	if k == nil {
		return "broken"
	}
	return "built"
}

func question(r *result.Results) string {
	if r.Question == nil {
		return ""
	}
	return r.Question.Digest
}

func tree(r *result.Results) string {
	return fmt.Sprintf("%s %s %s %v", r.Tree.Name, r.Tree.Version, r.Tree.Digest, r.Tree.Patches)
}

func toolchain(r *result.Results) string {
	return fmt.Sprintf("%s %s %s", r.Toolchain.Name, r.Toolchain.Compiler, r.Toolchain.Digest)
}
