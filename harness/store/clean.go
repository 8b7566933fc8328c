package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// touchAfter is how old the time of an entry's last use may be before it is
// brought up to date: a write for each use would be too many.
const touchAfter = time.Hour

// used reports whether path is there, and notes that it is used.
func used(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if now := time.Now(); now.Sub(info.ModTime()) > touchAfter {
		_ = os.Chtimes(path, now, now) // of a store that cannot be written, nothing is cleaned either
	}
	return true
}

// errInUse says that another umlab has the store open.
var errInUse = errors.New("another umlab is using the store: wait until it has ended")

// Usage is what the entries of one kind take.
type Usage struct {
	Kind    string // "sysroot", "tree", "baseline", "files"
	Entries int
	Bytes   int64 // allocated on disk
}

// Clean removes the entries that were not used for at least age, and what killed
// runs left to resume; with age 0, all. It returns what it removed, by kind. It
// fails while another umlab has the store open.
func (s *Store) Clean(ctx context.Context, age time.Duration) ([]Usage, error) {
	if err := unix.Flock(int(s.users.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errInUse
	}
	defer func() { _ = unix.Flock(int(s.users.Fd()), unix.LOCK_SH) }()
	before := time.Now().Add(-age)
	var removed []Usage
	for _, top := range []string{"dirs", "partial", "files", "records"} {
		kinds, err := os.ReadDir(filepath.Join(s.root, top))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
		for _, kind := range kinds {
			u := Usage{Kind: kind.Name()}
			if top == "files" || top == "records" {
				u.Kind = top
			}
			entries, err := os.ReadDir(filepath.Join(s.root, top, kind.Name()))
			if err != nil {
				return removed, err
			}
			for _, e := range entries {
				path := filepath.Join(s.root, top, kind.Name(), e.Name())
				info, err := e.Info()
				if err != nil || info.ModTime().After(before) {
					continue
				}
				if err := ctx.Err(); err != nil {
					return removed, context.Cause(ctx)
				}
				n, err := s.remove(path)
				if err != nil {
					return removed, err
				}
				u.Entries++
				u.Bytes += n
			}
			removed = add(removed, u)
		}
	}
	return removed, nil
}

func add(list []Usage, u Usage) []Usage {
	for i := range list {
		if list[i].Kind == u.Kind {
			list[i].Entries += u.Entries
			list[i].Bytes += u.Bytes
			return list
		}
	}
	if u.Entries == 0 {
		return list
	}
	return append(list, u)
}

// remove removes one entry; it loses its name first.
func (s *Store) remove(path string) (int64, error) {
	tmp, remove, err := s.Scratch("clean")
	if err != nil {
		return 0, err
	}
	defer remove()
	return Allocated(path), os.Rename(path, filepath.Join(tmp, "entry"))
}

// Allocated is what path takes on disk with all below it, in bytes.
func Allocated(path string) (n int64) {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(p, &st) == nil {
			n += st.Blocks * 512
		}
		return nil
	})
	return n
}

// Free is the space that a user may still take on the store's file system.
func (s *Store) Free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.root, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}
