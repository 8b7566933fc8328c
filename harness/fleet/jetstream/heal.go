package jetstream

import (
	"context"
	"errors"
	"strings"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// stuckFor is how long a lane has to be seen as one whose tasks nobody is given before it is made again.
const stuckFor = 5 * time.Second

// stuck is a lane that has tasks, and a consumer that knows of none.
type stuck struct {
	created   time.Time // by the server's clock: another worker may have made it again
	delivered js.SequenceInfo
	since     time.Time
}

// heal makes the lanes work again that have tasks which nobody would be given: the server lost their consumer, or killed in the middle of
// something it remembers a task and not that it was not done. keys are those of all tasks.
func (q *Queue) heal(ctx context.Context) (keys map[string]bool, err error) {
	info, err := q.stock().Info(ctx, js.WithSubjectFilter(taskSubjects))
	if err != nil {
		return nil, err
	}
	keys = map[string]bool{}
	used := map[string]string{} // lanes: the subject of one of their tasks
	for subject := range info.State.Subjects {
		parts := strings.Split(subject, ".")
		used[parts[1]], keys[parts[2]] = subject, true
	}
	missing := map[string]bool{}
	for name := range used {
		missing[name] = true
	}
	list := q.stock().ListConsumers(ctx)
	for c := range list.Info() {
		delete(missing, c.Name)
		if q.isStuck(c, used[c.Name] != "") {
			missing[c.Name] = true
			if err := q.stock().DeleteConsumer(ctx, c.Name); err != nil && !errors.Is(err, js.ErrConsumerNotFound) {
				return nil, err
			}
		}
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	for name := range missing {
		m, err := q.stock().GetLastMsgForSubject(ctx, used[name])
		if errors.Is(err, js.ErrMsgNotFound) {
			continue // it is done
		}
		if err != nil {
			return nil, err
		}
		t, err := q.unpackTask(m.Data)
		if err != nil || t.Lane() != name {
			continue // nobody can read it: it stays until somebody empties the queue
		}
		if err := q.make(ctx, fleet.Lane{Capability: t.Capability, Version: t.Version, Baseline: t.Baseline}); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// isStuck says whether a consumer knew of no task, and did nothing, when it was seen before and now, although there are some.
func (q *Queue) isStuck(c *js.ConsumerInfo, used bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was, before := q.stuck[c.Name]
	switch {
	case !used || c.NumPending > 0 || c.NumAckPending > 0:
		delete(q.stuck, c.Name)
		return false
	case !before || was.delivered.Consumer != c.Delivered.Consumer || !was.created.Equal(c.Created):
		q.stuck[c.Name] = stuck{c.Created, c.Delivered, time.Now()}
		return false
	}
	return time.Since(was.since) >= stuckFor
}

// takeBack gives out again, at once, what was in the hands of earlier processes: nobody but this one is in a queue of its own. Lanes
// that they left without a task go: the server takes 10 ms for each when it ends.
func (q *Queue) takeBack(ctx context.Context) error {
	list := q.stock().ListConsumers(ctx)
	for c := range list.Info() {
		l, ok := laneOf(c)
		if !ok || l.Running == 0 && l.Waiting > 0 {
			continue
		}
		if err := q.stock().DeleteConsumer(ctx, c.Name); err != nil && !errors.Is(err, js.ErrConsumerNotFound) {
			return err
		}
		if l.Running == 0 {
			continue
		}
		if err := q.make(ctx, l); err != nil {
			return err
		}
	}
	if err := list.Err(); err != nil {
		return err
	}
	for _, bucket := range []string{leasesKV, workersKV} {
		s, err := q.js.Stream(ctx, "KV_"+bucket)
		if err != nil {
			return err
		}
		if err := s.Purge(ctx); err != nil {
			return err
		}
	}
	return nil
}
