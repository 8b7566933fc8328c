package harness

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"umlab/harness/cache"
	"umlab/harness/fleet"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// Engine is what a fleet runs on. It is compiled only into programs that say so.
type Engine struct {
	// Queue joins the queue of an address.
	Queue func(context.Context, QueueAt) (fleet.Queue, error)
	// Registry opens the registry at an address.
	Registry func(address string) (cache.Registry, error)
}

// Local is the address of a queue of this process alone.
const Local = "local"

// QueueAt says where a queue is.
type QueueAt struct {
	Address string              // Local, or the URL of a server
	Store   *store.Store        // where that of this process keeps what is in it
	Getenv  func(string) string // for credentials
	Note    func(line string)   // is told what a user must know
}

// checkJoin says what is no address of a queue.
func checkJoin(address string) error {
	if address == Local {
		return nil
	}
	for one := range strings.SplitSeq(address, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return usage.Errorf("-join=%s is no address of a queue: give %s, nats://HOST or tls://HOST, with :PORT where that is not 4222",
				address, Local)
		}
	}
	return nil
}
