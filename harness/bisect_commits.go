package harness

import (
	"context"
	"fmt"
	"slices"

	"umlab/harness/bisect"
	"umlab/harness/kbuild"
	"umlab/harness/result"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// mostDiff is the size, in bytes, from which on a commit is checked out and built
// from nothing: a diff of that size leaves little of another build to go on with.
const mostDiff = 8 << 20

// bisectRepository lets the toolchain's git bisect the commits of a repository,
// which is not written to.
func (l *Lab) bisectRepository(ctx context.Context, q *question, b *result.Bisection) error {
	tc, err := l.toolchain(ctx, q.job.Toolchain)
	if err != nil {
		return fmt.Errorf("toolchain %s: %w", q.job.Toolchain, err)
	}
	g, err := tree.StartBisect(ctx, l.store, q.repository, q.Good, q.Bad, git(tc))
	if err != nil {
		return &UsageError{err}
	}
	defer g.Close()
	c := &commitLab{lab: l, q: q, tc: tc, bisect: g}
	pinned := fmt.Sprintf("repository %s, toolchain %s %s", q.repository, q.job.Toolchain, store.Short(tc.Digest))
	return l.bisectCommits(ctx, q, newCommitWalk(g), pinned, c, b)
}

// commitWalk is a bisection in git's order.
type commitWalk struct {
	git     *tree.Bisect
	inquiry bisect.Inquiry
	number  int
	names   map[string]string        // commit -> how it is called
	commits map[string]string        // and back
	said    map[string]bisect.Answer // by commit
}

func newCommitWalk(g *tree.Bisect) *commitWalk {
	return &commitWalk{git: g, names: map[string]string{}, commits: map[string]string{}, said: map[string]bisect.Answer{}}
}

// commitRunner runs the cell on commits. See commitLab.
type commitRunner interface {
	run(ctx context.Context, commit string, fresh bool) (*result.Results, error)
	side(ctx context.Context, commit, name string) (side, error)
}

// bisectCommits asks for the commits that git wants to be tested, and fills b.
func (l *Lab) bisectCommits(ctx context.Context, q *question, w *commitWalk, pinned string, on commitRunner, b *result.Bisection) error {
	var ends []string
	for _, c := range []string{w.git.Good, w.git.Bad} {
		name, err := w.name(ctx, c)
		if err != nil {
			return err
		}
		ends = append(ends, name)
	}
	b.Good, b.Bad = ends[0], ends[1]
	log, err := l.openBisectLog(ctx, q, pinned, ends)
	if err != nil {
		return err
	}
	defer log.close()
	p := &prober{target: q.target, cond: q.cond, good: bisectEnd{name: ends[0]}, bad: bisectEnd{name: ends[1]}}
	p.run = func(ctx context.Context, name string, fresh bool) (*result.Results, error) {
		return on.run(ctx, w.commits[name], fresh)
	}
	if err := p.restore(log.from, log.replay); err != nil {
		return err
	}
	w.inquiry = l.inquiry(p, log, b)
	good, bad, skipped, err := w.search(ctx)
	if err = l.conclude(b, p, log, err); err != nil || b.Conclusion != "" {
		return err
	}
	b.Conclusion, b.Exit = result.BisectedTo, ExitExpected
	if len(skipped) > 0 {
		b.Conclusion, b.Exit = result.BisectedRange, ExitDiffers
	}
	for _, c := range skipped {
		b.Skipped = append(b.Skipped, w.names[c])
	}
	sides := func(ctx context.Context, name string) (side, error) { return on.side(ctx, w.commits[name], name) }
	return l.conclude(b, p, log, l.boundaries(ctx, b, p, w.names[good], w.names[bad], sides))
}

// search returns the commits on the two sides of the change, and those between
// that could not be judged. Errors are those of bisect.Search.
func (w *commitWalk) search(ctx context.Context) (good, bad string, skipped []string, err error) {
	s, err := w.git.State(ctx)
	if err != nil {
		return "", "", nil, err
	}
	for i, e := range []struct {
		commit string
		want   bisect.Verdict
	}{{w.git.Good, bisect.Good}, {w.git.Bad, bisect.Bad}} {
		got, err := w.ask(ctx, e.commit, false, string(e.want)+" end", s.Left, s.Steps+4-i)
		if err != nil {
			return "", "", nil, err
		}
		if got.Verdict != e.want {
			return "", "", nil, &bisect.EndError{Name: w.names[e.commit], Want: e.want, Got: got}
		}
	}
	for s.Next != "" {
		got, err := w.ask(ctx, s.Next, false, fmt.Sprintf("git's choice, %d left after it", s.Left), s.Left, s.Steps+2)
		if err != nil {
			return "", "", nil, err
		}
		if err := w.git.Mark(ctx, s.Next, string(got.Verdict)); err != nil {
			return "", "", nil, err
		}
		if s, err = w.git.State(ctx); err != nil {
			return "", "", nil, err
		}
	}
	if good, bad, skipped, err = w.sides(ctx, s); err != nil {
		return "", "", nil, err
	}
	for i, side := range []struct {
		commit string
		want   bisect.Verdict
		why    string
	}{{good, bisect.Good, "last good"}, {bad, bisect.Bad, "first bad"}} {
		if side.commit == "" {
			continue
		}
		first, asked := w.said[side.commit]
		why := side.why + ", again"
		if !asked {
			first, why = bisect.Answer{Verdict: side.want, Reason: "as git concludes from its descendants"}, side.why+", to be sure"
		}
		got, err := w.ask(ctx, side.commit, true, why, 0, 1-i)
		if err != nil {
			return "", "", nil, err
		}
		if got.Verdict != side.want {
			return "", "", nil, &bisect.FlakyError{Name: w.names[side.commit], First: first, Again: got}
		}
	}
	return good, bad, skipped, nil
}

// sides reads what git found. git speaks of the older and the newer side; either
// may be the good one.
func (w *commitWalk) sides(ctx context.Context, s tree.BisectState) (good, bad string, skipped []string, err error) {
	newer, older := s.First, ""
	if newer == "" {
		for _, c := range s.Possible {
			if _, err := w.name(ctx, c); err != nil {
				return "", "", nil, err
			}
			if got, ok := w.said[c]; ok && got.Verdict != bisect.Skip {
				newer = c
			} else {
				skipped = append(skipped, c)
			}
		}
		// Below them all lies what the older side is known by.
		for _, c := range s.Possible {
			parent, err := w.git.Parent(ctx, c)
			if err != nil {
				return "", "", nil, err
			}
			if got, ok := w.said[parent]; ok && got.Verdict != bisect.Skip && !slices.Contains(s.Possible, parent) {
				older = parent
			}
		}
	} else if older, err = w.git.Parent(ctx, newer); err != nil {
		return "", "", nil, err
	}
	for _, c := range []string{newer, older} {
		if c != "" {
			if _, err := w.name(ctx, c); err != nil {
				return "", "", nil, err
			}
		}
	}
	if w.git.Reversed {
		return newer, older, skipped, nil
	}
	return older, newer, skipped, nil
}

// name is how a commit is called: its abbreviated name, and what it says it does.
func (w *commitWalk) name(ctx context.Context, commit string) (string, error) {
	if n, ok := w.names[commit]; ok {
		return n, nil
	}
	subject, err := w.git.Subject(ctx, commit)
	if err != nil {
		return "", err
	}
	n := fmt.Sprintf("%s (%q)", commit[:12], subject)
	w.names[commit], w.commits[n] = n, commit
	return n, nil
}

// ask asks for a commit; left and ahead are what there is after it.
func (w *commitWalk) ask(ctx context.Context, commit string, fresh bool, why string, left, ahead int) (bisect.Answer, error) {
	name, err := w.name(ctx, commit)
	if err != nil {
		return bisect.Answer{}, err
	}
	step := bisect.Step{Number: w.number + 1, Most: w.number + 1 + ahead, Rough: true, Name: name, Fresh: fresh, Why: why}
	got, err := w.inquiry.Ask(ctx, step, func(bisect.Answer) (int, int) { return left, ahead })
	if err != nil {
		return got, err
	}
	w.number++
	if !fresh {
		w.said[commit] = got
	}
	return got, nil
}

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
	job.Fresh = job.Fresh || fresh
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
	patches, err := tree.ReadPatches("the changes since "+c.bisect.Good[:12], diff)
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
	r, baseline, err := c.lab.runOn(ctx, c.q.job, t, c.tc, nil)
	if err != nil {
		return side{}, err
	}
	return c.lab.sideOf(ctx, c.q.job, c.q.target.Cell, name, r, baseline)
}
