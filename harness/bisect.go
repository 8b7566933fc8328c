package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"umlab/harness/bisect"
	"umlab/harness/conclude"
	"umlab/harness/plan"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/usage"
)

// BisectOptions are the flags of `mage bisect`. Empty means a default.
type BisectOptions struct {
	Good, Bad string // a member of the series, a tree, or a commit
	Axis      string // toolchain or tree; default: toolchain
	Series    string // default: that of configs/toolchains.toml
	Cell      string // CELL[:PLACEMENT[:MODULE]]; default: stock
	Until     string // see predicate.Parse
	Fixed     bool   // Good is broken, and the first candidate is looked for that is not: good and bad swap their words
	Log       string // file that answers are taken from and added to
	Outputs   BisectOutputs
	MatrixOptions
}

// BisectOutputs are files that a bisection is also written to.
type BisectOutputs struct{ JSON, HTML, Markdown string }

func (o BisectOutputs) formats() []format[result.Bisection] {
	return ofBisection().files(map[string]string{"json": o.JSON, "html": o.HTML, "md": o.Markdown})
}

// Bisect finds where a list of toolchains or of kernels changes from how it is at
// the good end, and prints it. Where no single candidate is the culprit, the error
// is an *EndError.
func (l *Lab) Bisect(ctx context.Context, o BisectOptions) (*result.Bisection, error) {
	b, err := l.bisect(ctx, o)
	if err != nil {
		return nil, err
	}
	err = finish(l, ofBisection(), b, o.Outputs.formats())
	return b, cmp.Or(err, ended(b.Exit, "%s", b.Reason))
}

