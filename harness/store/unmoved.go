package store

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// unmoved reports whether a directory has all names of the seal and no others, each with its stamp, as it nearly always has: it
// costs a system call for each. Where it says no, for whatever reason, all finds out what is wrong.
func (s *seal) unmoved(ctx context.Context, dir string) bool {
	u := unmoved{ctx: ctx, stamps: s.stamps()}
	top, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	u.walks.SetLimit(runtime.GOMAXPROCS(0))
	same := u.below(top, "")
	_ = u.walks.Wait()
	return same && !u.moved.Load() && int(u.names.Load()) == len(u.stamps)
}

// stamps are the stamps of a seal by name.
func (s *seal) stamps() map[string]string {
	text := string(s.text)
	stamps := make(map[string]string, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		quoted, rest, _ := strings.Cut(line, "\t")
		stamp, _, _ := strings.Cut(rest, "\t")
		name := strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`)
		if strings.Contains(quoted, `\`) {
			name, _ = strconv.Unquote(quoted)
		}
		stamps[name] = stamp
	}
	return stamps
}

// unmoved is a walk of seal.unmoved.
type unmoved struct {
	ctx    context.Context
	stamps map[string]string
	walks  errgroup.Group
	names  atomic.Int64 // that were found as they were
	moved  atomic.Bool  // some was not
}

// below looks at what is in the open directory fd, which it closes; its names begin with prefix. Directories in it are looked at
// beside it where a worker is free.
func (u *unmoved) below(fd int, prefix string) bool {
	f := os.NewFile(uintptr(fd), prefix)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil || u.ctx.Err() != nil {
		return false
	}
	var at [160]byte
	for _, name := range names {
		var st unix.Stat_t
		was, known := u.stamps[prefix+name]
		if !known || unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || string(stamp(at[:0], &st)) != was || u.moved.Load() {
			return false
		}
		u.names.Add(1)
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		in, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return false
		}
		if u.walks.TryGo(func() error {
			if !u.below(in, prefix+name+"/") {
				u.moved.Store(true)
			}
			return nil
		}) {
			continue
		}
		if !u.below(in, prefix+name+"/") {
			return false
		}
	}
	return true
}
