package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"umlab/harness/kbuild"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// Fetch gets the plan's tree, with the scenario's patches, and its toolchain. Where the toolchain cannot build Rust
// for the tree, the error is a *toolchain.UnfitError that names the nearest that
// would. What the archive's lists tell already is told before it is fetched.
func (p *Plan) Fetch(ctx context.Context, src *sources.Sources) (*tree.Tree, *toolchain.Toolchain, error) {
	src = src.For(p.Flags.Subarch)
	if t, ok := src.Unpacked(ctx, p.Flags.Tree); ok {
		if err := p.Fit(ctx, src, t, nil); err != nil {
			return nil, nil, err
		}
	}
	t, tc, err := src.Get(ctx, p.Flags.Tree, p.Flags.Toolchain)
	var unfit *toolchain.UnfitError
	if errors.As(err, &unfit) {
		if t, ok := src.Unpacked(ctx, p.Flags.Tree); ok {
			err = p.unfit(ctx, src, t, *unfit) // what wraps it has its text already
		}
	}
	if err == nil {
		err = p.Fit(ctx, src, t, tc)
	}
	if err != nil {
		return nil, nil, err
	}
	t, err = p.Patched(ctx, src, t, tc)
	return t, tc, err
}

// Fit returns the *toolchain.UnfitError, if there is a reason for one. Without tc,
// it goes by what is known before the toolchain is there, and knowing nothing is
// no error.
func (p *Plan) Fit(ctx context.Context, src *sources.Sources, t *tree.Tree, tc *toolchain.Toolchain) error {
	if !kbuild.RequestsRust(p.Options) {
		return nil
	}
	least, err := tree.MinTools(t.FS())
	if err != nil {
		return fmt.Errorf("tree %s: %w", t.Name, err)
	}
	compiler := p.Compiler(t)
	var reasons []string
	var rustc string
	if tc != nil {
		reasons, rustc = toolchain.Fit(tc.Identity, least, compiler), tc.Identity["rustc"]
	} else if id := src.Foretell(ctx, p.Flags.Toolchain); id != nil {
		reasons, rustc = toolchain.TooOld(id, least, compiler), id["rustc"]
	}
	if len(reasons) == 0 {
		return nil
	}
	return p.unfit(ctx, src, t, toolchain.UnfitError{Toolchain: p.Flags.Toolchain, Tree: p.Flags.Tree, Rustc: rustc, Reasons: reasons})
}

// unfit is the error with the nearest toolchain that would do.
func (p *Plan) unfit(ctx context.Context, src *sources.Sources, t *tree.Tree, e toolchain.UnfitError) error {
	e.Nearest = p.nearest(ctx, src, t, e.Rustc)
	return fmt.Errorf("toolchain %s: %w", p.Flags.Toolchain, &e)
}

// nearest names the toolchain nearest to the one with that rustc that would do for
// the tree, among Debian's and the members of the default series; "" where there
// is none, or the archive cannot be asked.
func (p *Plan) nearest(ctx context.Context, src *sources.Sources, t *tree.Tree, rustc string) string {
	least, err := tree.MinTools(t.FS())
	if err != nil {
		return ""
	}
	set := src.Settings
	var from []toolchain.Candidate
	for _, name := range slices.Sorted(maps.Keys(set.Toolchains)) {
		if id := src.Foretell(ctx, name); id != nil && name != p.Flags.Toolchain {
			from = append(from, toolchain.Candidate{Name: name, Identity: id})
		}
	}
	if s, ok := set.Series[set.DefaultSeries]; ok && s.Varies == settings.VariesRustc {
		members, err := src.Series(ctx, set.DefaultSeries)
		rest := src.Foretell(ctx, s.C)
		if err == nil && rest != nil {
			for _, m := range members {
				id := maps.Clone(rest)
				id["rustc"] = m.Version
				from = append(from, toolchain.Candidate{Name: m.Name, Identity: id})
			}
		}
	}
	return nearest(rustc, set.DefaultToolchain, least, p.Compiler(t), from)
}

// nearest is toolchain.Nearest, and where nobody knows how new rustc is, that one
// of from which is usual, if it will do.
func nearest(rustc, usual string, least map[string]string, compiler string, from []toolchain.Candidate) string {
	if rustc == "" {
		only := slices.DeleteFunc(slices.Clone(from), func(c toolchain.Candidate) bool { return c.Name != usual })
		if name := toolchain.Nearest("", least, compiler, only); name != "" {
			return name
		}
	}
	return toolchain.Nearest(rustc, least, compiler, from)
}

// readPatches reads the scenario's patches.
func (p *Plan) readPatches() error {
	var errs []error
	for _, one := range p.Scenario.Patches {
		list, err := patch.Read(one.File, one.Text)
		if err != nil {
			errs = append(errs, &usage.Error{Err: err})
		}
		p.patches = append(p.patches, list...)
	}
	return usage.Join(errs...)
}

// Patched is the tree with the scenario's patches, which the toolchain's git applies. The error is a *scenario.TreeError where the
// scenario is not for that tree.
func (p *Plan) Patched(ctx context.Context, src *sources.Sources, t *tree.Tree, tc *toolchain.Toolchain) (*tree.Tree, error) {
	if err := p.Scenario.CheckTree(t.Name, t.Version); err != nil {
		return nil, err
	}
	patched, err := tree.Patched(ctx, src.Store, src.Sink, t, p.patches, sources.Git(tc))
	if misfit, ok := errors.AsType[*patch.ApplyError](err); ok {
		return nil, &scenario.TreeError{Scenario: p.Scenario.Name, Tree: t.Name, Version: t.Version, Err: misfit}
	}
	return patched, err
}

// With is the plan with another toolchain.
func (p *Plan) With(toolchain string) *Plan {
	return p.but(func(q *Plan) { q.Flags.Toolchain = toolchain })
}
