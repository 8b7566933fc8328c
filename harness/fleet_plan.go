package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/fleet"
	"umlab/harness/plan"
	"umlab/harness/progress"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/sources"
	"umlab/harness/usage"
)

// planner has plans run by workers. Its queue stays open from one of its runs to the next.
type planner struct {
	lab   *Lab
	queue fleet.Queue
	once  string     // see errand
	ended chan error // why the worker in this process ended
}

// outcomes are what runs came to, by their plans.
type outcomes map[*plan.Plan]outcomeOf

type outcomeOf struct {
	results *result.Results
	err     error
}

// join joins the queue of the lab's options; nil without one. Done leaves it.
func (l *Lab) join(ctx context.Context) (p *planner, done func(), err error) {
	if l.options.Join == "" {
		return nil, func() {}, nil
	}
	q, err := l.queue(ctx)
	if err != nil {
		return nil, nil, err
	}
	p = &planner{lab: l, queue: q, once: strconv.FormatUint(rand.Uint64(), 36), ended: make(chan error, 1)}
	stop := func() {}
	if l.options.Join == Local {
		if stop, err = l.workHere(ctx, q, p.ended); err != nil {
			return nil, nil, errors.Join(err, q.Close())
		}
	}
	return p, func() {
		stop()
		if err := q.Close(); err != nil {
			l.sink.Note(err.Error())
		}
	}, nil
}

// queue joins the queue of the lab's options.
func (l *Lab) queue(ctx context.Context) (fleet.Queue, error) {
	if err := checkJoin(l.options.Join); err != nil {
		return nil, err
	}
	if l.options.Engine == nil {
		return nil, usage.Errorf("-join=%s needs umlab-fleet: this program has no queue", l.options.Join)
	}
	return l.options.Engine.Queue(ctx, QueueAt{Address: l.options.Join, Store: l.store, Getenv: l.getenv, Note: l.sink.Note})
}

// executor is what runs plans, with trees and toolchains of src: workers, where the lab is to join some, which have all of the plans by the
// time that it returns; else this machine. Done is called when nothing will be run any more.
func (l *Lab) executor(ctx context.Context, src *sources.Sources, plans ...*plan.Plan) (
	run func(context.Context, *plan.Plan) (*result.Results, error), done func(), err error,
) {
	p, done, err := l.join(ctx)
	if err != nil {
		return nil, nil, err
	}
	if p == nil {
		if err := l.sandboxed(ctx); err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context, p *plan.Plan) (*result.Results, error) { return l.run(ctx, src, p) }, done, nil
	}
	all, err := p.run(ctx, src, plans)
	if err != nil {
		done()
		return nil, nil, err
	}
	return func(_ context.Context, p *plan.Plan) (*result.Results, error) { return all[p].results, all[p].err }, done, nil
}

// run has plans run. What goes wrong with one of them is its outcome; the error is that of the queue, or of ctx.
func (p *planner) run(ctx context.Context, src *sources.Sources, plans []*plan.Plan) (outcomes, error) {
	l, all := p.lab, outcomes{}
	var runs []*running
	for _, one := range plans {
		a, err := l.ask(ctx, src, one, p.once)
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			all[one] = outcomeOf{err: err}
			continue
		}
		runs = append(runs, &running{request: a, of: one})
	}
	return all, p.finish(ctx, runs, all)
}

// finish has runs done by workers, and enters what they come to into all.
func (p *planner) finish(ctx context.Context, runs []*running, all outcomes) error {
	l, at := p.lab, map[string]where{}
	var order []fleet.Task // without their bodies
	for n, r := range runs {
		r.parts, r.infra, r.left = make([]*conclude.Part, len(r.pieces)), make([]string, len(r.pieces)), len(r.pieces)
		for i := range r.pieces {
			t, err := r.task(i)
			if err != nil {
				return err
			}
			t.Body = nil
			at[t.Key] = where{n, i}
			order = append(order, t)
		}
	}
	began := l.now()
	whole := func(t fleet.Task) fleet.Task {
		t, _ = runs[at[t.Key].run].task(at[t.Key].piece) // the same made no error before
		return t
	}
	return p.do(ctx, order, whole, func(a fleet.Answer) error {
		w := at[a.Key]
		r := runs[w.run]
		if err := r.got(ctx, l, w.piece, a); err != nil || r.left > 0 {
			return err
		}
		got, err := r.end()
		if got != nil {
			got.Started, got.Seconds = began.UTC(), l.now().Sub(began).Seconds()
			l.remember(got)
			got.Next = next(got)
		}
		all[r.of], r.parts = outcomeOf{got, err}, nil
		return nil
	})
}

// do has tasks done by workers. Tasks come without their bodies, which whole adds. Got is told each answer.
func (p *planner) do(ctx context.Context, tasks []fleet.Task, whole func(fleet.Task) fleet.Task, got func(fleet.Answer) error) error {
	l := p.lab
	asked := map[string]bool{}
	for _, t := range tasks {
		if asked[t.Key] {
			return fmt.Errorf("%s is asked twice: give each column once", t.Name)
		}
		asked[t.Key] = true
	}
	if err := p.reach(ctx, tasks); err != nil {
		return err
	}
	fleet.BigFirst(tasks)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-p.ended:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	shown := l.sink.Start("cells done by workers", progress.Cells, int64(len(tasks)))
	see := &crew{sink: l.sink, of: map[string]progress.Task{}}
	work := &fleet.Planner{Queue: p.queue, Say: l.sink.Note, Seen: see.workers, Tasks: func(yield func(fleet.Task) bool) {
		for _, t := range tasks {
			if !yield(whole(t)) {
				return
			}
		}
	}, Got: func(a fleet.Answer) error {
		if !asked[a.Key] {
			return nil
		}
		shown.Add(1)
		return got(a)
	}}
	err := work.Run(ctx)
	see.end()
	shown.Done(err)
	if ctx.Err() != nil {
		return cmp.Or(l.store.Wrong(), context.Cause(ctx))
	}
	return err
}

