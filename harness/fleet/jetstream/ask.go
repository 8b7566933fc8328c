package jetstream

import (
	"context"
	"errors"
	"fmt"

	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// taken is the server's error of a second message of a subject.
const taken js.ErrorCode = 10077

// Ask implements fleet.Queue.
func (q *Queue) Ask(ctx context.Context, t fleet.Task) (queued bool, err error) {
	if !isKey.MatchString(t.Key) || !isCapability.MatchString(t.Capability) {
		return false, fmt.Errorf("task %s: key %q or capability %q is not of the form that it has to be", t.Name, t.Key, t.Capability)
	}
	packed, err := q.packTask(t)
	if err != nil {
		return false, err
	}
	again := false
	err = q.try(ctx, "ask "+t.Name, func(ctx context.Context) error {
		if err := q.lane(ctx, t); err != nil {
			return err
		}
		_, err := q.js.Publish(ctx, subject(t), packed, js.WithRetryAttempts(0))
		var api *js.APIError
		if errors.As(err, &api) && api.ErrorCode == taken {
			queued = again // then it may have been this one, before the connection broke
			return nil
		}
		queued, again = err == nil, true
		return err
	})
	if err == nil && queued {
		_ = q.nc.Publish(wakeSubject, nil) // who sleeps looks by itself, later
	}
	return queued, err
}

// Withdraw implements fleet.Queue. A lane that holds nothing else is emptied at once, as each call is on the server's disk before it
// returns.
func (q *Queue) Withdraw(ctx context.Context, tasks []fleet.Task) error {
	lanes := map[string]map[string]bool{} // the subjects of each
	for _, t := range tasks {
		l := "cell." + t.Lane() + ".*"
		if lanes[l] == nil {
			lanes[l] = map[string]bool{}
		}
		lanes[l][subject(t)] = true
	}
	for lane, subjects := range lanes {
		err := q.try(ctx, "withdraw tasks", func(ctx context.Context) error { return q.withdraw(ctx, lane, subjects) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) withdraw(ctx context.Context, lane string, subjects map[string]bool) error {
	info, err := q.stock().Info(ctx, js.WithSubjectFilter(lane))
	if err != nil {
		return err
	}
	others := false
	for subject := range info.State.Subjects {
		others = others || !subjects[subject]
	}
	if !others {
		return q.stock().Purge(ctx, js.WithPurgeSubject(lane))
	}
	for subject := range subjects {
		if info.State.Subjects[subject] == 0 {
			continue
		}
		if err := q.stock().Purge(ctx, js.WithPurgeSubject(subject)); err != nil {
			return err
		}
	}
	return nil
}

// Queued implements fleet.Queue.
func (q *Queue) Queued(ctx context.Context) (keys map[string]bool, err error) {
	err = q.try(ctx, "list the tasks", func(ctx context.Context) (err error) {
		keys, err = q.heal(ctx)
		return err
	})
	return keys, err
}

// Empty implements fleet.Queue.
func (q *Queue) Empty(ctx context.Context) (n int, err error) {
	err = q.try(ctx, "empty it", func(ctx context.Context) error {
		info, err := q.stock().Info(ctx)
		if err != nil {
			return err
		}
		n = int(info.State.Msgs)
		return q.stock().Purge(ctx)
	})
	return n, err
}

// stock is the stream of the tasks.
func (q *Queue) stock() js.Stream {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tasks
}
