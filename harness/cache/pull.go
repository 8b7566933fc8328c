package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/tree"
	"umlab/harness/unpack"
)

// Pull is that of store.Remote.
func (c *Cache) Pull(ctx context.Context, kind, key string) bool {
	e := store.Entry{Kind: kind, Key: key}
	if _, known := entryOf(tagOf(e)); !known || c.lost.holds(c.Now()) {
		return false
	}
	err := c.Take(ctx, e)
	_, wrong := errors.AsType[*RefusedError](err)
	local, here := errors.AsType[*localError](err)
	switch {
	case err == nil:
		return true
	case errors.Is(err, ErrNone), ctx.Err() != nil:
	case wrong:
		c.tell("%v; it is not taken", err)
	case here:
		c.tell("%s %s could not be taken: %v", kind, store.Short(key), local)
	default:
		c.lost.set(c.Now().Add(rest))
		c.tell("%s cannot be asked: %v; it is left alone for %s", c.Registry.Name(), err, minutes(rest))
	}
	return false
}

// localError is of this machine, not of the cache.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// Take puts e into the store, or says why it cannot: ErrNone where the cache does not have it, a *RefusedError where what it has is
// not to be believed. The caller sees to it that one process takes it at a time.
func (c *Cache) Take(ctx context.Context, e store.Entry) error {
	a, err := c.read(ctx, e)
	if err != nil {
		return err
	}
	for _, n := range a.on() {
		if err := c.need(ctx, n); err != nil {
			return fmt.Errorf("%s %s, which it needs: %w", n.Kind, store.Short(n.Key), err)
		}
	}
	tmp, remove, err := c.Store.Scratch("pull")
	if err != nil {
		return &localError{err}
	}
	defer remove()
	if err := c.take(ctx, a, tmp); err != nil {
		err = c.blame(e, err)
		if _, wrong := errors.AsType[*RefusedError](err); wrong {
			c.mu.Lock()
			c.bad[e] = true
			c.mu.Unlock()
		}
		return err
	}
	c.remember(e)
	return nil
}

// blame tells what is wrong with an artifact from what is wrong with this machine or the registry.
func (c *Cache) blame(e store.Entry, err error) error {
	bad, ok := errors.AsType[*unpack.FormatError](err)
	switch {
	case ok:
		return &RefusedError{e, bad}
	case errors.Is(err, ErrNone):
		return &RefusedError{e, errors.New("a part of it is not there")}
	}
	return err
}

// on are the directories and records that an artifact stands on.
func (a *About) on() []store.Entry {
	list := slices.Clone(a.Needs)
	if a.Over != nil {
		list = append(list, *a.Over)
	}
	return list
}

// read returns what the artifact of e says of itself. The error is a *RefusedError where that is not to be believed.
func (c *Cache) read(ctx context.Context, e store.Entry) (*About, error) {
	text, err := c.Registry.Manifest(ctx, tagOf(e))
	if err != nil {
		return nil, err
	}
	a, _, err := c.believed(ctx, e, text)
	return a, err
}

// believed is read, given the manifest, and tells who signed it.
func (c *Cache) believed(ctx context.Context, e store.Entry, text []byte) (a *About, who string, err error) {
	refuse := func(err error) (*About, string, error) { return nil, "", &RefusedError{e, err} }
	m, signature, err := readManifest(text)
	if err != nil {
		return refuse(err)
	}
	config, err := c.small(ctx, m.Config)
	if err != nil {
		return nil, "", c.blame(e, err)
	}
	if who, err = c.Keys.verify(config, signature); err != nil {
		return refuse(err)
	}
	if a, err = readAbout(config, e, m); err != nil {
		return refuse(err)
	}
	return a, who, nil
}

