package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaultDir(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want string
		err  string
	}{
		{map[string]string{"UMLAB_HOME": "/u", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/u", ""},
		{map[string]string{"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/umlab", ""},
		{map[string]string{"HOME": "/h"}, "/h/.cache/umlab", ""},
		{map[string]string{"UMLAB_HOME": "rel"}, "", "no absolute path"},
		{map[string]string{"UMLAB_HOME": "/", "HOME": "/h"}, "", "the root directory"},
		{map[string]string{"UMLAB_HOME": "//../"}, "", "the root directory"},
		{nil, "", "set UMLAB_HOME"},
	} {
		got, err := DefaultDir(func(k string) string { return tc.env[k] })
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("DefaultDir(%v) = %q, %v; want %q, %q", tc.env, got, err, tc.want, tc.err)
		}
	}
}

func TestDirBuildsOnce(t *testing.T) {
	s := open(t)
	var built atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, _, err := s.Dir(context.Background(), "kind", "key", func(_ context.Context, dir string) error {
				built.Add(1)
				return os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(dir, "f")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := built.Load(); n != 1 {
		t.Errorf("built %d times, want 1", n)
	}
}

func TestDirFailureLeavesNothing(t *testing.T) {
	s := open(t)
	boom := errors.New("boom")
	_, _, err := s.Dir(context.Background(), "kind", "key", func(_ context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o644); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("err = %v", err)
	}
	if _, ok := s.Lookup("kind", "key"); ok {
		t.Error("a failed build has a name")
	}
	if left := tmp(t, s); len(left) > 0 {
		t.Errorf("left in tmp: %v", left)
	}
}

func tmp(t *testing.T, s *Store) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.Root(), "tmp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFileVerifies(t *testing.T) {
	s := open(t)
	sum := "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"
	write := func(text string) func(context.Context, io.Writer) error {
		return func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	var bad *digestError
	if _, err := s.File(context.Background(), sum, write("hellO")); !errors.As(err, &bad) || bad.want != sum {
		t.Fatalf("tampered content: err = %v, want a DigestError", err)
	}
	path, err := s.File(context.Background(), sum, write("hello"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.File(context.Background(), sum, func(context.Context, io.Writer) error { return errors.New("fetched twice") })
	if err != nil || again != path {
		t.Errorf("second File = %q, %v; want %q", again, err, path)
	}
	if _, err := s.File(context.Background(), "../../x", write("")); err == nil {
		t.Error("a digest that is none was accepted")
	}
}

func TestNamesStayInside(t *testing.T) {
	s := open(t)
	for _, n := range []string{"", "..", "a/b", ".hidden", "a\x00b"} {
		if err := s.Put("kind", n, 1); err == nil {
			t.Errorf("Put accepted the name %q", n)
		}
		if _, _, err := s.Dir(context.Background(), n, "key", nil); err == nil {
			t.Errorf("Dir accepted the kind %q", n)
		}
	}
}

func TestTornRecordIsNone(t *testing.T) {
	s := open(t)
	if err := s.Put("run", "k", map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	var v map[string]int
	if !s.Get("run", "k", &v) || v["a"] != 1 {
		t.Fatalf("Get = %v", v)
	}
	if err := os.Truncate(filepath.Join(s.Root(), "records", "run", "k"), 4); err != nil {
		t.Fatal(err)
	}
	if s.Get("run", "k", &v) {
		t.Error("a torn record was read")
	}
}

func TestLockWaitsAndCancels(t *testing.T) {
	s := open(t)
	unlock, err := s.Lock(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Lock(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Fatalf("second Lock = %v, want canceled", err)
	}
	unlock()
	unlock, err = s.Lock(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestRemoveAllOfUnreadable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.MkdirAll(filepath.Join(dir, "work", "work", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "work", "work"), 0); err != nil {
		t.Fatal(err)
	}
	if err := RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

// TestKill injects the fault that the store promises to survive: a process that
// makes entries is killed with SIGKILL at arbitrary moments; whatever has a name
// afterwards is whole, and the next Open removes the rest.
func TestKill(t *testing.T) {
	const entries, files = 400, 8
	root := t.TempDir()
	for round := range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKillVictim$", "-test.v")
		cmd.Env = append(os.Environ(), "UMLAB_TEST_VICTIM="+root)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The kill comes after a number of entries that grows with the rounds, and
		// lands wherever the victim is by then.
		buf := make([]byte, 1)
		for dots := 0; dots <= round*7; {
			if _, err := out.Read(buf); err != nil {
				t.Fatalf("the victim ended by itself: %v", err)
			}
			if buf[0] == '.' {
				dots++
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed

		s, err := Open(root)
		if err != nil {
			t.Fatal(err)
		}
		// A record on its way to its name may be a living process's: it stays for an
		// hour, and is all that may stay.
		for _, left := range tmp(t, s) {
			if info, err := os.Stat(left); err == nil && info.Mode().IsRegular() {
				old := time.Now().Add(-2 * time.Hour)
				if err := os.Chtimes(left, old, old); err != nil {
					t.Fatal(err)
				}
			}
		}
		if s, err = Open(root); err != nil {
			t.Fatal(err)
		}
		if left := tmp(t, s); len(left) > 0 {
			t.Errorf("round %d: after Open, tmp holds %v", round, left)
		}
		whole := 0
		for i := range entries {
			dir, ok := s.Lookup("kind", fmt.Sprint("k", i))
			if !ok {
				continue
			}
			whole++
			for f := range files {
				b, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(f)))
				if err != nil || len(b) != 4096 {
					t.Errorf("round %d: entry %d has half a file %d: %d bytes, %v", round, i, f, len(b), err)
				}
			}
			var n int
			if s.Get("kind", fmt.Sprint("k", i), &n) && n != i {
				t.Errorf("round %d: record %d says %d", round, i, n)
			}
		}
		if whole == 0 {
			t.Errorf("round %d: the victim made nothing", round)
		}
	}
}

// TestKillVictim is not a test: it is the process that TestKill kills.
func TestKillVictim(t *testing.T) {
	root := os.Getenv("UMLAB_TEST_VICTIM")
	if root == "" {
		t.Skip("runs as a child of TestKill")
	}
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i = (i + 1) % 400 {
		key := fmt.Sprint("k", i)
		if err := s.Drop("kind", key); err != nil {
			t.Fatal(err)
		}
		_, _, err := s.Dir(context.Background(), "kind", key, func(_ context.Context, dir string) error {
			for f := range 8 {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(f)), make([]byte, 4096), 0o644); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = s.Put("kind", key, i)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Print(".")
	}
}

func TestKeep(t *testing.T) {
	s := open(t)
	src := filepath.Join(t.TempDir(), "linux")
	if err := os.WriteFile(src, []byte("hello"), 0o755); err != nil {
		t.Fatal(err)
	}
	kept, sum, err := s.Keep(context.Background(), src)
	if err != nil || sum != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Fatalf("Keep = %s, %s, %v", kept, sum, err)
	}
	if err := os.WriteFile(src, []byte("other"), 0o755); err != nil {
		t.Fatal(err)
	}
	if at, ok := s.Kept("/elsewhere/files/2c/" + sum); !ok || at != kept {
		t.Errorf("Kept of a path of the store before it was moved = %s, %v; want %s", at, ok, kept)
	}
	for _, none := range []string{"", "../../x", strings.Repeat("0", 64)} {
		if at, ok := s.Kept(none); ok {
			t.Errorf("Kept(%q) = %s", none, at)
		}
	}
	b, err := os.ReadFile(kept)
	info, serr := os.Stat(kept)
	if err != nil || serr != nil || string(b) != "hello" || info.Mode()&0o111 == 0 {
		t.Errorf("kept %q, mode %v, %v, %v: want the content and the executable bit of then", b, info.Mode(), err, serr)
	}
}

func TestSumAndCopyFile(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := CopyFile(to, from, 0o500)
	if err != nil || n != 3 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	// FIPS 180-2, B.1.
	if sum, err := SumFile(to); err != nil || sum != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("%s, %v", sum, err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode() != 0o500 {
		t.Errorf("mode of the copy: %v, %v", info.Mode(), err)
	}
	if _, err := CopyFile(to, from, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it replaced a file: %v", err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := SumFile(name); err == nil {
			t.Errorf("%s has a sum", name)
		}
		if _, err := CopyFile(filepath.Join(dir, "new"), name, 0o600); err == nil {
			t.Errorf("%s was copied", name)
		}
	}
}

// TestCopyTree holds what CopyTree makes itself, and what it leaves to place.
func TestCopyTree(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(from, "a", "b"), 0o700),
		os.WriteFile(filepath.Join(from, "a", "file"), []byte("abc"), 0o600),
		os.Symlink("../nowhere", filepath.Join(from, "a", "link")),
		syscall.Mkfifo(filepath.Join(from, "fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	place := func(at, source string, info fs.FileInfo) error {
		rel, err := filepath.Rel(to, at)
		told = append(told, fmt.Sprintf("%s %s", rel, info.Mode().Type()))
		if info.Mode().IsRegular() {
			_, err = CopyFile(at, source, 0o400)
		}
		return err
	}
	if err := CopyTree(t.Context(), to, from, place); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(told, ", "), ". d---------, a d---------, a/b d---------, a/file ----------, fifo p---------"; got != want {
		t.Errorf("told of %s, want %s", got, want)
	}
	if text, err := os.ReadFile(filepath.Join(to, "a", "file")); err != nil || string(text) != "abc" {
		t.Errorf("%q, %v", text, err)
	}
	if link, err := os.Readlink(filepath.Join(to, "a", "link")); err != nil || link != "../nowhere" {
		t.Errorf("%q, %v", link, err)
	}
	if info, err := os.Stat(filepath.Join(to, "a")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := CopyTree(ctx, filepath.Join(t.TempDir(), "x"), from, place); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A file's digest follows its content, whatever was remembered.
func TestSumOutside(t *testing.T) {
	s := open(t)
	file := filepath.Join(t.TempDir(), "ld")
	seen := map[string]bool{}
	for _, content := range []string{"a", "b", "a longer one"} {
		if err := errors.Join(os.RemoveAll(file), os.WriteFile(file, []byte(content), 0o755)); err != nil {
			t.Fatal(err)
		}
		first, err := s.SumOutside(file)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := s.SumOutside(file); err != nil || second != first || seen[first] {
			t.Errorf("%q: %s, then %s (%v)", content, first, second, err)
		}
		seen[first] = true
	}
	if _, err := s.SumOutside(filepath.Dir(file)); err == nil {
		t.Error("a directory has a digest")
	}
}

func TestDiffer(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	install := func(key string, files map[string]string, mode os.FileMode) Entry {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "dir")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			p := filepath.Join(dir, name)
			err := os.MkdirAll(filepath.Dir(p), 0o755)
			if to, link := strings.CutPrefix(text, "-> "); link {
				err = errors.Join(err, os.Symlink(to, p))
			} else {
				err = errors.Join(err, os.WriteFile(p, []byte(text), mode))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Install(dir, "baseline", Key(key)); err != nil {
			t.Fatal(err)
		}
		return Entry{Kind: "baseline", Key: Key(key)}
	}
	x := install("x", map[string]string{"a": "1", "d/b": "2", "d/c": "3", "l": "-> a", "k": "-> a", "e/only": "4", "was a link": "-> x", "odd \n\"name": "5"}, 0o644)
	y := install("y", map[string]string{"a": "1", "d/b": "9", "d/c": "3", "l": "-> d/b", "k": "-> a", "new": "4", "was a link": "x", "odd \n\"name": "6"}, 0o755)
	got, err := s.Differ(t.Context(), x, y)
	slices.Sort(got)
	want := []string{"d/b", "e", "e/only", "l", "new", "odd \n\"name", "was a link"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got, err := s.Differ(t.Context(), x, x); err != nil || len(got) > 0 {
		t.Errorf("of itself: %q, %v", got, err)
	}
	empty := install("empty", nil, 0o644)
	if got, err := s.Differ(t.Context(), empty, empty); err != nil || len(got) > 0 {
		t.Errorf("of nothing: %q, %v", got, err)
	}
	if _, err := s.Differ(t.Context(), x, Entry{Kind: "baseline", Key: Key("none")}); err == nil {
		t.Error("what is not there does not differ")
	}
}
