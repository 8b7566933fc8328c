package jetstream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// lease is a key of a bucket that forgets what is not written again.
type lease struct {
	q        *Queue
	key      string
	stop     context.CancelFunc
	ended    chan struct{} // closed when nobody writes it any more
	lost     chan struct{}
	revision uint64 // once ended
	once     sync.Once
}

// Lease implements fleet.Queue.
func (q *Queue) Lease(ctx context.Context, key, owner string) (fleet.Lease, bool, error) {
	l := &lease{q: q, key: fleet.Short(key), ended: make(chan struct{}), lost: make(chan struct{})}
	owner += " " + nats.NewInbox() // as one worker can want it twice
	ok := false
	err := q.try(ctx, "lease", func(ctx context.Context) error {
		revision, err := q.bucketOf(&q.leases).Create(ctx, l.key, []byte(owner))
		if errors.Is(err, js.ErrKeyExists) {
			return q.mine(ctx, l, owner, &ok)
		}
		l.revision, ok = revision, err == nil
		return err
	})
	if err != nil || !ok {
		return nil, false, err
	}
	beats, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(beats, []byte(owner))
	return l, true, nil
}

// mine says whether a lease that is there is the owner's: then the answer to its making was lost.
func (q *Queue) mine(ctx context.Context, l *lease, owner string, ok *bool) error {
	e, err := q.bucketOf(&q.leases).Get(ctx, l.key)
	if errors.Is(err, js.ErrKeyNotFound) {
		return nil
	}
	if err == nil && string(e.Value()) == owner {
		l.revision, *ok = e.Revision(), true
	}
	return err
}

// keep writes the key again until stop. What is too late is lost: its clock is this process's, which counts from before it was written.
func (l *lease) keep(ctx context.Context, owner []byte) {
	defer close(l.ended)
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(fleet.BeatTime - time.Since(last)%fleet.BeatTime):
		}
		began := time.Now()
		c, cancel := context.WithTimeout(ctx, callTime)
		revision, err := l.q.bucketOf(&l.q.leases).Update(c, l.key, owner, l.revision)
		cancel()
		switch {
		case err == nil:
			l.revision, last = revision, began
		case errors.Is(err, js.ErrKeyExists) || time.Since(last) > fleet.AckWait:
			l.once.Do(func() { close(l.lost) })
			return
		}
	}
}

func (l *lease) Lost() <-chan struct{} { return l.lost }

// Release implements fleet.Lease. One that is lost is not its owner's to release.
func (l *lease) Release(ctx context.Context) error {
	l.stop()
	<-l.ended
	return l.q.try(ctx, "end a lease", func(ctx context.Context) error {
		err := l.q.bucketOf(&l.q.leases).Delete(ctx, l.key, js.LastRevision(l.revision))
		if errors.Is(err, js.ErrKeyExists) {
			return nil
		}
		return err
	})
}

// Leased implements fleet.Queue.
func (q *Queue) Leased(ctx context.Context, keys ...string) (map[string]bool, error) {
	held := map[string]bool{}
	err := q.try(ctx, "look for leases", func(ctx context.Context) error {
		entries, err := all(ctx, q.bucketOf(&q.leases))
		is := map[string]bool{}
		for _, e := range entries {
			is[e.Key()] = true
		}
		for _, k := range keys {
			held[k] = is[fleet.Short(k)]
		}
		return err
	})
	return held, err
}
