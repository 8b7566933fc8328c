package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"umlab/harness/bisect"
	"umlab/harness/history"
	"umlab/harness/plan"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// prober answers for candidates: it runs the cell on one, reads the message, and
// holds it against those of the ends.
type prober struct {
	*candidates
	lab    *Lab
	target predicate.Target
	ends   predicate.Ends
	fresh  bool               // nothing from the store answers
	goal   bool               // the question is about a build, of which there is no kernel
	bad    *predicate.Message // what the bad end showed; nil where it showed nothing
	whole  map[string]*ran    // candidates that were run whole
}

// result is what a candidate shows. It enters the history, as every result does.
func (p *prober) result(ctx context.Context, name string, whole, fresh bool) (*ran, error) {
	r, err := p.run(ctx, name, whole, fresh)
	if err != nil {
		return nil, err
	}
	p.lab.remember(r.Results)
	if whole {
		p.whole[name] = r
	}
	return r, nil
}

// probe is a bisect.Probe.
func (p *prober) probe(ctx context.Context, at bisect.Point) (bisect.Answer, error) {
	skip := func(why string) (bisect.Answer, error) { return bisect.Answer{Verdict: bisect.Skip, Reason: why}, nil }
	again := at.Fresh || at.Attempt > 1 // what a fault left is not to be met again
	r, err := p.result(ctx, at.Name, again, again || p.fresh)
	var unfit *toolchain.UnfitError
	var not *tree.NotKernelError
	var foreign *scenario.TreeError
	switch {
	case errors.As(err, &unfit):
		return skip(unfit.Error())
	case errors.As(err, &foreign):
		return skip(foreign.Brief())
	case errors.As(err, &not) && at.Name != p.ends.Good.Name && at.Name != p.ends.Bad.Name:
		return skip(not.Error())
	case errors.As(err, &not):
		return bisect.Answer{}, &usage.Error{Err: not} // an end will be none the next time either
	case err != nil:
		return bisect.Answer{}, err
	}
	m, err := predicate.Observe(r.Results, p.target)
	var lacks *predicate.TargetError
	switch {
	case errors.As(err, &lacks):
		return skip(err.Error())
	case err != nil:
		return bisect.Answer{}, err
	}
	if at.Name == p.ends.Bad.Name {
		p.bad = &m
	}
	switch {
	case !p.ends.Cond.Faulty(m):
		return p.ends.Judge(at.Name, m)
	case at.Attempt > 1 && slices.ContainsFunc(r.Controls, func(c result.Control) bool { return !c.Holds }):
		// A control that misbehaves twice is the candidate's doing, or cannot be told
		// from it: nothing is proved of this one.
		return skip(m.String())
	}
	return bisect.Answer{}, errors.New(m.String())
}

// wrongEnd says what is wrong with an end, and with both where both were seen.
func (p *prober) wrongEnd(end *bisect.EndError) string {
	if end.Name == p.ends.Bad.Name && p.bad != nil && p.ends.Good.Message != nil {
		return p.ends.NotBad(*p.bad)
	}
	return end.Error()
}

// boundary describes a side of the change, which is nil without a name: by what
// was seen afresh, or, where a log answered for it, what the store has of it. The
// error is a bisect.FlakyError where that is not what is wanted.
func (p *prober) boundary(ctx context.Context, b *result.Bisection, name string, want bisect.Verdict, log *bisect.Log,
) (*result.Boundary, error) {
	if name == "" {
		return nil, nil
	}
	at := &result.Boundary{Name: name, Evidence: []string{}}
	if c := b.Candidate(name); c != nil {
		at.Detail, at.Seen = c.Detail, c.Seen
	}
	r, err := p.whole[name], error(nil)
	if r == nil {
		r, err = p.result(ctx, name, true, false)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		b.Notes = append(b.Notes, fmt.Sprintf("%s is known from the log alone: %v", name, err))
		return at, nil
	}
	at.Tree, at.Toolchain = r.Tree, r.Toolchain
	m, err := predicate.Observe(r.Results, p.target)
	if err != nil {
		return nil, err
	}
	got, err := p.ends.Judge(name, m)
	if err != nil {
		return nil, err
	}
	if got.Verdict != want {
		first := bisect.Answer{Verdict: want, Reason: at.Seen}
		return nil, &bisect.FlakyError{Name: name, Fixed: b.Fixed, First: first, Again: got, FirstAt: cmp.Or(log.At(name, false), "the log")}
	}
	at.Seen = got.Reason
	if p.ends.Cond.NeedsBoot() {
		at.Evidence = append(at.Evidence, m.Evidence()...)
	}
	return at, nil
}

// guess tells a list what earlier runs let one expect of its candidates. It may
// choose which one is asked next, and never answers for it. A history that cannot
// be read is no reason not to search.
func (l *Lab) guess(ctx context.Context, q *question, p *prober, list *bisect.List) {
	past := map[string]*result.Results{}
	list.Guess = func(name string) bisect.Verdict { return p.expected(past[name]) }
	list.Cheap = func(name string) bool { return past[name] != nil } // what was run before is built
	if !history.Exists(l.store) {
		return
	}
	h, err := history.Open(ctx, l.store)
	if err != nil {
		return
	}
	defer h.Close()
	for _, name := range list.Names {
		treeName, toolchainName := q.plan.Flags.Tree, name
		if q.axis == result.AxisTree {
			treeName, toolchainName = name, q.plan.Flags.Toolchain
		}
		for _, p := range []*plan.Plan{q.wide, q.plan} {
			if r, err := h.Latest(ctx, l.asked(ctx, p, treeName, toolchainName)); err == nil && r != nil {
				past[name] = r
			}
		}
	}
}

// expected is the verdict that an earlier result lets one expect once the ends
// are known.
func (p *prober) expected(r *result.Results) bisect.Verdict {
	if r == nil || p.ends.Good.Message == nil {
		return bisect.Unknown
	}
	m, err := predicate.Observe(r, p.target)
	if err != nil {
		return bisect.Unknown
	}
	a, err := p.ends.Judge("", m)
	if err != nil || a.Verdict == bisect.Skip {
		return bisect.Unknown // that run may have been of other placements or modules
	}
	return a.Verdict
}

// asked is what p, which has Asked, asks with another tree and toolchain, for the
// history. The compiler is left open where only the tree decides and it is not here
// yet.
func (l *Lab) asked(ctx context.Context, p *plan.Plan, name, toolchain string) history.Question {
	compiler := l.sources.Compiler(p.Flags.Compiler, name)
	if compiler == "" {
		if t, ok := l.sources.Unpacked(ctx, name); ok {
			compiler = t.Compiler()
		}
	}
	return history.Question{Scenario: p.Named(), Asked: *p.Asked, Fragments: p.Fragments,
		Origin: l.sources.Origin(name), Toolchain: toolchain, Compiler: compiler}
}
