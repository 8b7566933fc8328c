package harness

import (
	"context"
	"fmt"

	"umlab/harness/bisect"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// commitCandidates are those of a question about the commits of a repository,
// which the toolchain's git bisects, and fleet runs, where there is one. The repository is not written to.
func (l *Lab) commitCandidates(ctx context.Context, q *question, fleet *planner) (*candidates, error) {
	tc, err := l.sources.For(q.plan.Flags.Subarch).Toolchain(ctx, q.plan.Flags.Toolchain)
	if err != nil {
		return nil, fmt.Errorf("toolchain %s: %w", q.plan.Flags.Toolchain, err)
	}
	g, err := tree.StartBisect(ctx, l.store, q.repository, q.Good, q.Bad, sources.Git(tc))
	if err != nil {
		return nil, &usage.Error{Err: err}
	}
	c, order, err := ofCommits(ctx, g)
	if err != nil {
		g.Close()
		return nil, err
	}
	c.pinned = fmt.Sprintf("repository %s, toolchain %s %s", q.repository, q.plan.Flags.Toolchain, store.Short(tc.Digest))
	c.run = func(ctx context.Context, name string, whole, fresh bool) (*ran, error) {
		if fleet == nil {
			return l.runCommit(ctx, q, tc, order.Commit(name), whole, fresh)
		}
		m := q.MatrixOptions
		m.Tree, m.Fresh = q.repository+"#"+order.Commit(name)[:12], fresh
		p, err := l.plan(m)
		if err != nil {
			return nil, err
		}
		return fleet.one(ctx, l.sources, p, whole, whole)
	}
	return c, nil
}

// ofCommits are the candidates of g, which are yet to be told how they are run.
func ofCommits(ctx context.Context, g *tree.Bisect) (*candidates, *bisect.Commits, error) {
	order := &bisect.Commits{Git: g, Good: g.Good, Bad: g.Bad, Reversed: g.Reversed}
	c := &candidates{chooser: order, reversed: g.Reversed, close: g.Close}
	for _, end := range []string{g.Good, g.Bad} {
		name, err := order.Name(ctx, end)
		if err != nil {
			return nil, nil, err
		}
		c.names = append(c.names, name)
	}
	return c, order, nil
}

// runCommit runs the cell on a commit, whose kernel goes on from the nearest that was built. One that is wanted whole is
// built from nothing, so that no answer rests on such a build alone.
func (l *Lab) runCommit(ctx context.Context, q *question, tc *toolchain.Toolchain, commit string, whole, fresh bool) (*ran, error) {
	src := tree.GitSource{Name: q.repository + "#" + commit[:12], Path: q.repository, Ref: commit}
	t, err := tree.FromGit(ctx, l.store, l.sink, src, sources.Git(tc))
	if err == nil {
		t, err = q.plan.Patched(ctx, l.sources, t, tc)
	}
	if err != nil {
		return nil, err
	}
	b := *l.builder
	b.FromNothing = whole
	return l.runBy(ctx, &b, q.plan.Afresh(fresh), t, tc)
}
