package plan

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/parcel"
	"umlab/harness/scenario"
	"umlab/harness/sources"
	"umlab/harness/usage"
)

// Group is the cells and controls of a plan that are forks of one build.
type Group struct {
	Settings  []scenario.Setting // that make it another build than the plan's own; nil for that one
	Unpatched bool               // of the tree without the scenario's patches; it has controls alone
	Cells     []int              // indices into the plan's cells
	Controls  []int              // likewise of its controls that no cell shows
	options   []kconfig.Option   // merged over the plan's
}

// Own reports whether it is the plan's own build.
func (g *Group) Own() bool { return g.Settings == nil && !g.Unpatched }

// Groups are the builds that the plan's cells and controls are forks of, the plan's
// own first.
func (p *Plan) Groups() []*Group {
	groups := []*Group{{}}
	of := func(piece Piece) *Group {
		if p.GroupOf(groups, piece) < 0 {
			groups = append(groups, p.group(p.built(piece)))
		}
		return groups[p.GroupOf(groups, piece)]
	}
	for i := range p.Cells {
		g := of(Piece{i, len(p.Controls)})
		g.Cells = append(g.Cells, i)
	}
	for i, c := range p.Controls {
		if g := of(Piece{len(p.Cells), i}); !c.Selected {
			g.Controls = append(g.Controls, i)
		}
	}
	return groups
}

// Base is what the group's cells are built on, where base is what the plan's own are.
func (g *Group) Base(base kmake.Base) kmake.Base {
	if g.Unpatched {
		base.Tree = base.Tree.Unpatched()
	}
	base.Options, _ = kconfig.Merge(kconfig.Fragment{Options: base.Options}, kconfig.Fragment{Options: g.options})
	for _, s := range g.Settings {
		switch s.Kind {
		case scenario.OfCompiler:
			base.Compiler = s.Value
		case scenario.OfSubarch:
			base.Subarch = subarch(s.Value)
		}
	}
	return base
}

// subarch is a SUBARCH as a base has it.
func subarch(name string) string {
	if name == sources.X8664 {
		return ""
	}
	return name
}

// readSubarch reads the fragment of a SUBARCH; that of x86_64 is empty.
func readSubarch(project fs.FS, name string) (f kconfig.Fragment, err error) {
	if subarch(name) == "" {
		return f, nil
	}
	file := "configs/" + name + ".config"
	text, err := fs.ReadFile(project, file)
	if err != nil {
		return f, err
	}
	return kconfig.ParseFragment(file, text)
}

// group is an empty group of what is built as a variant is.
func (p *Plan) group(v scenario.Variant, unpatched bool) *Group {
	return &Group{Settings: v.Base(), Unpatched: unpatched, options: p.options(v)}
}

// BaseOf is what a variant is built on, where base is what the plan's own are.
func (p *Plan) BaseOf(v scenario.Variant, base kmake.Base) kmake.Base {
	return p.group(v, false).Base(base)
}

// options are those that a variant adds, a fragment's before single ones.
func (p *Plan) options(v scenario.Variant) (options []kconfig.Option) {
	for _, s := range v.Of(scenario.OfSubarch) {
		options = append(options, p.subarches[s.Value].Options...)
	}
	for _, s := range v.Of(scenario.OfFragment) {
		options = append(options, p.named[s.Value].Options...)
	}
	return append(options, v.Options().Options...)
}

// readNamed reads the fragments that variants name, and those of their SUBARCHes.
func (p *Plan) readNamed(scenarios scenario.Library) error {
	var errs []error
	p.named, p.subarches = map[string]kconfig.Fragment{}, map[string]kconfig.Fragment{}
	for _, c := range p.Cells {
		for _, s := range c.Variant.Of(scenario.OfSubarch) {
			f, err := readSubarch(scenarios.Project, s.Value)
			if p.subarches[s.Value] = f; p.Flags.Subarch != "" {
				err = usage.Errorf("-subarch=%s and %s both say what is built: leave one out", p.Flags.Subarch, p.given(s.Axis))
			}
			errs = append(errs, err)
		}
		for _, s := range c.Variant.Of(scenario.OfFragment) {
			f, _, err := readFragment(scenarios.User(), s.Value)
			if p.named[s.Value] = f; err != nil {
				errs = append(errs, usage.Errorf("%s=%s: %w", p.given(s.Axis), s.Value, err))
			}
		}
	}
	return usage.Join(errs...)
}

// given is what gave an axis: the user's flag, or the scenario.
func (p *Plan) given(a scenario.Axis) string {
	if slices.ContainsFunc(p.Flags.Select.Axes, func(axis string) bool { return strings.HasPrefix(axis, a.String()+"=") }) {
		return "-axis=" + a.String()
	}
	return "axis " + a.String()
}

// readFragment reads a fragment of the user's.
func readFragment(user parcel.Files, name string) (f kconfig.Fragment, text []byte, err error) {
	if text, err = user.Read(name); err == nil {
		f, err = kconfig.ParseFragment(name, text)
	}
	return f, text, err
}

// Resolved reports whether nothing of the plan's modules is left for the tree to tell.
func (p *Plan) Resolved() bool {
	return !slices.ContainsFunc(p.Modules(), func(m scenario.Module) bool { return m.Path == "" })
}

// resolve is the plan in which options of rustc that were named without -C or -Z have the
// one that rustc has; p itself where there is none.
func (p *Plan) resolve(offers func() (map[string]string, error)) (*Plan, error) {
	open := func(a scenario.Axis) bool { return a.Kind == scenario.OfRustc && a.Prefix == "" }
	if !slices.ContainsFunc(p.Cells, func(c scenario.Cell) bool {
		return slices.ContainsFunc(c.Variant.Settings, func(s scenario.Setting) bool { return open(s.Axis) })
	}) {
		return p, nil
	}
	have, err := offers()
	errs := []error{err}
	q := p.but(func(q *Plan) {
		q.Plan = p.Plan.Vary(func(a scenario.Axis) scenario.Axis {
			if !open(a) || err != nil {
				return a
			}
			if a.Prefix = have[a.Name]; a.Prefix == "" {
				errs = append(errs, usage.Errorf("-axis=%s: rustc has no such option%s", a.Name, usage.Meant(a.Name, slices.Sorted(maps.Keys(have)))))
			}
			return a
		})
	})
	if err := usage.Join(errs...); err != nil {
		return p, fmt.Errorf("toolchain %s: %w", p.Flags.Toolchain, err)
	}
	return q, nil
}
