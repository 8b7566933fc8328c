package harness

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"umlab/harness/fleet"
	"umlab/harness/kbuild"
)

// shares makes the worker one of several, which leave what is built to one another.
func (w *worker) shares(ctx context.Context) {
	w.place = &fleet.Place{Here: w.has, Now: time.Now, Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
	if w.lab.cache != nil {
		w.place.Look = func(lanes []string) map[string]fleet.Where { return w.look(ctx, lanes) }
	}
}

// obtained does an errand once what it is built on is there.
func (w *worker) obtained(ctx context.Context, t fleet.Task, e errand, now func(string)) (*reply, map[string][]byte, error) {
	if w.place != nil {
		err := w.place.Obtain(ctx, w.queue, t.Baseline, w.id,
			func(ctx context.Context) (bool, error) {
				err := w.baseline(ctx, t, e, now, true)
				if errors.Is(err, kbuild.ErrNone) {
					return false, nil
				}
				return err == nil, err
			},
			func(ctx context.Context) error {
				err := w.baseline(ctx, t, e, now, false)
				if err == nil && w.lab.cache != nil {
					now("pushing the baseline to the cache")
					w.lab.cache.Wait(ctx)
				}
				return err
			})
		if err != nil {
			return nil, nil, err
		}
		// So many tasks at a time wait for one CPU.
		defer func(begun time.Time) { w.place.Took(t.Weight, time.Since(begun).Seconds()/atOnce) }(time.Now())
	}
	return w.run(ctx, t, e, now)
}

// baseline has what a task is built on here. Why a source does not build is told by who boots it.
func (w *worker) baseline(ctx context.Context, t fleet.Task, e errand, now func(string), found bool) error {
	m, err := w.make(ctx, t, e, now, found)
	if err != nil {
		return err
	}
	groups, base := m.plan.Groups(), m.plan.Base(m.tree, m.chain)
	if m.baseline != nil {
		base = m.baseline.Base
	}
	if at := m.plan.GroupOf(groups, e.Piece); at >= 0 && !groups[at].Own() && (m.baseline != nil || m.built.Resolved()) {
		l := m.lab.showing(now)
		if base, err = l.chained(ctx, m.built, base, groups[at].Base(base)); err != nil {
			return err
		}
		b := *l.builder
		b.FromNothing, b.Found = e.FromNothing, found
		if _, _, err := b.Baseline(ctx, base); err != nil {
			if _, _, _, err := withoutBaseline(err); err != nil {
				return err
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lanes == nil {
		w.lanes = map[string]bool{}
	}
	w.lanes[t.Baseline] = true
	return nil
}

// has reports whether the worker has what tasks are built on.
func (w *worker) has(lane string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lanes[lane]
}

// have is all that it has, for the others.
func (w *worker) have() (lanes []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for lane := range w.lanes {
		lanes = append(lanes, lane)
	}
	slices.Sort(lanes)
	return lanes
}

// look says where is what the worker has not: with others, who have put it into the cache.
func (w *worker) look(ctx context.Context, lanes []string) map[string]fleet.Where {
	where := map[string]fleet.Where{}
	leased, err := w.queue.Leased(ctx, lanes...)
	if err != nil {
		return where
	}
	workers, err := w.queue.Workers(ctx)
	if err != nil {
		return where
	}
	for _, other := range workers {
		for _, lane := range other.Baselines {
			if slices.Contains(lanes, lane) {
				where[lane] = fleet.Cached
			}
		}
	}
	for lane := range leased {
		if leased[lane] {
			where[lane] = fleet.Building
		}
	}
	return where
}
