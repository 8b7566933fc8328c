package oracle

import (
	"fmt"
	"slices"

	"umlab/harness/kbuild"
	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// stretch is a range of starts of vmalloc over which every module of a boot has
// one and the same fate. It reaches to where the next one begins.
type stretch struct {
	base  uint64
	fates []Forecast
}

// mostStretches bounds how often a boot's modules may change their fate; each
// relocation type gives rise to two or three.
const mostStretches = 64

// stretches walks the starts of vmalloc from base up to limit. Where it is
// between two stretches, no module's fate changes, so that each leaves the same
// behind for the next one.
func (s *simulation) stretches(base, limit uint64) []stretch {
	var out []stretch
	for len(out) < mostStretches {
		fates := s.boot(base, nil)
		out = append(out, stretch{base, fates})
		next, found := limit+1, false
		for _, f := range fates {
			if f.Err != nil {
				continue
			}
			at, ok, err := loader.Threshold(s.tree, s.kernel, f.Ko, f.Prediction.Placement, s.tree.Space.VmallocOffset, limit)
			if err == nil && ok && at < next {
				next, found = at, true
			}
		}
		if !found {
			break
		}
		base = next
	}
	return out
}

// loads reports whether module i of the boot is predicted to load.
func (s stretch) loads(i int) bool {
	return s.fates[i].Err == nil && s.fates[i].Prediction.Outcome.Kind == outcome.Loaded
}

// Threshold is a threshold to be confirmed by booting at the probes.
type Threshold struct {
	result.Threshold
	Probes []scenario.Placement
}

// Thresholds computes, for the modules that are predicted to load in one run of a
// cell and not in another one, the smallest mem= at which they no longer do,
// without address randomisation.
func (o *Oracle) Thresholds(c scenario.Cell, p *kbuild.Product, cell result.Cell) []Threshold {
	vary := varying(cell)
	if o.err != nil || len(vary) == 0 {
		return nil
	}
	sim, err := o.simulation(p, c.Modules)
	if err != nil {
		return nil
	}
	space, link := sim.tree.Space, sim.kernel.Link
	gap := sim.kernel.Gap(space.PageSize)
	least, most := c.Placements[0].Mem, uint64(0)
	for i, place := range c.Placements {
		least = min(least, place.Mem)
		for _, run := range cell.Placements[i].Runs {
			for _, b := range run.Boots {
				logged := int64(0)
				if b.Gap != nil {
					logged = *b.Gap
				}
				most = max(most, space.ModuleBase(link, place.Mem, logged))
			}
		}
	}
	all := sim.stretches(space.ModuleBase(link, least, gap.Fixed), most)
	var out []Threshold
	for i, m := range c.Modules {
		name := m.Name
		at := slices.IndexFunc(all, func(s stretch) bool { return !s.loads(i) })
		if !slices.Contains(vary, name) || at < 1 || all[at].fates[i].Err != nil {
			continue
		}
		base := fmt.Sprintf("0x%x", all[at].base)
		if have := slices.IndexFunc(out, func(t Threshold) bool { return t.Base == base }); have >= 0 {
			out[have].Modules = append(out[have].Modules, name)
			continue
		}
		mem := up(space.MemFor(link, all[at].base, gap.Fixed), 1<<20)
		fate := func(mem int64) outcome.Outcome {
			f := sim.boot(space.ModuleBase(link, mem, gap.Fixed), nil)[i]
			f.mem, f.gap = mem, gap.Fixed
			return f.outcome()
		}
		t := Threshold{Threshold: result.Threshold{Modules: []string{name}, Base: base, Mem: megabytes(mem),
			Before: fate(mem - 1<<20), After: fate(mem)}}
		for _, probe := range []int64{mem - 1<<20, mem} {
			if _, err := scenario.ParseMem(megabytes(probe)); err == nil {
				t.Probes = append(t.Probes, scenario.Placement{Name: megabytes(probe), Mem: probe, MemText: megabytes(probe), Repeat: 1})
			}
		}
		out = append(out, t)
	}
	return out
}

func up(n, unit int64) int64 { return (n + unit - 1) / unit * unit }

func megabytes(n int64) string { return fmt.Sprintf("%dM", n>>20) }

// varying lists the modules that are predicted to load in one run and not to in
// another.
func varying(cell result.Cell) []string {
	loads, fails := map[string]bool{}, map[string]bool{}
	var names []string
	for _, p := range cell.Placements {
		for _, run := range p.Runs {
			for _, m := range run.Modules {
				if m.Predicted == nil {
					continue
				}
				if !slices.Contains(names, m.Name) {
					names = append(names, m.Name)
				}
				loads[m.Name] = loads[m.Name] || m.Predicted.Kind == outcome.Loaded
				fails[m.Name] = fails[m.Name] || m.Predicted.Kind != outcome.Loaded
			}
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return !loads[n] || !fails[n] })
}

// Confirm: the threshold holds where the boots on both
// sides of it went as predicted, and differently.
func (o *Oracle) Confirm(t *result.Threshold) {
	kinds := map[string][]outcome.Outcome{}
	t.Holds = len(t.Probes) == 2
	for _, p := range t.Probes {
		for _, run := range p.Runs {
			for _, m := range run.Modules {
				if !slices.Contains(t.Modules, m.Name) {
					continue
				}
				kinds[m.Name] = append(kinds[m.Name], m.Outcome)
				t.Holds = t.Holds && m.Agrees != nil && *m.Agrees
			}
		}
	}
	for _, name := range t.Modules {
		t.Holds = t.Holds && len(kinds[name]) == 2 && !kinds[name][0].Same(kinds[name][1])
	}
}
