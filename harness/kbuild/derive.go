package kbuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"umlab/harness/store"
	"umlab/harness/tree"
)

// Derive returns the baseline of another tree that differs from from's by
// patches: make continues in a copy of from's build directory, so that only what
// the patches change is built. t must keep the times of the files that it shares
// with from's tree. Its key holds both, so that a derived baseline is never
// taken for one that was built from nothing. Errors are those of Baseline.
func (b *Builder) Derive(ctx context.Context, from *Baseline, t *tree.Tree) (bl *Baseline, hit bool, err error) {
	base := from.Base
	base.Tree = t
	if t.Digest == from.Base.Tree.Digest {
		return from, true, nil
	}
	return b.baseline(ctx, base, store.Key("derived", version, from.Key, t.Digest), func(dir string) error {
		// What a killed run left may be half a copy.
		build := filepath.Join(dir, "build")
		if err := store.RemoveAll(build); err != nil {
			return err
		}
		when, err := sourceTime(ctx, from.Base.Tree.Dir, t.Dir)
		if err != nil {
			return err
		}
		if err := copyDir(ctx, build, from.Build(), when); err != nil {
			return fmt.Errorf("copy the baseline of %s: %w", from.Base.Tree.Name, err)
		}
		return nil
	})
}

// sourceTime returns the time to give to everything that was built from the tree
// in from, so that make, which goes by times alone, sees just the files of t
// that from does not have as changed: that of the newest file of from. Times of
// the build itself will not do, since from may have been built again after t was
// made.
func sourceTime(ctx context.Context, from, t string) (time.Time, error) {
	var newest time.Time
	inodes := map[string]uint64{}
	err := walkFiles(ctx, from, func(rel string, info fs.FileInfo) error {
		inodes[rel] = inode(info)
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return nil
	})
	if err != nil {
		return newest, err
	}
	return newest, walkFiles(ctx, t, func(rel string, info fs.FileInfo) error {
		if i, ok := inodes[rel]; (!ok || i != inode(info)) && !info.ModTime().After(newest) {
			return fmt.Errorf("%s of the patched tree is not newer than the tree it was made from: make would not see it; was the clock set back? remove the tree with `go tool mage clean -all`", rel)
		}
		return nil
	})
}

func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

func walkFiles(ctx context.Context, dir string, visit func(rel string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return visit(rel, info)
	})
}

// copyDir copies a directory; all its files get the same time.
func copyDir(ctx context.Context, to, from string, when time.Time) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(dst, info.Mode().Perm()|0o700)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			return os.Symlink(target, dst)
		case info.Mode().IsRegular():
			if err := copyContent(dst, p, info.Mode().Perm()|0o200); err != nil {
				return err
			}
			return os.Chtimes(dst, when, when)
		}
		return nil
	})
}

func copyContent(dst, src string, perm fs.FileMode) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
