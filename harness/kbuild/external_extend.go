package kbuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"umlab/harness/kconfig"
	"umlab/harness/store"
)

// Extend returns the baseline of from's tree under other options: make goes on
// in a copy of from's build directory, so that only what the difference of the
// configurations reaches is built: for one more module, that module and a new
// link, because a UML kernel holds the text of its .config. Its key holds both,
// so that it is never taken for one that was built from nothing. Errors are those
// of Baseline.
func (b *Builder) Extend(ctx context.Context, from *Baseline, options []kconfig.Option) (bl *Baseline, hit bool, err error) {
	base := from.Base
	base.Options = options
	if kconfig.Text(options) == kconfig.Text(from.Base.Options) {
		return from, true, nil
	}
	return b.baseline(ctx, base, store.Key("extended", version, from.Key, kconfig.Text(options)), func(dir string) error {
		// What a killed run left may be half a copy.
		build := filepath.Join(dir, "build")
		if err := store.RemoveAll(build); err != nil {
			return err
		}
		if err := copyBuild(ctx, build, from.Build()); err != nil {
			return fmt.Errorf("copy the baseline of %s: %w", from.Base.Tree.Name, err)
		}
		return nil
	})
}

// copyBuild copies a build directory. Times are kept, because make compares
// them: the new .config is newer than all, and syncconfig then touches just the
// options that differ.
func copyBuild(ctx context.Context, to, from string) error {
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
			return copyFile(dst, p, info)
		}
		return nil
	})
}

// copyFile copies a file with its mode and its time.
func copyFile(dst, src string, info fs.FileInfo) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(dst, info.ModTime(), info.ModTime())
}
