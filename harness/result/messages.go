package result

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
)

// Every sentence that a verdict's reason can be stands in this file.

const reasonNoRun = "no run: nothing was proved"

func reasonPlacementNotRun(placement string) string {
	return fmt.Sprintf("no run at %s: nothing was proved there", placement)
}

func reasonIncomplete(module, placement string, got, want int) string {
	return fmt.Sprintf("%s was tried in %d of %d runs at %s", module, got, want, placement)
}

func reasonNoModule(placement string) string {
	return fmt.Sprintf("a run at %s tried no module", placement)
}

func reasonForeignKind(module, placement string, k outcome.Kind) string {
	return fmt.Sprintf("%s at %s: %q is no outcome", module, placement, string(k))
}

func reasonOutcome(module, placement string, o outcome.Outcome) string {
	return fmt.Sprintf("%s at %s: %s", module, placement, outcomeWithDetail(o))
}

func reasonBuild(o outcome.Outcome) string { return outcomeWithDetail(o) }

func outcomeWithDetail(o outcome.Outcome) string {
	if o.Detail == "" {
		return o.String()
	}
	return o.String() + " (" + o.Detail + ")"
}

func reasonRunsDiffer(t Tally, placement string) string {
	return fmt.Sprintf("%s at %s: %s, though addresses do not explain it", t.Module, placement, t.text())
}

func reasonRandom(t Tally, placement string) string {
	return fmt.Sprintf("%s at %s: %s with random addresses", t.Module, placement, t.text())
}

func reasonAddress(module, loads, fails string, o outcome.Outcome) string {
	return fmt.Sprintf("%s loads at %s, %s at %s", module, loads, o, fails)
}

func reasonLoads(modules, placements []string) string {
	return fmt.Sprintf("%s loaded at %s", strings.Join(modules, ", "), strings.Join(placements, ", "))
}

// text is "3/20 loaded, 17/20 relocation-overflow 11 32S".
func (t Tally) text() string {
	var parts []string
	for _, c := range t.Counts {
		parts = append(parts, fmt.Sprintf("%d/%d %s", c.N, t.Runs, c.Outcome))
	}
	return strings.Join(parts, ", ")
}

// reasonEach says where each outcome was seen: "loaded: rust_minimal at low,
// high; relocation-unknown 9 GOTPCREL: rust_print at low". Where one outcome is
// all there is, its name alone is the reason.
func reasonEach(seen []observation) string {
	type place struct{ module, placements string }
	var order []string
	places := map[string][]place{}
	for _, s := range seen {
		text := s.outcome.String()
		if !slices.Contains(order, text) {
			order = append(order, text)
		}
		list := places[text]
		at := slices.IndexFunc(list, func(p place) bool { return p.module == s.module })
		switch {
		case at < 0:
			places[text] = append(list, place{s.module, s.placement})
		case !slices.Contains(strings.Split(list[at].placements, ", "), s.placement):
			list[at].placements += ", " + s.placement
		}
	}
	if len(order) == 1 {
		return order[0] + " everywhere"
	}
	var parts []string
	for _, text := range order {
		var where []string
		for _, p := range places[text] {
			where = append(where, p.module+" at "+p.placements)
		}
		parts = append(parts, text+": "+strings.Join(where, ", "))
	}
	return strings.Join(parts, "; ")
}
