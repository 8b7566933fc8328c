package harness

import (
	"context"
	"fmt"

	"umlab/harness/bisect"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// mostDiff is the size, in bytes, from which on a commit is checked out and built
// from nothing: a diff of that size leaves little of another build to go on with.
const mostDiff = 8 << 20

// commitCandidates are those of a question about the commits of a repository,
// which the toolchain's git bisects. The repository is not written to.
func (l *Lab) commitCandidates(ctx context.Context, q *question) (*candidates, error) {
	tc, err := l.sources.Toolchain(ctx, q.plan.Flags.Toolchain)
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
	k := &commitKernels{lab: l, q: q, tc: tc, git: g}
	c.run = func(ctx context.Context, name string, whole, fresh bool) (*ran, error) {
		return k.run(ctx, order.Commit(name), whole, fresh)
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

// commitKernels runs the cell on commits. All but the good end go on in its build
// directory, with what changed since, so that only that is built; one that is
// wanted whole is built from nothing, so that no answer rests on such a build
// alone.
type commitKernels struct {
	lab *Lab
	q   *question
	tc  *toolchain.Toolchain
	git *tree.Bisect

	base *tree.Tree // of the good end
	ran  *ran       // on it
}

func (k *commitKernels) run(ctx context.Context, commit string, whole, fresh bool) (*ran, error) {
	named := k.q.repository + "#" + commit[:12]
	if !whole && commit != k.git.Good {
		t, err := k.derived(ctx, commit)
		if err != nil {
			return nil, err
		}
		if t != nil {
			// It is the commit's own content, whatever way it came.
			is := *t
			is.Name, is.Package, is.Commit, is.Patches = named, "git "+commit[:12], commit, nil
			return k.lab.runFrom(ctx, k.ran, k.ran.plan.Afresh(fresh), &is, k.tc)
		}
	}
	src := tree.GitSource{Name: named, Path: k.q.repository, Ref: commit}
	t, err := tree.FromGit(ctx, k.lab.store, k.lab.sink, src, sources.Git(k.tc))
	if err != nil {
		return nil, err
	}
	r, err := k.lab.runOn(ctx, k.q.plan.Afresh(fresh), t, k.tc)
	if err == nil && commit == k.git.Good {
		k.base, k.ran = t, r
	}
	return r, err
}

// derived is the tree of a commit, made of that of the good end; nil where it is
// to be built from nothing.
func (k *commitKernels) derived(ctx context.Context, commit string) (*tree.Tree, error) {
	if k.base == nil { // a log answered for the good end
		if _, err := k.run(ctx, k.git.Good, false, k.q.Fresh); err != nil {
			return nil, err
		}
	}
	if k.ran.baseline == nil { // it does not build
		return nil, nil
	}
	diff, err := k.git.Diff(ctx, k.git.Good, commit)
	switch {
	case err != nil:
		return nil, err
	case len(diff) > mostDiff:
		return nil, nil
	case len(diff) == 0:
		return k.base, nil
	}
	patches, err := patch.Read("the changes since "+k.git.Good[:12], diff)
	var t *tree.Tree
	if err == nil {
		t, err = tree.Patched(ctx, k.lab.store, k.lab.sink, k.base, patches, sources.Git(k.tc))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		k.lab.sink.Note(fmt.Sprintf("commit %s is checked out and built from nothing: %v", commit[:12], err))
		return nil, nil
	}
	return t, nil
}
