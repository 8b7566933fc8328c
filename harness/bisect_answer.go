package harness

import (
	"context"
	"errors"
	"fmt"

	"umlab/harness/bisect"
	"umlab/harness/predicate"
	"umlab/harness/report"
	"umlab/harness/result"
)

// record adds a step to b.
func record(b *result.Bisection, s bisect.Step) {
	b.Steps = append(b.Steps, result.BisectStep{
		Number: s.Number, Name: s.Name, Fresh: s.Fresh, Why: s.Why, Verdict: string(s.Answer.Verdict), Seen: s.Answer.Reason,
		Seconds: s.Seconds, Replayed: s.Replayed,
	})
	if s.Fresh {
		return
	}
	b.Probed++
	for i := range b.Candidates {
		if b.Candidates[i].Name == s.Name {
			b.Candidates[i].Verdict, b.Candidates[i].Seen = string(s.Answer.Verdict), s.Answer.Reason
			return
		}
	}
	b.Candidates = append(b.Candidates, result.BisectCandidate{Name: s.Name, Verdict: string(s.Answer.Verdict), Seen: s.Answer.Reason})
}

// conclude fills in what an error of a search says of the question; any other is
// returned.
func (l *Lab) conclude(b *result.Bisection, p *prober, log *bisectLog, err error) error {
	var ends *bisect.EndError
	var flaky *bisect.FlakyError
	switch {
	case errors.As(err, &ends):
		b.Conclusion, b.Exit, b.Reason = result.NotBisected, ExitUsage, ends.Error()
		if why := p.ends(ends); why != nil {
			b.Reason = why.Error()
		}
		b.Reason += p.wrongOrder(ends)
	case errors.As(err, &flaky):
		b.Conclusion, b.Exit, b.Reason = result.BisectedFlaky, ExitDiffers, flaky.Error()
		if flaky.Replayed() && log.file != nil { // what the store kept is forgotten below
			b.Reason += fmt.Sprintf("; to ask anew, remove %s, or give -fresh without it", log.file.Name())
		}
	default:
		return err
	}
	return log.forget()
}

// ends says what is wrong with the ends, where both were seen.
func (p *prober) ends(wrong *bisect.EndError) error {
	if wrong.Name != p.bad.name || p.good.message == nil {
		return nil
	}
	r, ok := p.seen[wrong.Name]
	if !ok {
		return nil
	}
	bad, err := predicate.Observe(r, p.target)
	if err != nil {
		return nil
	}
	return predicate.CheckEnds(p.cond, *p.good.message, bad)
}

// wrongOrder asks whether two ends, of which the good one is the newer and which
// are not what they were said to be, were meant the other way round. Without a
// condition, either order is the same question.
func (p *prober) wrongOrder(wrong *bisect.EndError) string {
	if p.swapped == "" || p.cond.Empty() || wrong.Got.Verdict == bisect.Skip {
		return ""
	}
	return "; are the ends in the wrong order? " + p.swapped
}

// sideFunc takes from a candidate what is compared with another.
type sideFunc func(ctx context.Context, name string) (side, error)

// boundaries describes the two sides of the change and what differs between them,
// and says in a sentence what was found. Where a side that a log answered for
// shows something else now, the error is a bisect.FlakyError.
func (l *Lab) boundaries(ctx context.Context, b *result.Bisection, p *prober, log *bisectLog, good, bad string, sideOf sideFunc) error {
	for _, side := range []struct {
		name string
		want bisect.Verdict
		into **result.Boundary
	}{{good, bisect.Good, &b.LastGood}, {bad, bisect.Bad, &b.FirstBad}} {
		if side.name == "" {
			continue
		}
		r, err := p.results(ctx, side.name)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		at := &result.Boundary{Name: side.name, Evidence: []string{}}
		*side.into = at
		for _, c := range b.Candidates {
			if c.Name == side.name {
				at.Detail, at.Seen = c.Detail, c.Seen
			}
		}
		if err != nil {
			b.Notes = append(b.Notes, fmt.Sprintf("%s is known from the log alone: %v", side.name, err))
			continue
		}
		at.Tree, at.Toolchain = r.Tree, r.Toolchain
		b.Scenario = r.Scenario
		m, err := predicate.Observe(r, p.target)
		if err != nil {
			return err
		}
		if got, err := p.judge(side.name, m); err != nil {
			return err
		} else if got.Verdict != side.want {
			b.LastGood, b.FirstBad, b.Skipped = nil, nil, nil
			return &bisect.FlakyError{Name: side.name, First: bisect.Answer{Verdict: side.want, Reason: at.Seen}, Again: got, FirstAt: log.at(side.name)}
		}
		at.Seen = p.cond.Shown(m)
		if p.cond.NeedsBoot() {
			at.Evidence = append(at.Evidence, m.Evidence()...)
		}
	}
	b.Reason = concluded(b)
	if good == "" || bad == "" {
		return nil
	}
	var sides [2]side
	var err error
	for i, name := range []string{good, bad} {
		if err == nil {
			sides[i], err = sideOf(ctx, name)
		}
	}
	if err == nil {
		b.Delta, err = l.delta(ctx, sides[0], sides[1])
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		b.Notes = append(b.Notes, "what differs between the two sides could not be found out: "+err.Error())
	}
	return nil
}

// concluded is what was found, in a sentence.
func concluded(b *result.Bisection) string {
	if b.LastGood == nil || b.FirstBad == nil {
		return ""
	}
	good, bad := b.LastGood, b.FirstBad
	switch n := len(b.Skipped); {
	case n == 0:
		return fmt.Sprintf("%s is the first bad one (%s); %s, next to it, is good (%s)", bad.Name, bad.Seen, good.Name, good.Seen)
	case n == 1:
		return fmt.Sprintf("the first bad one is %s (%s) or %s, which could not be judged; %s is good (%s)", bad.Name, bad.Seen, b.Skipped[0], good.Name, good.Seen)
	default:
		return fmt.Sprintf("the first bad one is %s (%s) or one of the %d between it and %s, which could not be judged; %s is good (%s)",
			bad.Name, bad.Seen, n, good.Name, good.Name, good.Seen)
	}
}

func (o BisectOutputs) formats() []format[result.Bisection] {
	return []format[result.Bisection]{{"json", o.JSON, report.BisectionJSON}, {"html", o.HTML, report.BisectionHTML}, {"md", o.Markdown, report.BisectionMarkdown}}
}

func (o BisectOutputs) check() error { return checkOutputs(o.formats()) }

func (o BisectOutputs) write(b *result.Bisection) error { return writeOutputs(o.formats(), b) }
