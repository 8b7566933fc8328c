// Package store keeps what umlab fetched, built and saw: a content-addressed
// cache with locks, atomic writes and records that survive kill -9 at any
// moment. It imports nothing of umlab, never uses the network, and knows
// nothing of what it keeps.
package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// layout names the version of the directory layout below the store's root. A
// store of another layout lies beside it and is left alone.
const layout = "v1"

// Store is one directory of finished things. It is safe for concurrent use by
// goroutines and by processes: a thing is made under its lock in tmp/ and
// renamed into place, so that what has its final name is whole.
type Store struct {
	root string
	// users holds a shared lock for as long as the store is open: Clean wants it
	// for itself.
	users *os.File
	held  sync.Map // paths of what this process used

	seals     sync.Map // of the directories that were looked into: "kind/key" -> *seal
	checked   sync.Map // *seal -> true where Whole has found nothing
	wholes    sync.Map // "kind/key" -> *sync.Mutex of Whole
	lending   lending
	mu        sync.Mutex
	wrong     *WrongError    // the first of a Check
	meanwhile []func() error // that wait for what is checked meanwhile

	// Remote is asked, where it is not nil, for what Shared and those who call Pull lack.
	Remote Remote

	// Note is told in a line, where it is not nil, what this process waits for, and how far Clean is.
	Note func(line string)
}

func (s *Store) note(format string, args ...any) {
	if s.Note != nil {
		s.Note(fmt.Sprintf(format, args...))
	}
}

// DefaultDir is $UMLAB_HOME, else $XDG_CACHE_HOME/umlab, else ~/.cache/umlab.
func DefaultDir(getenv func(string) string) (string, error) {
	for _, c := range []struct{ env, below string }{
		{"UMLAB_HOME", ""}, {"XDG_CACHE_HOME", "umlab"}, {"HOME", ".cache/umlab"},
	} {
		v := getenv(c.env)
		if v == "" {
			continue
		}
		if !filepath.IsAbs(v) {
			return "", fmt.Errorf("$%s is %q, which is no absolute path: set it to one", c.env, v)
		}
		dir := filepath.Join(v, c.below)
		if dir == "/" {
			return "", fmt.Errorf("$%s is %q, the root directory, which is no place for a store: set it to a directory of its own", c.env, v)
		}
		return dir, nil
	}
	return "", errors.New("no place for the store: none of $UMLAB_HOME, $XDG_CACHE_HOME and $HOME is set; set UMLAB_HOME to a " +
		"directory with 10 GB free")
}

// Open opens the store below dir, making it where it is missing, and removes
// what processes that are gone left half-done.
func Open(dir string) (*Store, error) {
	s := &Store{root: filepath.Join(dir, layout)}
	var err error
	for _, d := range []string{"tmp", tops.locks, tops.files, tops.dirs, tops.records} {
		if err := os.MkdirAll(filepath.Join(s.root, d), 0o755); err != nil {
			return nil, fmt.Errorf("open store: %w (set UMLAB_HOME to a directory you can write)", err)
		}
	}
	if s.users, err = locked(filepath.Join(s.root, tops.locks, users), unix.LOCK_SH); err != nil {
		return nil, fmt.Errorf("open store: %w (set UMLAB_HOME to a directory you can write)", err)
	}
	probe, err := os.CreateTemp(filepath.Join(s.root, "tmp"), "probe-")
	if err != nil {
		return nil, fmt.Errorf("open store: %w (set UMLAB_HOME to a directory you can write)", err)
	}
	probe.Close()
	os.Remove(probe.Name())
	s.sweep()
	if err := s.bringUp(); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: bring it up to date: %w", err), s.Close())
	}
	return s, nil
}

// Exists reports whether there is a store below dir.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, layout))
	return err == nil
}

// Close says that this process is done with the store.
func (s *Store) Close() error {
	_ = s.Wrong() // what is checked meanwhile writes to the store
	s.lending.close()
	return s.users.Close()
}

// Root is the directory that everything of the store lies in.
func (s *Store) Root() string { return s.root }

var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)

func (s *Store) path(top, kind, key string) (string, error) {
	if !word.MatchString(kind) || !word.MatchString(key) {
		return "", fmt.Errorf("store: %q/%q is no name for an entry", kind, key)
	}
	return filepath.Join(s.root, top, kind, key), nil
}

