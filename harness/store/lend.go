package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Lend is Whole of directories that a program is given which opens what it likes of them, but not by way of an overlay, whose
// openings nobody sees. Most of a tree is never opened by a build, and a look at each of its names costs as much as some builds do;
// so each directory is looked at before, which shows what was added and removed, and of those in which something was opened every
// name is looked at behind: back, to be called when the program has ended, says whether all was what was stored. Where it failed,
// all of it is looked at: a file that cannot be opened is not opened.
func (s *Store) Lend(ctx context.Context, paths ...string) (back func(failed bool) error, err error) {
	var lent []*loan
	err = s.eachOf(ctx, paths, func(ctx context.Context, kind, key string) error {
		known, err := s.tells(ctx, kind, key)
		if known == nil {
			return err
		}
		if _, ok := s.checked.Load(known); ok {
			return nil
		}
		l, err := s.lending.lend(known, s.dirOf(known), s.listing(known))
		if err != nil { // of the kernel's, or it is not as the seal says
			return s.whole(ctx, kind, key)
		}
		lent = append(lent, l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func(failed bool) error {
		for _, l := range lent {
			if !failed && s.lending.unmoved(l) {
				continue
			}
			if err := s.Whole(ctx, l.dir); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// lending is what a process lends: a watch on each directory for the first opening of a name in it.
type lending struct {
	mu   sync.Mutex
	fd   int // of inotify(7), once lent is not nil
	lent map[*seal]*loan
	by   map[int32]watched // by watch descriptor
}

// A loan is a sealed directory that was lent.
type loan struct {
	*seal
	dir    string
	opened []string // directories in which something was opened and nothing was looked at yet
	moved  bool     // something was not what was stored, or nobody knows
}

// watched is a directory of a loan.
type watched struct {
	of   *loan
	name string // below the loan's; "" for itself
}

// lend watches the directories of a seal. The error says that a directory is not what was stored, or that it cannot be watched.
func (n *lending) lend(s *seal, dir string, listing []byte) (*loan, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.lent[s]; l != nil {
		return l, nil
	}
	if listing == nil {
		return nil, errMoved // for all that is known
	}
	top, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	if n.lent == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return nil, err
		}
		n.fd, n.lent, n.by = fd, map[*seal]*loan{}, map[int32]watched{}
	}
	l := &loan{seal: s, dir: dir}
	watch := func(name string) error {
		wd, err := unix.InotifyAddWatch(n.fd, dir+"/"+name, unix.IN_OPEN|unix.IN_ONESHOT|unix.IN_ONLYDIR|unix.IN_DONT_FOLLOW)
		n.by[int32(wd)] = watched{l, name}
		return err
	}
	err = watch("")
	for line := range bytes.Lines(listing) {
		if name, _ := nameIn(line); err == nil {
			err = watch(name)
		}
	}
	if err == nil && !s.listed(top, listing) {
		err = errMoved
	}
	if err != nil {
		return nil, err
	}
	n.lent[s] = l
	return l, nil
}

// close ends the watches.
func (n *lending) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lent != nil {
		unix.Close(n.fd)
	}
	n.lent, n.by = nil, nil
}

// unmoved reports whether all names are as the seal says in the directories of a loan in which something was opened.
func (n *lending) unmoved(l *loan) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.take()
	if len(l.opened) == 0 || l.moved {
		return !l.moved
	}
	top, err := os.Open(l.dir)
	if err != nil {
		l.moved = true
		return false
	}
	defer top.Close()
	for _, dir := range l.opened {
		for name, was := range l.in(dir) {
			if !isDir(was) && !same(top, name, was, stamp) {
				l.moved = true
				return false
			}
		}
	}
	l.opened = nil
	return true
}

// take notes what was opened until now: see struct inotify_event in inotify(7).
func (n *lending) take() {
	buf := make([]byte, 64<<10)
	for {
		size, err := unix.Read(n.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return
		case err != nil:
			n.lose()
			return
		}
		for b := buf[:size]; len(b) >= unix.SizeofInotifyEvent; {
			wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
			b = b[unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])):]
			switch at, known := n.by[wd]; {
			case mask&unix.IN_Q_OVERFLOW != 0:
				n.lose()
			case known && mask&unix.IN_OPEN != 0:
				at.of.opened = append(at.of.opened, at.name)
			}
		}
	}
}

// lose says of all that is lent that nobody knows what was opened.
func (n *lending) lose() {
	for _, l := range n.lent {
		l.moved = true
	}
}
