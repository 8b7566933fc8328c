package oracle

import (
	"slices"

	"umlab/harness/kbuild"
	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// Chances computes, for every placement with random addresses, how often each
// module loads there, beside how often it did. The host tells the range of its
// randomisation only by the gaps that boots report, so those of all cells are
// taken together; the range is of least bytes or more.
func (o *Oracle) Chances(cells []scenario.Cell, got []result.Cell, least int64) {
	if o.err != nil || o.tree.Space.Reexecs || !o.tree.Space.AddsGap {
		return
	}
	var observed []int64
	for _, c := range got {
		for _, p := range c.Placements {
			for _, run := range p.Runs {
				for _, b := range run.Boots {
					if p.ASLR && b.Gap != nil {
						observed = append(observed, *b.Gap)
					}
				}
			}
		}
	}
	for i, c := range cells {
		p := o.products[productKey(c)]
		if p == nil || len(got[i].Placements) != len(c.Placements) {
			continue
		}
		c.Modules = p.InOrder(c.Modules)
		for j, place := range c.Placements {
			if place.ASLR {
				o.chancesAt(c, p, place, observed, least, &got[i].Placements[j])
			}
		}
	}
}

func (o *Oracle) chancesAt(
	c scenario.Cell, p *kbuild.Product, place scenario.Placement, observed []int64, least int64, out *result.Placement,
) {
	sim, err := o.simulation(p, c.Modules)
	if err != nil {
		return
	}
	space := sim.tree.Space
	gap, err := sim.kernel.Gap(space.PageSize).Randomised(observed, least)
	if err != nil {
		o.note("no probabilities: " + err.Error())
		return
	}
	bases := space.Bases(sim.kernel.Link, place.Mem, gap)
	all := sim.stretches(bases[0].Base, bases[len(bases)-1].Base)
	for i, m := range c.Modules {
		if slices.ContainsFunc(all, func(s stretch) bool { return s.fates[i].Err != nil }) {
			continue
		}
		chance := result.Chance{Module: m.Name, Range: gap.Range, Computed: loader.Share(bases, func(base uint64) bool {
			in := len(all) - 1
			for all[in].base > base {
				in--
			}
			return all[in].loads(i)
		})}
		for _, t := range out.Tallies() {
			if t.Module != m.Name {
				continue
			}
			for _, count := range t.Counts {
				if count.Outcome.Kind.Kernel() {
					chance.Runs += count.N
				}
				if count.Outcome.Kind == outcome.Loaded {
					chance.Loaded += count.N
				}
			}
		}
		interval := result.Wilson(chance.Loaded, chance.Runs, result.Z(result.UsualConfidence))
		chance.Low, chance.High = interval.Low, interval.High
		chance.Holds = interval.Holds(chance.Computed)
		out.Chances = append(out.Chances, chance)
	}
}
