package store

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// tops are the directories of the store that hold entries, and that of its locks.
var tops = struct{ dirs, partial, files, records, locks string }{"dirs", "partial", "files", "records", "locks"}

// An Entry is the name of a directory of the store.
type Entry struct{ Kind, Key string }

// Needs notes that the directory kind/key stands on others: it is nothing without them, so that Clean removes none of them
// before it, and its use is theirs. It is to be called before the directory is there, and replaces what was noted before. A
// record of the same kind and key is kept as long as the directory without being named.
func (s *Store) Needs(kind, key string, on ...Entry) error {
	p, err := s.path("needs", kind, key)
	if err != nil {
		return err
	}
	for _, e := range on {
		if _, err := s.path(tops.dirs, e.Kind, e.Key); err != nil {
			return err
		}
	}
	text, err := json.Marshal(on)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(p, append(text, '\n'), 0o644, renameio.WithTempDir(filepath.Join(s.root, "tmp")))
}

// needs are what a directory stands on.
func (s *Store) needs(e *entry) (on []Entry) {
	if text, err := os.ReadFile(filepath.Join(s.root, "needs", e.kind, e.key)); err == nil {
		_ = json.Unmarshal(text, &on) // it was renamed into place
	}
	return append(on, Entry{e.kind, e.key})
}

// forget removes what was noted of e, which has no name any more: it says nothing of an entry that is not there.
func (s *Store) forget(e *entry) {
	switch e.top {
	case tops.dirs:
		_ = os.Remove(filepath.Join(s.root, "needs", e.kind, e.key))
		s.forgetSeal(e.kind, e.key)
		s.seals.Delete(e.kind + "/" + e.key)
	case tops.files:
		_ = os.Remove(filepath.Join(s.root, "stamps", e.kind, e.key))
	}
}

// entry is a thing that Clean may remove.
type entry struct {
	top, kind, key string
	path           string
	last           time.Time // it was used, or what stands on it
	held           bool      // this process used it, or what stands on it
	on             []*entry  // what it stands on
	depth          int       // how much stands on it, above each other
	size           measure
}

// deepest bounds how much may stand above each other: more is a circle.
const deepest = 50

// support tells what e stands on of a user above it.
func (e *entry) support(user *entry, depth int) {
	if user.last.After(e.last) {
		e.last = user.last
	}
	e.held = e.held || user.held
	e.depth = max(e.depth, depth)
	if depth < deepest {
		for _, on := range e.on {
			on.support(e, depth+1)
		}
	}
}

// measure is what an entry takes.
type measure struct {
	Inode  uint64
	Born   int64     // of the directory: another one of the same name is measured anew
	At     time.Time // when it was measured
	Own    int64     // bytes of files that have no other name
	Shared []shared  // the others
}

// shared is a file that has several names.
type shared struct {
	Inode uint64
	Bytes int64
	Names int // in the entry
	Links int // in all
}

// fresh is for how long a measure holds: a mirror grows.
const fresh = 24 * time.Hour

// survey lists the entries. What finished directories take is remembered, so that only the first survey walks through all.
func (s *Store) survey(ctx context.Context) ([]*entry, error) {
	var list []*entry
	byName := map[[2]string]*entry{}
	for _, top := range []string{tops.dirs, tops.partial, tops.files, tops.records} {
		err := s.each(top, func(e *entry) {
			list = append(list, e)
			byName[[2]string{top, e.kind + "/" + e.key}] = e
		})
		if err != nil {
			return nil, err
		}
	}
	for _, e := range list {
		if e.top != tops.dirs {
			continue
		}
		for _, n := range s.needs(e) {
			for _, top := range []string{tops.dirs, tops.records} {
				if on := byName[[2]string{top, n.Kind + "/" + n.Key}]; on != nil && on != e {
					e.on = append(e.on, on)
				}
			}
		}
	}
	return list, s.measureAll(ctx, list)
}

