package scenario

import (
	"errors"
	"slices"
	"strings"

	"umlab/harness/usage"
)

// Search is settings among which the smallest sets are looked for that give a verdict.
type Search struct{ axes []axisValues }

// aboutSymbols are options of rustc -Z that decide by which relocations code refers
// to symbols, with their values; the rustc that is used says which of them it has.
// See rustc -Z help.
var aboutSymbols = []axisValues{
	{Axis{OfRustc, "direct-access-external-data", "-Z"}, []string{"yes", "no"}},
	{Axis{OfRustc, "default-visibility", "-Z"}, []string{"hidden", "protected", "interposable"}},
	{Axis{OfRustc, "plt", "-Z"}, []string{"yes", "no"}},
	{Axis{OfRustc, "relax-elf-relocations", "-Z"}, []string{"yes", "no"}},
	{Axis{OfRustc, "function-sections", "-Z"}, []string{"yes", "no"}},
}

// Search is over the axes of the scenario with all of their values and, where the
// user gives none, over what else the rustc of the run offers that is about symbols.
// offers are its options, see toolchain.Toolchain.RustOffers. The error is a *usage.Error.
func (s *Scenario) Search(given []string, offers map[string]string) (*Search, error) {
	var wrong []error
	from := *s
	from.axes = slices.Clone(s.axes)
	for _, u := range usual {
		if i := axisAt(from.axes, u.axis); i >= 0 {
			from.axes[i] = u
		}
	}
	if len(given) == 0 && len(from.axes) > 0 {
		for _, a := range aboutSymbols {
			if offers[a.axis.Name] == a.axis.Prefix {
				from.axes = append(from.axes, a)
			}
		}
	}
	out := from.varied(given, func(format string, args ...any) { wrong = append(wrong, usage.Errorf(format, args...)) })
	if len(out.axes) == 0 {
		wrong = append(wrong, usage.Errorf("scenario %s has no axes to search: give some with -axis=NAME=VALUE,VALUE", s.Name))
	}
	axes := slices.Clone(out.axes)
	for i := range axes {
		if axes[i].axis.Kind == OfRustc && axes[i].axis.Prefix == "" {
			axes[i].axis.Prefix = offers[axes[i].axis.Name]
		}
		axes[i].values = slices.DeleteFunc(slices.Clone(axes[i].values), func(v string) bool { return v == Off })
	}
	return &Search{axes}, errors.Join(wrong...)
}

// String are the axes with their values: "-Ccode-model=small,large".
func (s *Search) String() string {
	return strings.Join(each(s.axes, func(a axisValues) string { return a.axis.String() + "=" + strings.Join(a.values, ",") }), " ")
}

// Axes is how many there are.
func (s *Search) Axes() int { return len(s.axes) }

// Sets are the variants of n settings that have none of found in them: one that
// has is no smallest set.
func (s *Search) Sets(n int, found []Variant) []Variant {
	return slices.DeleteFunc(sets(s.axes, n), func(v Variant) bool { return slices.ContainsFunc(found, v.has) })
}

// has reports whether all settings of w are v's.
func (v Variant) has(w Variant) bool {
	return !slices.ContainsFunc(w.Settings, func(s Setting) bool { return !slices.Contains(v.Settings, s) })
}

// Of is the plan with other variants in the place of its own, at the scenario's first
// scope, or the first of the selection's.
func (s *Scenario) Of(p *Plan, sel Selection, variants []Variant) Plan {
	scopes := s.scopesOf(sel)
	made := cells(variants, scopes[:min(1, len(scopes))], func(Variant) bool { return true })
	return planOf(p.Cells[0].all(made), p.Controls)
}
