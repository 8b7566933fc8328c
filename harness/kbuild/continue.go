package kbuild

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"umlab/harness/store"
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
func (b *Builder) continued(ctx context.Context, from *Baseline, base Base, key string, times func() (timeOf, error)) (bl *Baseline, hit bool, err error) {
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
