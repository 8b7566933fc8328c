package harness

import (
	"context"
	"fmt"

	"umlab/harness/cache"
	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// envCache names the cache that stores share: "oci://ghcr.io/me/umlab".
const envCache = "UMLAB_CACHE"

// openCache opens the cache that UMLAB_CACHE names, as the remote of the store; nil where it names none.
func openCache(o Options, st *store.Store, sink progress.Sink) (*cache.Cache, error) {
	address := o.Getenv(envCache)
	if address == "" {
		return nil, nil
	}
	if o.Registry == nil {
		return nil, usage.Errorf("%s is set, and this program is built without what speaks to a registry: use umlab-fleet", envCache)
	}
	r, err := o.Registry(address)
	if err != nil {
		return nil, err
	}
	keys, err := cache.LoadKeys(o.Getenv, o.Own, o.Now)
	if err != nil {
		return nil, err
	}
	c := cache.New(cache.Options{Registry: r, Keys: keys, Store: st, Sink: sink, Revision: Revision(), Now: o.Now})
	st.Remote = c
	return c, nil
}

// Share waits until what the run made is in the cache, if there is one. When ctx ends, what is left is not pushed.
func (l *Lab) Share(ctx context.Context) {
	if l.cache == nil || ctx.Err() != nil {
		return
	}
	if n := l.cache.Waiting(); n > 0 {
		l.sink.Note(fmt.Sprintf("cache: pushing what others can use to %s: %d to go (Ctrl-C leaves them out)", l.getenv(envCache), n))
	}
	l.cache.Wait(ctx)
}
