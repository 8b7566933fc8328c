package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// Offer is that of store.Remote: what is not in the cache is pushed, one after the other, while the run goes on.
func (c *Cache) Offer(o store.Offered) {
	if _, known := entryOf(tagOf(o.Entry)); !known || !c.Keys.CanSign() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offered[o.Entry] {
		return
	}
	c.offered[o.Entry] = true
	c.queue = append(c.queue, o)
	if c.idle == nil {
		c.idle = make(chan struct{})
		go c.pushAll()
	}
}

// next takes one from the queue; ok is false where it is empty.
func (c *Cache) next() (o store.Offered, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		close(c.idle)
		c.idle = nil
		return o, false
	}
	i := max(0, slices.IndexFunc(c.queue, func(o store.Offered) bool { return shapes[o.Kind] == tried })) // what took longest to make
	o = c.queue[i]
	c.queue = slices.Delete(c.queue, i, i+1)
	return o, true
}

func (c *Cache) pushAll() {
	for {
		o, ok := c.next()
		if !ok {
			return
		}
		if !c.pushed(o) {
			c.mu.Lock()
			delete(c.offered, o.Entry) // another time, it may be
			c.mu.Unlock()
		}
	}
}

// pushed pushes what was offered, unless the cache is left alone, and tells why that cannot be.
func (c *Cache) pushed(o store.Offered) bool {
	now := c.Now()
	if c.ctx.Err() != nil || c.lost.holds(now) || c.full.holds(now) {
		return false
	}
	err := c.Put(c.ctx, o)
	local, here := errors.AsType[*localError](err)
	switch {
	case err == nil, c.ctx.Err() != nil:
	case here:
		c.tell("%s %s is not pushed: %v", o.Kind, store.Short(o.Key), local)
	default:
		c.full.set(now.Add(rest))
		c.tell("%s %s could not be pushed to %s: %v; nothing is for %s", o.Kind, store.Short(o.Key), c.Registry.Name(), err, minutes(rest))
	}
	return err == nil
}

// minutes is a time as people say it.
func minutes(d time.Duration) string { return fmt.Sprintf("%d minutes", int(d.Minutes())) }

// Wait waits until all that was offered is pushed, or until ctx ends.
func (c *Cache) Wait(ctx context.Context) {
	c.mu.Lock()
	idle := c.idle
	c.mu.Unlock()
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
}

// Waiting is how much was offered and is not pushed.
func (c *Cache) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle == nil {
		return 0
	}
	return len(c.queue) + 1
}

// Close ends the use of the cache. What is not pushed by then is not.
func (c *Cache) Close() error {
	c.stop()
	c.Wait(context.Background())
	return c.Keys.Close()
}

// kindKnown are records of what a cache was seen to have: that is not asked every time.
const kindKnown = "in-cache"

// knownFor is how long that stands.
const knownFor = 24 * time.Hour

func (c *Cache) remember(e store.Entry) {
	_ = c.Store.Put(kindKnown, store.Key(c.Registry.Name(), tagOf(e)), c.Now()) // else it is asked
}

func (c *Cache) known(e store.Entry) bool {
	var at time.Time
	return c.Store.Get(kindKnown, store.Key(c.Registry.Name(), tagOf(e)), &at) && c.Now().Sub(at) < knownFor
}

// Put puts what is offered into the registry, unless that has it already, or says why it cannot.
func (c *Cache) Put(ctx context.Context, o store.Offered) error {
	switch _, shared := entryOf(tagOf(o.Entry)); {
	case !shared:
		return fmt.Errorf("%s %s is of no kind that is shared", o.Kind, o.Key)
	case !c.Keys.CanSign():
		return c.Keys.noKey()
	}
	if there, err := c.there(ctx, o.Entry); err != nil || there {
		return err
	}
	tmp, remove, err := c.Store.Scratch("push")
	if err != nil {
		return &localError{err}
	}
	defer remove()
	task := c.start("pack", "for", o.Entry, progress.None, 0)
	a := &About{Format: format, Kind: o.Kind, Key: o.Key, Of: o.Of, From: o.From, Made: c.Now().UTC().Truncate(time.Second), By: whoami(),
		Umlab: c.Revision, Go: runtime.Version(), Needs: o.Needs}
	layer := filepath.Join(tmp, "layer")
	err = c.pack(ctx, a, o, layer)
	task.Done(err)
	if err != nil {
		return &localError{err}
	}
	for _, e := range a.on() {
		if err := c.Put(ctx, store.Offered{Entry: e, Of: "of " + o.Of}); err != nil {
			return err
		}
	}
	return c.publish(ctx, a, layer)
}

