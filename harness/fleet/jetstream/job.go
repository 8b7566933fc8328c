package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// job is a message in the hands of a worker.
type job struct {
	q     *Queue
	msg   js.Msg
	task  fleet.Task
	tries int

	mu   sync.Mutex
	beat time.Time // when the server last knew whose it is
}

func (j *job) Task() fleet.Task { return j.task }
func (j *job) Tries() int       { return j.tries }

// Beat implements fleet.Job.
func (j *job) Beat(ctx context.Context) error {
	began := time.Now()
	return j.q.try(ctx, "say that "+j.task.Name+" is being done", func(ctx context.Context) error {
		if _, err := j.q.nc.RequestWithContext(ctx, j.msg.Reply(), []byte("+WPI")); err != nil {
			return err
		}
		j.mu.Lock()
		j.beat = began
		j.mu.Unlock()
		return nil
	})
}

// mine says that nobody else can have the task.
func (j *job) mine() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Since(j.beat) < fleet.AckWait
}

// acknowledge takes the task out of the queue. Where that fails, it is found to be answered by who takes it next.
func (j *job) acknowledge(ctx context.Context) {
	c, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_ = j.msg.DoubleAck(c)
}

// Done implements fleet.Job.
func (j *job) Done(ctx context.Context, a fleet.Answer) (fleet.Answer, error) {
	a.Key = j.task.Key
	packed, err := j.q.packAnswer(a, j.task.Name)
	if err != nil {
		return fleet.Answer{}, err
	}
	standing := &a
	err = j.q.try(ctx, "answer "+j.task.Name, func(ctx context.Context) error {
		_, err := j.q.bucketOf(&j.q.answers).Create(ctx, a.Key, packed)
		if !errors.Is(err, js.ErrKeyExists) {
			return err
		}
		there, err := j.q.answer(ctx, a.Key)
		if there != nil {
			standing = there
			return err
		}
		if err == nil { // it was forgotten in between
			_, err = j.q.bucketOf(&j.q.answers).Create(ctx, a.Key, packed)
		}
		return err
	})
	if err != nil {
		return fleet.Answer{}, err
	}
	if standing.Infra == "" && a.Infra == "" && standing.Verdict != a.Verdict {
		if err := j.q.contradicted(ctx, j.task, *standing, a); err != nil {
			return *standing, err
		}
	}
	j.acknowledge(ctx)
	return *standing, nil
}

// Back implements fleet.Job.
func (j *job) Back(ctx context.Context, after time.Duration, tried bool) error {
	if !j.mine() {
		return fleet.ErrLost
	}
	if !tried {
		n, err := j.q.back(ctx, j.task.Key)
		if err != nil {
			return err
		}
		err = j.q.try(ctx, "give back "+j.task.Name, func(ctx context.Context) error {
			_, err := j.q.bucketOf(&j.q.backs).Put(ctx, j.task.Key, []byte(strconv.Itoa(n+1)))
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := j.msg.NakWithDelay(after); err != nil {
		return err
	}
	return j.q.nc.Publish(wakeSubject, nil)
}

// contradicted keeps that a task was answered in two ways.
func (q *Queue) contradicted(ctx context.Context, t fleet.Task, first, late fleet.Answer) error {
	first.Body, late.Body = nil, nil
	text, err := json.Marshal(fleet.News{Key: t.Key, Name: t.Name, First: first, Late: late})
	if err != nil {
		return err
	}
	return q.try(ctx, "tell of "+t.Name, func(ctx context.Context) error {
		_, err := q.bucketOf(&q.news).Create(ctx, t.Key+"."+fleet.Short(late.Verdict), text)
		if errors.Is(err, js.ErrKeyExists) {
			return nil
		}
		return err
	})
}
