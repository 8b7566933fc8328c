package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Fault is something in the store that is not what was stored, or that belongs to nothing.
type Fault struct {
	Kind string // of a directory or a record, "files", "leftovers"
	What string // which one, for people: "0123456789ab: build/linux: it is gone"
	Left error  // why it is there still; nil: it is gone, or would be
}

// Audited is what Fsck read, and what was wrong.
type Audited struct {
	Kinds  []Audit // in the order of their names
	Faults []Fault
}

// Audit is of the entries of one kind.
type Audit struct {
	Kind    string
	Entries int
	Bytes   int64 // that were read
	Wrong   int
}

// Fsck reads all that is in the store and throws away what is not what was stored, with what stands on it; with dry it only
// says what it would throw away. read is told of each so many bytes that were read. What is being made is not looked at, nor
// is what directories hold whose owners answer for them. Leftovers are removed while no other umlab uses the store.
func (s *Store) Fsck(ctx context.Context, dry bool, read func(bytes int64)) (*Audited, error) {
	a := &audit{Store: s, dry: dry, read: read, kinds: map[string]*Audit{}}
	for _, step := range []func(context.Context) error{a.dirs, a.files, a.records} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	a.leftovers()
	for _, k := range a.kinds {
		a.out.Kinds = append(a.out.Kinds, *k)
	}
	slices.SortFunc(a.out.Kinds, func(x, y Audit) int { return strings.Compare(x.Kind, y.Kind) })
	return &a.out, nil
}

// audit is a Fsck.
type audit struct {
	*Store
	dry   bool
	read  func(bytes int64)
	kinds map[string]*Audit
	out   Audited
}

func (a *audit) kind(name string) *Audit {
	if a.kinds[name] == nil {
		a.kinds[name] = &Audit{Kind: name}
	}
	return a.kinds[name]
}

// fault notes something wrong, and mends it.
func (a *audit) fault(kind, what string, mend func() error) {
	f := Fault{Kind: kind, What: what}
	if !a.dry {
		f.Left = mend()
	}
	a.kind(kind).Wrong++
	a.out.Faults = append(a.out.Faults, f)
}

// count notes that so much of a kind was read.
func (a *audit) count(kind string, bytes int64) {
	k := a.kind(kind)
	k.Entries++
	k.Bytes += bytes
	if a.read != nil {
		a.read(bytes)
	}
}

func (a *audit) dirs(ctx context.Context) error {
	var list []*entry
	if err := a.each(tops.dirs, func(e *entry) { list = append(list, e) }); err != nil {
		return err
	}
	told := map[Entry]bool{} // of those that are wrong
	fault := func(e Entry, path, why string) {
		if !told[e] {
			told[e] = true
			a.fault(e.Kind, Short(e.Key)+": "+why, func() error { return a.throw(path, e.Kind, e.Key) })
		}
	}
	for _, e := range list {
		if told[Entry{e.kind, e.key}] {
			continue // with what it stands on
		}
		known, err := a.seal(ctx, e.kind, e.key)
		if errors.Is(err, errUnsealed) {
			known, err = &seal{kind: e.kind, key: e.key}, nil
		}
		if err != nil {
			return err
		}
		var wrong string
		var fresh []byte
		switch {
		case known.text == nil:
			wrong = errUnsealed.Error()
		case string(known.text) == grows:
		default:
			wrong, fresh, err = known.all(ctx, e.path, true)
		}
		if _, gone := os.Lstat(e.path); gone != nil {
			continue // another umlab has removed it, or this Fsck with what it stood on
		}
		if err != nil {
			return fmt.Errorf("check %s %s: %w", e.kind, Short(e.key), err)
		}
		a.count(e.kind, sizeIn(fresh))
		if wrong == "" {
			if fresh != nil && !a.dry && string(fresh) != string(known.text) {
				if err := a.saveSeal(e.kind, e.key, fresh); err != nil {
					return err
				}
			}
			continue
		}
		above := a.above(e.kind, e.key)
		for _, on := range above {
			if path, there := a.Peek(on.Kind, on.Key); there {
				fault(on, path, fmt.Sprintf("it stands on %s %s, which is not what was stored", e.kind, Short(e.key)))
			}
		}
		fault(Entry{e.kind, e.key}, e.path, wrong)
	}
	return nil
}

