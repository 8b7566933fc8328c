package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"umlab/harness/conclude"
	"umlab/harness/fleet"
	"umlab/harness/kbuild"
	"umlab/harness/outcome"
	"umlab/harness/parcel"
	"umlab/harness/plan"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// worker does tasks, several at a time.
type worker struct {
	lab   *Lab
	queue fleet.Queue
	id    string
	most  int                     // bytes that an answer may have
	here  bool                    // who asks has the same store
	place *fleet.Place            // nil: it is the only worker
	end   context.CancelCauseFunc // of its loop

	mu    sync.Mutex
	made  []*made         // newest first
	lanes map[string]bool // what it has of what tasks are built on
}

// mostMade is of how many plans a worker keeps what their pieces have in common.
const mostMade = 8

// made is what the pieces of a plan have in common, once it is known.
type made struct {
	key string
	mu  sync.Mutex // held while it is made

	lab      *Lab // with what the plan's user has of configuration
	plan     *plan.Plan
	tree     *tree.Tree
	chain    *toolchain.Toolchain
	built    *plan.Plan // nil: not yet
	baseline *kbuild.Baseline
	notes    []string
	lacks    error // why there is no baseline
}

// do does a task. The error is one of this machine.
func (w *worker) do(ctx context.Context, t fleet.Task, now func(string)) (fleet.Answer, error) {
	e, err := decode(t)
	if err != nil {
		return fleet.Answer{}, err
	}
	run := w.obtained
	if t.Kind == kindPair {
		run = func(ctx context.Context, _ fleet.Task, e errand, now func(string)) (*reply, map[string][]byte, error) {
			return w.pair(ctx, e, now)
		}
	}
	r, files, err := run(ctx, t, e, now)
	if wrong := w.lab.store.Wrong(); wrong != nil {
		w.end(wrong) // with another handle of the store, it is made again
		return fleet.Answer{}, wrong
	}
	if err != nil {
		if ctx.Err() != nil {
			return fleet.Answer{}, context.Cause(ctx)
		}
		if errors.Is(err, fleet.ErrNotNow) {
			return fleet.Answer{}, err
		}
		if r = (&reply{Failed: failureOf(err)}); r.Failed == nil {
			return fleet.Answer{}, err
		}
	}
	body, err := r.pack(files, w.most)
	if err == nil && len(files) > 0 && r.Files == nil {
		if r.Sent = w.lab.sendFiles(ctx, t, files); r.Sent {
			body, err = r.pack(nil, w.most)
		}
	}
	return fleet.Answer{Verdict: r.verdict(), Body: body}, err
}

// run does an errand.
func (w *worker) run(ctx context.Context, t fleet.Task, e errand, now func(string)) (*reply, map[string][]byte, error) {
	m, err := w.make(ctx, t, e, now, false)
	if err != nil {
		return nil, nil, err
	}
	l := m.lab.showing(now)
	b := l.builder
	if e.FromNothing {
		one := *b
		one.FromNothing = true
		b = &one
	}
	var r *ran
	if m.plan.Scenario.BuildOnly() {
		r, err = l.runGoals(ctx, b, m.plan.Piece(m.plan, e.Piece), m.tree, m.chain)
	} else {
		r = &ran{Results: results(m.built, m.tree, m.chain, m.notes), plan: m.plan.Piece(m.built, e.Piece).Cut(), baseline: m.baseline}
		r, err = l.runBuilt(ctx, b, r, m.plan.Base(m.tree, m.chain), l.now(), m.lacks)
	}
	if err != nil {
		return nil, nil, err
	}
	if why := spoiled(r); why != "" {
		return nil, nil, errors.New(why)
	}
	out := &reply{Results: r.Results, Seen: r.seen, Fault: r.fault}
	for _, c := range r.wide {
		for _, p := range c.Placements {
			out.Wide = append(out.Wide, p.Chances)
		}
	}
	if e.Facts && len(r.Cells) > 0 {
		facts, err := l.facts(ctx, r, r.Cells[0].ID, "")
		if err != nil {
			return nil, nil, err
		}
		out.Facts = &facts
	}
	return out, w.files(out), nil
}