// reach says, before anything is asked, where a task rests on what only this machine has, and no worker is here.
func (p *planner) reach(ctx context.Context, tasks []fleet.Task) error {
	here := "_" + machine()
	at := slices.IndexFunc(tasks, func(t fleet.Task) bool { return strings.HasSuffix(t.Capability, here) })
	if at < 0 || p.lab.options.Join == Local {
		return nil
	}
	workers, err := p.queue.Workers(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(workers, func(w fleet.Worker) bool { return slices.Contains(w.Capabilities, tasks[at].Capability) }) {
		return nil
	}
	return usage.Errorf("%s rests on what lies on this machine alone (a directory of yours, or its own tools), and none of the %s is here: "+
		"start one with %s worker -join=%s, or leave -join= out", tasks[at].Name, many(len(workers), "worker"), p.lab.program, p.lab.options.Join)
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// one has one plan run, with what tells the kernel of its first cell from others where facts are wanted.
func (p *planner) one(ctx context.Context, src *sources.Sources, one *plan.Plan, facts, fromNothing bool) (*ran, error) {
	a, err := p.lab.ask(ctx, src, one, p.once)
	if err != nil {
		return nil, err
	}
	a.errand.Facts, a.errand.FromNothing = facts, fromNothing
	r, all := &running{request: a, of: one}, outcomes{}
	if err := p.finish(ctx, []*running{r}, all); err != nil {
		return nil, err
	}
	got := all[one]
	return &ran{Results: got.results, told: r.facts}, got.err
}

// where is a piece of one of several runs.
type where struct{ run, piece int }

// running is a plan whose pieces are being done.
type running struct {
	*request
	of     *plan.Plan
	parts  []*conclude.Part
	infra  []string // why there is no part
	failed error    // of the first piece that failed
	at     int      // which that is
	left   int
	facts  *conclude.Facts // of its first cell, where they are wanted
}

// got takes the answer of a piece.
func (r *running) got(ctx context.Context, l *Lab, i int, a fleet.Answer) error {
	r.left--
	if a.Infra != "" {
		r.infra[i] = a.Infra
		return nil
	}
	got, err := open(ctx, l, a)
	if err != nil {
		return err
	}
	if got.Failed != nil {
		if r.failed == nil || i < r.at {
			r.failed, r.at = got.Failed.err(), i
		}
		return nil
	}
	if i == 0 {
		r.facts = got.Facts
	}
	r.parts[i] = &conclude.Part{Name: r.plan.NameOf(r.pieces[i]) + " by " + a.Worker, Results: got.Results, Seen: got.Seen, Fault: got.Fault,
		Group: r.plan.GroupOf(r.groups, r.pieces[i]), Wide: got.Wide}
	return nil
}

// end is what the pieces come to.
func (r *running) end() (*result.Results, error) {
	if r.failed != nil {
		return nil, r.failed
	}
	var parts []conclude.Part
	have := slices.IndexFunc(r.parts, func(p *conclude.Part) bool { return p != nil })
	if have < 0 {
		return nil, fmt.Errorf("%s: %s", r.plan.NameOf(r.pieces[0]), r.infra[0])
	}
	for i, p := range r.parts {
		if p == nil { // nothing is known of it but that it is of the others' run
			head := *r.parts[have].Results
			head.Cells, head.Controls = infra(r.plan, r.pieces[i], r.infra[i]), nil
			p = &conclude.Part{Name: r.plan.NameOf(r.pieces[i]), Results: &head, Seen: len(head.Notes), Fault: r.infra[i],
				Group: r.parts[have].Group}
		}
		parts = append(parts, *p)
	}
	got, err := conclude.Together(parts, r.controls)
	if err != nil {
		return nil, err
	}
	got.Command = r.of.Flags.Command
	got.Notes = append(slices.Clone(r.of.Notes), got.Notes...)
	return got, nil
}

// crew shows who works, and at what.
type crew struct {
	sink progress.Sink
	of   map[string]progress.Task // by worker
}

// mostSeen is of how many workers each has a line.
const mostSeen = 12

func (s *crew) workers(list []fleet.Worker) {
	for id, t := range s.of {
		if !slices.ContainsFunc(list, func(w fleet.Worker) bool { return w.ID == id }) { // it left, or died
			t.Done(nil)
			delete(s.of, id)
		}
	}
	for _, w := range list {
		t := s.of[w.ID]
		if t == nil && len(s.of) == mostSeen {
			continue
		}
		if t == nil {
			t = s.sink.Start("worker "+w.ID, progress.None, 0)
			s.of[w.ID] = t
		}
		t.Status(doing(w))
	}
}

func (s *crew) end() {
	for _, t := range s.of {
		t.Done(nil)
	}
}

// doing is what a worker is at, in one line.
func doing(w fleet.Worker) string {
	if len(w.Doing) == 0 {
		return fmt.Sprintf("%d done, waits", w.Done)
	}
	text := fmt.Sprintf("%d done, %s", w.Done, report.Doing(w.Doing[0]))
	if more := len(w.Doing) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}
