package cache

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"umlab/harness/store"
)

// Artifact is one that a cache has.
type Artifact struct {
	store.Entry
	About *About // nil where it is not believed
	Who   string // signed it; "" where that is not believed
	Wrong error  // why it would not be taken; nil: it would
	Size  int64  // of its layer, in bytes of the registry

	manifest ocispec.Descriptor
}

// Listed is what a cache has.
type Listed struct {
	Artifacts []Artifact // by kind and key
	Foreign   int        // tags that are none of umlab's
}

// asked is how many requests are made at once.
const asked = 8

// List reads what the cache has, and who signed it; see each for what is told of the progress.
func (c *Cache) List(ctx context.Context, each func()) (*Listed, error) {
	tags, err := c.Registry.Tags(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(tags)
	l := &Listed{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(asked)
	for _, tag := range tags {
		e, ok := entryOf(tag)
		if !ok {
			l.Foreign++
			continue
		}
		g.Go(func() error {
			a, err := c.artifact(ctx, e)
			if err != nil || a == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			l.Artifacts = append(l.Artifacts, *a)
			each()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(l.Artifacts, func(a, b Artifact) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key)) })
	return l, nil
}

// artifact reads what one says of itself; nil where it was removed meanwhile.
func (c *Cache) artifact(ctx context.Context, e store.Entry) (*Artifact, error) {
	text, err := c.Registry.Manifest(ctx, tagOf(e))
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := &Artifact{Entry: e, manifest: describe(ocispec.MediaTypeImageManifest, text)}
	a.About, a.Who, err = c.believed(ctx, e, text)
	refused, ok := errors.AsType[*RefusedError](err)
	if s, strange := errors.AsType[*strangerError](err); strange {
		a.Wrong = errors.New(s.who())
	} else if ok {
		a.Wrong = refused.Err
	} else if err != nil {
		return nil, err
	}
	if a.About != nil && a.About.Layer != nil {
		a.Size = a.About.Layer.Size
	}
	return a, nil
}

// Verify is List that reads all bytes, too, and holds them against what was signed. read is told of several layers at once.
func (c *Cache) Verify(ctx context.Context, read func(bytes int64)) (*Listed, error) {
	l, err := c.List(ctx, func() {})
	if err != nil {
		return nil, err
	}
	there := map[store.Entry]bool{}
	for _, a := range l.Artifacts {
		there[a.Entry] = a.Wrong == nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for i := range l.Artifacts {
		a := &l.Artifacts[i]
		if a.Wrong != nil {
			continue
		}
		for _, on := range a.About.on() {
			if !there[on] {
				a.Wrong = fmt.Errorf("%s %s, which it needs, is not there, or is wrong", on.Kind, store.Short(on.Key))
			}
		}
		if a.About.Layer == nil {
			continue
		}
		g.Go(func() error {
			wrong, err := c.reread(ctx, a.About.Layer, read)
			if wrong != nil {
				a.Wrong = wrong
			}
			return err
		})
	}
	return l, g.Wait()
}

// reread reads a layer and says what is wrong with it. The error is of the registry.
func (c *Cache) reread(ctx context.Context, l *Layer, read func(bytes int64)) (wrong, err error) {
	r, err := c.Registry.Blob(ctx, ocispec.Descriptor{MediaType: mediaLayer, Digest: l.Digest, Size: l.Size})
	if errors.Is(err, ErrNone) {
		return errors.New("its layer is not there"), nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.TeeReader(io.LimitReader(r, l.Size+1), told(read)))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	switch {
	case err != nil:
		return fmt.Errorf("its layer ends after %d bytes of %d: %w", n, l.Size, err), nil
	case n != l.Size || hex.EncodeToString(h.Sum(nil)) != l.Digest.Encoded():
		return fmt.Errorf("its layer is not what was signed: %d bytes of sha256 %x came", n, h.Sum(nil)), nil
	}
	return nil, nil
}

// told is a writer that tells how many bytes it gets.
type told func(bytes int64)

func (t told) Write(b []byte) (int, error) {
	t(int64(len(b)))
	return len(b), nil
}

// Rule says what may stay in a cache.
type Rule struct {
	Younger time.Duration // what was made within it stays
	Keep    int64         // bytes; 0 for no limit. What was made first goes first
	Others  bool          // what is not believed goes, too
}

// Forever is as a Rule's Younger that lets all stay.
const Forever = time.Duration(math.MaxInt64)

// Apply says what a rule does not let stay, what stands on others before them. What is young lets what it stands on stay.
func (r Rule) Apply(l *Listed, now time.Time) (gone []Artifact) {
	at := map[store.Entry]*Artifact{}
	made := map[store.Entry]time.Time{}
	var total int64
	for i := range l.Artifacts {
		a := &l.Artifacts[i]
		if a.Wrong != nil {
			if r.Others {
				gone = append(gone, *a)
			}
			continue
		}
		at[a.Entry], made[a.Entry] = a, a.About.Made
		total += a.Size
	}
	depth := map[store.Entry]int{}
	var support func(e store.Entry, by time.Time, d int)
	support = func(e store.Entry, by time.Time, d int) {
		a := at[e]
		if a == nil || d > deepest {
			return
		}
		if by.After(made[e]) {
			made[e] = by
		}
		depth[e] = max(depth[e], d)
		for _, on := range a.About.on() {
			support(on, made[e], d+1)
		}
	}
	order := make([]store.Entry, 0, len(at))
	for e := range at {
		order = append(order, e)
		support(e, made[e], 0)
	}
	slices.SortFunc(order, func(x, y store.Entry) int {
		return cmp.Or(made[x].Compare(made[y]), cmp.Compare(depth[x], depth[y]), cmp.Compare(tagOf(x), tagOf(y)))
	})
	for _, e := range order {
		if old := now.Sub(made[e]) >= r.Younger; old || r.Keep > 0 && total > r.Keep {
			total -= at[e].Size
			gone = append(gone, *at[e])
		}
	}
	return gone
}

// Remove removes an artifact from the cache. The bytes of its layer are the registry's to collect.
func (c *Cache) Remove(ctx context.Context, a Artifact) error {
	err := c.Registry.Delete(ctx, a.manifest)
	if errors.Is(err, ErrNone) {
		err = nil
	}
	if err == nil {
		err = c.Store.Put(kindKnown, store.Key(c.Registry.Name(), tagOf(a.Entry)), time.Time{})
	}
	return err
}