// pair does an errand that is a pair.
func (w *worker) pair(ctx context.Context, e errand, now func(string)) (*reply, map[string][]byte, error) {
	l, p, err := w.planned(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	got, err := l.showing(now).pair(ctx, p, change{Range: e.Range, patches: e.Patches}, e.First)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range []*result.Results{got.Before, got.After} {
		if at, why := conclude.Spoiled(r.Cells); at != "" {
			return nil, nil, fmt.Errorf("%s: %s", at, why)
		}
	}
	if !w.here {
		got.TestedBy = "" // that is who asks
	}
	out := &reply{Pair: got}
	return out, w.files(out), nil
}

// files are those that a reply goes with.
func (w *worker) files(r *reply) map[string][]byte {
	if w.here {
		return nil
	}
	files := map[string][]byte{}
	for _, one := range r.all() {
		leaving(w.lab.store, one, files)
	}
	return files
}

// planned is the plan of an errand, in the lab of its user.
func (w *worker) planned(ctx context.Context, e errand) (*Lab, *plan.Plan, error) {
	l, err := w.lab.of(e)
	if err != nil {
		return nil, nil, err
	}
	one := *l
	one.oracles = &sync.Map{}
	l = &one
	if e.Tree != nil {
		if l.sources, err = l.receiveTree(ctx, e.Flags.Tree, *e.Tree); err != nil {
			return nil, nil, err
		}
	}
	library := l.library()
	if library.Files, err = parcel.Open(e.Files); err != nil {
		return nil, nil, err
	}
	if library.Taken, err = l.receiveModules(ctx, e.Modules); err != nil {
		return nil, nil, err
	}
	p, err := plan.New(library, l.sources, e.Flags)
	if err == nil {
		p, err = p.Snapshot(ctx, l.store, l.sink)
	}
	if err != nil {
		return nil, nil, err
	}
	p.Notes = nil // who asks has them
	l.sources, err = l.sourcesOf(ctx, e)
	return l, p, err
}

// spoiled is why a piece proves nothing, where the machine is at fault; "" where it does.
func spoiled(r *ran) string {
	if r.fault != "" {
		return r.fault
	}
	at, why := conclude.Spoiled(r.Cells)
	if at == "" {
		return ""
	}
	return at + ": " + why
}

// make fetches and builds what the pieces of a plan have in common, or finds it; with found it builds nothing, see kbuild.Builder.
func (w *worker) make(ctx context.Context, t fleet.Task, e errand, now func(string), found bool) (*made, error) {
	m := w.of(t, e)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.built != nil {
		return m, nil
	}
	l, p, err := w.planned(ctx, e)
	if err != nil {
		return nil, err
	}
	m.lab, m.plan = l, p
	l = l.showing(now)
	if m.tree, m.chain, err = m.plan.Fetch(ctx, l.sources); err != nil {
		return nil, err
	}
	if m.plan.Scenario.BuildOnly() {
		m.built = m.plan
		return m, nil
	}
	release, err := l.slots.All(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	b := *l.builder
	b.FromNothing, b.Found = e.FromNothing, found
	built, baseline, notes, err := m.plan.Build(ctx, &b, m.tree, m.chain)
	if err != nil {
		if _, _, _, err := withoutBaseline(err); err != nil {
			return nil, err
		}
	}
	m.built, m.baseline, m.notes, m.lacks = built, baseline, notes, err
	return m, nil
}

// of is what the pieces of the plan of an errand have in common, which may be yet to be made.
func (w *worker) of(t fleet.Task, e errand) *made {
	e.Piece, e.Facts = plan.Piece{}, false
	key := store.Key(t.Version, fmt.Sprintf("%+v", e))
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, m := range w.made {
		if m.key == key {
			copy(w.made[1:i+1], w.made[:i])
			w.made[0] = m
			return m
		}
	}
	w.made = append([]*made{{key: key}}, w.made[:min(len(w.made), mostMade-1)]...)
	return w.made[0]
}

// of is the lab for an errand: with what its user has of configuration.
func (l *Lab) of(e errand) (*Lab, error) {
	if e.Own == "" {
		return l, nil
	}
	configs, err := fs.Sub(l.project, "configs")
	if err != nil {
		return nil, err
	}
	user, err := parcel.Open(e.Config)
	if err != nil {
		return nil, err
	}
	set, err := settings.Load(configs, user, e.Own)
	if err != nil {
		return nil, err
	}
	m, s := *l, *l.sources
	m.options.Own, m.settings, m.sources = e.Own, set, &s
	s.Settings = set
	return &m, nil
}

// sourcesOf are the sources that give what the errand means: the archive is asked anew where it was remembered to serve something else.
func (l *Lab) sourcesOf(ctx context.Context, e errand) (*sources.Sources, error) {
	src := l.sources
	for again := false; ; again = true {
		at := src.For(e.Flags.Subarch)
		c, err := at.Spec(ctx, e.Flags.Toolchain)
		if err != nil {
			return nil, err
		}
		pin, _, err := at.Pin(ctx, e.Flags.Tree, c)
		switch {
		case err != nil:
			return nil, err
		case pin == e.Pin:
			return src, nil
		case again:
			return nil, fmt.Errorf("here %s with %s is %s, and %s where it was asked: let both use one mirror (UMLAB_DEBIAN_MIRROR), or run "+
				"umlab fetch on both", e.Flags.Tree, e.Flags.Toolchain, pin, e.Pin)
		}
		src = src.Refreshed()
	}
}

// showing is the lab whose progress is told to now, in a few words, besides what is built and fetched.
func (l *Lab) showing(now func(string)) *Lab {
	m, s, b := *l, *l.sources, *l.builder
	m.sink = &telling{l.sink, now}
	s.Sink, b.Sink = m.sink, m.sink
	m.sources, m.builder = &s, &b
	return &m
}

// telling is a sink that also tells what is being done.
type telling struct {
	sinkCloser
	now func(string)
}

// Start tells of a task. That of boots is not shown: each piece has its own.
func (t *telling) Start(name string, unit progress.Unit, total int64) progress.Task {
	t.now(name)
	if unit == progress.Boots {
		return &toldTask{progress.Discard{}.Start(name, unit, total), t.now}
	}
	return &toldTask{t.sinkCloser.Start(name, unit, total), t.now}
}

type toldTask struct {
	progress.Task
	now func(string)
}

func (t *toldTask) Status(short string) {
	t.now(short)
	t.Task.Status(short)
}

// infra is the cell of a piece that no worker could do.
func infra(p *plan.Plan, piece plan.Piece, why string) (cells []result.Cell) {
	if piece.Cell == len(p.Cells) {
		return nil
	}
	o := outcome.Outcome{Kind: outcome.Infra, Detail: "no worker could do it", Evidence: cmp.Or(why, "nobody says why")}
	c := unbuilt(p.Cells[piece.Cell], o, "")
	c.Verdict, c.Reason = conclude.Cell(c)
	return []result.Cell{c}
}
