package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"umlab/harness/cache"
	"umlab/harness/progress"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// envCache names the cache that stores share: "oci://ghcr.io/me/umlab".
const envCache = "UMLAB_CACHE"

// openCache opens the cache that UMLAB_CACHE names, as the remote of the store; nil where it names none.
func openCache(o Options, st *store.Store, sink progress.Sink) (*cache.Cache, error) {
	address := o.Getenv(envCache)
	if address == "" || o.Engine == nil { // what needs it is done by a program that has one, see package cli
		return nil, nil
	}
	r, err := o.Engine.Registry(address)
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

// needCache is the cache of a target that is about it.
func (l *Lab) needCache() (*cache.Cache, error) {
	if l.cache == nil {
		return nil, usage.Errorf("%s names no cache: set it to oci://REGISTRY/NAME, such as oci://ghcr.io/me/umlab", envCache)
	}
	return l.cache, nil
}

// CacheList prints what the cache has.
func (l *Lab) CacheList(ctx context.Context) error {
	c, err := l.needCache()
	if err != nil {
		return err
	}
	task := l.sink.Start("list the cache", progress.None, 0)
	var n atomic.Int64
	list, err := c.List(ctx, func() { task.Status(fmt.Sprint(n.Add(1), " artifacts")) })
	task.Done(err)
	if err != nil {
		return fmt.Errorf("list %s: %w", c.Registry.Name(), err)
	}
	return doc.Terminal(l.stdout, report.Artifacts(list.Artifacts, l.cacheTotals(list)...), l.table)
}

// cacheTotals say how much there is.
func (l *Lab) cacheTotals(list *cache.Listed) (parts []string) {
	var bytes int64
	wrong := 0
	for _, a := range list.Artifacts {
		bytes += a.Size
		if a.Wrong != nil {
			wrong++
		}
	}
	parts = append(parts, artifacts(len(list.Artifacts)), size(bytes)+" in "+l.cache.Registry.Name())
	if wrong > 0 {
		parts = append(parts, fmt.Sprintf("%d would not be taken", wrong))
	}
	if list.Foreign > 0 {
		parts = append(parts, fmt.Sprintf("%d other tags", list.Foreign))
	}
	return parts
}

func artifacts(n int) string {
	if n == 1 {
		return "1 artifact"
	}
	return fmt.Sprintf("%d artifacts", n)
}

// CacheVerify reads all that the cache has and says what is not what was signed. Where there is any, the error is an *EndError.
func (l *Lab) CacheVerify(ctx context.Context) error {
	c, err := l.needCache()
	if err != nil {
		return err
	}
	task := l.sink.Start("read the cache", progress.Bytes, 0)
	list, err := c.Verify(ctx, task.Add)
	task.Done(err)
	if err != nil {
		return fmt.Errorf("read %s: %w", c.Registry.Name(), err)
	}
	wrong := slices.DeleteFunc(slices.Clone(list.Artifacts), func(a cache.Artifact) bool { return a.Wrong == nil })
	if err := doc.Terminal(l.stdout, report.Artifacts(wrong, l.cacheTotals(list)...), l.table); err != nil || len(wrong) == 0 {
		return err
	}
	return ended(result.ExitDiffers, "%d of %s would not be taken from there: cache prune -others removes them", len(wrong),
		artifacts(len(list.Artifacts)))
}

// PruneOptions are the flags of `umlab cache prune`.
type PruneOptions struct {
	Younger time.Duration // what was made within it stays
	Keep    string        // how much may stay, "20GB"; "" for any
	Others  bool          // what is not believed goes, too
	DryRun  bool          // say what would go
}

// CachePrune removes from the cache what was made long ago.
func (l *Lab) CachePrune(ctx context.Context, o PruneOptions) error {
	c, err := l.needCache()
	if err != nil {
		return err
	}
	rule := cache.Rule{Younger: o.Younger, Others: o.Others}
	if o.Keep != "" {
		if rule.Keep, err = bytesOf("-keep", o.Keep); err != nil {
			return err
		}
	}
	list, err := c.List(ctx, func() {})
	if err != nil {
		return fmt.Errorf("list %s: %w", c.Registry.Name(), err)
	}
	gone := rule.Apply(list, l.now())
	var freed int64
	for _, a := range gone {
		if !o.DryRun {
			if err := c.Remove(ctx, a); errors.Is(err, cache.ErrForbidden) {
				return fmt.Errorf("remove from %s: %w; where the registry is yours, allow it (of docker-registry: "+
					"REGISTRY_STORAGE_DELETE_ENABLED=true), else its own page removes packages", c.Registry.Name(), err)
			} else if err != nil {
				return fmt.Errorf("remove %s %s from %s: %w", a.Kind, store.Short(a.Key), c.Registry.Name(), err)
			}
		}
		freed += a.Size
	}
	would := "removed"
	if o.DryRun {
		would = "would be removed"
	}
	return doc.Terminal(l.stdout, report.Artifacts(gone, fmt.Sprintf("%d of %s %s", len(gone), artifacts(len(list.Artifacts)), would),
		size(freed)+", which the registry frees when it collects its garbage"), l.table)
}
