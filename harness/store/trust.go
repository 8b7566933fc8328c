package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A WrongError says that what lies in the store is not what was stored. It was thrown away: who asks again makes it again.
type WrongError struct {
	What string // "baseline 0123456789ab: build/linux: it is gone"
}

func (e *WrongError) Error() string {
	return "store: " + e.What + ": this is not what was stored; it was thrown away: run again"
}

// Wrong returns the first WrongError of a Check, or the first error of what is checked Meanwhile, which it waits for; nil where
// there was none. What was found out since the store was opened may rest on what is wrong.
func (s *Store) Wrong() error {
	s.mu.Lock()
	var first error
	if s.wrong != nil {
		first = s.wrong
	}
	meanwhile := s.meanwhile
	s.mu.Unlock()
	for _, check := range meanwhile {
		if err := check(); first == nil {
			first = err
		}
	}
	return first
}

// Meanwhile checks, beside what follows, something that this rests on; Wrong tells.
func (s *Store) Meanwhile(check func() error) {
	once := sync.OnceValue(check)
	go once()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meanwhile = append(s.meanwhile, once)
}

// Sure is a ctx that ends when something that is checked Meanwhile turns out wrong, so that nobody works on.
func (s *Store) Sure(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		if err := s.Wrong(); err != nil {
			cancel(err)
		}
	}()
	return ctx, func() { cancel(nil) }
}

// entryOf splits a path in the store into the directory that it is of, and what is below that.
func (s *Store) entryOf(path string) (kind, key, rel string, ok bool) {
	rest, ok := strings.CutPrefix(path, filepath.Join(s.root, tops.dirs)+"/")
	names := strings.SplitN(rest, "/", 3)
	if !ok || len(names) < 2 {
		return "", "", "", false
	}
	if len(names) == 3 {
		rel = names[2]
	}
	return names[0], names[1], rel, true
}

// Check says whether what is at a path of a finished directory is what was stored, or is missing there as it was. Where it is
// not, the directory is thrown away, and the error is a *WrongError. A path that is none of the store's is nothing to it.
func (s *Store) Check(ctx context.Context, path string) error {
	kind, key, rel, ok := s.entryOf(path)
	if !ok || rel == "" {
		return nil
	}
	return s.mind(s.check(ctx, kind, key, rel))
}

// Whole is Check of what is handed to programs that read whatever they like: of all names of the directories that paths are
// in, by their stamps, once in each process; and of the content-addressed files among them.
func (s *Store) Whole(ctx context.Context, paths ...string) error {
	return s.eachOf(ctx, paths, s.whole)
}

// eachOf calls do for each of the directories that paths are in, of a directory once at a time, and checks the content-addressed
// files among them. Where something is not what was stored, the rest is left out.
func (s *Store) eachOf(ctx context.Context, paths []string, do func(ctx context.Context, kind, key string) error) error {
	for _, path := range paths {
		if sum := filepath.Base(path); strings.HasPrefix(path, filepath.Join(s.root, tops.files)+"/") && !s.usedFile(path, sum) {
			return s.mind(&WrongError{"file " + Short(sum)})
		}
		kind, key, _, ok := s.entryOf(path)
		if !ok {
			continue
		}
		one, _ := s.wholes.LoadOrStore(kind+"/"+key, &sync.Mutex{})
		lock := one.(*sync.Mutex)
		lock.Lock()
		err := do(ctx, kind, key)
		lock.Unlock()
		if err := s.mind(err); err != nil {
			return err
		}
	}
	return nil
}

