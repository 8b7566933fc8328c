package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/sample"
	"umlab/harness/scenario"
	"umlab/harness/usage"
)

// withAll puts the Rust samples that UML can build in the tree where the plan says
// scenario.AllModules. It returns the options of base and those that they need;
// the notes say which samples are left out, and why.
func (p *Plan) withAll(
	ctx context.Context, b *kbuild.Builder, base kmake.Base,
) (q *Plan, with []kconfig.Option, notes []string, err error) {
	if !slices.ContainsFunc(p.Modules(), scenario.Module.IsAll) {
		return p, base.Options, nil, nil
	}
	samples, err := sample.Rust(base.Tree.FS())
	if err != nil {
		return p, nil, nil, err
	}
	kept, with, notes, err := buildable(base.Options, samples, func(options []kconfig.Option) (kconfig.Config, error) {
		asked := base
		asked.Options = options
		return b.Configure(ctx, asked)
	})
	if err != nil {
		return p, nil, notes, err
	}
	if len(kept) == 0 {
		return p, nil, notes, usage.Errorf("-modules=%s: UML can build no Rust sample of %s (%s): name modules of your own",
			scenario.AllModules, base.Tree.Name, strings.Join(append(notes, fmt.Sprintf("samples/rust/Makefile lists %d", len(samples))), "; "))
	}
	names := each(kept, func(s sample.Module) string { return s.Name })
	return p.expanded(kept), with, append(notes, "modules all: "+strings.Join(names, ", ")), nil
}

// expanded is the plan with samples that are not there yet in the place of
// scenario.AllModules. What the scenario says of one of them holds.
func (p *Plan) expanded(samples []sample.Module) *Plan {
	return p.replaced(func(m scenario.Module) (out []scenario.Module) {
		if !m.IsAll() {
			return []scenario.Module{m}
		}
		for _, s := range samples {
			if slices.ContainsFunc(p.Modules(), func(m scenario.Module) bool { return m.Path == s.Target }) {
				continue
			}
			n, ok := p.Scenario.Own(s.Target)
			if !ok {
				n = m // with the user's -output=
				n.Name, n.Path = s.Name, s.Target
			}
			out = append(out, n)
		}
		return out
	})
}

// buildable returns the samples whose every option Kconfig takes, beside the
// options and one another's, and whose own option makes a module of them.
// configure asks Kconfig.
func buildable(
	options []kconfig.Option, samples []sample.Module, configure func([]kconfig.Option) (kconfig.Config, error),
) (kept []sample.Module, with []kconfig.Option, notes []string, err error) {
	leave := func(s sample.Module, why []string) {
		notes = append(notes, fmt.Sprintf("module %s is left out of -modules=%s: %s", s.Name, scenario.AllModules, strings.Join(why, "; ")))
	}
	for _, s := range samples {
		if o := s.Options[len(s.Options)-1]; o.Name == s.Option && o.Value != "m" {
			leave(s, []string{fmt.Sprintf("%s:%d: %s is no tristate", o.File, o.Line, o.Name)})
			continue
		}
		kept = append(kept, s)
	}
	// ask returns what Kconfig dropped of all that samples and the options ask
	// for, and why each of the samples that it refuses is refused.
	ask := func(samples []sample.Module) (dropped []kconfig.Dropped, refused map[string][]string, err error) {
		with, _ := withOptions(options, samples)
		config, err := configure(with)
		if err != nil {
			return nil, nil, err
		}
		refused = map[string][]string{}
		for _, s := range samples {
			if s.Option != "" && config.Get(s.Option) != "m" {
				refused[s.Name] = why(kconfig.Compare(s.Options, config))
			}
		}
		return kconfig.Compare(with, config), refused, nil
	}
	rest := []sample.Module(nil)
	for {
		dropped, refused, err := ask(kept)
		if err != nil {
			return nil, nil, notes, err
		}
		if len(refused) == 0 {
			if len(dropped) > 0 { // something else that was asked for suffers
				kept, rest = nil, kept
			}
			break
		}
		// What the refused ones need is not asked for again: the others must
		// do without.
		kept = slices.DeleteFunc(kept, func(s sample.Module) bool {
			reasons, out := refused[s.Name]
			if out {
				leave(s, reasons)
			}
			return out
		})
	}
	// One by one: who cannot join those before it is left out.
	for _, s := range rest {
		dropped, refused, err := ask(append(slices.Clip(kept), s))
		switch {
		case err != nil:
			return nil, nil, notes, err
		case len(dropped)+len(refused) > 0:
			leave(s, why(dropped))
		default:
			kept = append(kept, s)
		}
	}
	with, added := withOptions(options, kept)
	return kept, with, append(notes, added...), nil
}

func why(dropped []kconfig.Dropped) []string { return each(dropped, kconfig.Dropped.String) }
