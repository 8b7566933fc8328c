package kbuild

import (
	"context"
	"fmt"
	"io/fs"
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
