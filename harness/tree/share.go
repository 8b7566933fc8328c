package tree

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/store"
	"umlab/harness/unpack"
)

// Kind is the kind under which trees are shared between stores, by digest; KindOf are the records of which tree an archive is.
const (
	Kind   = kindTree
	KindOf = "tree-of"
)

// There reports whether the store has the tree of a digest, in whichever form.
func There(st *store.Store, digest string) bool {
	_, ok := opened(st, digest)
	return ok
}

// Stored is a tree of which only the files are missing, with those that the store has under its digest.
func Stored(st *store.Store, t Tree) (_ *Tree, ok bool) {
	t.Layers, ok = opened(st, t.Digest)
	t.store = st
	return &t, ok
}

// Here reports whether the store has the tree of the archive with that sha256, or comes by it without the archive.
func Here(ctx context.Context, st *store.Store, sum string) bool {
	var t Tree
	err := once(ctx, st, &t, archiveKey(sum), true, func() error { return errLost })
	return err == nil
}

// Pack writes the tree of a digest to w as a tar stream, and returns what it wrote of it, nil for the whole.
func Pack(ctx context.Context, st *store.Store, digest string, w io.Writer) (*Layer, error) {
	layers, ok := opened(st, digest)
	if !ok {
		return nil, fmt.Errorf("tree %s: %w", store.Short(digest), fs.ErrNotExist)
	}
	if err := st.Whole(ctx, layers...); err != nil {
		return nil, err
	}
	var over *Layer
	var files map[string]string
	if l := (Layer{}); len(layers) > 1 && st.Get(kindLayer, digest, &l) {
		over, files = &l, l.Files
	} else {
		d, err := manifest(ctx, st, digest)
		if err != nil {
			return nil, err
		}
		files = d.files
	}
	from, err := os.OpenRoot(layers[0])
	if err != nil {
		return nil, err
	}
	defer from.Close()
	out := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := packed(out, from, name, files[name]); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	return over, out.Close()
}

// packed writes one file.
func packed(out *tar.Writer, from *os.Root, name, what string) error {
	h := &tar.Header{Name: top + name, Format: tar.FormatPAX, Mode: 0o644}
	if what == "" {
		return nil
	}
	if target, ok := strings.CutPrefix(what, "l "); ok {
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, target, 0o777
		return out.WriteHeader(h)
	}
	if strings.HasPrefix(what, "x ") {
		h.Mode = 0o755
	}
	f, err := from.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h.Size = info.Size()
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}

// top is the directory that a packed tree lies in, as in a tarball.
const top = "linux/"

// Receive keeps the tree of a digest that Pack wrote, out of a tar stream that it closes. What is not of that digest is an
// error, and leaves nothing behind. The tree that a layer lies over must be in the store.
func Receive(ctx context.Context, st *store.Store, digest string, over *Layer, stream io.ReadCloser) error {
	tmp, remove, err := st.Scratch("tree")
	if err != nil {
		return errors.Join(err, stream.Close())
	}
	defer remove()
	dir, got := filepath.Join(tmp, "tree"), newDigest()
	if err := unpack.Tar(ctx, stream, dir, nil, unpack.Seen{File: got.file, Link: got.link}); err != nil {
		return err
	}
	d, hint, rest := got, "", func(_ context.Context, name, dst string) error { return errLost }
	if over != nil {
		if d, err = manifest(ctx, st, over.Base); err != nil {
			return err
		}
		d.apply(over.Files)
		layers, ok := opened(st, over.Base)
		if !ok {
			return errLost
		}
		hint, rest = over.Base, (&Tree{Layers: layers, store: st}).place(d)
		for name, what := range over.Files {
			if got.files[name] != what {
				return &unpack.FormatError{Err: fmt.Errorf("%s is not what it should be", name)}
			}
		}
	}
	if sum := d.sum(); sum != digest {
		return &unpack.FormatError{Err: fmt.Errorf("it is the tree %s", store.Short(sum))}
	}
	c := content{place: func(ctx context.Context, name, dst string) error {
		if _, here := got.files[name]; here {
			return os.Rename(filepath.Join(dir, filepath.FromSlash(name)), dst)
		}
		return rest(ctx, name, dst)
	}}
	if over == nil {
		c.whole = dir
	}
	_, err = keep(ctx, st, d, hint, c)
	return err
}