// Stay notes which directories paths are in, until still is called, which says whether they are there all the time: one that some
// other run throws away is gone, or half of it, while it is used.
func (s *Store) Stay(paths ...string) (still func() error) {
	var used []*os.File // so that no other directory gets the same inode
	for _, path := range paths {
		if kind, key, _, ok := s.entryOf(path); ok {
			if f, err := os.Open(s.dirOf(&seal{kind: kind, key: key})); err == nil {
				used = append(used, f)
			}
		}
	}
	return func() (err error) {
		for _, f := range used {
			was, wrong := f.Stat()
			if is, gone := os.Stat(f.Name()); err == nil && (wrong != nil || gone != nil || !os.SameFile(was, is)) {
				kind, key, _, _ := s.entryOf(f.Name())
				err = s.mind(&WrongError{fmt.Sprintf("%s %s: it was thrown away while it was used", kind, Short(key))})
			}
			f.Close()
		}
		return err
	}
}

// mind remembers an error that says that what was used is wrong.
func (s *Store) mind(err error) error {
	var w *WrongError
	if errors.As(err, &w) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.wrong == nil {
			s.wrong = w
		}
	}
	return err
}

// Intact reports whether the directory kind/key is there and its files of those names are what was stored, or are missing as
// they were. Where they are not, it is thrown away, and that is told.
func (s *Store) Intact(ctx context.Context, kind, key string, names ...string) bool {
	if _, ok := s.Peek(kind, key); !ok {
		return false
	}
	for _, name := range names {
		if s.check(ctx, kind, key, name) != nil {
			return false
		}
	}
	return true
}

// tells returns the seal of the directory kind/key; nil where its owner answers for what it holds. A directory that nothing
// tells of is thrown away, and the error is a *WrongError.
func (s *Store) tells(ctx context.Context, kind, key string) (*seal, error) {
	known, err := s.seal(ctx, kind, key)
	switch {
	case errors.Is(err, errUnsealed):
		if _, there := s.Peek(kind, key); !there { // thrown away just now, and told
			return nil, &WrongError{fmt.Sprintf("%s %s: it is gone", kind, Short(key))}
		}
		return nil, s.discard(&seal{kind: kind, key: key}, err.Error())
	case err != nil:
		return nil, fmt.Errorf("check %s %s: %w", kind, Short(key), err)
	case string(known.text) == grows:
		return nil, nil
	}
	return known, nil
}

func (s *Store) check(ctx context.Context, kind, key, rel string) error {
	known, err := s.tells(ctx, kind, key)
	if known == nil {
		return err
	}
	why, _, err := known.check(filepath.Join(s.root, tops.dirs, kind, key), rel, false)
	switch {
	case err != nil:
		return fmt.Errorf("check %s %s: %w", kind, Short(key), err)
	case why != "":
		return s.discard(known, rel+": "+why)
	}
	return nil
}

func (s *Store) whole(ctx context.Context, kind, key string) error {
	known, err := s.tells(ctx, kind, key)
	if known == nil {
		return err
	}
	if _, ok := s.checked.Load(known); ok {
		return nil
	}
	if s.unmoved(ctx, known) {
		s.checked.Store(known, true)
		return nil
	}
	wrong, fresh, err := known.all(ctx, s.dirOf(known), false)
	switch {
	case err != nil:
		return fmt.Errorf("check %s %s: %w", kind, Short(key), err)
	case wrong != "":
		return s.discard(known, wrong)
	}
	now := known
	if !bytes.Equal(fresh, known.text) {
		if now = (&seal{kind, key, fresh}); s.seals.CompareAndSwap(kind+"/"+key, known, now) {
			err = s.saveSeal(kind, key, fresh)
		}
	}
	s.checked.Store(now, true)
	return err
}

// discard throws a directory away that is not what k says, with what stands on it. Of several callers one does.
func (s *Store) discard(k *seal, why string) error {
	what := fmt.Sprintf("%s %s: %s", k.kind, Short(k.key), why)
	id := k.kind + "/" + k.key
	if k.text != nil && !s.seals.CompareAndDelete(id, k) {
		return &WrongError{what}
	}
	s.note("store: %s: this is not what was stored; it is thrown away, and made again where that can be", what)
	return errors.Join(&WrongError{what}, s.dropAll(k.kind, k.key))
}

