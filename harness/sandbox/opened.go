package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Opened are the files below Command.Watch that anything in the sandbox opened or executed.
type Opened struct {
	// Files are absolute paths inside, each once, sorted. A file that was only looked for (stat, access) is not among
	// them, nor is one in a directory that was made meanwhile.
	Files []string
	Dirs  []string // that were watched, sorted
	// Lost says that some are missing: the kernel's queue of events ran over, or it allows fewer watches than there are
	// directories (fs.inotify.max_queued_events, max_user_watches).
	Lost bool
}

// opens collects them by inotify(7): it needs no privilege, sees an overlay's files as the command does, and takes
// execve(2) for an opening.
type opens struct {
	fd   int
	dirs map[int32]string          // by watch descriptor
	seen map[int32]map[string]bool // names of each directory
	lost bool
	over atomic.Bool   // the command has ended: no event is still to come
	done chan struct{} // closed when all events were read
}

// watchOpens watches the directories below roots, and those of only that are there.
func watchOpens(roots, only []string) (*opens, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, faultOf(stageInit, "inotify", err)
	}
	o := &opens{fd: fd, dirs: map[int32]string{}, seen: map[int32]map[string]bool{}, done: make(chan struct{})}
	add := func(dir string) error {
		wd, err := unix.InotifyAddWatch(fd, dir, unix.IN_OPEN|unix.IN_ONLYDIR)
		switch {
		case errors.Is(err, unix.ENOSPC):
			o.lost = true
			return fs.SkipAll
		case err == nil:
			o.dirs[int32(wd)] = dir
		}
		return err
	}
	for _, dir := range only {
		err := add(dir)
		if errors.Is(err, fs.SkipAll) {
			break
		}
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			return nil, faultOf(stageSource, dir, err)
		}
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			return add(p)
		})
		if err != nil {
			return nil, faultOf(stageSource, root, err)
		}
	}
	go o.collect()
	return o, nil
}

// lull is for how long events gather: a read of each by itself takes from the command what it takes here. A compiler's are some
// thousand a second, and the kernel keeps sixteen thousand.
const lull = 5 * time.Millisecond

func (o *opens) collect() {
	defer close(o.done)
	buf := make([]byte, 1<<20)
	for {
		over := o.over.Load() // before the look: what comes between the two is not missed
		n, err := unix.Read(o.fd, buf)
		switch {
		case err == nil:
			if o.events(buf[:n]); n < len(buf)/4 && !over {
				time.Sleep(lull)
			}
		case errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EAGAIN):
			o.lost = true
			return
		case over:
			return
		default:
			const patience = 20 // ms, for which the end may wait
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLIN}}, patience)
		}
	}
}

// events takes what one read gave: see struct inotify_event in inotify(7).
func (o *opens) events(b []byte) {
	for len(b) >= unix.SizeofInotifyEvent {
		wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:end], []byte{0})
		b = b[end:]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			o.lost = true
		case len(name) > 0 && mask&unix.IN_ISDIR == 0 && !o.seen[wd][string(name)]:
			if o.seen[wd] == nil {
				o.seen[wd] = map[string]bool{}
			}
			o.seen[wd][string(name)] = true
		}
	}
}

// end returns what was opened until now, when the command has ended.
func (o *opens) end() *Opened {
	o.over.Store(true)
	<-o.done
	unix.Close(o.fd)
	var files []string
	for wd, names := range o.seen {
		for name := range names {
			files = append(files, path.Join(o.dirs[wd], name))
		}
	}
	slices.Sort(files)
	return &Opened{files, slices.Sorted(maps.Values(o.dirs)), o.lost}
}
