package conclude

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

func reasonIncomplete(module, placement string, got, want int) string {
	return fmt.Sprintf("%s was tried in %d of %d runs at %s", module, got, want, placement)
}

func reasonOutcome(module, placement string, o outcome.Outcome) string {
	return fmt.Sprintf("%s at %s: %s", module, placement, outcomeWithDetail(o))
}

func outcomeWithDetail(o outcome.Outcome) string {
	if o.Detail == "" {
		return o.String()
	}
	return o.String() + " (" + o.Detail + ")"
}

// reasonBuilt is why a goal of make is as it is where it was made.
func reasonBuilt(o outcome.Outcome) string {
	if o.Known != "" {
		return o.Known
	}
	reason := "it is made"
	switch n := len(o.Warnings); n {
	case 0:
	case 1:
		reason += ", with a warning: " + o.Warnings[0].Message
	default:
		reason += fmt.Sprintf(", with %d different warnings, the first of which is: %s", n, o.Warnings[0].Message)
	}
	if len(o.Differs) > 0 {
		reason += ", and differs from stock in " + strings.Join(o.Differs, ", ")
	}
	return reason
}

// reasonFailed is why a build failed: what the tool says, and where.
func reasonFailed(o outcome.Outcome) string {
	reason := o.Diagnostic.Message
	if o.Diagnostic.Tool != "" {
		reason = o.Diagnostic.Tool + ": " + reason
	}
	if o.Detail != "" {
		reason += " (" + o.Detail + ")"
	}
	if o.Other {
		reason = "it fails, and not as the scenario says: " + reason
	}
	return reason
}

// reasonDetail is what there is to know of a module that loaded, to be added to the
// reason; "" for nothing.
func reasonDetail(s observation) string {
	if s.outcome.Detail == "" {
		return ""
	}
	return fmt.Sprintf("; %s: %s", s.module, s.outcome.Detail)
}

// reasonPlaced adds to why a cell is address-dependent where it is, and how
// often.
func reasonPlaced(reason string, c result.Cell) string {
	modules := names(observe(c.Placements), func(s observation) string { return s.module })
	for _, t := range c.Thresholds {
		reason += "; "
		if len(t.Modules) < len(modules) {
			reason += strings.Join(t.Modules, ", ") + " "
		}
		reason += fmt.Sprintf("fails from mem=%s on (%s); %s", t.Mem, t.Base, booted(t))
	}
	for _, p := range c.Placements {
		for i, ch := range p.Chances {
			alike := i > 0 && sameChance(p.Chances[0], ch) && ch.Computed > 0 && ch.Computed < 1
			if ch.Computed == 0 || ch.Computed == 1 || alike {
				continue
			}
			whose := ch.Module
			if len(p.Chances) == len(modules) && !slices.ContainsFunc(p.Chances, func(o result.Chance) bool { return !sameChance(o, ch) }) {
				whose = "each module"
			}
			in := "lies in"
			if !ch.Holds {
				in = "lies outside of"
			}
			reason += fmt.Sprintf("; at %s %s loads with a computed probability of %.1f %%, "+
				"which %s the %.1f–%.1f %% that %d of %d boots show (95 %%)",
				p.Name, whose, 100*ch.Computed, in, 100*ch.Low, 100*ch.High, ch.Loaded, ch.Runs)
		}
	}
	return reason
}

func sameChance(c, d result.Chance) bool {
	return c.Computed == d.Computed && c.Loaded == d.Loaded && c.Runs == d.Runs
}

// booted is "booted 503M: loaded, 504M: relocation-overflow 11 32S".
func booted(t result.Threshold) string {
	var parts []string
	for _, p := range t.Probes {
		var seen []string
		for _, tally := range p.Tallies() {
			for _, c := range tally.Counts {
				if text := c.Outcome.String(); slices.Contains(t.Modules, tally.Module) && !slices.Contains(seen, text) {
					seen = append(seen, text)
				}
			}
		}
		parts = append(parts, p.Mem+": "+strings.Join(seen, " and "))
	}
	switch {
	case len(parts) == 0:
		return "computed only, no such mem= can be booted"
	case !t.Holds:
		return "but booted " + strings.Join(parts, ", ")
	}
	return "booted " + strings.Join(parts, ", ")
}

// rates is "loaded in 3 of 20 (15 %, 5–36 %), relocation-overflow 11 32S in 17 of 20 (85 %, 64–95 %); intervals at 95 %".
func rates(module string, p result.Placement) string {
	confidence := cmp.Or(p.Confidence, result.UsualConfidence)
	var parts []string
	for _, r := range p.Rates(confidence) {
		if r.Module == module {
			parts = append(parts, r.Outcome+" in "+r.String())
		}
	}
	return fmt.Sprintf("%s; intervals at %d %%", strings.Join(parts, ", "), confidence)
}

// shares is "3/20 loaded, 17/20 relocation-overflow 11 32S".
func shares(t result.Tally) string {
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
	passed := false // steps are many: it is the others that are looked for
	for _, s := range seen {
		text := s.outcome.String()
		if s.outcome.Kind == outcome.Passed {
			passed = true
			continue
		}
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
	switch {
	case len(order) == 0:
		return string(outcome.Passed) + " everywhere"
	case len(order) == 1 && !passed:
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
	if passed {
		parts = append(parts, "all others passed")
	}
	return strings.Join(parts, "; ")
}
