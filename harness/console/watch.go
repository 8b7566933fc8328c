package console

import (
	"sync"
	"time"
)

// watch ends a session whose deadlines pass. Nothing that the guest prints moves them, except the one that is about
// printing.
type watch struct {
	limits Limits
	total  time.Time // absolute
	output func() time.Time
	fail   func(*Error)
	stop   chan struct{}
	moved  chan struct{} // of capacity 1: the stage changed

	mu       sync.Mutex
	stage    Stage
	step     string
	limit    time.Duration
	since    time.Time // when the stage began
	deadline time.Time // absolute; zero in StageIdle
}

func newWatch(l Limits, output func() time.Time, fail func(*Error)) *watch {
	return &watch{limits: l, total: time.Now().Add(l.Total), output: output, fail: fail, stop: make(chan struct{}),
		moved: make(chan struct{}, 1), stage: StageIdle}
}

// enter begins a stage.
func (w *watch) enter(stage Stage, step string, limit time.Duration) {
	w.mu.Lock()
	w.stage, w.step, w.limit, w.since, w.deadline = stage, step, limit, time.Now(), time.Time{}
	if limit > 0 {
		w.deadline = w.since.Add(limit)
	}
	w.mu.Unlock()
	select {
	case w.moved <- struct{}{}:
	default:
	}
}

// leave ends the stage. Only Limits.Total counts until the next one.
func (w *watch) leave() { w.enter(StageIdle, "", 0) }

// run returns when a deadline passed or stop was closed.
func (w *watch) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-w.moved:
		case <-timer.C:
		}
		next, err := w.due(time.Now())
		if err != nil {
			w.fail(err)
			return
		}
		timer.Reset(time.Until(next))
	}
}

// due returns the error of the deadline that has passed, or else when the next one could.
func (w *watch) due(now time.Time) (time.Time, *Error) {
	last := w.output()
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.total
	if !now.Before(w.total) {
		return next, &Error{Kind: TimedOut, Stage: w.stage, Step: w.step, After: w.limits.Total, Total: true}
	}
	if w.deadline.IsZero() {
		return next, nil
	}
	if !now.Before(w.deadline) {
		return next, &Error{Kind: TimedOut, Stage: w.stage, Step: w.step, After: w.limit}
	}
	if w.since.After(last) {
		last = w.since
	}
	silence := w.limits.Silence
	if w.stage == StageCommand && w.limit != w.limits.Command { // a step's own
		silence = max(silence, w.limit)
	}
	quiet := last.Add(silence)
	if !now.Before(quiet) {
		return next, &Error{Kind: Silent, Stage: w.stage, Step: w.step, After: silence}
	}
	for _, t := range []time.Time{w.deadline, quiet} {
		if t.Before(next) {
			next = t
		}
	}
	return next, nil
}
