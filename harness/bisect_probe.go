package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"umlab/harness/bisect"
	"umlab/harness/outcome"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// runFunc runs the cell on a candidate; fresh takes nothing from the store that
// the candidate's own builds and boots left there.
type runFunc func(ctx context.Context, name string, fresh bool) (*result.Results, error)

// prober answers for candidates: it runs the cell on one, reads the message, and
// holds it against those of the ends.
type prober struct {
	target    predicate.Target
	cond      predicate.Condition
	good, bad bisectEnd
	run       runFunc

	seen    map[string]*result.Results // the last of each
	swapped string                     // the same bisection from the other end, where the good one is the newer; empty where it is not
}

// bisectEnd is a candidate with the message that the others are held against.
type bisectEnd struct {
	name    string
	message *predicate.Message // nil until it was probed
}

// probe is a bisect.Probe.
func (p *prober) probe(ctx context.Context, at bisect.Point) (bisect.Answer, error) {
	// What a fault left is not to be met again.
	r, err := p.run(ctx, at.Name, at.Fresh || at.Attempt > 1)
	var unfit *toolchain.UnfitError
	if errors.As(err, &unfit) {
		return bisect.Answer{Verdict: bisect.Skip, Reason: unfit.Error()}, nil
	}
	var not *tree.NotKernelError
	if errors.As(err, &not) {
		if at.Name == p.good.name || at.Name == p.bad.name {
			return bisect.Answer{}, &UsageError{not} // it will be none the next time either
		}
		return bisect.Answer{Verdict: bisect.Skip, Reason: not.Error()}, nil
	}
	if err != nil {
		return bisect.Answer{}, err
	}
	if p.seen == nil {
		p.seen = map[string]*result.Results{}
	}
	p.seen[at.Name] = r
	m, err := predicate.Observe(r, p.target)
	var lacks *predicate.TargetError
	if errors.As(err, &lacks) {
		return bisect.Answer{Verdict: bisect.Skip, Reason: err.Error()}, nil
	}
	if err != nil {
		return bisect.Answer{}, err
	}
	if fault := p.fault(r, m); fault != nil {
		// A control that misbehaves twice is the candidate's doing, or cannot be
		// told from it: nothing is proved of this one.
		if failed := failedControl(r); failed == "" || at.Attempt == 1 {
			return bisect.Answer{}, fault
		}
		return bisect.Answer{Verdict: bisect.Skip, Reason: m.String()}, nil
	}
	return p.judge(at.Name, m)
}

// fault is what kept the message from being one of the candidate, where it was
// the machine.
func (p *prober) fault(r *result.Results, m predicate.Message) error {
	if m.Class != predicate.Unproved {
		return nil
	}
	if _, built := m.Relocations[p.cond.Module()]; built && !p.cond.NeedsBoot() {
		return nil // proved by the build alone
	}
	if m.Build != nil && m.Build.Kind == outcome.ConfigDropped {
		return nil
	}
	return errors.New(m.String())
}

func failedControl(r *result.Results) string {
	if i := slices.IndexFunc(r.Controls, func(c result.Control) bool { return !c.Holds }); i >= 0 {
		return r.Controls[i].Name
	}
	return ""
}

// judge answers, and pins the messages of the ends.
func (p *prober) judge(name string, m predicate.Message) (bisect.Answer, error) {
	var (
		said   predicate.Answer
		reason string
	)
	switch {
	case name == p.good.name && p.good.message == nil:
		if said, reason = predicate.Judge(p.cond, m, nil, m); said == predicate.Good {
			p.good.message = &m
		}
	case p.good.message == nil:
		return bisect.Answer{}, fmt.Errorf("%s cannot be judged before the good end %s is known", name, p.good.name)
	case name == p.bad.name && p.bad.message == nil:
		if said, reason = predicate.Judge(p.cond, *p.good.message, &m, m); said == predicate.Bad {
			p.bad.message = &m
		}
	default:
		said, reason = predicate.Judge(p.cond, *p.good.message, p.bad.message, m)
	}
	if said != predicate.Skip {
		reason = p.cond.Shown(m)
	}
	data, err := json.Marshal(m)
	return bisect.Answer{Verdict: bisect.Verdict(said), Reason: reason, Data: string(data)}, err
}

// restore pins the messages of the ends that a log holds, and judges again what
// it says: a verdict that its message does not bear was not written by a probe.
// A log of the user's is refused then, and one of the store's asked anew.
func (p *prober) restore(log *bisectLog) error {
	if log.replay == nil {
		return nil
	}
	err := p.restored(log.replay)
	if err != nil && log.file == nil {
		p.good.message, p.bad.message = nil, nil
		log.drop()
		return nil
	}
	return err
}

func (p *prober) restored(log *bisect.Log) error {
	refuse := func(r bisect.Record, format string, args ...any) error {
		return &UsageError{log.Refuse(r, fmt.Sprintf(format, args...)+"; remove the file, and all is asked anew")}
	}
	messages := make([]*predicate.Message, len(log.Records))
	for i, r := range log.Records {
		if r.Answer.Data == "" {
			if r.Answer.Verdict != bisect.Skip { // that alone needs no message
				return refuse(r, "it does not say what %s showed", r.Name)
			}
			continue
		}
		messages[i] = &predicate.Message{}
		if err := json.Unmarshal([]byte(r.Answer.Data), messages[i]); err != nil {
			return refuse(r, "it does not say what %s showed (%v)", r.Name, err)
		}
		for _, e := range []struct {
			end  *bisectEnd
			want bisect.Verdict
		}{{&p.good, bisect.Good}, {&p.bad, bisect.Bad}} {
			if r.Name == e.end.name && !r.Fresh && r.Answer.Verdict == e.want {
				e.end.message = messages[i]
			}
		}
	}
	for i, r := range log.Records {
		if messages[i] == nil {
			continue
		}
		if p.good.message == nil && r.Name != p.good.name {
			return refuse(r, "it answers for %s without that %s is good", r.Name, p.good.name)
		}
		got, err := p.judge(r.Name, *messages[i])
		if err != nil {
			return refuse(r, "%v", err)
		}
		if got.Verdict != r.Answer.Verdict {
			return refuse(r, "it says that %s is %s, and by what it showed it is %s (%s)", r.Name, r.Answer.Verdict, got.Verdict, got.Reason)
		}
	}
	return nil
}

// results are those of a candidate: the last that were seen, or, where a log
// answered for it, what the store has of it.
func (p *prober) results(ctx context.Context, name string) (*result.Results, error) {
	if r, ok := p.seen[name]; ok {
		return r, nil
	}
	return p.run(ctx, name, false)
}
