package loader

import (
	"maps"
	"slices"
)

// Threshold finds the smallest base above p.Base, in multiples of step bytes and
// up to limit, at which Predict says something else than at p; found is false
// where it never does. A base is a start of vmalloc: Space.VmallocOffset as step
// gives those that a boot can have, one page the exact address. Nothing is
// searched: each entry's limits are computed, and Predict judges at each of them.
func Threshold(t *Tree, k *Kernel, m *Module, p Placement, step, limit uint64) (base uint64, found bool, err error) {
	now, err := Predict(t, k, m, p)
	if err != nil {
		return 0, false, err
	}
	for _, base := range breakpoints(t, k, m, p, step, limit) {
		next, err := Predict(t, k, m, p.Shift(base-p.base))
		if err != nil {
			return 0, false, err
		}
		if !next.Outcome.Same(now.Outcome) {
			return base, true, nil
		}
	}
	return 0, false, nil
}

// breakpoints are the bases at which an entry begins or ceases to fit, rounded
// up to step, ascending.
func breakpoints(t *Tree, k *Kernel, m *Module, p Placement, step, limit uint64) []uint64 {
	if step == 0 || limit <= p.base || limit >= 1<<62 {
		return nil
	}
	o, err := newWalk(t, k, m, p)
	if err != nil {
		return nil
	}
	if _, err := o.resolve(); err != nil {
		return nil
	}
	set := map[uint64]bool{}
	add := func(delta int64) {
		if delta <= 0 || uint64(delta) > limit-p.base {
			return
		}
		if base := (p.base + uint64(delta) + step - 1) / step * step; base <= limit {
			set[base] = true
		}
	}
	for _, e := range m.relocations() {
		a, rule, err := o.compute(e)
		if err != nil || rule == nil || rule.Width == 0 || uint64(rule.Width) >= m.machine().word {
			continue
		}
		v := int64(a.Value)
		lo, hi := m.machine().abiRange(a.Type, rule.PCRelative, rule.Width)
		ranges := [][2]int64{{lo, hi}}
		if rule.Overflow != checkNone {
			lo, hi := checkRange(rule.Overflow)
			ranges = append(ranges, [2]int64{lo, hi})
		}
		if v > 1<<61 || v < -1<<61 {
			continue // a constant so large that no base makes it fit
		}
		for _, r := range ranges {
			switch {
			case a.inModule && !rule.PCRelative: // the value grows with the base
				add(r[1] - v + 1)
				add(r[0] - v)
			case !a.inModule && rule.PCRelative: // it shrinks
				add(v - r[0] + 1)
				add(v - r[1])
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}
