package store

import (
	"context"
	"os"
	"path/filepath"
)

// A Remote is where stores of other machines put what they made, and from where this one takes it. What it has is not
// believed but for reasons of its own, see package cache.
type Remote interface {
	// Pull puts kind/key, a directory or a record, into the store and reports whether it is there now. Whatever keeps it from
	// that, it tells itself, and leaves nothing behind. The caller sees to it that one process pulls it at a time.
	Pull(ctx context.Context, kind, key string) bool
	// Offer is told what the store has and others may want. It returns at once.
	Offer(o Offered)
}

// Offered is a directory or a record of the store.
type Offered struct {
	Entry
	Of    string   // what it is, for people: "toolchain trixie"
	From  []string // what it was made from, with digests or versions: "rustc 1.85.1+dfsg3-1 (trixie)"
	Over  Entry    // a directory of the same kind with which it has files in common, as hard links; zero for none
	Needs []Entry  // what it is nothing without, see Store.Needs; of a record the directories and records that it names
	Files []string // content-addressed files that a record names, by their sha256
}

// Pull is Remote.Pull, where there is a Remote.
func (s *Store) Pull(ctx context.Context, kind, key string) bool {
	return s.Remote != nil && s.Remote.Pull(ctx, kind, key)
}

// Offer is Remote.Offer, where there is a Remote.
func (s *Store) Offer(o Offered) {
	if s.Remote != nil {
		s.Remote.Offer(o)
	}
}

// Shared is Dir of what others may have: it is pulled, where they have, before it is built.
func (s *Store) Shared(
	ctx context.Context, kind, key string, build func(ctx context.Context, dir string) error,
) (path string, hit bool, err error) {
	return s.dir(ctx, kind, key, s.Pull, build)
}

// dir is Dir with one more way to come by the directory.
func (s *Store) dir(
	ctx context.Context, kind, key string, pull func(ctx context.Context, kind, key string) bool,
	build func(ctx context.Context, dir string) error,
) (path string, hit bool, err error) {
	final, err := s.path(tops.dirs, kind, key)
	if err != nil {
		return "", false, err
	}
	hit, err = s.once(ctx, final, kind+"-"+key, func() bool { return s.used(final) }, func(tmp string) error {
		if pull(ctx, kind, key) {
			return nil
		}
		made := filepath.Join(tmp, "entry")
		if err := os.Mkdir(made, 0o755); err != nil {
			return err
		}
		if err := build(ctx, made); err != nil {
			return err
		}
		return s.Install(made, kind, key)
	})
	if err != nil {
		return "", false, err
	}
	return final, hit, nil
}
