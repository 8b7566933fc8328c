package tree

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// Archive is a source tarball whose bytes were verified by who passes it.
type Archive struct {
	Name    string // the tree's name
	Package string // what it came in, with its version
	Sum     string // sha256 of that package: the identity of the bytes
	// Open yields the tar stream, decompressed.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// kindTree is the store's kind of unpacked trees, keyed by their digest.
const kindTree = "tree"

// unpackVersion is raised when the same archive would unpack to other files.
const unpackVersion = "1"

type treeRecord struct{ Digest, Version string }

func archiveKey(sum string) string { return store.Key("archive", unpackVersion, sum) }

func lookup(st *store.Store, key string) (dir string, rec treeRecord, ok bool) {
	if !st.Get("tree-of", key, &rec) {
		return "", rec, false
	}
	dir, ok = st.Lookup(kindTree, rec.Digest)
	return dir, rec, ok
}

// Have reports whether the archive with that sha256 is unpacked in the store.
func Have(st *store.Store, sum string) bool {
	_, _, ok := lookup(st, archiveKey(sum))
	return ok
}

// errLost says that what was just made is not there.
var errLost = errors.New("the store lost it at once: run again")

// once sets t to the tree that is recorded under key. Where there is none, fill
// keeps and records it, in one process at a time.
func once(ctx context.Context, st *store.Store, t *Tree, key string, fill func() error) error {
	find := func() bool {
		dir, rec, ok := lookup(st, key)
		t.Dir, t.Digest, t.Version = dir, rec.Digest, rec.Version
		return ok
	}
	if find() {
		return nil
	}
	unlock, err := st.Lock(ctx, "tree-of-"+key)
	if err != nil {
		return err
	}
	defer unlock()
	if find() {
		return nil
	}
	if err := fill(); err != nil {
		return err
	}
	if !find() {
		return errLost
	}
	return nil
}

// FromArchive unpacks a into the store, or finds it there.
func FromArchive(ctx context.Context, st *store.Store, sink progress.Sink, a Archive) (*Tree, error) {
	key := archiveKey(a.Sum)
	t := &Tree{Name: a.Name, Package: a.Package}
	err := once(ctx, st, t, key, func() error {
		task := sink.Start("unpack tree "+a.Name, progress.Bytes, 0)
		tmp, remove, err := st.Scratch("tree")
		if err != nil {
			task.Done(err)
			return err
		}
		defer remove()
		dir := filepath.Join(tmp, "tree")
		rec, d, err := unpack(ctx, a, dir, task)
		if err == nil {
			err = keep(ctx, st, dir, d)
		}
		if err == nil {
			err = st.Put("tree-of", key, rec)
		}
		task.Done(err)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unpack tree %s: %w", a.Name, err)
	}
	return t, nil
}

// keep installs dir under its digest where the store does not have it yet, and
// the list that the digest is over.
func keep(ctx context.Context, st *store.Store, dir string, d *digest) error {
	if err := keepManifest(ctx, st, d); err != nil {
		return err
	}
	_, _, err := st.Dir(ctx, kindTree, d.sum(), func(_ context.Context, entry string) error {
		if err := os.Remove(entry); err != nil {
			return err
		}
		return os.Rename(dir, entry)
	})
	return err
}

func unpack(ctx context.Context, a Archive, dir string, task progress.Task) (treeRecord, *digest, error) {
	var rec treeRecord
	if err := os.Mkdir(dir, 0o755); err != nil {
		return rec, nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return rec, nil, err
	}
	defer root.Close()
	stream, err := a.Open(ctx)
	if err != nil {
		return rec, nil, err
	}
	d := newDigest()
	err = untar(ctx, bufio.NewReaderSize(io.TeeReader(stream, progress.Writer{Task: task}), 1<<20), root, d)
	// A decompressor that died shows as an end of the stream first; its own word
	// says more.
	if cerr := stream.Close(); cerr != nil && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) {
		err = cerr
	}
	if err != nil {
		return rec, nil, err
	}
	rec.Digest = d.sum()
	rec.Version, err = Version(dir)
	return rec, d, err
}

// untar writes the members of the tar stream below root, without their first
// path element (linux-source-6.12/), and adds them to d. root keeps every
// member inside, whatever its name or links say.
func untar(ctx context.Context, r io.Reader, root *os.Root, d *digest) error {
	tr := tar.NewReader(r)
	made := map[string]bool{".": true}
	mkdir := func(dir string) error {
		if made[dir] {
			return nil
		}
		made[dir] = true
		return root.MkdirAll(dir, 0o755)
	}
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			// The padding behind the end is read too, so that who writes the
			// stream never meets a closed pipe.
			_, err := io.Copy(io.Discard, r)
			return err
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		_, name, ok := strings.Cut(strings.TrimPrefix(path.Clean(h.Name), "/"), "/")
		if !ok {
			continue // the top directory itself, or a pax header
		}
		if err := mkdir(path.Dir(name)); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = mkdir(name)
		case tar.TypeReg:
			err = untarFile(tr, root, name, h.FileInfo().Mode()&0o111 != 0, d)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, name)
			d.link(name, h.Linkname)
		case tar.TypeXGlobalHeader:
		default:
			err = fmt.Errorf("a member of type %q has no place in a kernel source", h.Typeflag)
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
	}
}

func untarFile(r io.Reader, root *os.Root, name string, executable bool, d *digest) error {
	perm := fs.FileMode(0o644)
	if executable {
		perm = 0o755
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), r); err != nil {
		f.Close()
		return err
	}
	d.file(name, executable, h.Sum(nil))
	return f.Close()
}
