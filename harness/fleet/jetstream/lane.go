package jetstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// laneSure is how long the consumer of a lane that was made is believed to be there.
const laneSure = time.Minute

var (
	isCapability = regexp.MustCompile(`^[a-z0-9_]+$`)
	isKey        = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// short is a digest of what may have any characters, for the name of something on the server.
func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// token is what a lane is called in subjects, and the name of its consumer.
func token(capability, version, baseline string) string {
	return capability + "-" + short(version) + "-" + short(baseline)
}

func subject(t fleet.Task) string {
	return "cell." + token(t.Capability, t.Version, t.Baseline) + "." + t.Key
}

// lane makes sure of the consumer of a task's lane.
func (q *Queue) lane(ctx context.Context, t fleet.Task) error {
	name := token(t.Capability, t.Version, t.Baseline)
	q.mu.Lock()
	tasks, sure := q.tasks, time.Since(q.asked[name]) < laneSure
	q.mu.Unlock()
	if sure {
		return nil
	}
	_, err := tasks.CreateOrUpdateConsumer(ctx, js.ConsumerConfig{
		Durable:           name,
		FilterSubject:     "cell." + name + ".*",
		AckPolicy:         js.AckExplicitPolicy,
		AckWait:           fleet.AckWait,
		MaxDeliver:        -1, // with a limit, a message over it stays and blocks its subject
		MaxAckPending:     -1,
		InactiveThreshold: laneUnused,
		Metadata:          map[string]string{metaCapability: t.Capability, metaVersion: t.Version, metaBaseline: t.Baseline},
	})
	if err != nil {
		return fmt.Errorf("lane of %s: %w", t.Name, err)
	}
	q.mu.Lock()
	q.asked[name] = time.Now()
	q.mu.Unlock()
	return nil
}

// lanes are those that have tasks.
func (q *Queue) lanes(ctx context.Context) ([]fleet.Lane, error) {
	q.mu.Lock()
	tasks := q.tasks
	q.mu.Unlock()
	list := tasks.ListConsumers(ctx)
	var lanes []fleet.Lane
	for c := range list.Info() {
		m := c.Config.Metadata
		l := fleet.Lane{Capability: m[metaCapability], Version: m[metaVersion], Baseline: m[metaBaseline]}
		l.Waiting, l.Running = int(c.NumPending), c.NumAckPending
		if l.Capability != "" && l.Waiting+l.Running > 0 {
			lanes = append(lanes, l)
		}
	}
	slices.SortFunc(lanes, func(a, b fleet.Lane) int {
		return cmp.Or(cmp.Compare(a.Capability, b.Capability), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Baseline, b.Baseline))
	})
	return lanes, list.Err()
}