// Lookup returns the finished directory kind/key where there is one.
func (s *Store) Lookup(kind, key string) (string, bool) {
	p, err := s.path("dirs", kind, key)
	if err != nil {
		return "", false
	}
	return p, s.used(p)
}

// Peek is Lookup of what is not used for it: see Clean.
func (s *Store) Peek(kind, key string) (string, bool) {
	p, err := s.path("dirs", kind, key)
	if err != nil {
		return "", false
	}
	_, err = os.Stat(p)
	return p, err == nil
}

// Keys lists the finished directories of a kind, sorted.
func (s *Store) Keys(kind string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.root, "dirs", kind))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Name())
	}
	return keys, err
}

// Dir returns the finished directory kind/key; where it is missing, build fills
// a fresh directory, which is then renamed into place. Of several callers, in
// whatever processes, one builds and the others wait. hit says that nothing
// was built. What a failed build wrote is removed.
func (s *Store) Dir(
	ctx context.Context, kind, key string, build func(ctx context.Context, dir string) error,
) (path string, hit bool, err error) {
	return s.dir(ctx, kind, key, func(context.Context, string, string) bool { return false }, build)
}

// once has make put something at final, with a scratch directory to make it in,
// unless has says that it is there already. Others who want the same wait on the lock.
func (s *Store) once(ctx context.Context, final, lock string, has func() bool, make func(tmp string) error) (hit bool, err error) {
	err = s.Once(ctx, lock, func() bool { hit = has(); return hit }, func() error {
		tmp, remove, err := s.Scratch("entry")
		if err != nil {
			return err
		}
		defer remove()
		return make(tmp)
	})
	s.held.Store(final, true)
	return hit, err
}

// Install seals the finished directory dir and renames it to be kind/key, replacing what was
// there. dir must lie on the store's file system. The caller holds the lock of
// kind-key, or owns the key.
func (s *Store) Install(dir, kind, key string) error {
	final, err := s.path("dirs", kind, key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return err
	}
	if err := s.Drop(kind, key); err != nil {
		return err
	}
	if text, err := os.ReadFile(s.sealPath(kind, key)); err != nil || string(text) != grows {
		text, err := sealOf(context.Background(), dir)
		if err == nil {
			err = s.saveSeal(kind, key, text)
		}
		if err != nil {
			return fmt.Errorf("seal %s %s: %w", kind, Short(key), err)
		}
	}
	s.seals.Delete(kind + "/" + key)
	s.held.Store(final, true)
	return os.Rename(dir, final)
}

// Drop removes the directory kind/key: it loses its name first, so that nobody
// ever sees half of it.
func (s *Store) Drop(kind, key string) error {
	final, err := s.path("dirs", kind, key)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	tmp, remove, err := s.Scratch("drop")
	if err != nil {
		return err
	}
	defer remove()
	s.seals.Delete(kind + "/" + key)
	err = os.Rename(final, filepath.Join(tmp, "entry"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process was quicker
	}
	if err == nil {
		s.forgetSeal(kind, key)
	}
	return err
}

// Partial returns a directory for work on kind/key that a killed run leaves for
// the next one to resume. It is on the store's file system, and the caller must
// hold the lock kind-key. Dropping it is the caller's: rename it away with
// Install, or remove it with RemoveAll.
func (s *Store) Partial(kind, key string) (string, error) {
	p, err := s.path("partial", kind, key)
	if err != nil {
		return "", err
	}
	return p, os.MkdirAll(p, 0o755)
}

// File returns the path of the file whose content has the given sha256 (hex),
// calling fetch to get it where the store has none. Content with another
// digest is refused with a *digestError and not kept.
func (s *Store) File(ctx context.Context, sum string, fetch func(ctx context.Context, w io.Writer) error) (string, error) {
	final, ok := s.file(sum)
	if !ok {
		return "", fmt.Errorf("store: %q is no sha256", sum)
	}
	_, err := s.once(ctx, final, "file-"+sum, func() bool { return s.usedFile(final, sum) }, func(tmp string) error {
		if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(tmp, "file"))
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if err := fetch(ctx, io.MultiWriter(f, h)); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != sum {
			return &digestError{want: sum, got: got}
		}
		if err := os.Rename(f.Name(), final); err != nil {
			return err
		}
		s.stampFile(final, sum)
		return nil
	})
	if err != nil {
		return "", err
	}
	return final, nil
}

