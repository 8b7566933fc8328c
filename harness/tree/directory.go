package tree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// settle is how long a file must have been left alone before its times are
// trusted to stand for its content, as git does for its index: a file written
// again within the clock's tick would look unchanged.
const settle = 2 * time.Second

// copiers is how many files are copied at once.
const copiers = 4

// Clean removes the products of an in-place build from dir, which is a private
// copy (make mrproper, in the sandbox).
type Clean func(ctx context.Context, dir string) error

type entry struct {
	path string // relative, with slashes
	mode fs.FileMode
}

// FromDirectory snapshots the kernel source at path into the store, as it is,
// and leaves path itself untouched. A tree that was built in place is cleaned in
// the copy. A directory whose files all look as they did is not copied again.
func FromDirectory(ctx context.Context, st *store.Store, sink progress.Sink, path string, clean Clean) (*Tree, error) {
	abs, err := actual(path)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w (give a name of configs/trees.toml, or the path of a kernel directory)", path, err)
	}
	version, err := Version(abs)
	if err != nil {
		return nil, err
	}
	t := &Tree{Name: path, Version: version}
	start := time.Now()
	look, entries, newest, err := list(ctx, abs)
	if err != nil {
		return nil, fmt.Errorf("read tree %s: %w", path, err)
	}
	settled := newest.Before(start.Add(-settle))
	var rec treeRecord
	if settled && st.Get("tree-at", look, &rec) {
		if dir, ok := st.Lookup(kindTree, rec.Digest); ok {
			t.Dir, t.Digest = dir, rec.Digest
			return t, nil
		}
	}

	task := sink.Start("snapshot tree "+path, progress.Bytes, 0)
	tmp, remove, err := st.Scratch("tree")
	if err != nil {
		task.Done(err)
		return nil, err
	}
	defer remove()
	dir := filepath.Join(tmp, "tree")
	rec.Version = version
	d, err := snapshot(ctx, abs, dir, entries, task, clean)
	if err == nil {
		rec.Digest = d.sum()
		// What was copied must be one state of the tree, not two halves.
		var again string
		if again, _, _, err = list(ctx, abs); err == nil && again != look {
			err = errors.New("the tree changed while it was read: wait until nothing writes to it (an editor, a build, git) and run again")
		}
	}
	if err == nil {
		err = keep(ctx, st, dir, d)
	}
	if err == nil && settled {
		err = st.Put("tree-at", look, rec)
	}
	task.Done(err)
	if err != nil {
		return nil, fmt.Errorf("snapshot tree %s: %w", path, err)
	}
	t.Digest = rec.Digest
	t.Dir, _ = st.Lookup(kindTree, rec.Digest)
	return t, nil
}

// actual is where a path of the user's leads to.
func actual(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// list names the files of the tree at dir but those of .git, with a key that
// changes when any of them does (path, mode, size, inode, mtime and ctime), and
// the newest ctime.
func list(ctx context.Context, dir string) (key string, entries []entry, newest time.Time, err error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", unpackVersion, dir)
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if rel == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !d.IsDir() {
			when := stat(h, rel, info)
			if when.After(newest) {
				newest = when
			}
		}
		entries = append(entries, entry{filepath.ToSlash(rel), info.Mode()})
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)), entries, newest, err
}

func stat(h hash.Hash, rel string, info fs.FileInfo) time.Time {
	changed := info.ModTime()
	var ino uint64
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		ino = s.Ino
		changed = time.Unix(s.Ctim.Unix())
	}
	fmt.Fprintf(h, "%q %o %d %d %d %d\n", rel, info.Mode(), info.Size(), ino, info.ModTime().UnixNano(), changed.UnixNano())
	return changed
}

func snapshot(ctx context.Context, from, to string, entries []entry, task progress.Task, clean Clean) (*digest, error) {
	built := false
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(copiers)
	for _, e := range entries {
		src, dst := filepath.Join(from, e.path), filepath.Join(to, e.path)
		switch {
		case e.mode.IsDir(): // comes before what lies in it
			if err := os.Mkdir(dst, 0o755); err != nil {
				return nil, errors.Join(err, g.Wait())
			}
			built = built || e.path == "include/config" || e.path == "include/generated"
		case e.mode.IsRegular():
			built = built || e.path == ".config" || filepath.Ext(e.path) == ".o"
			g.Go(func() error {
				if gctx.Err() != nil {
					return context.Cause(gctx)
				}
				return copyFile(src, dst, e.mode, task)
			})
		case e.mode&fs.ModeSymlink != 0:
			target, err := os.Readlink(src)
			if err == nil {
				err = os.Symlink(target, dst)
			}
			if err != nil {
				return nil, errors.Join(err, g.Wait())
			}
		}
		// Sockets, pipes and devices are nothing that make reads.
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if built {
		task.Status("make mrproper in the copy: the tree was built in place")
		if err := clean(ctx, to); err != nil {
			return nil, fmt.Errorf("clean the copy of a tree that was built in place: %w", err)
		}
	}
	return readDigest(ctx, to)
}

func copyFile(src, dst string, mode fs.FileMode, task progress.Task) error {
	perm := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	n, err := store.CopyFile(dst, src, perm)
	task.Add(n)
	return err
}

// readDigest computes the digest of the tree at dir.
func readDigest(ctx context.Context, dir string) (*digest, error) {
	_, entries, _, err := list(ctx, dir)
	if err != nil {
		return nil, err
	}
	d := newDigest()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(copiers)
	for _, e := range entries {
		p := filepath.Join(dir, e.path)
		switch {
		case e.mode.IsRegular():
			g.Go(func() error {
				if gctx.Err() != nil {
					return context.Cause(gctx)
				}
				f, err := os.Open(p)
				if err != nil {
					return err
				}
				return d.read(e.path, e.mode, f)
			})
		case e.mode&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return nil, errors.Join(err, g.Wait())
			}
			d.link(e.path, target)
		}
	}
	return d, g.Wait()
}