// each finds the entries of one directory of the store.
func (s *Store) each(top string, add func(*entry)) error {
	kinds, err := os.ReadDir(filepath.Join(s.root, top))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, kind := range kinds {
		entries, err := os.ReadDir(filepath.Join(s.root, top, kind.Name()))
		if err != nil {
			return err
		}
		for _, d := range entries {
			info, err := d.Info()
			if err != nil {
				continue // another umlab has replaced it
			}
			e := &entry{top: top, kind: kind.Name(), key: d.Name(), path: filepath.Join(s.root, top, kind.Name(), d.Name()), last: info.ModTime()}
			if top == tops.files {
				if info, err := os.Stat(filepath.Join(s.root, "stamps", e.kind, e.key)); err == nil {
					e.last = info.ModTime()
				}
			}
			_, e.held = s.held.Load(e.path)
			add(e)
		}
	}
	return nil
}

// measureAll finds out what the entries take.
func (s *Store) measureAll(ctx context.Context, list []*entry) error {
	at := filepath.Join(s.root, "sizes")
	was := map[string]measure{}
	if f, err := os.Open(at); err == nil {
		_ = gob.NewDecoder(f).Decode(&was) // else all is measured
		f.Close()
	}
	is := map[string]measure{}
	named := map[uint64]int{}
	remember := func(e *entry) {
		for _, f := range e.size.Shared {
			named[f.Inode] += f.Names
		}
		if e.top == tops.dirs {
			is[e.kind+"/"+e.key] = e.size
		}
	}
	var measured []*entry // of the finished directories
	told := time.Now()
	for n, e := range list {
		if time.Since(told) > tellAfter {
			told = time.Now()
			s.note("store: %d of %d entries are measured", n, len(list))
		}
		m := measure{At: time.Now()}
		m.Inode, m.Born = born(e.path)
		if known, ok := was[e.kind+"/"+e.key]; e.top == tops.dirs && ok && m.Born != 0 &&
			known.Inode == m.Inode && known.Born == m.Born && time.Since(known.At) < fresh {
			e.size = known
		} else {
			e.size = m
			if err := e.size.walk(ctx, e.path); err != nil {
				return err
			}
			if e.top == tops.dirs {
				measured = append(measured, e)
			}
		}
		remember(e)
	}
	for _, e := range measured {
		for _, f := range e.size.Shared {
			if named[f.Inode] >= f.Links || len(measured) == len(is) {
				continue
			}
			// It has a name in an entry that was measured when it had no other.
			if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return s.measureAll(ctx, list)
		}
	}
	return s.saveSizes(at, is)
}

func (s *Store) saveSizes(at string, is map[string]measure) error {
	f, err := renameio.NewPendingFile(at, renameio.WithTempDir(filepath.Join(s.root, "tmp")), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if err := gob.NewEncoder(f).Encode(is); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// born tells a directory from another one of the same name; at is 0 where the file system does not say.
func born(path string) (inode uint64, at int64) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return 0, 0
	}
	if st.Mask&unix.STATX_BTIME == 0 {
		return st.Ino, 0
	}
	return st.Ino, st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
}

// walk measures what path takes with all below it. What vanishes meanwhile takes nothing.
func (m *measure) walk(ctx context.Context, path string) error {
	at := map[uint64]int{}
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var st unix.Stat_t
		if err != nil || unix.Lstat(p, &st) != nil {
			return nil
		}
		bytes := st.Blocks * 512
		i, seen := at[st.Ino]
		switch {
		case d.IsDir() || st.Nlink == 1:
			m.Own += bytes
		case seen:
			m.Shared[i].Names++
		default:
			at[st.Ino] = len(m.Shared)
			m.Shared = append(m.Shared, shared{st.Ino, bytes, 1, int(st.Nlink)})
		}
		return nil
	})
}

// Allocated is what path takes on disk with all below it, in bytes.
func Allocated(path string) int64 {
	var m measure
	_ = m.walk(context.Background(), path) // it says as much as can be read
	for _, f := range m.Shared {
		m.Own += f.Bytes
	}
	return m.Own
}

// touchAfter is how old the time of an entry's last use may be before it is brought up to date: a write for each use would
// be too many.
const touchAfter = time.Minute

// used reports whether path is there, and notes that it is used.
func (s *Store) used(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	s.held.Store(path, true)
	touch(path, info.ModTime())
	return true
}

// usedFile is used of a content-addressed file, and whether its content is that.
func (s *Store) usedFile(path, sum string) bool {
	if !s.right(path, sum, false) {
		return false
	}
	s.held.Store(path, true)
	if info, err := os.Stat(s.stampPath(sum)); err == nil {
		touch(s.stampPath(sum), info.ModTime())
	}
	return true
}
