package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// object is something in a store of faulty, and how it is used; use is false where the store says that it has it not.
type object struct {
	kind string // as Fsck names it
	path string // below the store's root
	use  func(s *Store) bool
}

// faulty is a small store with an object of each kind.
func faulty(t *testing.T) (*Store, []object) {
	t.Helper()
	s, ctx := open(t), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fill := func(n int) []byte { return bytes.Repeat([]byte("0123456789abcde\n"), n/16) }
	for _, key := range []string{"base", "top", "other"} {
		if key == "top" {
			must(s.Needs("dir", "top", Entry{"dir", "base"}))
		}
		_, _, err := s.Dir(ctx, "dir", key, func(_ context.Context, dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "sub/empty"), 0o755), os.WriteFile(filepath.Join(dir, "sub/file"), fill(4096), 0o644),
				os.WriteFile(filepath.Join(dir, "sub.o"), []byte(key), 0o755), os.Symlink("sub/file", filepath.Join(dir, "link")),
				os.WriteFile(filepath.Join(dir, "a \"name\"\twith\n"), nil, 0o644))
		})
		must(err)
	}
	var list []object
	for _, name := range []string{"sub/file", "sub.o", "link", "a \"name\"\twith\n"} {
		list = append(list, object{"dir", "dirs/dir/base/" + name, func(s *Store) bool {
			dir, ok := s.Lookup("dir", "base")
			return ok && s.Check(ctx, filepath.Join(dir, name)) == nil
		}})
	}
	for _, text := range [][]byte{[]byte("small"), fill(small + 4096)} {
		path, err := s.Bytes(ctx, text)
		must(err)
		list = append(list, object{"files", strings.TrimPrefix(path, s.root+"/"), func(s *Store) bool {
			_, ok := s.Kept(path)
			return ok
		}})
	}
	must(s.Put("record", "json", map[string]string{"rustc": "1.85.1"}))
	must(s.Save("record", "gob", "1.85.1"))
	list = append(list,
		object{"records", "records/record/json", func(s *Store) bool { v := map[string]string{}; return s.Get("record", "json", &v) }},
		object{"records", "records/record/gob", func(s *Store) bool { var v string; return s.Load("record", "gob", &v) }})
	return s, list
}

// faults are what can happen to a file that nobody should write to.
var faults = map[string]func(t *testing.T, s *Store, path string){
	"a flipped byte": func(t *testing.T, _ *Store, path string) { flip(t, path) },
	"a flipped byte, and the time as it was": func(t *testing.T, _ *Store, path string) {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		flip(t, path)
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	},
	"truncated": func(t *testing.T, _ *Store, path string) {
		rewrite(t, path, func(b []byte) []byte { return b[:len(b)/2] })
	},
	"emptied": func(t *testing.T, _ *Store, path string) { rewrite(t, path, func([]byte) []byte { return nil }) },
	"cut by a line": func(t *testing.T, _ *Store, path string) {
		rewrite(t, path, func(b []byte) []byte { return append(b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1], 'x') })
	},
	"deleted": func(t *testing.T, _ *Store, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	},
	"swapped": func(t *testing.T, s *Store, path string) {
		other, err := s.Bytes(t.Context(), []byte("another"))
		if err == nil {
			err = os.Remove(path)
		}
		if err == nil {
			_, err = CopyFile(path, other, 0o444)
		}
		if err != nil {
			t.Fatal(err)
		}
	},
}

