package harness

import (
	"context"
	"fmt"

	"umlab/harness/kbuild"
	"umlab/harness/result"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
)

// commitLab runs the cell on commits. All but the good end go on in its build
// directory, with what changed since, so that only that is built; what is run
// afresh is built from nothing, so that no answer rests on such a build alone.
type commitLab struct {
	lab    *Lab
	q      *question
	tc     *toolchain.Toolchain
	bisect *tree.Bisect

	base     *tree.Tree // of the good end
	baseline *kbuild.Baseline
}

func (c *commitLab) run(ctx context.Context, commit string, fresh bool) (*result.Results, error) {
	job := *c.q.job
	job.Fresh = c.q.Fresh || fresh
	if commit != c.bisect.Good && !fresh {
		t, from, err := c.derived(ctx, commit)
		if err != nil {
			return nil, err
		}
		if t != nil {
			r, _, err := c.lab.runOn(ctx, &job, t, c.tc, from)
			return r, err
		}
	}
	t, err := c.whole(ctx, commit)
	if err != nil {
		return nil, err
	}
	r, baseline, err := c.lab.runOn(ctx, &job, t, c.tc, nil)
	if commit == c.bisect.Good {
		c.base, c.baseline = t, baseline
	}
	return r, err
}

// whole checks a commit out.
func (c *commitLab) whole(ctx context.Context, commit string) (*tree.Tree, error) {
	return tree.FromGit(ctx, c.lab.store, c.lab.sink, tree.GitSource{Name: c.q.repository + "#" + commit[:12], Path: c.q.repository, Ref: commit}, git(c.tc))
}

// derived is the tree of a commit, made of that of the good end, with the
// baseline to go on from; nil where it is to be built from nothing.
func (c *commitLab) derived(ctx context.Context, commit string) (*tree.Tree, *kbuild.Baseline, error) {
	if c.base == nil { // a log answered for the good end
		if _, err := c.run(ctx, c.bisect.Good, false); err != nil {
			return nil, nil, err
		}
	}
	if c.baseline == nil { // it does not build
		return nil, nil, nil
	}
	diff, err := c.bisect.Diff(ctx, c.bisect.Good, commit)
	if err != nil {
		return nil, nil, err
	}
	if len(diff) > mostDiff {
		return nil, nil, nil
	}
	if len(diff) == 0 {
		return c.base, nil, nil
	}
	patches, err := patch.Read("the changes since "+c.bisect.Good[:12], diff)
	var t *tree.Tree
	if err == nil {
		t, err = tree.Patched(ctx, c.lab.store, c.lab.sink, c.base, patches, git(c.tc))
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		c.lab.sink.Note(fmt.Sprintf("commit %s is checked out and built from nothing: %v", commit[:12], err))
		return nil, nil, nil
	}
	// It is the commit's own content, whatever way it came.
	is := *t
	is.Name, is.Package, is.Commit, is.Patches = c.q.repository+"#"+commit[:12], "git "+commit[:12], commit, nil
	return &is, c.baseline, nil
}

// side is a commit as it was run afresh, for delta.
func (c *commitLab) side(ctx context.Context, commit, name string) (side, error) {
	t, err := c.whole(ctx, commit)
	if err != nil {
		return side{}, err
	}
	job := *c.q.job
	job.Fresh = false // it was run afresh already
	r, baseline, err := c.lab.runOn(ctx, &job, t, c.tc, nil)
	if err != nil {
		return side{}, err
	}
	return c.lab.sideOf(ctx, &job, c.q.target.Cell, name, r, baseline)
}