// small reads a blob into memory.
func (c *Cache) small(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
	r, err := c.Registry.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, mostAbout+1))
	if err != nil {
		return nil, err
	}
	if is := describe(d.MediaType, text); is.Digest != d.Digest {
		return nil, &unpack.FormatError{Err: fmt.Errorf("blob %s: what came has %d bytes of sha256 %s", d.Digest, is.Size, is.Digest.Encoded())}
	}
	return text, nil
}

// deepest is how much may stand above each other: more is a circle.
const deepest = 8

type depthKey struct{}

// need sees to it that the store has e, which what is pulled stands on.
func (c *Cache) need(ctx context.Context, e store.Entry) error {
	depth, _ := ctx.Value(depthKey{}).(int)
	if depth++; depth > deepest {
		return &RefusedError{e, errors.New("what it stands on never ends")}
	}
	ctx = context.WithValue(ctx, depthKey{}, depth)
	if c.has(e) {
		return nil
	}
	var pulled error
	err := c.Store.Once(ctx, "pull-"+tagOf(e), func() bool { return c.has(e) }, func() error {
		if _, known := entryOf(tagOf(e)); !known {
			return &RefusedError{e, errors.New("it is of no kind that is shared")}
		}
		pulled = c.Take(ctx, e)
		return pulled
	})
	if err != nil && pulled == nil {
		return &localError{err}
	}
	return err
}

// has reports whether the store has e, and is what was stored as far as a look tells.
func (c *Cache) has(e store.Entry) bool {
	switch shapes[e.Kind] {
	case trees:
		return tree.There(c.Store, e.Key)
	case record:
		var any any
		return c.Store.Get(e.Kind, e.Key, &any)
	}
	_, ok := c.Store.Lookup(e.Kind, e.Key)
	return ok
}

// take fetches and keeps what an artifact has, working in tmp.
func (c *Cache) take(ctx context.Context, a *About, tmp string) (err error) {
	e := store.Entry{Kind: a.Kind, Key: a.Key}
	var layer string
	if a.Layer != nil {
		task := c.start("fetch", "from", e, progress.Bytes, a.Layer.Size)
		defer func() { task.Done(err) }()
		layer = filepath.Join(tmp, "layer")
		if err := c.fetch(ctx, a.Layer, layer, task); err != nil {
			return err
		}
		task.Status("unpack")
	}
	switch shapes[a.Kind] {
	case trees:
		err = c.takeTree(ctx, a, layer)
	case record:
		err = c.takeRecord(ctx, a, layer, filepath.Join(tmp, "files"))
	default:
		err = c.takeDir(ctx, a, layer, filepath.Join(tmp, "entry"))
	}
	_, bad := errors.AsType[*unpack.FormatError](err)
	switch {
	case err == nil || bad:
		return err
	case ctx.Err() == nil && c.has(e): // another process has pulled it
		return nil
	}
	return &localError{err}
}

// fetch gets a layer into the file at path, and holds it against its digest. What stops on the way is asked for again.
func (c *Cache) fetch(ctx context.Context, l *Layer, path string, task progress.Task) error {
	const tries = 3
	for n := 1; ; n++ {
		f, err := os.Create(path)
		if err != nil {
			return &localError{err}
		}
		err = errors.Join(c.copy(ctx, f, l, task), f.Close())
		_, here := errors.AsType[*localError](err)
		if err == nil || here || errors.Is(err, ErrNone) || ctx.Err() != nil || n == tries {
			return err
		}
		task.Status("asked again")
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(n) * time.Second / 2):
		}
	}
}

// copy writes a layer to f.
func (c *Cache) copy(ctx context.Context, f *os.File, l *Layer, task progress.Task) error {
	r, err := c.Registry.Blob(ctx, ocispec.Descriptor{MediaType: mediaLayer, Digest: l.Digest, Size: l.Size})
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, progress.Writer{Task: task}, local{f}), io.LimitReader(r, l.Size+1))
	if err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != l.Size || sum != l.Digest.Encoded() {
		return &unpack.FormatError{Err: fmt.Errorf("blob %s: what came has %d bytes of sha256 %s, not %d", l.Digest, n, sum, l.Size)}
	}
	return nil
}

