package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/unpack"
)

// Archive is a source tarball whose bytes were verified by who passes it.
type Archive struct {
	Name    string // the tree's name
	Package string // what it came in, with its version
	Sum     string // sha256 of that package: the identity of the bytes
	// Open yields the tar stream, decompressed.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// unpackVersion is raised when the same archive would unpack to other files.
const unpackVersion = "1"

type treeRecord struct{ Digest, Version string }

func archiveKey(sum string) string { return store.Key("archive", unpackVersion, sum) }

func lookup(st *store.Store, key string) (layers []string, rec treeRecord, ok bool) {
	if !st.Get(KindOf, key, &rec) {
		return nil, rec, false
	}
	layers, ok = opened(st, rec.Digest)
	return layers, rec, ok
}

// Unpacked returns the tree of the archive with that sha256, if it is in the store.
func Unpacked(st *store.Store, sum string) (*Tree, bool) {
	layers, rec, ok := lookup(st, archiveKey(sum))
	return &Tree{Layers: layers, Digest: rec.Digest, Version: rec.Version, store: st}, ok
}

// errLost says that what was just made is not there.
var errLost = errors.New("the store lost it at once: run again")

// once sets t to the tree that is recorded under key. Where there is none, it is pulled, if it is shared and others have it;
// else fill keeps and records it, in one process at a time.
func once(ctx context.Context, st *store.Store, t *Tree, key string, shared bool, fill func() error) error {
	find := func() bool {
		layers, rec, ok := lookup(st, key)
		t.Layers, t.Digest, t.Version, t.store = layers, rec.Digest, rec.Version, st
		return ok
	}
	err := st.Once(ctx, "tree-of-"+key, find, func() error {
		if shared && st.Pull(ctx, KindOf, key) && find() {
			return nil
		}
		return fill()
	})
	if err == nil && !find() {
		return errLost
	}
	return err
}

// FromArchive unpacks a into the store, or finds it there.
func FromArchive(ctx context.Context, st *store.Store, sink progress.Sink, a Archive) (*Tree, error) {
	key := archiveKey(a.Sum)
	t := &Tree{Name: a.Name, Package: a.Package, Origin: PackageOrigin(a.Package)}
	err := once(ctx, st, t, key, true, func() error {
		task := sink.Start("unpack tree "+a.Name, progress.Bytes, 0)
		tmp, remove, err := st.Scratch("tree")
		if err != nil {
			task.Done(err)
			return err
		}
		defer remove()
		dir := filepath.Join(tmp, "tree")
		rec, d, err := unpacked(ctx, a, dir, task)
		if err == nil {
			_, err = keep(ctx, st, d, "", content{whole: dir, place: func(_ context.Context, name, dst string) error {
				return os.Rename(filepath.Join(dir, filepath.FromSlash(name)), dst)
			}})
		}
		if err == nil {
			err = st.Put(KindOf, key, rec)
		}
		task.Done(err)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unpack tree %s: %w", a.Name, err)
	}
	st.Offer(store.Offered{Entry: store.Entry{Kind: KindOf, Key: key}, Of: fmt.Sprintf("tree %s, %s", a.Name, a.Package),
		From: []string{a.Package, "sha256 " + a.Sum}, Needs: []store.Entry{{Kind: Kind, Key: t.Digest}}})
	return t, nil
}

func unpacked(ctx context.Context, a Archive, dir string, task progress.Task) (treeRecord, *digest, error) {
	var rec treeRecord
	stream, err := a.Open(ctx)
	if err != nil {
		return rec, nil, err
	}
	d := newDigest()
	if err := unpack.Tar(ctx, stream, dir, task, unpack.Seen{File: d.file, Link: d.link}); err != nil {
		return rec, nil, err
	}
	rec.Digest = d.sum()
	rec.Version, err = Version(dir)
	return rec, d, err
}
