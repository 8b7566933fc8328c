package harness

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"umlab/harness/fleet"
	"umlab/harness/result"
	"umlab/harness/runner"
)

// WorkerOptions are the flags of `worker`.
type WorkerOptions struct {
	Jobs int // CPUs that it uses; 0: all
}

// Work takes tasks of the queue that the lab joins, until ctx ends.
func (l *Lab) Work(ctx context.Context, o WorkerOptions) error {
	q, err := l.queue(ctx)
	if err != nil {
		return err
	}
	defer q.Close()
	loop, w, err := l.worker(ctx, q, o)
	if err != nil {
		return err
	}
	status, err := q.Status(ctx)
	if err != nil {
		return err
	}
	w.most = status.Most
	w.shares(ctx)
	loop.Order, loop.Baselines = w.place.Order, w.have
	l.sink.Note(fmt.Sprintf("worker %s, %s: takes tasks from %s, %d at a time; Ctrl-C ends it and gives back what it has",
		loop.Worker.ID, loop.Worker.Version, status.Where, loop.Worker.Slots))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.end = cancel
	err = loop.Loop(ctx)
	if wrong := l.store.Wrong(); wrong != nil {
		return wrong
	}
	if err == nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return ended(result.ExitInterrupted, "worker %s was ended: it has left, and others are given what it was at", loop.Worker.ID)
	}
	return cmp.Or(err, context.Cause(ctx))
}

// workHere is a worker in this process, on the same store, until stop is called. Where it ends before, that is told to ended.
func (l *Lab) workHere(ctx context.Context, q fleet.Queue, ended chan<- error) (stop func(), err error) {
	loop, w, err := l.worker(ctx, q, WorkerOptions{})
	if err != nil {
		return nil, err
	}
	w.here = true
	ctx, cancel := context.WithCancelCause(ctx)
	w.end = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := loop.Loop(ctx)
		if err = errors.Join(err, l.store.Wrong()); err != nil {
			ended <- err
		}
	}()
	return func() { cancel(nil); <-done }, nil
}

// atOnce is how many tasks a worker has at a time for each CPU that it uses: builds and boots wait for CPUs, and the others are looked up
// meanwhile.
const atOnce = 2

// worker is the worker that this machine is.
func (l *Lab) worker(ctx context.Context, q fleet.Queue, o WorkerOptions) (*fleet.Work, *worker, error) {
	if err := l.sandboxed(ctx); err != nil {
		return nil, nil, err
	}
	version, err := l.fleetVersion()
	if err != nil {
		return nil, nil, err
	}
	cpus := o.Jobs
	if cpus == 0 {
		cpus = runtime.NumCPU()
	}
	m := *l
	m.slots = runner.NewSlots(cpus)
	memory := memoryOf()
	w := &worker{lab: &m, queue: q, id: workerID()}
	return &fleet.Work{Queue: q, Run: w.do, Say: l.sink.Note, Worker: fleet.Worker{
		ID: w.id, Version: version, Capabilities: l.abilities(memory), Slots: atOnce * cpus, Cores: cpus, Memory: memory}}, w, nil
}

// workerID is HOST-PID-RANDOM.
func workerID() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	name, _, _ = strings.Cut(name, ".")
	return fmt.Sprintf("%s-%d-%s", name, os.Getpid(), strings.ToLower(rand.Text()[:6]))
}

// memoryOf is the machine's memory in bytes; 0 where nobody knows.
func memoryOf() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}