// bisect is Bisect without its outputs.
func (l *Lab) bisect(ctx context.Context, o BisectOptions) (*result.Bisection, error) {
	started := l.now()
	q, err := l.planBisect(o)
	if err != nil {
		return nil, err
	}
	fleet, done, err := l.join(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if fleet == nil {
		if err := l.sandboxed(ctx); err != nil {
			return nil, err
		}
	}
	// All candidates are asked the same, whatever is saved meanwhile.
	plans := []*plan.Plan{q.plan, q.wide}
	if err := l.snapshots(ctx, plans); err != nil {
		return nil, err
	}
	q.plan, q.wide = plans[0], plans[1]
	var c *candidates
	if q.axis == result.AxisCommit {
		c, err = l.commitCandidates(ctx, q, fleet)
	} else {
		c, err = l.listCandidates(ctx, q, fleet)
	}
	if err != nil {
		return nil, err
	}
	defer c.close()
	b, err := l.search(ctx, q, c)
	if err != nil {
		return nil, keptSoFar(b, err)
	}
	b.Started, b.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	return b, nil
}

// keptSoFar adds to an error that ended a bisection what the same command will do,
// where that helps: the fault may be gone then, and an answer is there to go on
// from.
func keptSoFar(b *result.Bisection, err error) error {
	var fault *bisect.FaultError
	if !errors.As(err, &fault) || lasts(err) || len(b.Steps) == 0 {
		return err
	}
	return fmt.Errorf("%w\nwhat was found out so far is kept: the same command goes on from there", err)
}

// lasts reports whether trying again would end the same way.
func lasts(err error) bool { return ExitCode(err) == result.ExitUsage }

// candidates are what lies between the two ends of a question.
type candidates struct {
	chooser  bisect.Chooser
	names    []string                 // of a list all, the good end first; of commits the two ends
	list     []result.BisectCandidate // the same, with their details; none of commits, which are not known as a whole
	reversed bool                     // the good end is the newer one
	pinned   string                   // what does not vary, with its digest
	notes    []string
	close    func()

	// run runs the cell on a candidate; whole makes all of it anew, and fresh takes
	// nothing from the store that its own builds and boots left there.
	run func(ctx context.Context, name string, whole, fresh bool) (*ran, error)
}

// search looks for the change. Where the search has no answer, the bisection says
// why; an error is one of the machine, or of the log.
func (l *Lab) search(ctx context.Context, q *question, c *candidates) (*result.Bisection, error) {
	b := &result.Bisection{
		Schema: result.BisectionSchema, Command: q.Command, Axis: q.axis, Series: q.Series, Scenario: q.plan.Named(),
		Tree: q.plan.Flags.Tree, Toolchain: q.plan.Flags.Toolchain, Target: q.target.String(), Until: q.cond.String(),
		Fixed: q.Fixed, Good: c.names[0], Bad: c.names[len(c.names)-1], Candidates: c.list, Notes: append(q.plan.OwnNotes(), c.notes...),
	}
	if q.axis == result.AxisToolchain {
		b.Toolchain = ""
	} else {
		b.Tree = ""
	}
	if q.axis == result.AxisCommit {
		b.Series = q.repository
	}
	log, err := l.openBisectLog(ctx, q, c)
	if err != nil {
		return b, err
	}
	defer log.close()
	p := &prober{lab: l, candidates: c, target: q.target, fresh: q.Fresh, goal: q.plan.Scenario.BuildOnly(), whole: map[string]*ran{},
		ends: predicate.Ends{Cond: q.cond, Good: predicate.End{Name: b.Good}, Bad: predicate.End{Name: b.Bad}}}
	if log.replay != nil {
		if err := p.ends.Restore(log.replay); err != nil && log.file != nil {
			return b, &usage.Error{Err: err}
		} else if err != nil {
			log.drop()
		}
	}
	if list, ok := c.chooser.(*bisect.List); ok {
		b.Bound = bisect.Bound(len(list.Names))
		l.guess(ctx, q, p, list)
	}
	s := &bisect.Search{Chooser: c.chooser, Probe: p.probe, Lasts: lasts, Fixed: q.Fixed, Now: l.now, Log: log,
		Replay: log.replay, On: func(e bisect.Event) {
			if e.Kind != bisect.Ended { // the answer is for stdout
				l.sink.Note(bisect.Trace(e))
			}
			if e.Kind == bisect.Stepped {
				record(b, e.Step)
			}
		}}
	found, err := s.Run(ctx)
	if err == nil {
		err = l.conclude(ctx, b, p, found, log.replay)
	}
	var end *bisect.EndError
	var flaky *bisect.FlakyError
	switch {
	case errors.As(err, &end):
		b.Conclusion, b.Exit, b.Reason = result.NotBisected, result.ExitUsage, p.wrongEnd(end)
		// Without a condition, either order is the same question.
		if c.reversed && !q.cond.Empty() && end.Got.Verdict != bisect.Skip {
			b.Reason += fmt.Sprintf("; are the ends in the wrong order? bisect %s %s", q.Bad, q.Good)
		}
	case errors.As(err, &flaky):
		b.Conclusion, b.Exit, b.Reason = result.BisectedFlaky, result.ExitDiffers, flaky.Error()
		b.LastGood, b.FirstBad, b.Skipped = nil, nil, nil
		if flaky.Replayed() && log.file != nil { // what the store kept is forgotten below
			b.Reason += fmt.Sprintf("; to ask anew, remove %s, or give -fresh without it", log.file.Name())
		}
	default:
		return b, err
	}
	return b, log.forget()
}

// record adds a step to b.
func record(b *result.Bisection, s bisect.Step) {
	b.Steps = append(b.Steps, result.BisectStep{
		Number: s.Number, Name: s.Name, Fresh: s.Fresh, Why: s.Why, Verdict: s.Answer.Verdict.Word(b.Fixed), Seen: s.Answer.Reason,
		Seconds: s.Seconds, Replayed: s.Replayed,
	})
	if s.Fresh {
		return
	}
	b.Probed++
	c := b.Candidate(s.Name)
	if c == nil {
		b.Candidates = append(b.Candidates, result.BisectCandidate{Name: s.Name})
		c = &b.Candidates[len(b.Candidates)-1]
	}
	c.Verdict, c.Seen = s.Answer.Verdict.Word(b.Fixed), s.Answer.Reason
}

// conclude says what was found: the two sides of the change, and what differs
// between them. Where a side that a log answered for shows something else now, the
// error is a bisect.FlakyError.
func (l *Lab) conclude(ctx context.Context, b *result.Bisection, p *prober, found *bisect.Found, log *bisect.Log) (err error) {
	b.Conclusion, b.Exit, b.Skipped = result.BisectedTo, result.ExitExpected, found.Skipped
	if !found.Exact() {
		b.Conclusion, b.Exit = result.BisectedRange, result.ExitDiffers
	}
	if b.LastGood, err = p.boundary(ctx, b, found.Good, bisect.Good, log); err != nil {
		return err
	}
	if b.FirstBad, err = p.boundary(ctx, b, found.Bad, bisect.Bad, log); err != nil {
		return err
	}
	good, bad := b.LastGood, b.FirstBad
	if good == nil || bad == nil {
		return nil
	}
	near, far := bisect.Good.Word(b.Fixed), bisect.Bad.Word(b.Fixed)
	switch n := len(b.Skipped); n {
	case 0:
		b.Reason = fmt.Sprintf("%s is the first %s one (%s); %s, next to it, is %s (%s)", bad.Name, far, bad.Seen, good.Name, near, good.Seen)
	case 1:
		b.Reason = fmt.Sprintf("the first %s one is %s (%s) or %s, which could not be judged; %s is %s (%s)",
			far, bad.Name, bad.Seen, b.Skipped[0], good.Name, near, good.Seen)
	default:
		b.Reason = fmt.Sprintf("the first %s one is %s (%s) or one of the %d between it and %s, which could not be judged; %s is %s (%s)",
			far, bad.Name, bad.Seen, n, good.Name, good.Name, near, good.Seen)
	}
	if p.goal { // that is not made of one kernel: the message says what changed
		return nil
	}
	var facts [2]conclude.Facts
	for i, name := range []string{good.Name, bad.Name} {
		if r := p.whole[name]; r == nil {
			err = fmt.Errorf("%s was not run", name)
		} else if err == nil {
			facts[i], err = l.facts(ctx, r, p.target.Cell, name)
		}
	}
	if err == nil {
		b.Delta = conclude.Delta(p.target.Cell, facts[0], facts[1])
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		b.Notes = append(b.Notes, "what differs between the two sides could not be found out: "+err.Error())
	}
	return nil
}