// throw drops a directory.
func (a *audit) throw(path, kind, key string) error {
	if err := a.Drop(kind, key); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// sizeIn is how many bytes the files of a seal have.
func sizeIn(text []byte) (total int64) {
	for line := range strings.Lines(string(text)) {
		_, stamp, _ := parts([]byte(line))
		var mode uint32
		var size int64
		if n, _ := fmt.Sscanf(stamp, "%o %d", &mode, &size); n == 2 && mode&unix.S_IFMT == unix.S_IFREG {
			total += size
		}
	}
	return total
}

func (a *audit) files(ctx context.Context) error {
	var list []*entry
	if err := a.each(tops.files, func(e *entry) { list = append(list, e) }); err != nil {
		return err
	}
	for _, e := range list {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, err := os.Lstat(e.path)
		if err != nil {
			continue
		}
		sum, err := SumFile(e.path)
		a.count(tops.files, info.Size())
		switch {
		case err != nil:
			a.fault(tops.files, fmt.Sprintf("%s: it cannot be read: %v", Short(e.key), err), func() error { return os.RemoveAll(e.path) })
		case sum != e.key || filepath.Dir(e.path) != filepath.Join(a.root, tops.files, sum[:2]):
			a.fault(tops.files, Short(e.key)+": its content is another", func() error {
				a.forget(e)
				return os.Remove(e.path)
			})
		case !a.dry:
			if _, same := a.stamped(e.path, sum); !same {
				a.stampFile(e.path, sum)
			}
		}
	}
	return nil
}

func (a *audit) records(ctx context.Context) error {
	return a.each(tops.records, func(e *entry) {
		text, err := os.ReadFile(e.path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		a.count(tops.records, int64(len(text)))
		if _, ok := summed(text); err != nil || !ok {
			what := fmt.Sprintf("%s %s: it is not what was recorded", e.kind, Short(e.key))
			a.fault(tops.records, what, func() error { return os.RemoveAll(e.path) })
		}
	})
}

// leftovers are what killed processes left, and what tells of things that are not there.
func (a *audit) leftovers() {
	for _, top := range []string{"seals", "listings", "stamps", "needs"} {
		of := tops.dirs
		if top == "stamps" {
			of = tops.files
		}
		_ = a.each(top, func(e *entry) { // what cannot be read is no leftover of this umlab
			_, err := os.Lstat(filepath.Join(a.root, of, e.kind, e.key))
			if errors.Is(err, fs.ErrNotExist) && time.Since(e.last) > time.Hour {
				what := fmt.Sprintf("%s/%s/%s tells of what is not there", top, e.kind, Short(e.key))
				a.fault("leftovers", what, func() error { return os.Remove(e.path) })
			}
		})
	}
	if !a.dry {
		a.sweepLocks(0) // a file that nobody holds is no fault
	}
	if a.alone() != nil {
		a.note("store: another umlab uses it: what killed ones left in tmp is looked at when none does")
		return
	}
	defer a.together()
	entries, _ := os.ReadDir(filepath.Join(a.root, "tmp")) // what cannot be read is no leftover of this umlab
	for _, d := range entries {
		a.fault("leftovers", "tmp/"+d.Name(), func() error { return RemoveAll(filepath.Join(a.root, "tmp", d.Name())) })
	}
}

// Sample reads about so many bytes of what is in the store, here and there, and throws away what is not what was stored; what
// is in use is told by Wrong as well. It ends when ctx does.
func (s *Store) Sample(ctx context.Context, most int64) {
	for tries := 0; most > 0 && tries < 1000 && ctx.Err() == nil; tries++ {
		top := []string{tops.files, tops.dirs}[rand.IntN(2)]
		kind := oneIn(filepath.Join(s.root, top))
		key := oneIn(filepath.Join(s.root, top, kind))
		path := filepath.Join(s.root, top, kind, key)
		if top == tops.files {
			if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() <= most {
				s.right(path, key, true)
				most -= info.Size()
			}
			continue
		}
		text, err := os.ReadFile(s.sealPath(kind, key))
		if err != nil || string(text) == grows {
			continue // of before, or not sealed; a use tells
		}
		known := &seal{kind, key, text}
		from := bytes.LastIndexByte(text[:rand.IntN(len(text)+1)], '\n') + 1
		for line := range bytes.Lines(text[from:]) {
			name, _ := nameIn(line)
			size := sizeIn(line)
			if len(line) == 1 || size > most || ctx.Err() != nil {
				break
			}
			most -= size + 1
			if why, _, err := known.check(path, name, true); err == nil && why != "" {
				s.found(known, name+": "+why)
				break
			}
		}
	}
}

// oneIn is one of the names in a directory, "" where it has none.
func oneIn(dir string) string {
	names, _ := os.ReadDir(dir) // what cannot be read has none
	if len(names) == 0 {
		return ""
	}
	return names[rand.IntN(len(names))].Name()
}

// found discards what a Sample has found wrong.
func (s *Store) found(k *seal, why string) {
	known, err := s.seal(context.Background(), k.kind, k.key)
	if err != nil || string(known.text) != string(k.text) {
		return // it was replaced meanwhile
	}
	err = s.discard(known, why)
	if _, used := s.held.Load(filepath.Join(s.root, tops.dirs, k.kind, k.key)); used {
		_ = s.mind(err) // Wrong tells
	}
}
