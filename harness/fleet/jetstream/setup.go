package jetstream

import (
	"context"
	"errors"
	"fmt"

	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// What umlab has on a server.
const (
	tasksStream  = "umlab-tasks"
	taskSubjects = "cell.*.*" // cell.LANE.KEY
	answersKV    = "umlab-answers"
	backsKV      = "umlab-backs"
	newsKV       = "umlab-news"
	leasesKV     = "umlab-leases"
	workersKV    = "umlab-workers"
	wakeSubject  = "umlab.wake" // says that there is a new task
)

// setUp finds stream and buckets, and makes those that are not there. Two that do it at once make the same.
func (q *Queue) setUp(ctx context.Context) error {
	tasks, err := q.stream(ctx)
	if err != nil {
		return err
	}
	var kvs [5]js.KeyValue
	for i, c := range []js.KeyValueConfig{
		{Bucket: answersKV, Description: "answers of umlab's tasks, by the task's key"},
		{Bucket: backsKV, Description: "how often a task of umlab was given back untried", TTL: laneUnused},
		{Bucket: newsKV, Description: "tasks of umlab that were answered in two ways"},
		{Bucket: leasesKV, Description: "baselines that a worker of umlab is building", TTL: fleet.AckWait},
		{Bucket: workersKV, Description: "workers of umlab", TTL: fleet.AckWait},
	} {
		if kvs[i], err = q.bucket(ctx, c); err != nil {
			return err
		}
	}
	q.doubt()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks, q.answers, q.backs, q.news, q.leases, q.workers = tasks, kvs[0], kvs[1], kvs[2], kvs[3], kvs[4]
	return nil
}

// stream is the stream of the tasks, as it has to be.
func (q *Queue) stream(ctx context.Context) (js.Stream, error) {
	s, err := q.js.Stream(ctx, tasksStream)
	if errors.Is(err, js.ErrStreamNotFound) {
		return q.js.CreateStream(ctx, js.StreamConfig{
			Name:        tasksStream,
			Description: "tasks of umlab that have no answer",
			Subjects:    []string{taskSubjects},
			Retention:   js.WorkQueuePolicy,
			Storage:     js.FileStorage,
			Replicas:    max(q.opts.Replicas, 1),
			// One message a key: a second one is refused until the first is acknowledged.
			Discard: js.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
		})
	}
	if err != nil {
		return nil, err
	}
	c := s.CachedInfo().Config
	if c.Retention != js.WorkQueuePolicy || !c.DiscardNewPerSubject || c.MaxMsgsPerSubject != 1 {
		return nil, fmt.Errorf("the stream %s was not made by umlab: give umlab an account of its own", tasksStream)
	}
	if q.opts.Replicas == 0 || c.Replicas == q.opts.Replicas {
		return s, nil
	}
	c.Replicas = q.opts.Replicas
	return q.js.UpdateStream(ctx, c)
}

// bucket is one of the buckets, as it has to be.
func (q *Queue) bucket(ctx context.Context, c js.KeyValueConfig) (js.KeyValue, error) {
	c.Storage, c.History, c.Replicas = js.FileStorage, 1, max(q.opts.Replicas, 1)
	kv, err := q.js.KeyValue(ctx, c.Bucket)
	if errors.Is(err, js.ErrBucketNotFound) {
		return q.js.CreateKeyValue(ctx, c)
	}
	if err != nil || q.opts.Replicas == 0 {
		return kv, err
	}
	status, err := kv.Status(ctx)
	if err != nil || status.Config().Replicas == q.opts.Replicas {
		return kv, err
	}
	return q.js.UpdateKeyValue(ctx, c)
}