// local marks errors of writing as those of this machine.
type local struct{ io.Writer }

func (l local) Write(b []byte) (int, error) {
	n, err := l.Writer.Write(b)
	if err != nil {
		err = &localError{err}
	}
	return n, err
}

// open yields the tar stream of a layer.
func open(ctx context.Context, layer string) (io.ReadCloser, error) {
	f, err := os.Open(layer)
	if err != nil {
		return nil, err
	}
	z, err := unpack.Reader(ctx, f, ".zst", nil)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return counted{z, both{z, f}}, nil
}

// both closes two, the first first.
type both [2]io.Closer

func (b both) Close() error { return errors.Join(b[0].Close(), b[1].Close()) }

// files unpacks a layer into the directory dir.
func files(ctx context.Context, a *About, layer, dir string) error {
	if a.Layer == nil {
		return &unpack.FormatError{Err: errors.New("it has no layer")}
	}
	stream, err := open(ctx, layer)
	if err != nil {
		return err
	}
	return unpack.Exact(ctx, stream, dir, unpack.Bounds{Members: a.Layer.Members, Bytes: a.Layer.Bytes, Links: links[a.Kind],
		Future: shapes[a.Kind] == tried})
}

// takeDir keeps a directory.
func (c *Cache) takeDir(ctx context.Context, a *About, layer, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if a.Over != nil {
		base, _ := c.Store.Lookup(a.Over.Kind, a.Over.Key)
		if err := errors.Join(c.Store.Whole(ctx, base), linkFiles(ctx, base, dir)); err != nil {
			return err
		}
	}
	if err := files(ctx, a, layer, dir); err != nil {
		return err
	}
	if shapes[a.Kind] == tried {
		if err := madeNow(ctx, dir, time.Now()); err != nil {
			return err
		}
	}
	if len(a.Needs) > 0 {
		if err := c.Store.Needs(a.Kind, a.Key, a.Needs...); err != nil {
			return err
		}
	}
	return c.Store.Install(dir, a.Kind, a.Key)
}

// linkFiles gives the directory to the files of from, as hard links, and directories of its own.
func linkFiles(ctx context.Context, from, to string) error {
	return store.CopyTree(ctx, to, from, func(to, from string, info fs.FileInfo) error {
		if info.IsDir() {
			return os.Chmod(to, info.Mode())
		}
		return os.Link(from, to)
	})
}

// takeTree keeps a tree.
func (c *Cache) takeTree(ctx context.Context, a *About, layer string) error {
	if a.Layer == nil {
		return &unpack.FormatError{Err: errors.New("it has no layer")}
	}
	over, err := overOf(a)
	if err != nil {
		return &unpack.FormatError{Err: err}
	}
	stream, err := open(ctx, layer)
	if err != nil {
		return err
	}
	bounded := counted{io.LimitReader(stream, a.Layer.Bytes), stream}
	return tree.Receive(ctx, c.Store, a.Key, over, bounded)
}

// takeRecord keeps a record, after the files that it names.
func (c *Cache) takeRecord(ctx context.Context, a *About, layer, dir string) error {
	if len(a.Record) == 0 {
		return &unpack.FormatError{Err: errors.New("it has no record")}
	}
	if a.Layer != nil {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := files(ctx, a, layer, dir); err != nil {
			return err
		}
		list, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, f := range list {
			path := filepath.Join(dir, f.Name())
			if sum, err := store.SumFile(path); !f.Type().IsRegular() || err != nil || sum != f.Name() {
				return &unpack.FormatError{Err: fmt.Errorf("its file %q is not the one of that sha256", f.Name())}
			}
			if _, _, err := c.Store.Keep(ctx, path); err != nil {
				return err
			}
		}
	}
	return c.Store.Put(a.Kind, a.Key, a.Record)
}