// file is where the file with that sha256 is or would be; ok is false for what is
// none.
func (s *Store) file(sum string) (path string, ok bool) {
	if b, err := hex.DecodeString(sum); err != nil || len(b) != sha256.Size {
		return "", false
	}
	return filepath.Join(s.root, "files", sum[:2], sum), true
}

// digestError says that content is not what its name promised.
type digestError struct{ want, got string }

func (e *digestError) Error() string {
	return fmt.Sprintf("sha256 is %s, want %s", e.got, e.want)
}

// Bytes keeps b under its digest and returns the path.
func (s *Store) Bytes(ctx context.Context, b []byte) (string, error) {
	return s.File(ctx, fmt.Sprintf("%x", sha256.Sum256(b)), func(_ context.Context, w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// Kept returns the path of the file with that digest (hex), which may be given as
// any path that ends in it: a store that was moved still finds what its records
// name.
func (s *Store) Kept(sum string) (string, bool) {
	sum = filepath.Base(sum)
	path, ok := s.file(sum)
	return path, ok && s.usedFile(path, sum)
}

// Keep copies the file at path into the store, under its digest, and returns
// the copy's path with the digest. What is kept never changes and never goes.
func (s *Store) Keep(ctx context.Context, path string) (kept, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	if sum, err = SumFile(path); err != nil {
		return "", "", err
	}
	kept, err = s.File(ctx, sum, func(_ context.Context, w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
	if info, serr := f.Stat(); err == nil && serr == nil && info.Mode()&0o111 != 0 {
		if err = os.Chmod(kept, 0o555); err == nil {
			s.stampFile(kept, sum)
		}
	}
	return kept, sum, err
}

// Put records v, as JSON, under kind/key.
func (s *Store) Put(kind, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.record(kind, key, append(b, '\n'))
}

// Save is Put of what is large and nobody reads but Load, which is the faster.
func (s *Store) Save(kind, key string, v any) error {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	return s.record(kind, key, b.Bytes())
}

func (s *Store) record(kind, key string, b []byte) error {
	p, err := s.path("records", kind, key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	s.held.Store(p, true)
	return s.write(p, withSum(b))
}

// Get reads the record kind/key into v and says whether there was one. A record
// that is not as it was written is none: whatever it held can be found out again.
func (s *Store) Get(kind, key string, v any) bool {
	return s.recorded(kind, key, func(b []byte) error { return json.Unmarshal(b, v) })
}

// Load is Get of what Save recorded.
func (s *Store) Load(kind, key string, v any) bool {
	return s.recorded(kind, key, func(b []byte) error { return gob.NewDecoder(bytes.NewReader(b)).Decode(v) })
}

func (s *Store) recorded(kind, key string, decode func([]byte) error) bool {
	p, err := s.path("records", kind, key)
	if err != nil {
		return false
	}
	text, err := os.ReadFile(p)
	if err != nil {
		return false
	}
	b, ok := summed(text)
	if !ok {
		s.note("store: record %s %s is not what was stored: it is thrown away and found out again", kind, Short(key))
		_ = os.Remove(p) // else it is found wrong again
		return false
	}
	return s.used(p) && decode(b) == nil
}

// Key is the sha256 (hex) of the parts, with their boundaries.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// RemoveAll removes path and everything below it, as os.RemoveAll does, also where directories forbid it by their mode:
// the work directories of overlays, and trees unpacked with read-only directories. It does not follow symbolic links.
func RemoveAll(path string) error {
	first := os.RemoveAll(path)
	if first == nil || !errors.Is(first, fs.ErrPermission) {
		return first
	}
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		// WalkDir calls this before it reads the directory.
		return os.Chmod(p, 0o700)
	})
	if err != nil {
		return fmt.Errorf("remove %s: %w; it belongs to another user: remove it as that one", path, err)
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("%w; the directory above it must be writable", err)
	}
	return nil
}

// Short abbreviates a digest for people.
func Short(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(12, len(digest))]
}
