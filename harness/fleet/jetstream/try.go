package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// Of a call of the server: how long one try of it may take, and how long is waited between two.
const (
	callTime  = 5 * time.Second
	firstWait = 50 * time.Millisecond
	lastWait  = 3 * time.Second
)

// try calls do until it is done, until ctx ends, or until it fails in a way that time does not mend. do can have been done although it
// failed: it is something that can be done twice. A stream or bucket that is gone is made again: the tasks of a planner that lives
// are asked again by it.
func (q *Queue) try(ctx context.Context, what string, do func(context.Context) error) error {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		c, cancel := context.WithTimeout(ctx, callTime)
		err := do(c)
		cancel()
		switch {
		case err == nil:
			q.tell(nil)
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("queue at %s: %s: %w", q.where, what, context.Cause(ctx))
		case !passing(err):
			return fmt.Errorf("queue at %s: %s: %w", q.where, what, err)
		case wait > firstWait: // the second time
			q.tell(fmt.Errorf("%s: %w", what, err))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("queue at %s: %s: %w", q.where, what, context.Cause(ctx))
		case <-time.After(wait):
		}
		if gone(err) {
			c, cancel := context.WithTimeout(ctx, callTime)
			_ = q.setUp(c) // else the next try fails again
			cancel()
		}
	}
}

// passing says that an error is one of a moment: no connection, no leader, no space.
func passing(err error) bool {
	if errors.Is(err, js.ErrJetStreamNotEnabled) {
		return false
	}
	for _, e := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded,
		nats.ErrStaleConnection, context.DeadlineExceeded,
		// A lane was made again, or a server goes, while a task of it was being asked for.
		js.ErrConsumerDeleted, js.ErrConsumerLeadershipChanged, js.ErrServerShutdown,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *js.APIError
	if gone(err) || !errors.As(err, &api) {
		return gone(err)
	}
	switch api.ErrorCode {
	case js.JSErrCodeJetStreamNotEnabledForAccount, noCluster:
		return false
	case noPeers, js.JSErrCodeConsumerDoesNotExist: // which went while it was made, or changed
		return true
	}
	return api.Code >= 500
}

// Errors of the server that nats.go has no name for.
const (
	noPeers   js.ErrorCode = 10005 // some servers of the cluster are down
	noCluster js.ErrorCode = 10074 // more than one replica, and only one server
)

// gone says that the server may have lost what was there.
func gone(err error) bool {
	return errors.Is(err, js.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, js.ErrStreamNotFound) ||
		errors.Is(err, js.ErrBucketNotFound) || errors.Is(err, js.ErrConsumerNotFound)
}

// tell says once that the server is in trouble, and once that it no longer is.
func (q *Queue) tell(err error) {
	q.mu.Lock()
	was := q.trouble
	switch {
	case err != nil && was == "":
		q.trouble = err.Error()
	case err == nil:
		q.trouble = ""
	}
	is := q.trouble
	q.mu.Unlock()
	switch {
	case is != "" && was == "":
		q.opts.Say(fmt.Sprintf("queue at %s: %s; it is tried again until it works", q.where, is))
	case is == "" && was != "":
		q.opts.Say(fmt.Sprintf("queue at %s: works again", q.where))
	}
}
