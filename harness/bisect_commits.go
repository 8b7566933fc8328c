package harness

import (
	"context"
	"fmt"
	"slices"

	"umlab/harness/bisect"
	"umlab/harness/result"
	"umlab/harness/store"
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
	log, err := l.openBisectLog(ctx, q, pinned, ends, (*bisect.Log).CheckHead)
	if err != nil {
		return err
	}
	defer log.close()
	p := &prober{target: q.target, cond: q.cond, good: bisectEnd{name: ends[0]}, bad: bisectEnd{name: ends[1]}}
	p.run = func(ctx context.Context, name string, fresh bool) (*result.Results, error) {
		r, err := on.run(ctx, w.commits[name], fresh)
		if err == nil {
			l.remember(r)
		}
		return r, err
	}
	if w.git.Reversed {
		p.swapped = q.swapped()
	}
	if err := p.restore(log); err != nil {
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
	return l.conclude(b, p, log, l.boundaries(ctx, b, p, log, w.names[good], w.names[bad], sides))
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
			name, log := w.names[side.commit], w.inquiry.Replay
			return "", "", nil, &bisect.FlakyError{Name: name, First: first, Again: got, FirstAt: log.At(name, false), AgainAt: log.At(name, true)}
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