// dropAll drops a directory, and before it those that stand on it.
func (s *Store) dropAll(kind, key string) error {
	for _, e := range s.above(kind, key) {
		if err := s.Drop(e.Kind, e.Key); err != nil {
			return err
		}
	}
	return s.Drop(kind, key)
}

// above are the directories that stand on kind/key, the topmost first.
func (s *Store) above(kind, key string) (list []Entry) {
	at, seen := []Entry{{kind, key}}, map[Entry]bool{{kind, key}: true}
	needs := map[Entry][]Entry{}
	_ = s.each("needs", func(e *entry) { // what is not noted does not stand on anything
		for _, on := range s.needs(e) {
			needs[on] = append(needs[on], Entry{e.kind, e.key})
		}
	})
	for len(at) > 0 {
		next := at[0]
		at = at[1:]
		for _, e := range needs[next] {
			if !seen[e] {
				seen[e] = true
				list, at = append([]Entry{e}, list...), append(at, e)
			}
		}
	}
	return list
}

// small is up to how many bytes a file's content is read at each use.
const small = 256 << 10

// stampPath is the file that says of a content-addressed one which stamp it had when its content was last seen to be right.
// Its own time is that of the last use.
func (s *Store) stampPath(sum string) string { return filepath.Join(s.root, "stamps", sum[:2], sum) }

// stamped reports whether the file at path still has the stamp that was noted, and how many bytes it has.
func (s *Store) stamped(path, sum string) (size int64, same bool) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return 0, false
	}
	was, err := os.ReadFile(s.stampPath(sum))
	return st.Size, err == nil && bytes.Equal(stamp(nil, &st), was)
}

// right reports whether the file at path has the content of that digest. One that has not is removed, and that is told.
func (s *Store) right(path, sum string, deep bool) bool {
	size, same := s.stamped(path, sum)
	if same && size > small && !deep {
		return true
	}
	found, err := SumFile(path)
	switch {
	case err != nil:
		return false // which is nothing against the file
	case found != sum:
		s.note("store: file %s is not what was stored: it is thrown away and made again", Short(sum))
		_ = os.Remove(path) // else it is found wrong again
		return false
	}
	if !same {
		s.stampFile(path, sum)
	}
	return true
}

// stampFile makes a file that has the content of that digest read-only and notes its stamp. Where that fails, the digest
// is found out again.
func (s *Store) stampFile(path, sum string) {
	mode := os.FileMode(0o444)
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return
	}
	if st.Mode&0o111 != 0 {
		mode = 0o555
	}
	if os.FileMode(st.Mode&0o777) != mode {
		_ = os.Chmod(path, mode)
	}
	if unix.Lstat(path, &st) != nil {
		return
	}
	at := s.stampPath(sum)
	if os.MkdirAll(filepath.Dir(at), 0o755) == nil {
		_ = s.write(at, stamp(nil, &st))
	}
}

// write replaces the file at path. It does not wait for the disk: what a power cut spoils is found wrong, and made again.
func (s *Store) write(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Join(s.root, "tmp"), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o444), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // a sweep will
	}
	return err
}

// sumMark stands before the sum at the end of a record.
const sumMark = "\nsum "

// withSum is a record as it is written.
func withSum(text []byte) []byte {
	return fmt.Appendf(bytes.Clone(text), "%s%x\n", sumMark, sha256.Sum256(text))
}

// summed is the record in what was written; ok is false for what is not what was written.
func summed(text []byte) (record []byte, ok bool) {
	at := len(text) - len(sumMark) - 2*sha256.Size - 1
	if at < 0 {
		return nil, false
	}
	record = text[:at]
	return record, bytes.Equal(text[at:], withSum(record)[at:])
}

// touch notes that what is at path is used now.
func touch(path string, last time.Time) {
	if now := time.Now(); now.Sub(last) > touchAfter {
		_ = os.Chtimes(path, now, now) // of a store that cannot be written, nothing is cleaned either
	}
}
