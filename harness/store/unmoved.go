package store

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// unmoved reports whether the directory of a seal has all names of it and no others, each with its stamp, as it nearly always has:
// it costs a system call for each. Where it says no, for whatever reason, seal.all finds out what is wrong.
func (s *Store) unmoved(ctx context.Context, k *seal) bool {
	top, err := os.Open(s.dirOf(k))
	if err != nil {
		return false
	}
	defer top.Close()
	text := s.listing(k)
	known := text != nil
	if known && !k.listed(top, text) {
		return false
	}
	if !known {
		if text, err = s.list(ctx, k, top); err != nil {
			return false
		}
	}
	if !k.stamped(ctx, top, !known) {
		return false
	}
	if !known {
		_ = s.save("listings", k.kind, k.key, text) // else it is made again
	}
	return true
}

func (s *Store) dirOf(k *seal) string { return filepath.Join(s.root, tops.dirs, k.kind, k.key) }

// stamped reports whether all names of the seal but directories are in the open directory with their stamps, and, where asked, with
// links whether those lead where they did: their stamps do not tell, but who leads one elsewhere moves that of a directory.
func (s *seal) stamped(ctx context.Context, top *os.File, links bool) bool {
	var g errgroup.Group
	rest := s.text
	for n := runtime.GOMAXPROCS(0); n > 0; n-- {
		part := rest
		if cut := bytes.IndexByte(rest[len(rest)/n:], '\n'); n > 1 && cut >= 0 {
			part = rest[:len(rest)/n+cut+1]
		}
		rest = rest[len(part):]
		g.Go(func() error {
			for line := range bytes.Lines(part) {
				name, was := nameIn(line)
				switch {
				case len(line) == 1 || isDir(was):
				case !same(top, name, was, stamp), links && isLink(was) && !s.leads(top.Name(), name):
					return errMoved
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
			}
			return nil
		})
	}
	return g.Wait() == nil
}

// errMoved ends a look at a directory that is not as its seal says.
const errMoved = unix.ESTALE

// A listing is a line for each directory of a seal, with its own stamp from when the names in it were last seen to be those of the
// seal: as long as that is the same, none was added or removed, and nobody needs to read them. It begins with the stamp of the
// file of the seal that it is of, and is made again where that is another, or where there is none.

// listing returns the listing of a seal; nil where there is none.
func (s *Store) listing(k *seal) []byte {
	text, err := os.ReadFile(s.about("listings", k.kind, k.key))
	of, text, _ := bytes.Cut(text, []byte{'\n'})
	var st unix.Stat_t
	if err != nil || unix.Lstat(s.sealPath(k.kind, k.key), &st) != nil || string(of) != string(stamp(nil, &st)) {
		return nil
	}
	return text
}

// listed reports whether the open directory of a seal and those in it have the names of a listing of it.
func (s *seal) listed(top *os.File, text []byte) bool {
	for line := range bytes.Lines(text) {
		if name, was := nameIn(bytes.TrimSuffix(line, []byte{'\n'})); !same(top, name, was, dirStamp) {
			return false
		}
	}
	return s.has(top, "") // whose time is that of its last use
}

// list makes the listing of the open directory of a seal. The error says that it has other names.
func (s *Store) list(ctx context.Context, k *seal, top *os.File) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Lstat(s.sealPath(k.kind, k.key), &st); err != nil {
		return nil, err
	}
	if !k.has(top, "") {
		return nil, errMoved
	}
	text := append(stamp(nil, &st), '\n')
	for line := range bytes.Lines(k.text) {
		name, was := nameIn(line)
		if !isDir(was) {
			continue
		}
		// The stamp is from before its names are read: what is added meanwhile moves it.
		fd, err := unix.Openat(int(top.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		dir := os.NewFile(uintptr(fd), name)
		err = unix.Fstat(fd, &st)
		if err == nil && (!k.has(dir, name) || !bytes.Equal(stamp(nil, &st), was)) || ctx.Err() != nil {
			err = errMoved
		}
		dir.Close()
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, line[:bytes.IndexByte(line, '\t')+1]...), dirStamp(nil, &st)...), '\n')
	}
	return text, nil
}

// dirStamp is what changes of a directory when a name in it is made, removed or renamed.
func dirStamp(b []byte, st *unix.Stat_t) []byte {
	b = strconv.AppendUint(b, uint64(st.Mode), 8)
	for _, n := range []int64{st.Mtim.Nano(), st.Ctim.Nano(), int64(st.Ino)} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	return b
}

// isDir and isLink report whether a stamp of a seal is of a directory or a symbolic link: of the formats of stat(2) in octal no other
// begins so.
func isDir(stamp []byte) bool  { return bytes.HasPrefix(stamp, []byte("4")) }
func isLink(stamp []byte) bool { return bytes.HasPrefix(stamp, []byte("12")) }

// leads reports whether the link leads where the seal says.
func (s *seal) leads(dir, name string) bool {
	why, _, err := s.check(dir, name, false)
	return why == "" && err == nil
}

// has reports whether an open directory has as many names as a seal says, where it is below it, "" for its own.
func (s *seal) has(dir *os.File, rel string) bool {
	names, err := dir.Readdirnames(-1)
	n := len(names)
	for range s.in(rel) {
		n--
	}
	return err == nil && n == 0
}

// in are the names of a seal that are in one directory of it, "" for itself, not in those below; each with its stamp.
func (s *seal) in(dir string) iter.Seq2[string, []byte] {
	prefix := `"`
	if dir != "" {
		prefix = strings.TrimSuffix(nameOf(dir), `"`) + "/"
	}
	return func(yield func(string, []byte) bool) {
		for at := s.from(prefix); at < len(s.text); {
			line, _, _ := bytes.Cut(s.text[at:], []byte{'\n'})
			rest, ok := bytes.CutPrefix(line, []byte(prefix))
			if !ok {
				return
			}
			quoted, _, _ := bytes.Cut(rest, []byte{'\t'})
			next := at + len(line) + 1
			if below, _, ok := bytes.Cut(quoted, []byte{'/'}); ok {
				const afterSlash = "0"
				at = max(next, s.from(prefix+string(below)+afterSlash)) // it ends, whatever the text
				continue
			}
			if !yield(nameIn(line)) {
				return
			}
			at = next
		}
	}
}

// same reports whether a name in the open directory has that stamp.
func same(dir *os.File, name string, was []byte, stamp func([]byte, *unix.Stat_t) []byte) bool {
	var st unix.Stat_t
	var at [160]byte
	return unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && bytes.Equal(stamp(at[:0], &st), was)
}

// nameIn is the name in a line of a seal, and its stamp.
func nameIn(line []byte) (name string, stamp []byte) {
	quoted, rest, _ := bytes.Cut(line, []byte{'\t'})
	stamp, _, _ = bytes.Cut(rest, []byte{'\t'})
	if bytes.IndexByte(quoted, '\\') >= 0 {
		name, _ = strconv.Unquote(string(quoted))
		return name, stamp
	}
	return strings.Trim(string(quoted), `"`), stamp
}
