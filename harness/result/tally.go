package result

import (
	"slices"

	"umlab/harness/outcome"
)

// Tally counts what the runs of one placement showed for one module, step or test.
type Tally struct {
	Module   string
	Runs     int     // runs of the placement, also those that do not name the module
	Counts   []Count // distinct outcomes after outcome.Same, in the order first seen
	Agree    int     // runs that went as predicted
	Disagree int     // runs that did not
}

// Count is one outcome and the number of runs that showed it. Outcome is that
// of the first such run, with its evidence.
type Count struct {
	Outcome outcome.Outcome `json:"outcome"`
	N       int             `json:"n"`
	Agree   int             `json:"-"` // of the runs: those that went as predicted
}

// Stable reports whether every run of the placement showed the same.
func (t Tally) Stable() bool { return len(t.Counts) == 1 && t.Counts[0].N == t.Runs }

// Has reports whether some run showed kind k.
func (t Tally) Has(k outcome.Kind) bool {
	return slices.ContainsFunc(t.Counts, func(c Count) bool { return c.Outcome.Kind == k })
}

// Booted is how many boots the run took.
func (r Run) Booted() int { return max(1, len(r.Boots)) }

// Booted lists everything that the cell was booted at: its placements, and those
// that confirm its thresholds.
func (c Cell) Booted() []Placement {
	all := c.Placements[:len(c.Placements):len(c.Placements)]
	for _, t := range c.Thresholds {
		all = append(all, t.Probes...)
	}
	return all
}

// Tallies counts p's runs by module, step and test, in the order the modules are first named.
func (p Placement) Tallies() []Tally {
	var list []Tally
	at := map[string]int{}
	for _, run := range p.Runs {
		for _, m := range run.Items() {
			i, ok := at[m.Name]
			if !ok {
				i = len(list)
				at[m.Name] = i
				list = append(list, Tally{Module: m.Name, Runs: len(p.Runs)})
			}
			list[i].add(m)
		}
	}
	return list
}

func (t *Tally) add(m Module) {
	at := slices.IndexFunc(t.Counts, func(c Count) bool { return c.Outcome.Same(m.Outcome) })
	if at < 0 {
		at = len(t.Counts)
		t.Counts = append(t.Counts, Count{Outcome: m.Outcome})
	}
	t.Counts[at].N++
	switch {
	case m.Agrees == nil:
	case *m.Agrees:
		t.Agree++
		t.Counts[at].Agree++
	default:
		t.Disagree++
	}
}
