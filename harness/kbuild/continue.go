package kbuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"umlab/harness/store"
)

// timeOf is the time that the copy of a built file gets: make compares nothing
// else.
type timeOf func(built fs.FileInfo) time.Time

// continued returns the baseline of base, with that key, made by going on in a
// copy of from's build directory. Errors are those of Baseline.
func (b *Builder) continued(ctx context.Context, from *Baseline, base Base, key string, times func() (timeOf, error)) (bl *Baseline, hit bool, err error) {
	return b.baseline(ctx, base, key, func(dir string) error {
		// What a killed run left may be half a copy.
		build := filepath.Join(dir, "build")
		if err := store.RemoveAll(build); err != nil {
			return err
		}
		when, err := times()
		if err != nil {
			return err
		}
		if err := copyBuild(ctx, build, from.Build(), when); err != nil {
			return fmt.Errorf("copy the baseline of %s: %w", from.Base.Tree.Name, err)
		}
		return nil
	})
}

// copyBuild copies a build directory.
func copyBuild(ctx context.Context, to, from string, when timeOf) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
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
			return os.MkdirAll(dst, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			return os.Symlink(target, dst)
		case d.Type().IsRegular():
			return copyFile(dst, p, info.Mode(), when(info))
		}
		return nil
	})
}

func copyFile(dst, src string, mode fs.FileMode, when time.Time) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(dst, when, when)
}
