package plan

import (
	"context"
	"errors"

	"umlab/harness/scenario"
	"umlab/harness/sources"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

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
