package fleet

import (
	"context"
	"time"
)

// Known is what a worker knows of the baseline of a task that it has taken. Where nothing is shared, nobody is to be asked: it begins with
// Missing and Leased.
type Known struct {
	Here    bool // the worker has it
	Missing bool // there is none in the cache, as was seen since Leased was last set
	Leased  bool // nobody else may build it
	Refused bool // somebody else is building it
}

// A Move is what a worker does next about a baseline.
type Move string

// The moves.
const (
	Run   Move = "run"   // the task: the baseline is here
	Fetch Move = "fetch" // the baseline from the cache; where there is none, it is Missing
	Claim Move = "claim" // the lease: it is Leased and no more Missing, as somebody may have built it a moment ago; or Refused
	Build Move = "build" // the baseline, and put it into the cache before the lease is released
	Leave Move = "leave" // give the task back untried, and look for another: see Order
)

// Next is the next move about the baseline of a task. What was in the cache and is there no more is left to those who have it, once and
// for a while: they can begin at once.
func (p *Place) Next(baseline string, k Known) Move {
	switch {
	case k.Here:
		return Run
	case k.Refused:
		return Leave
	case !k.Missing:
		return Fetch
	case k.Leased:
		return Build
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cached[baseline] {
		return Claim
	}
	delete(p.cached, baseline)
	if p.left == nil {
		p.left = map[string]time.Time{}
	}
	p.left[baseline] = p.Now()
	return Leave
}

// Obtain has a baseline here, move by move. fetch gets it from the cache, and says whether it was there; build builds it, and puts it into
// the cache. An ErrNotNow says that the task is to be given back: another worker is at its baseline, or this one is at another.
func (p *Place) Obtain(ctx context.Context, q Queue, baseline, owner string, fetch func(context.Context) (bool, error),
	build func(context.Context) error) error {
	if baseline == "" || p.Here(baseline) {
		return nil
	}
	made, err := p.makes(ctx, baseline)
	if err != nil {
		return err
	}
	defer q.Wake()
	defer made()
	k := Known{Here: p.Here(baseline), Missing: p.Look == nil, Leased: p.Look == nil}
	for {
		switch p.Next(baseline, k) {
		case Run:
			return nil
		case Leave:
			return ErrNotNow
		case Fetch:
			found, err := fetch(ctx)
			if err != nil {
				return err
			}
			k.Here, k.Missing = found, !found
		case Claim:
			lease, ok, err := q.Lease(ctx, baseline, owner)
			if err != nil {
				return err
			}
			if k.Refused = !ok; ok {
				defer lease.Release(context.WithoutCancel(ctx)) // else it lapses
				k.Leased, k.Missing = true, false
			}
		case Build:
			if err := build(ctx); err != nil {
				return err
			}
			k.Here = true
		}
	}
}

// makes has the worker be about to have a baseline, until it is called back. Who else wants the same waits for that, or for the end of ctx.
func (p *Place) makes(ctx context.Context, baseline string) (func(), error) {
	p.mu.Lock()
	m := p.making[baseline]
	if m == nil {
		if len(p.making) > 0 { // it was taken while that was taken
			p.mu.Unlock()
			return nil, ErrNotNow
		}
		m = &making{turn: make(chan struct{}, 1)}
		p.making = map[string]*making{baseline: m}
	}
	m.tasks++
	p.mu.Unlock()
	done := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if m.tasks--; m.tasks == 0 {
			delete(p.making, baseline)
		}
	}
	select {
	case m.turn <- struct{}{}:
		return func() { <-m.turn; done() }, nil
	case <-ctx.Done():
		done()
		return nil, context.Cause(ctx)
	}
}
