package jetstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
)

// bucketOf is one of the queue's buckets, which setUp may replace.
func (q *Queue) bucketOf(kv *js.KeyValue) js.KeyValue {
	q.mu.Lock()
	defer q.mu.Unlock()
	return *kv
}

// Answer implements fleet.Queue.
func (q *Queue) Answer(ctx context.Context, key string) (a *fleet.Answer, err error) {
	err = q.try(ctx, "look for an answer", func(ctx context.Context) (err error) {
		a, err = q.answer(ctx, key)
		return err
	})
	return a, err
}

func (q *Queue) answer(ctx context.Context, key string) (*fleet.Answer, error) {
	e, err := q.bucketOf(&q.answers).Get(ctx, key)
	if errors.Is(err, js.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a, err := q.unpackAnswer(e.Value())
	if err != nil {
		return nil, fmt.Errorf("the answer %.12s cannot be read: %w", key, err)
	}
	return a, nil
}

// Forget implements fleet.Queue.
func (q *Queue) Forget(ctx context.Context, key string) error {
	return q.try(ctx, "forget an answer", func(ctx context.Context) error {
		kv := q.bucketOf(&q.answers)
		e, err := kv.Get(ctx, key)
		if errors.Is(err, js.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if a, err := q.unpackAnswer(e.Value()); err == nil && a.Infra == "" {
			return nil
		}
		err = kv.Purge(ctx, key, js.LastRevision(e.Revision()))
		if errors.Is(err, js.ErrKeyExists) { // it was forgotten, and answered, meanwhile
			return nil
		}
		return err
	})
}

// Watch implements fleet.Queue.
func (q *Queue) Watch(ctx context.Context) (<-chan string, error) {
	var w js.KeyWatcher
	err := q.try(ctx, "wait for answers", func(context.Context) (err error) {
		w, err = q.bucketOf(&q.answers).WatchAll(ctx, js.UpdatesOnly(), js.MetaOnly(), js.IgnoreDeletes())
		return err
	})
	if err != nil {
		return nil, err
	}
	keys := make(chan string)
	go func() {
		defer close(keys)
		defer func() { _ = w.Stop() }()
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-w.Updates():
				if !ok {
					return
				}
				if e == nil {
					continue
				}
				select {
				case keys <- e.Key():
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return keys, nil
}

// News implements fleet.Queue.
func (q *Queue) News(ctx context.Context) (list []fleet.News, err error) {
	err = q.try(ctx, "read the news", func(ctx context.Context) error {
		entries, err := all(ctx, q.bucketOf(&q.news))
		list = nil
		for _, e := range entries {
			var n fleet.News
			if err := json.Unmarshal(e.Value(), &n); err != nil {
				return fmt.Errorf("news %s: %w", e.Key(), err)
			}
			list = append(list, n)
		}
		return err
	})
	return list, err
}

// all are the entries of a bucket, in the order in which they were written.
func all(ctx context.Context, kv js.KeyValue) ([]js.KeyValueEntry, error) {
	w, err := kv.WatchAll(ctx, js.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Stop() }()
	var list []js.KeyValueEntry
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return nil, errors.New("the server ended what was being read")
			}
			if e == nil {
				slices.SortFunc(list, func(a, b js.KeyValueEntry) int { return cmp.Compare(a.Revision(), b.Revision()) })
				return list, nil
			}
			list = append(list, e)
		}
	}
}
