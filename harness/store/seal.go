package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A seal lists what a finished directory held when it got its name: a line for each name below it, in the order of the
// quoted names, with the stamp and the content. It lies beside the directory, below seals/.
type seal struct {
	kind, key string
	text      []byte
}

// grows is the seal of a directory that its owner goes on writing to.
const grows = "grows\n"

// stamp is what the file system says of a file that changes when its content does, and in most other cases as well. The
// time of the inode's last change, which no program sets, counts only while nothing else of the store links to the file.
func stamp(b []byte, st *unix.Stat_t) []byte {
	number := func(n int64) { b = strconv.AppendInt(append(b, ' '), n, 10) }
	b = strconv.AppendUint(b, uint64(st.Mode), 8)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		number(st.Size)
		number(st.Mtim.Nano())
		number(int64(st.Ino))
		if st.Nlink == 1 {
			number(st.Ctim.Nano())
		}
	case unix.S_IFCHR, unix.S_IFBLK:
		number(int64(st.Rdev))
	}
	return b
}

// contentOf is what a name holds: the sha256 of a file, where a link leads, "" for the rest.
func contentOf(path string, st *unix.Stat_t) (string, error) {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return SumFile(path)
	case unix.S_IFLNK:
		to, err := os.Readlink(path)
		return strconv.Quote(to), err
	}
	return "", nil
}

// nameOf is a name as it stands in a seal.
func nameOf(rel string) string { return strconv.Quote(filepath.ToSlash(rel)) }

// line is what a seal says of a name; nil where it does not know it.
func (s *seal) line(quoted string) []byte {
	line, _, whole := bytes.Cut(s.text[s.from(quoted):], []byte{'\n'})
	if name, _, _ := bytes.Cut(line, []byte{'\t'}); !whole || string(name) != quoted {
		return nil
	}
	return line
}

// from is where the lines begin whose quoted names are not before that one.
func (s *seal) from(quoted string) int {
	return From(s.text, func(line []byte) bool {
		name, _, _ := bytes.Cut(line, []byte{'\t'})
		return string(name) < quoted
	})
}

// From is where in a text, the lines of which are in an order, those begin that are not before what is looked for; it is the text's
// length where there are none, or the text was cut.
func From(text []byte, before func(line []byte) bool) int {
	lo, hi := 0, len(text)
	for lo < hi {
		at := lo + (hi-lo)/2
		begin := lo + bytes.LastIndexByte(text[lo:at], '\n') + 1
		end := begin + bytes.IndexByte(text[begin:hi], '\n')
		if end < begin {
			return len(text)
		}
		if before(text[begin:end]) {
			lo = end + 1
		} else {
			hi = begin
		}
	}
	return lo
}

// parts are the fields of a line.
func parts(line []byte) (name, stamp, content string) {
	name, rest, _ := strings.Cut(string(line), "\t")
	stamp, content, _ = strings.Cut(rest, "\t")
	return name, stamp, content
}

// check says why a name of the directory dir is not what was stored, "" where it is. Where the stamp moved, or with
// deep, the content tells; then line is what a new seal says. What cannot be found out, because the machine is short of
// something, is an error.
func (s *seal) check(dir, rel string, deep bool) (why string, line []byte, err error) {
	quoted := nameOf(rel)
	was := s.line(quoted)
	var st unix.Stat_t
	path := filepath.Join(dir, rel)
	switch err = unix.Lstat(path, &st); {
	case was == nil && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)):
		return "", nil, nil
	case was == nil:
		return "it was not there", nil, nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return "it is gone", nil, nil
	case err != nil:
		return unreadable(err)
	}
	var at [160]byte
	is := stamp(at[:0], &st)
	_, stamped, content := parts(was)
	moved := string(is) != stamped
	if link := st.Mode&unix.S_IFMT == unix.S_IFLNK; !moved && !deep && !link {
		return "", was, nil
	}
	mode, _, _ := strings.Cut(stamped, " ")
	if now, _, _ := strings.Cut(string(is), " "); now != mode {
		return "it has another mode", nil, nil
	}
	found, err := contentOf(path, &st)
	if err != nil {
		return unreadable(err)
	}
	if file := st.Mode&unix.S_IFMT == unix.S_IFREG; found != content || moved && !file && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "its content is another", nil, nil
	}
	return "", fmt.Appendf(nil, "%s\t%s\t%s", quoted, is, content), nil
}

