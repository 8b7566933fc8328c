package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// lookAgain is how long a worker waits for the word that there is a new task before it looks by itself: what a dead worker had is
// given out again without one. Of many workers each waits longer, as they read what all of them say.
func lookAgain(workers int) time.Duration {
	return 5*time.Second + time.Duration(workers)*20*time.Millisecond
}

// recent is how old what is known of the lanes may be where a task is found with it.
const recent = time.Second

// Take implements fleet.Queue.
func (q *Queue) Take(ctx context.Context, order func([]fleet.Lane) []fleet.Lane) (fleet.Job, error) {
	q.mu.Lock()
	lanes, at := q.seen, q.seenAt
	q.mu.Unlock()
	if time.Since(at) < recent {
		if j, err := q.first(ctx, order(slices.Clone(lanes))); j != nil || err != nil {
			return j, err
		}
	}
	for {
		wake := q.waking()
		var lanes []fleet.Lane
		err := q.try(ctx, "look for tasks", func(ctx context.Context) (err error) {
			lanes, err = q.lanes(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
		q.mu.Lock()
		q.seen, q.seenAt = slices.Clone(lanes), time.Now()
		q.mu.Unlock()
		j, err := q.first(ctx, order(lanes))
		workers := 0
		if j == nil && err == nil && len(lanes) > 0 {
			if lanes, workers, err = q.announced(ctx, lanes); err == nil {
				j, err = q.first(ctx, order(lanes))
			}
		}
		if j == nil && err == nil {
			err = q.complete(ctx, lanes)
		}
		if j != nil || err != nil {
			return j, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-wake:
		case <-time.After(lookAgain(workers)):
		}
	}
}

// complete looks whether the lanes have all the tasks that there are.
func (q *Queue) complete(ctx context.Context, lanes []fleet.Lane) error {
	return q.try(ctx, "look for tasks", func(ctx context.Context) error {
		info, err := q.stock().Info(ctx)
		if err != nil {
			return err
		}
		for _, l := range lanes {
			info.State.Msgs -= min(info.State.Msgs, uint64(l.Waiting+l.Running))
		}
		if info.State.Msgs > 0 {
			_, err = q.heal(ctx)
		}
		return err
	})
}

// first is the next task of the first of the lanes that has one, nil where none has.
func (q *Queue) first(ctx context.Context, lanes []fleet.Lane) (fleet.Job, error) {
	for _, l := range lanes {
		j, err := q.take(ctx, l)
		if j != nil || err != nil {
			return j, err
		}
	}
	return nil, nil
}

// take is the next task of a lane that is not answered yet, nil where there is none.
func (q *Queue) take(ctx context.Context, l fleet.Lane) (fleet.Job, error) {
	for {
		var m js.Msg
		err := q.try(ctx, "take a task", func(ctx context.Context) (err error) {
			m, err = q.fetch(ctx, l.Name())
			if errors.Is(err, js.ErrConsumerNotFound) {
				return nil // a lane that went meanwhile
			}
			return err
		})
		if m == nil || err != nil {
			return nil, err
		}
		j, err := q.job(ctx, m)
		if err != nil {
			return nil, err
		}
		standing, err := q.Answer(ctx, j.task.Key)
		if err != nil {
			return nil, err
		}
		if standing == nil {
			return j, nil
		}
		// Whoever answered it died before it could say so to the server, or it was asked once more.
		j.acknowledge(ctx)
	}
}

// fetch is the next message of a lane, nil where there is none.
func (q *Queue) fetch(ctx context.Context, name string) (js.Msg, error) {
	q.mu.Lock()
	c, tasks := q.consumers[name], q.tasks
	q.mu.Unlock()
	if c == nil {
		var err error
		if c, err = tasks.Consumer(ctx, name); err != nil {
			return nil, err
		}
		q.mu.Lock()
		q.consumers[name] = c
		q.mu.Unlock()
	}
	batch, err := c.FetchNoWait(1)
	if err != nil {
		return nil, err
	}
	for m := range batch.Messages() {
		return m, nil
	}
	return nil, batch.Error()
}

// job is a message in the hands of a worker. One that no umlab can read is answered here.
func (q *Queue) job(ctx context.Context, m js.Msg) (*job, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	j := &job{q: q, msg: m, beat: time.Now(), tries: int(meta.NumDelivered)}
	key := m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:]
	j.task, err = q.unpackTask(m.Data())
	if err == nil && (j.task.Key != key || subject(j.task) != m.Subject()) {
		err = errors.New("it is of another task")
	}
	if err != nil {
		j.task = fleet.Task{Key: key, Name: fmt.Sprintf("%.12s", key)}
		_, err := j.Done(ctx, fleet.Answer{Key: key, Infra: fmt.Sprintf("the task cannot be read: %v", err)})
		return j, err
	}
	if j.tries > 1 {
		back, err := q.back(ctx, key)
		if err != nil {
			return nil, err
		}
		j.tries = max(1, j.tries-back)
	}
	return j, nil
}

// back is how often a task was given back untried.
func (q *Queue) back(ctx context.Context, key string) (n int, err error) {
	err = q.try(ctx, "read what was given back", func(ctx context.Context) error {
		e, err := q.backs.Get(ctx, key)
		if errors.Is(err, js.ErrKeyNotFound) {
			return nil
		}
		if err == nil {
			n, err = strconv.Atoi(string(e.Value()))
		}
		return err
	})
	return n, err
}

// Wake implements fleet.Queue.
func (q *Queue) Wake() { q.woken() }

// waking is closed when the next task is asked.
func (q *Queue) waking() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.wake
}

func (q *Queue) woken() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.wake)
	q.wake = make(chan struct{})
}
