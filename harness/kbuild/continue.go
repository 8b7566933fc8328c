package kbuild

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"umlab/harness/kconfig"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// timeOf is the time that the copy of a built file gets: make compares nothing
// else.
type timeOf func(built fs.FileInfo) time.Time

// making is how one baseline is made.
type making struct {
	key     string
	over    string                   // "" or the toolchain whose baseline it goes on from, see Baseline.From
	retool  bool                     // it is the step to another Rust
	steps   string                   // name of the record of how many steps it takes; "": too few to count
	prepare func(dir string) error   // fills the directory that it is made in
	check   func(build string) error // of the finished build directory; nil: none
}

// title is what the progress calls it.
func (m making) title(base Base) string {
	of := base.Toolchain.Name
	if m.retool {
		of = fmt.Sprintf("rustc %s over %s's", base.Toolchain.Identity["rustc"], m.over)
	}
	return fmt.Sprintf("build baseline %s (%s, %s)", base.Tree.Name, of, base.Compiler)
}

// continued returns the baseline of base, with that key, made by going on in a
// copy of from's build directory. Errors are those of Baseline.
func (b *Builder) continued(
	ctx context.Context, from *Baseline, base Base, key string, times func() (timeOf, error),
) (bl *Baseline, hit bool, err error) {
	return b.baseline(ctx, base, making{key: key, over: from.From, prepare: func(dir string) error {
		when, err := times()
		if err != nil {
			return err
		}
		return from.copyTo(ctx, dir, when, nil)
	}})
}

// copyTo copies the build directory of bl to dir/build, without the files that
// leave names (slash-separated, below the build directory).
func (b *Baseline) copyTo(ctx context.Context, dir string, when timeOf, leave map[string]bool) error {
	// What a killed run left may be half a copy.
	build := filepath.Join(dir, "build")
	if err := store.RemoveAll(build); err != nil {
		return err
	}
	err := store.CopyTree(ctx, build, b.Build(), func(to, from string, info fs.FileInfo) error {
		rel, err := filepath.Rel(build, to)
		if err != nil || !info.Mode().IsRegular() || leave[filepath.ToSlash(rel)] {
			return err
		}
		return copyFile(to, from, info.Mode(), when(info))
	})
	if err != nil {
		return fmt.Errorf("copy the baseline of %s: %w", b.Base.Tree.Name, err)
	}
	return nil
}

func copyFile(dst, src string, mode fs.FileMode, when time.Time) error {
	if _, err := store.CopyFile(dst, src, mode.Perm()|0o200); err != nil {
		return err
	}
	return os.Chtimes(dst, when, when)
}

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
	return b.continued(ctx, from, base, store.Key("derived", version, from.Key, t.Digest), func() (timeOf, error) {
		when, err := sourceTime(ctx, from.Base.Tree.Dir, t.Dir)
		return func(fs.FileInfo) time.Time { return when }, err
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
			return fmt.Errorf("%s of the patched tree is not newer than the tree it was made from: make would not see it; was the clock "+
				"set back? remove the tree with `go tool mage clean -all`", rel)
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
	// The new .config is newer than all that is copied, and syncconfig then touches
	// just the options that differ.
	keep := func(info fs.FileInfo) time.Time { return info.ModTime() }
	key := store.Key("extended", version, from.Key, kconfig.Text(options))
	return b.continued(ctx, from, base, key, func() (timeOf, error) { return keep, nil })
}
