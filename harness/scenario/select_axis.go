package scenario

import (
	"slices"
	"strings"

	"umlab/harness/usage"
)

// varied is the scenario with the user's axes beside its own. Every variant, stock
// included, is taken at each of their values; stock itself stays, to compare with.
func (s *Scenario) varied(given []string, wrong usageFunc) *Scenario {
	out := *s
	var before []axisValues
	for _, one := range given {
		name, list, valued := strings.Cut(one, "=")
		axis, err := ParseAxis(name)
		switch {
		case err != nil:
			wrong("-axis=%s: %v%s", one, err, usage.Meant(name, AxisNames()))
			continue
		case axis.Kind != OfParam && (!valued || list == ""):
			wrong("-axis=%s: write its values behind it, as in -axis=%s=%s; %s leaves it as the tree has it", one, name, axis.example(), Off)
			continue
		}
		if i := axisAt(before, axis); i >= 0 {
			wrong("-axis=%s: -axis=%s=%s is that axis already: write all of its values in one, as in -axis=%s=%s,%s",
				one, before[i].axis, strings.Join(before[i].values, ","), name, strings.Join(before[i].values, ","), list)
			continue
		}
		values := strings.Split(list, ",")
		for _, v := range values {
			if err := axis.check(v); err != nil {
				wrong("-axis=%s: %v", one, err)
				return &out
			}
		}
		before = append(before, axisValues{axis, values})
		if err := out.vary(axisValues{axis, values}); err != nil {
			wrong("-axis=%s: %v", one, err)
		}
	}
	if len(out.variants) > mostVariants {
		wrong("-axis= makes %d variants of scenario %s: allowed are %d; narrow it with -cells=, or give fewer values",
			len(out.variants), s.Name, mostVariants)
	}
	return &out
}

// mostVariants bounds a product that nobody waits for.
const mostVariants = 2000

// vary puts an axis beside those that are there, or in the place of the same one. The error is two variants that
// would have one ID.
func (s *Scenario) vary(a axisValues) (err error) {
	s.axes = slices.Clone(s.axes)
	if i := axisAt(s.axes, a.axis); i >= 0 {
		s.axes[i] = a
	} else {
		s.axes = append(s.axes, a)
	}
	variants := []Variant{newVariant()}
	order := slices.Concat(usual, s.axes) // so that an ID does not depend on which axis was named last
	for _, v := range s.variants {
		others := slices.DeleteFunc(slices.Clone(v.Settings), func(set Setting) bool { return set.Axis.same(a.axis) })
		for _, value := range a.values {
			settings := append(slices.Clip(others), Setting{a.axis, value})
			slices.SortStableFunc(settings, func(a, b Setting) int { return axisAt(order, a.Axis) - axisAt(order, b.Axis) })
			with := newVariant(settings...)
			if i := slices.IndexFunc(variants, func(v Variant) bool { return v.ID == with.ID }); i < 0 {
				variants = append(variants, with)
			} else if err == nil && !variants[i].same(with) {
				err = usage.Errorf("%s and %s would both be the variant %q: try them in runs of their own",
					strings.Join(variants[i].Requested(), " "), strings.Join(with.Requested(), " "), with.ID)
			}
		}
	}
	s.variants = variants
	return err
}

// knows reports whether the scenario can expect something of a variant: whether it
// sets nothing but axes of the scenario, or those that every scenario has.
func (s *Scenario) knows(v Variant) bool {
	return !slices.ContainsFunc(v.Settings, func(set Setting) bool {
		return axisAt(usual, set.Axis) < 0 &&
			!slices.ContainsFunc(s.variants, func(own Variant) bool { return own.Value(set.Kind, set.Name) != "" })
	})
}