// unreadable is what check returns where a file cannot be read: only a disk that cannot read it says something of the file.
func unreadable(err error) (string, []byte, error) {
	if errors.Is(err, unix.EIO) {
		return err.Error(), nil, nil
	}
	return "", nil, err
}

// below lists all names below dir, quoted in the order of a seal, with dir's own left out.
func below(ctx context.Context, dir string) ([]string, error) {
	dir, err := filepath.EvalSymlinks(dir) // a directory may have been moved to another disk
	if err != nil {
		return nil, err
	}
	var names []string
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || path == dir {
			return err
		}
		names = append(names, path[len(dir)+1:])
		return nil
	})
	return names, err
}

// forAll calls do for each of the names, on all CPUs at once.
func forAll(ctx context.Context, names []string, do func(i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	n := runtime.GOMAXPROCS(0)
	for part := range n {
		g.Go(func() error {
			for i := part; i < len(names); i += n {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// sealOf reads the directory dir and makes its seal.
func sealOf(ctx context.Context, dir string) ([]byte, error) {
	names, err := below(ctx, dir)
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(names))
	err = forAll(ctx, names, func(i int) error {
		var st unix.Stat_t
		path := filepath.Join(dir, names[i])
		if err := unix.Lstat(path, &st); err != nil {
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		content, err := contentOf(path, &st)
		lines[i] = fmt.Sprintf("%s\t%s\t%s", nameOf(names[i]), stamp(nil, &st), content)
		return err
	})
	return sealed(lines), err
}

// sealed is the text of a seal of those lines.
func sealed(lines []string) []byte {
	slices.SortFunc(lines, func(a, b string) int {
		a, _, _ = strings.Cut(a, "\t")
		b, _, _ = strings.Cut(b, "\t")
		return strings.Compare(a, b)
	})
	return append([]byte(strings.Join(lines, "\n")), '\n')
}

// all checks every name of dir, and what the seal says of others. With deep, it reads all content. fresh is the
// seal with the stamps of now.
func (s *seal) all(ctx context.Context, dir string, deep bool) (wrong string, fresh []byte, err error) {
	names, err := below(ctx, dir)
	if err != nil {
		return "", nil, err
	}
	lines, whys := make([]string, len(names)), make([]string, len(names))
	err = forAll(ctx, names, func(i int) error {
		why, line, err := s.check(dir, names[i], deep)
		lines[i], whys[i] = string(line), why
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if at := slices.IndexFunc(whys, func(why string) bool { return why != "" }); at >= 0 {
		return names[at] + ": " + whys[at], nil, nil
	}
	if len(names) != bytes.Count(bytes.TrimLeft(s.text, "\n"), []byte{'\n'}) { // that of an empty one is an empty line
		return "something of it is gone", nil, nil
	}
	return "", sealed(lines), nil
}

// about is a file that tells of the directory kind/key.
func (s *Store) about(top, kind, key string) string { return filepath.Join(s.root, top, kind, key) }

func (s *Store) sealPath(kind, key string) string { return s.about("seals", kind, key) }

// saveSeal writes the seal of kind/key.
func (s *Store) saveSeal(kind, key string, text []byte) error {
	return s.save("seals", kind, key, text)
}

// forgetSeal removes what tells of a directory that is not there.
func (s *Store) forgetSeal(kind, key string) {
	_ = os.Remove(s.sealPath(kind, key))
	_ = os.Remove(s.about("listings", kind, key))
}

func (s *Store) save(top, kind, key string, text []byte) error {
	p := s.about(top, kind, key)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return s.write(p, text)
}

// Grows says that the owner of the directory kind/key goes on writing to it, and answers for what it finds there. It is
// to be called before the directory is there.
func (s *Store) Grows(kind, key string) error { return s.saveSeal(kind, key, []byte(grows)) }

// seal returns the seal of a directory that is there. One of a store of before is sealed now, as it is; of any other, the
// seal is nil where it has none.
func (s *Store) seal(ctx context.Context, kind, key string) (*seal, error) {
	id := kind + "/" + key
	if known, ok := s.seals.Load(id); ok {
		return known.(*seal), nil
	}
	text, err := os.ReadFile(s.sealPath(kind, key))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = s.adopt(ctx, kind, key)
	}
	if err != nil {
		return nil, err
	}
	known, _ := s.seals.LoadOrStore(id, &seal{kind, key, text})
	return known.(*seal), nil
}

// Differ are the names that two directories do not hold the same by, in no order: another content or kind, or nothing in one of them.
func (s *Store) Differ(ctx context.Context, x, y Entry) (names []string, err error) {
	held := map[string]string{} // what x holds
	for i, e := range []Entry{x, y} {
		of, err := s.seal(ctx, e.Kind, e.Key)
		if err == nil && string(of.text) == grows {
			err = errUnsealed
		}
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(of.text) {
			quoted, stamp, content := parts(bytes.TrimSuffix(line, []byte{'\n'}))
			name, err := strconv.Unquote(quoted)
			if err != nil {
				continue // the line of an empty one
			}
			mode, _, _ := strings.Cut(stamp, " ")
			bits, err := strconv.ParseUint(mode, 8, 32)
			if err != nil {
				return nil, fmt.Errorf("the seal of %s %s: %w", e.Kind, Short(e.Key), err)
			}
			what := strconv.FormatUint(bits&unix.S_IFMT, 8) + content
			if i == 0 {
				held[name] = what
				continue
			}
			if was, ok := held[name]; !ok || was != what {
				names = append(names, name)
			}
			delete(held, name)
		}
	}
	return slices.AppendSeq(names, maps.Keys(held)), nil
}

// errUnsealed says that nothing tells what a directory held.
var errUnsealed = errors.New("nothing tells what was stored")

// unsealed is the file with the names of the directories that an umlab made that made no seals, and which have none yet.
func (s *Store) unsealed() string { return filepath.Join(s.root, "unsealed") }

// adopt seals a directory of before, once.
func (s *Store) adopt(ctx context.Context, kind, key string) ([]byte, error) {
	unlock, err := s.Lock(ctx, "unsealed")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if text, err := os.ReadFile(s.sealPath(kind, key)); err == nil {
		return text, nil // another process was quicker
	}
	list := s.old()
	at := slices.Index(list, kind+"/"+key)
	if at < 0 {
		return nil, errUnsealed
	}
	began := time.Now()
	text, err := sealOf(ctx, filepath.Join(s.root, tops.dirs, kind, key))
	if err == nil {
		err = s.saveSeal(kind, key, text)
	}
	if err == nil {
		err = s.saveOld(slices.Delete(list, at, at+1))
	}
	if took := time.Since(began); took > tellAfter {
		s.note("store: took stock of %s %s, which an earlier umlab made: %s, once", kind, Short(key), took.Round(time.Second))
	}
	return text, err
}

// old are the names in the file of the unsealed.
func (s *Store) old() (list []string) {
	if text, err := os.ReadFile(s.unsealed()); err == nil {
		_ = json.Unmarshal(text, &list) // what cannot be read names none, and all of them are made again
	}
	return list
}

func (s *Store) saveOld(list []string) error {
	text, err := json.Marshal(append([]string{}, list...))
	if err != nil {
		return err
	}
	return s.write(s.unsealed(), append(text, '\n'))
}

// bringUp makes a store of before one of today: its records get their sums, and its directories are noted as those that
// may be without a seal. It is done once.
func (s *Store) bringUp() error {
	if _, err := os.Stat(s.unsealed()); err == nil {
		return nil
	}
	unlock, err := s.Lock(context.Background(), "unsealed")
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(s.unsealed()); err == nil {
		return nil
	}
	var list []string
	err = s.each(tops.dirs, func(e *entry) {
		if _, err := os.Stat(s.sealPath(e.kind, e.key)); err != nil {
			list = append(list, e.kind+"/"+e.key)
		}
	})
	if err != nil {
		return err
	}
	err = s.each(tops.records, func(e *entry) {
		text, err := os.ReadFile(e.path)
		if _, ok := summed(text); err != nil || ok {
			return
		}
		if s.write(e.path, withSum(text)) == nil {
			_ = os.Chtimes(e.path, e.last, e.last) // it was not used now
		}
	})
	if err != nil {
		return err
	}
	return s.saveOld(list)
}
