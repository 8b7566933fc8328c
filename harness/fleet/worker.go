package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrNotNow is the error of a run that was not tried: the task is left to others, and to this worker later.
var ErrNotNow = errors.New("not now")

// endTime is how long a worker or planner that is stopped may take to leave the queue in order.
const endTime = 10 * time.Second

// Work is what a worker does.
type Work struct {
	Queue  Queue
	Worker Worker // who it is; what changes of it is filled in

	// Order says which of the lanes that it can take from are tried, and in which order. It is called by one goroutine at a time.
	// nil: all of them.
	Order func([]Lane) []Lane
	// Run does a task; now is told what it is at. An answer that says why there is none is final; an error is a fault of this worker's
	// machine, and the task is tried again, here or elsewhere; ErrNotNow is no try at all. When ctx ends the task goes to others.
	Run func(ctx context.Context, t Task, now func(string)) (Answer, error)
	// Baselines are the keys of those that it has. nil: it does not say.
	Baselines func() []string
	Say       func(string) // is told what the user should know

	order  sync.Mutex
	mu     sync.Mutex
	doing  []*doing
	done   int
	others map[string]bool // versions whose tasks were seen
	nudge  chan struct{}
}

type doing struct {
	Doing
	began time.Time
}

// Loop takes tasks until ctx ends, and then gives back what it has. Its error is one of the queue that time does not mend.
func (w *Work) Loop(ctx context.Context) error {
	if w.Say == nil {
		w.Say = func(string) {}
	}
	w.nudge, w.others = make(chan struct{}, 1), map[string]bool{}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	group.Go(func() { w.announce(ctx) })
	var once sync.Once
	var failed error
	for range max(w.Worker.Slots, 1) {
		group.Go(func() {
			if err := w.slot(ctx); err != nil {
				once.Do(func() { failed = err })
				cancel(err)
			}
		})
	}
	group.Wait()
	end, cancelEnd := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancelEnd()
	_ = w.Queue.Leave(end, w.Worker.ID) // else it is forgotten by itself
	return failed
}

// slot does one task after the other.
func (w *Work) slot(ctx context.Context) error {
	for {
		j, err := w.Queue.Take(ctx, w.lanes)
		if ctx.Err() != nil {
			if j != nil {
				return w.back(ctx, j, 0, false)
			}
			return nil
		}
		if err == nil {
			err = w.do(ctx, j)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// lanes are those that this worker may take from, in order.
func (w *Work) lanes(all []Lane) []Lane {
	var mine []Lane
	for _, l := range all {
		switch {
		case !slices.Contains(w.Worker.Capabilities, l.Capability):
		case l.Version == w.Worker.Version:
			mine = append(mine, l)
		case l.Waiting > 0:
			w.other(l)
		}
	}
	w.order.Lock()
	defer w.order.Unlock()
	if w.Order == nil {
		return mine
	}
	return w.Order(mine)
}

// other says once that there are tasks of another umlab.
func (w *Work) other(l Lane) {
	w.mu.Lock()
	told := w.others[l.Version]
	w.others[l.Version] = true
	w.mu.Unlock()
	if !told {
		w.Say(fmt.Sprintf("tasks wait for %s, and are refused: this worker is %s", l.Version, w.Worker.Version))
	}
}

// do does one task, to its end or until ctx ends.
func (w *Work) do(ctx context.Context, j Job) error {
	t := j.Task()
	if j.Tries() > MostTry {
		return w.answer(ctx, j, Answer{Infra: fmt.Sprintf("it was begun %d times by workers that were not heard of again", MostTry)})
	}
	d := w.begin(t)
	defer w.end(d)
	beats, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() { beat(beats, j) })
	a, err := w.Run(ctx, t, func(now string) { w.now(d, now) })
	a.Seconds = time.Since(d.began).Seconds()
	switch {
	case err == nil:
		return w.answer(ctx, j, a)
	case errors.Is(err, ErrNotNow):
		return w.back(ctx, j, BeatTime/2, false)
	case ctx.Err() != nil:
		return w.back(ctx, j, 0, false)
	case j.Tries() >= MostTry:
		return w.answer(ctx, j, Answer{Infra: err.Error(), Seconds: a.Seconds})
	}
	w.Say(fmt.Sprintf("%s: %v; it is tried again, here or elsewhere", t.Name, err))
	return w.back(ctx, j, BeatTime, true)
}

// beat says that a task is in this worker's hands until ctx ends.
func beat(ctx context.Context, j Job) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(BeatTime):
			_ = j.Beat(ctx) // if it is lost, its answer is compared
		}
	}
}

// answer commits what was found. That is not given up when the worker is stopped: it is done.
func (w *Work) answer(ctx context.Context, j Job, a Answer) error {
	a.Worker, a.Version = w.Worker.ID, w.Worker.Version
	end, cancel := lasting(ctx)
	defer cancel()
	standing, err := j.Done(end, a)
	var large *TooLarge
	if errors.As(err, &large) {
		w.Say(large.Error())
		standing, err = j.Done(end, Answer{Worker: a.Worker, Version: a.Version, Seconds: a.Seconds, Infra: large.Error()})
	}
	if err != nil {
		return err
	}
	if standing.Worker != a.Worker {
		w.Say(fmt.Sprintf("%s: %s had answered it before", j.Task().Name, standing.Worker))
	}
	w.mu.Lock()
	w.done++
	w.mu.Unlock()
	return nil
}

// back gives a task to others.
func (w *Work) back(ctx context.Context, j Job, after time.Duration, tried bool) error {
	end, cancel := lasting(ctx)
	defer cancel()
	err := j.Back(end, after, tried)
	if errors.Is(err, ErrLost) {
		return nil
	}
	return err
}

// lasting is ctx, and goes on for a little after its end.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(endTime, cancel) })
	return last, func() { stop(); cancel() }
}

// begin, now and end keep what is announced.
func (w *Work) begin(t Task) *doing {
	d := &doing{Doing{Key: t.Key, Name: t.Name, Lane: t.Lane()}, time.Now()}
	w.mu.Lock()
	w.doing = append(w.doing, d)
	w.mu.Unlock()
	w.changed()
	return d
}

func (w *Work) now(d *doing, now string) {
	w.mu.Lock()
	d.Now = now
	w.mu.Unlock()
	w.changed()
}

func (w *Work) end(d *doing) {
	w.mu.Lock()
	w.doing = slices.DeleteFunc(w.doing, func(o *doing) bool { return o == d })
	w.mu.Unlock()
	w.changed()
}

func (w *Work) changed() {
	select {
	case w.nudge <- struct{}{}:
	default:
	}
}

// announce says what this worker is at whenever that changes, but not more often than anybody looks, until ctx ends.
func (w *Work) announce(ctx context.Context) {
	const often = time.Second
	for {
		w.mu.Lock()
		is := w.Worker
		is.Done, is.Doing = w.done, nil
		for _, d := range w.doing {
			d.Seconds = time.Since(d.began).Seconds()
			is.Doing = append(is.Doing, d.Doing)
		}
		w.mu.Unlock()
		if w.Baselines != nil {
			is.Baselines = w.Baselines()
		}
		_ = w.Queue.Announce(ctx, is) // what is wrong is said by the queue
		select {
		case <-ctx.Done():
			return
		case <-time.After(often):
		}
		select {
		case <-ctx.Done():
			return
		case <-w.nudge:
		case <-time.After(BeatTime - often):
		}
	}
}