func flip(t *testing.T, path string) {
	rewrite(t, path, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
}

// rewrite writes to a file in place, whatever its mode.
func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.Chmod(path, 0o644)
	}
	if err == nil {
		err = os.WriteFile(path, change(b), 0o644)
	}
	if err == nil {
		err = os.Chmod(path, info.Mode())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever happens to an object of a store, it is not believed, and only it and what stands on it is missed; fsck finds it
// where nothing has used it, and mends it.
func TestFaults(t *testing.T) {
	first, objects := faulty(t)
	n := 0
	for at, o := range objects {
		for name, do := range faults {
			if info, err := os.Lstat(filepath.Join(first.root, o.path)); err != nil ||
				(info.Size() == 0 || info.Mode()&fs.ModeSymlink != 0) && name != "deleted" && name != "swapped" {
				continue
			}
			n++
			t.Run(fmt.Sprintf("%q %s", o.path[:min(len(o.path), 30)], name), func(t *testing.T) {
				for _, how := range []string{"used", "fsck -dry-run", "fsck"} {
					s, objects := faulty(t)
					o := objects[at]
					s = again(t, s)
					if !o.use(s) {
						t.Fatal("it is not there")
					}
					do(t, s, filepath.Join(s.root, o.path))
					s = again(t, s)
					switch how {
					case "used":
						if o.use(s) {
							t.Fatal("it is believed")
						}
						s = again(t, s)
					default:
						a, err := s.Fsck(t.Context(), how != "fsck", nil)
						if err != nil {
							t.Fatal(err)
						}
						found := slices.ContainsFunc(a.Faults, func(f Fault) bool { return f.Kind == o.kind && f.Left == nil })
						gone := name == "deleted" && o.kind != "dir" // nothing says that it was
						if found == gone {
							t.Fatalf("%s: %v", how, a.Faults)
						}
						if how != "fsck" {
							continue
						}
					}
					if _, err := os.Lstat(filepath.Join(s.root, o.path)); err == nil {
						t.Errorf("%s: it is there still", how)
					}
					a, err := s.Fsck(t.Context(), false, nil)
					if err != nil || slices.ContainsFunc(a.Faults, func(f Fault) bool { return f.Kind != "leftovers" }) {
						t.Errorf("%s: then fsck finds %v, %v", how, a, err)
					}
					for i, other := range objects {
						if same := other.path == o.path || other.kind == "dir" && o.kind == "dir"; other.use(s) == same {
							t.Errorf("%s: %s is there: %t", how, objects[i].path, !same)
						}
					}
					_, top := s.Lookup("dir", "top")
					_, beside := s.Lookup("dir", "other")
					if top != (o.kind != "dir") || !beside {
						t.Errorf("%s: what stands on it is there: %t, what does not: %t", how, top, beside)
					}
				}
			})
		}
	}
	t.Logf("%d faults", n)
}

// What is wrong, and stands on what is, is told once.
func TestFsckTellsOnce(t *testing.T) {
	s, _ := faulty(t)
	for _, key := range []string{"base", "top"} {
		flip(t, filepath.Join(s.root, "dirs/dir", key, "sub.o"))
	}
	for _, dry := range []bool{true, false} {
		a, err := s.Fsck(t.Context(), dry, nil)
		if err != nil {
			t.Fatal(err)
		}
		of := slices.DeleteFunc(a.Faults, func(f Fault) bool { return f.Kind != "dir" })
		if len(of) != 2 {
			t.Errorf("dry %t: %v", dry, of)
		}
	}
}

// What is made again is what it was.
func TestMadeAgain(t *testing.T) {
	s, objects := faulty(t)
	for _, o := range objects {
		if o.kind == "files" {
			path := filepath.Join(s.root, o.path)
			was, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			flip(t, path)
			got, err := s.File(t.Context(), filepath.Base(path), func(_ context.Context, w io.Writer) error { _, err := w.Write(was); return err })
			is, rerr := os.ReadFile(path)
			if err != nil || rerr != nil || got != path || !bytes.Equal(is, was) {
				t.Error(got, err, rerr)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o444 {
				t.Error("it may be written to", info.Mode(), err)
			}
		}
	}
}

// Files that a program added to a directory, and its own changes to what it may write to, are told apart.
func TestWhole(t *testing.T) {
	s, _ := faulty(t)
	ctx := t.Context()
	dir, _ := s.Lookup("dir", "base")
	if err := s.Whole(ctx, filepath.Join(dir, "sub"), "/usr"); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "sub/file"), filepath.Join(s.root, "linked")); err != nil { // as sysroots share files
		t.Fatal(err)
	}
	s = again(t, s)
	if err := s.Whole(ctx, dir); err != nil {
		t.Fatal("of a file with another name elsewhere:", err)
	}
	moved := filepath.Join(t.TempDir(), "moved") // to another disk
	if err := errors.Join(os.Rename(dir, moved), os.Symlink(moved, dir), os.Chtimes(filepath.Join(dir, "sub.o"), time.Time{}, time.Now())); err != nil {
		t.Fatal(err)
	}
	s = again(t, s)
	if err := s.Whole(ctx, dir); err != nil {
		t.Fatal("of a directory elsewhere:", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "added"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s = again(t, s)
	var w *WrongError
	var told []string
	s.Note = func(line string) { told = append(told, line) }
	if err := s.Whole(ctx, dir); !errors.As(err, &w) || !strings.Contains(err.Error(), "added") || !errors.As(s.Wrong(), &w) {
		t.Error(err)
	}
	if err := s.Check(ctx, filepath.Join(dir, "link")); !errors.As(err, &w) || len(told) != 1 { // by who does not know it yet
		t.Error(err, told)
	}
	if err := s.Grows("mirror", "m"); err != nil {
		t.Fatal(err)
	}
	m, _, err := s.Dir(ctx, "mirror", "m", func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "a"), nil, 0o644)
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(m, "b"), nil, 0o644)
	}
	if err := errors.Join(err, s.Whole(ctx, m), s.Check(ctx, filepath.Join(m, "b"))); err != nil {
		t.Error(err)
	}
}

