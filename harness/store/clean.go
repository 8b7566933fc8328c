package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// errInUse says that another umlab has the store open.
var errInUse = errors.New("another umlab is using the store: wait until it has ended")

// A Rule says what may stay in the store. The zero Rule lets nothing stay.
type Rule struct {
	Unused time.Duration // what was used within it stays
	Keep   int64         // bytes; 0 for no limit. What was used least recently goes first, and never what this process used
}

// Forever is as a Rule's Unused that lets all stay.
const Forever = time.Duration(math.MaxInt64)

// Usage is what the entries of one kind take, in bytes on disk. A file with many names counts once.
type Usage struct {
	Kind    string // "sysroot", "tree", "baseline", "files"
	Entries int
	Bytes   int64
	Removed int // of the entries
	Freed   int64
}

// Cleaned is what was in the store, and what went.
type Cleaned struct {
	Kinds        []Usage // in the order of their names
	Bytes, Freed int64
}

// Clean removes what a rule does not let stay, and what killed runs left to resume; with dry it only says what it would
// remove. What others stand on, see Needs, stays as long as they do. The history is no entry, and stays. Clean fails while
// another umlab has the store open. A clean that is killed leaves whole entries: what it took has no name any more, and the
// next Open removes it.
func (s *Store) Clean(ctx context.Context, rule Rule, dry bool) (*Cleaned, error) {
	return s.cleanAt(ctx, time.Now(), rule, dry)
}

// cleanAt is Clean at a time.
func (s *Store) cleanAt(ctx context.Context, now time.Time, rule Rule, dry bool) (*Cleaned, error) {
	if dry {
		list, err := s.survey(ctx)
		if err != nil {
			return nil, err
		}
		out, _ := rule.apply(list, now)
		return out, nil
	}
	// The survey may take seconds, in which no other umlab should have to wait for its start. The one that counts is
	// made without others, and finds what the first has measured.
	if err := s.alone(); err != nil {
		return nil, err
	}
	s.together()
	if _, err := s.survey(ctx); err != nil {
		return nil, err
	}
	if err := s.alone(); err != nil {
		return nil, err
	}
	defer s.together()
	list, err := s.survey(ctx)
	if err != nil {
		return nil, err
	}
	out, gone := rule.apply(list, now)
	if len(gone) == 0 {
		return out, nil
	}
	tmp, remove, err := s.Scratch("clean")
	if err != nil {
		return nil, err
	}
	defer remove()
	s.note("store: removing %d of %d entries, %s", len(gone), len(list), humanize.Bytes(uint64(max(out.Freed, 0))))
	for i, e := range gone {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := os.Rename(e.path, filepath.Join(tmp, fmt.Sprint(i))); err != nil {
			return nil, err
		}
		s.forget(e)
	}
	return out, nil
}

// alone makes this process the only user of the store, unless there are others.
func (s *Store) alone() error {
	if err := unix.Flock(int(s.users.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		s.together() // a lock that cannot be changed is lost, see flock(2)
		return errInUse
	}
	return nil
}

// Alone makes this process the only user of the store until together is called; it fails while there are others.
func (s *Store) Alone() (together func(), err error) { return s.together, s.alone() }

// together lets others use the store again.
func (s *Store) together() { _ = unix.Flock(int(s.users.Fd()), unix.LOCK_SH) }

// InUse reports whether err is of a Clean beside another umlab.
func InUse(err error) bool { return errors.Is(err, errInUse) }

// apply says what goes of the entries, in the order in which it must: what stands on others before them.
func (r Rule) apply(list []*entry, now time.Time) (*Cleaned, []*entry) {
	for _, e := range list {
		e.support(e, 0)
	}
	order := slices.Clone(list)
	slices.SortStableFunc(order, func(a, b *entry) int { return cmp.Or(a.last.Compare(b.last), cmp.Compare(a.depth, b.depth)) })
	names := map[uint64]int{} // of the files that have several
	kinds := map[string]*Usage{}
	kind := func(e *entry) *Usage {
		name := e.kind
		if e.top == tops.files || e.top == tops.records {
			name = e.top
		}
		if kinds[name] == nil {
			kinds[name] = &Usage{Kind: name}
		}
		return kinds[name]
	}
	owner := map[uint64]*Usage{} // of them: the kind that they count for
	for _, e := range list {
		u := kind(e)
		u.Entries++
		u.Bytes += e.size.Own
		for _, f := range e.size.Shared {
			if owner[f.Inode] == nil {
				owner[f.Inode] = u
				u.Bytes += f.Bytes
			}
			names[f.Inode] += f.Names
		}
	}
	out := &Cleaned{}
	for _, u := range kinds {
		out.Bytes += u.Bytes
	}
	var gone []*entry
	take := func(e *entry) {
		free := func(u *Usage, bytes int64) {
			u.Freed += bytes
			out.Freed += bytes
		}
		u := kind(e)
		u.Removed++
		free(u, e.size.Own)
		for _, f := range e.size.Shared {
			if names[f.Inode] -= f.Names; names[f.Inode] == 0 {
				free(owner[f.Inode], f.Bytes)
			}
		}
		gone = append(gone, e)
	}
	for _, e := range order {
		old := !e.last.After(now.Add(-r.Unused))
		over := r.Keep > 0 && out.Bytes-out.Freed > r.Keep && !e.held
		if old || over {
			take(e)
		}
	}
	for _, u := range kinds {
		out.Kinds = append(out.Kinds, *u)
	}
	slices.SortFunc(out.Kinds, func(a, b Usage) int { return cmp.Compare(a.Kind, b.Kind) })
	return out, gone
}

// Runs reports whether programs that lie in the store can be run: a file system may forbid it.
func (s *Store) Runs() bool {
	var st unix.Statfs_t
	return unix.Statfs(s.root, &st) != nil || st.Flags&unix.ST_NOEXEC == 0
}

// Free is the space that a user may still take on the store's file system.
func (s *Store) Free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.root, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}
