package jetstream

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// Keys of the metadata of a lane's consumer.
const (
	metaCapability = "umlab.capability"
	metaVersion    = "umlab.version"
	metaBaseline   = "umlab.baseline"
)

// laneUnused is how long a lane that nobody takes from is kept. Its tasks stay, and asking one makes it again.
const laneUnused = 7 * 24 * time.Hour

var (
	isCapability = regexp.MustCompile(`^[a-z0-9_]+$`)
	isKey        = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func subject(t fleet.Task) string {
	return "cell." + t.Lane() + "." + t.Key
}

// lane makes the consumer of a task's lane, unless this process did so before, and has not lost sight of the server since.
func (q *Queue) lane(ctx context.Context, t fleet.Task) error {
	l := fleet.Lane{Capability: t.Capability, Version: t.Version, Baseline: t.Baseline}
	q.mu.Lock()
	sure := q.sure[l.Name()]
	q.mu.Unlock()
	if sure {
		return nil
	}
	return q.make(ctx, l)
}

func (q *Queue) make(ctx context.Context, l fleet.Lane) error {
	_, err := q.stock().CreateOrUpdateConsumer(ctx, js.ConsumerConfig{
		Durable:           l.Name(),
		FilterSubject:     "cell." + l.Name() + ".*",
		AckPolicy:         js.AckExplicitPolicy,
		AckWait:           fleet.AckWait,
		MaxDeliver:        -1, // with a limit, a message over it stays and blocks its subject
		MaxAckPending:     -1,
		InactiveThreshold: laneUnused,
		Metadata:          map[string]string{metaCapability: l.Capability, metaVersion: l.Version, metaBaseline: l.Baseline},
	})
	if err != nil {
		return fmt.Errorf("lane of %s: %w", l.Capability, err)
	}
	q.mu.Lock()
	q.sure[l.Name()] = true
	q.mu.Unlock()
	return nil
}

// laneOf is the lane that a consumer is of, if it is of one.
func laneOf(c *js.ConsumerInfo) (fleet.Lane, bool) {
	m := c.Config.Metadata
	l := fleet.Lane{Capability: m[metaCapability], Version: m[metaVersion], Baseline: m[metaBaseline]}
	l.Waiting, l.Running = int(c.NumPending), c.NumAckPending
	return l, l.Name() == c.Name
}

// lanes are those that have tasks. What was given out counts as running, whether somebody still has it or not: see announced.
func (q *Queue) lanes(ctx context.Context) ([]fleet.Lane, error) {
	q.mu.Lock()
	tasks := q.tasks
	q.mu.Unlock()
	list := tasks.ListConsumers(ctx)
	var lanes []fleet.Lane
	for c := range list.Info() {
		l, ok := laneOf(c)
		if ok && l.Waiting+l.Running > 0 {
			lanes = append(lanes, l)
		}
	}
	slices.SortFunc(lanes, func(a, b fleet.Lane) int {
		return cmp.Or(cmp.Compare(a.Capability, b.Capability), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Baseline, b.Baseline))
	})
	return lanes, list.Err()
}

// announced tells of what was given out which tasks are in a worker's hands, by what the workers say. The others wait: their worker died,
// or gave them back.
func (q *Queue) announced(ctx context.Context, lanes []fleet.Lane) (known []fleet.Lane, workers int, err error) {
	list, err := q.Workers(ctx)
	if err != nil {
		return nil, 0, err
	}
	begun := map[string]int{}
	for _, w := range list {
		for _, d := range w.Doing {
			begun[d.Lane]++
		}
	}
	for _, l := range lanes {
		running := min(l.Running, begun[l.Name()])
		l.Waiting, l.Running = l.Waiting+l.Running-running, running
		known = append(known, l)
	}
	return known, len(list), nil
}