// A store of before is used as it is, once; what was sealed cannot pass as of before again.
func TestStoreOfBefore(t *testing.T) {
	s, objects := faulty(t)
	err := errors.Join(RemoveAll(filepath.Join(s.root, "seals")), RemoveAll(filepath.Join(s.root, "stamps")), os.Remove(s.unsealed()))
	if err != nil {
		t.Fatal(err)
	}
	last := time.Now().Add(-40 * day)
	for _, o := range objects {
		if path := filepath.Join(s.root, o.path); o.kind == "records" {
			rewrite(t, path, func(b []byte) []byte { record, _ := summed(b); return record })
			if err := os.Chtimes(path, last, last); err != nil {
				t.Fatal(err)
			}
		}
	}
	s = again(t, s)
	if info, err := os.Stat(filepath.Join(s.root, "records/record/json")); err != nil || time.Since(info.ModTime()) < 39*day {
		t.Error("to bring the store up to date is no use of a record", err)
	}
	for _, o := range objects {
		if !o.use(s) {
			t.Errorf("%s is gone", o.path)
		}
	}
	for _, o := range objects {
		if o.kind == "records" {
			rewrite(t, filepath.Join(s.root, o.path), func(b []byte) []byte { record, _ := summed(b); return record })
		}
	}
	if err := RemoveAll(filepath.Join(s.root, "seals")); err != nil {
		t.Fatal(err)
	}
	s = again(t, s)
	for _, o := range objects {
		if o.kind != "files" && o.use(s) {
			t.Errorf("%s is believed without its sum", o.path)
		}
	}
}

// What killed umlabs left goes, and nothing that is in use.
func TestLeftovers(t *testing.T) {
	s, _ := faulty(t)
	for _, name := range []string{"tmp/.half", "locks/dir-abc", "tmp/entry-1/x"} {
		path := filepath.Join(s.root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := s.Fsck(t.Context(), false, nil)
	if err != nil || len(a.Faults) != 2 {
		t.Fatal(a, err)
	}
	for _, dir := range []string{"tmp", "locks"} {
		left, err := os.ReadDir(filepath.Join(s.root, dir))
		if left = slices.DeleteFunc(left, func(d fs.DirEntry) bool { return d.Name() == "users" }); err != nil || len(left) > 0 {
			t.Error(left, err)
		}
	}
	other, err := Open(filepath.Dir(s.root))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	dir, remove, err := other.Scratch("x")
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if a, err = s.Fsck(t.Context(), false, nil); err != nil || len(a.Faults) > 0 {
		t.Fatal(a, err)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		t.Error("scratch space in use:", err)
	}
}

// A sample of a store finds what is wrong in the end, and nothing else.
func TestSample(t *testing.T) {
	s, objects := faulty(t)
	for range 50 {
		s.Sample(t.Context(), 1<<20)
	}
	for _, o := range objects {
		if !o.use(s) {
			t.Fatalf("%s is gone", o.path)
		}
	}
	path := filepath.Join(s.root, objects[0].path)
	flip(t, path)
	for range 10_000 {
		if s.Sample(t.Context(), 1<<20); s.Wrong() != nil {
			return
		}
	}
	t.Error("nothing is found")
}

// A directory that another run throws away while it is used is told, also where it was made again meanwhile.
func TestStay(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	made := func() string {
		dir, _, err := s.Dir(ctx, "tool", "one", func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "sh"), []byte("x"), 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, c := range map[string]struct {
		do    func(dir string)
		wrong bool
	}{
		"left alone":      {func(string) {}, false},
		"used":            {func(dir string) { _, _ = s.Lookup("tool", "one") }, false},
		"thrown away":     {func(string) { _ = s.Drop("tool", "one") }, true},
		"and made again":  {func(string) { _ = s.Drop("tool", "one"); made() }, true},
		"moved elsewhere": {func(dir string) { _ = os.Rename(dir, filepath.Join(t.TempDir(), "x")) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := made()
			still := s.Stay(filepath.Join(dir, "sh"), "/elsewhere")
			c.do(dir)
			var w *WrongError
			if err := still(); errors.As(err, &w) != c.wrong {
				t.Error(err)
			}
		})
	}
}
