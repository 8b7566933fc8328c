package history

import (
	"cmp"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// sightsOf is what a cell showed, without what differs from boot to boot, in an
// order that does not depend on the result.
func sightsOf(c result.Cell) []result.Sight {
	if o := c.Build.Outcome; o != nil && o.Kind != outcome.Loaded {
		return []result.Sight{{Outcomes: []result.SeenOutcome{seen(*o)}}}
	}
	list := []result.Sight{}
	for _, p := range c.Placements {
		for _, t := range p.Tallies() {
			s := result.Sight{Placement: p.Name, Mem: p.Mem, ASLR: p.ASLR, Module: t.Module, Random: random(p, t.Module)}
			for _, n := range t.Counts {
				if o := seen(n.Outcome); !slices.ContainsFunc(s.Outcomes, func(x result.SeenOutcome) bool { return x.Text == o.Text }) {
					s.Outcomes = append(s.Outcomes, o)
				}
			}
			slices.SortFunc(s.Outcomes, func(a, b result.SeenOutcome) int { return cmp.Compare(a.Text, b.Text) })
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b result.Sight) int {
		return cmp.Or(cmp.Compare(a.Placement, b.Placement), cmp.Compare(a.Mem, b.Mem), cmp.Compare(a.Module, b.Module))
	})
	return list
}

func seen(o outcome.Outcome) result.SeenOutcome {
	return result.SeenOutcome{Text: o.String(), Evidence: cmp.Or(o.Evidence, o.Detail)}
}

// random reports whether the address that the module happened to get may decide
// its outcome: addresses are random, and no probability of 0 or 1 was computed.
func random(p result.Placement, module string) bool {
	if !p.ASLR {
		return false
	}
	i := slices.IndexFunc(p.Chances, func(c result.Chance) bool { return c.Module == module })
	return i < 0 || p.Chances[i].Computed > 0 && p.Chances[i].Computed < 1
}

// message is sights in one line.
func message(sights []result.Sight) string {
	var parts []string
	for _, s := range sights {
		var texts []string
		for _, o := range s.Outcomes {
			texts = append(texts, o.Text)
		}
		where := strings.TrimSpace(s.Placement + " " + s.Module)
		if where != "" {
			where += ": "
		}
		parts = append(parts, where+strings.Join(texts, ", "))
	}
	return strings.Join(parts, "; ")
}

// spot is what sights are compared by: the same module at the same boot
// parameters.
type spot struct {
	placement, mem, module string
	aslr                   bool
}

func spotOf(s result.Sight) spot { return spot{s.Placement, s.Mem, s.Module, s.ASLR} }

// unbuilt reports whether sights are of a cell without a binary.
func unbuilt(sights []result.Sight) bool {
	return len(sights) == 1 && sights[0].Placement == "" && sights[0].Module == ""
}

// same reports whether two sights of one spot are the same event. Where the
// address decides, loaded and an overflow are one event: which of the two a boot
// shows is chance.
func same(a, b result.Sight) bool {
	chance := a.Random || b.Random
	return slices.Equal(texts(a, chance), texts(b, chance))
}

func texts(s result.Sight, chance bool) []string {
	var list []string
	for _, o := range s.Outcomes {
		text := o.Text
		if chance && (text == string(outcome.Loaded) || strings.HasPrefix(text, string(outcome.RelocationOverflow))) {
			text = string(outcome.Loaded)
		}
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return list
}
