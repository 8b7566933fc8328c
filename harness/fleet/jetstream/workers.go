package jetstream

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"umlab/harness/fleet"
)

// Announce implements fleet.Queue.
func (q *Queue) Announce(ctx context.Context, w fleet.Worker) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return q.try(ctx, "announce this worker", func(ctx context.Context) error {
		_, err := q.bucketOf(&q.workers).Put(ctx, fleet.Short(w.ID), text)
		return err
	})
}

// Leave implements fleet.Queue.
func (q *Queue) Leave(ctx context.Context, id string) error {
	return q.try(ctx, "leave", func(ctx context.Context) error { return q.bucketOf(&q.workers).Delete(ctx, fleet.Short(id)) })
}

// Workers implements fleet.Queue.
func (q *Queue) Workers(ctx context.Context) (list []fleet.Worker, err error) {
	err = q.try(ctx, "look for workers", func(ctx context.Context) error {
		entries, err := all(ctx, q.bucketOf(&q.workers))
		list = nil
		for _, e := range entries {
			var w fleet.Worker
			if json.Unmarshal(e.Value(), &w) == nil { // else it is of another umlab, which says more
				list = append(list, w)
			}
		}
		return err
	})
	slices.SortFunc(list, func(a, b fleet.Worker) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// Status implements fleet.Queue.
func (q *Queue) Status(ctx context.Context) (s fleet.Status, err error) {
	err = q.try(ctx, "ask how it is", func(ctx context.Context) error {
		s = fleet.Status{Where: q.where, Most: q.most()}
		info, err := q.stock().Info(ctx)
		if err != nil {
			return err
		}
		lanes, err := q.lanes(ctx)
		if err == nil {
			s.Lanes, _, err = q.announced(ctx, lanes)
		}
		if err != nil {
			return err
		}
		for _, l := range s.Lanes {
			s.Running += l.Running
		}
		answers, err := q.bucketOf(&q.answers).Status(ctx)
		if err != nil {
			return err
		}
		s.Waiting = max(0, int(info.State.Msgs)-s.Running)
		s.Answers, s.Bytes, s.Replicas = int(answers.Values()), int64(info.State.Bytes+answers.Bytes()), info.Config.Replicas
		return nil
	})
	return s, err
}