// there reports whether the cache has e, as far as that can be told without its layer.
func (c *Cache) there(ctx context.Context, e store.Entry) (bool, error) {
	c.mu.Lock()
	bad := c.bad[e]
	c.mu.Unlock()
	if bad {
		return false, nil
	}
	if c.known(e) {
		return true, nil
	}
	_, err := c.read(ctx, e)
	refused, wrong := errors.AsType[*RefusedError](err)
	switch {
	case err == nil:
		c.remember(e)
		return true, nil
	case wrong:
		c.tell("%v; it is replaced by what this store has", refused)
		return false, nil
	case errors.Is(err, ErrNone):
		return false, nil
	}
	return false, err
}

// pack makes the layer of what is offered, in the file at path, and says in a what that is.
func (c *Cache) pack(ctx context.Context, a *About, o store.Offered, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	z, err := zstd.NewWriter(io.MultiWriter(f, h), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)))
	if err != nil {
		return err
	}
	var members int
	var size int64
	if shapes[o.Kind] == trees {
		size, err = c.packTree(ctx, a, z)
	} else {
		p := newPacking(z)
		err = errors.Join(c.packRest(ctx, a, o, p), p.Close())
		members, size = p.members, p.bytes
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	if members == 0 && size == 0 {
		return nil // a record alone
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	a.Layer = &Layer{Digest: digest.NewDigest(digest.SHA256, h), Size: info.Size(), Members: members, Bytes: size}
	return nil
}

// packTree packs a tree, and returns how many bytes its archive has.
func (c *Cache) packTree(ctx context.Context, a *About, w io.Writer) (size int64, err error) {
	n := &counter{w: w}
	over, err := tree.Pack(ctx, c.Store, a.Key, n)
	if err != nil || over == nil {
		return n.n, err
	}
	a.Needs = []store.Entry{{Kind: tree.Kind, Key: over.Base}}
	a.Record, err = json.Marshal(over)
	return n.n, err
}

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// packRest packs a directory, or the record with the files that it names.
func (c *Cache) packRest(ctx context.Context, a *About, o store.Offered, p *packing) error {
	if shapes[o.Kind] == record {
		if !c.Store.Get(o.Kind, o.Key, &a.Record) {
			return fmt.Errorf("the store has no %s %s any more", o.Kind, store.Short(o.Key))
		}
		for _, sum := range slices.Sorted(slices.Values(o.Files)) {
			path, ok := c.Store.Kept(sum)
			if !ok {
				return fmt.Errorf("the store has no file %s any more", store.Short(sum))
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := p.add(path, sum, info); err != nil {
				return err
			}
		}
		return nil
	}
	path, ok := c.Store.Lookup(o.Kind, o.Key)
	if !ok {
		return fmt.Errorf("the store has no %s %s any more", o.Kind, store.Short(o.Key))
	}
	if err := c.Store.Whole(ctx, path); err != nil {
		return err
	}
	over := ""
	if base, there := c.Store.Lookup(o.Over.Kind, o.Over.Key); there {
		if lacks, err := lacks(ctx, path, base); err != nil {
			return err
		} else if !lacks && c.Store.Whole(ctx, base) == nil {
			over, a.Over = base, &o.Over
		}
	}
	return p.dir(ctx, path, over)
}

// publish signs an artifact and puts it into the registry.
func (c *Cache) publish(ctx context.Context, a *About, layer string) (err error) {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	signature, err := c.Keys.sign(text)
	if err != nil {
		return err
	}
	m := a.manifest(text, signature)
	var size int64
	if a.Layer != nil {
		size = a.Layer.Size
	}
	task := c.start("push", "to", store.Entry{Kind: a.Kind, Key: a.Key}, progress.Bytes, size)
	defer func() { task.Done(err) }()
	reads := func(d ocispec.Descriptor) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) {
			if a.Layer == nil {
				return io.NopCloser(bytes.NewReader(d.Data)), nil
			}
			f, err := os.Open(layer)
			return counted{io.TeeReader(f, progress.Writer{Task: task}), f}, err
		}
	}
	if err := c.Registry.PutBlob(ctx, m.Layers[0], reads(m.Layers[0])); err != nil {
		return err
	}
	config := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	if err := c.Registry.PutBlob(ctx, m.Config, config); err != nil {
		return err
	}
	out, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err = c.Registry.PutManifest(ctx, tagOf(store.Entry{Kind: a.Kind, Key: a.Key}), out); err == nil {
		c.remember(store.Entry{Kind: a.Kind, Key: a.Key})
	}
	return err
}

// counted is a file whose reading is shown.
type counted struct {
	io.Reader
	io.Closer
}
