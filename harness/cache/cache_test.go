package cache_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/cache"
	"umlab/harness/cache/cachetest"
	"umlab/harness/cache/oci"
	"umlab/harness/progress"
	"umlab/harness/store"
)

// notes is a progress.Sink that keeps the lines.
type notes struct {
	progress.Discard
	mu    sync.Mutex
	lines []string
}

func (n *notes) Note(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *notes) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}

// machine is a store with a cache.
type machine struct {
	*cache.Cache
	store *store.Store
	said  *notes
	own   string // configuration, with cache_key and allowed_signers
}

// newMachine is a machine with a key of its own, unless it is to have the one of another's.
func newMachine(t testing.TB, address string, like *machine) *machine {
	t.Helper()
	m := &machine{said: &notes{}, own: t.TempDir()}
	if like != nil {
		m.own = like.own
	} else {
		cachetest.Key(t, filepath.Join(m.own, "cache_key"))
	}
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m.store = st
	st.Note = m.said.Note
	keys, err := cache.LoadKeys(func(string) string { return "" }, m.own, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r, err := oci.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	m.Cache = cache.New(cache.Options{Registry: r, Keys: keys, Store: st, Sink: m.said, Revision: "r1", Now: time.Now})
	st.Remote = m.Cache
	t.Cleanup(func() { _ = m.Close(); _ = st.Close() })
	return m
}

// key is a key of the store.
func key(n int) string { return store.Key("test", fmt.Sprint(n)) }

// make makes a directory of the store as build fills it, and offers it.
func (m *machine) make(t testing.TB, o store.Offered, build func(dir string)) string {
	t.Helper()
	path, _, err := m.store.Dir(t.Context(), o.Kind, o.Key, func(_ context.Context, dir string) error {
		build(dir)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Offer(o)
	m.Wait(t.Context())
	return path
}

func write(t testing.TB, path, text string, mode fs.FileMode, at time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// long is a time ago with nanoseconds.
var long = time.Date(2026, 5, 6, 7, 8, 9, 123456789, time.UTC)

// fill makes a directory such as make leaves: with modes, links of both kinds and times that differ by nanoseconds.
func fill(t testing.TB) func(dir string) {
	return func(dir string) {
		write(t, filepath.Join(dir, "build/vmlinux"), strings.Repeat("kernel ", 1000), 0o755, long.Add(2))
		write(t, filepath.Join(dir, "build/kernel/fork.o"), "object", 0o644, long.Add(1))
		write(t, filepath.Join(dir, "build/kernel/fork.c"), "", 0o600, long)
		if err := os.Link(filepath.Join(dir, "build/vmlinux"), filepath.Join(dir, "build/linux")); err != nil {
			t.Fatal(err)
		}
		for to, at := range map[string]string{"/src": "build/source", "../vmlinux": "build/kernel/up"} {
			if err := os.Symlink(to, filepath.Join(dir, at)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Mkdir(filepath.Join(dir, "build/empty"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// listed is what a directory holds: modes, contents, links, which files are one, and the order of their times.
func listed(t testing.TB, dir string) (list []string) {
	t.Helper()
	var times []time.Time
	first := map[string]fs.FileInfo{}
	walk := func(visit func(rel string, info fs.FileInfo)) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			visit(strings.TrimPrefix(path, dir), info)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	walk(func(_ string, info fs.FileInfo) {
		if info.Mode().IsRegular() {
			times = append(times, info.ModTime())
		}
	})
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	walk(func(rel string, info fs.FileInfo) {
		line := fmt.Sprintf("%s %v", rel, info.Mode())
		switch {
		case info.Mode().IsRegular():
			sum, err := store.SumFile(dir + rel)
			if err != nil {
				t.Fatal(err)
			}
			line += fmt.Sprintf(" %s %d", sum, slices.IndexFunc(times, info.ModTime().Equal))
			for name, other := range first {
				if os.SameFile(other, info) {
					line += " = " + name
				}
			}
			first[rel] = info
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(dir + rel)
			if err != nil {
				t.Fatal(err)
			}
			line += " -> " + to
		}
		list = append(list, line)
	})
	return list
}

// empty fails where a store has anything but what an open one has.
func (m *machine) empty(t testing.TB) {
	t.Helper()
	for _, top := range []string{"dirs", "files", "tmp", "seals", "needs"} {
		kinds, _ := os.ReadDir(filepath.Join(m.store.Root(), top))
		for _, k := range kinds {
			below, _ := os.ReadDir(filepath.Join(m.store.Root(), top, k.Name()))
			if top == "tmp" || len(below) > 0 {
				t.Errorf("%s/%s was left behind", top, k.Name())
			}
		}
	}
}

func TestBaselineComesAsItWas(t *testing.T) {
	for name, later := range map[string]time.Duration{"long ago": 0, "by a clock that is ahead": time.Since(long) + time.Hour} {
		t.Run(name, func(t *testing.T) { comesAsItWas(t, later) })
	}
}

// comesAsItWas pushes and pulls a baseline that was made so much later than long.
func comesAsItWas(t *testing.T, later time.Duration) {
	r := cachetest.New(t)
	here := newMachine(t, r.Address, nil)
	e := store.Entry{Kind: "baseline", Key: key(1)}
	was := here.make(t, store.Offered{Entry: e, Of: "baseline of x"}, func(dir string) {
		fill(t)(dir)
		for name, at := range map[string]time.Time{"vmlinux": long.Add(2), "kernel/fork.o": long.Add(1), "kernel/fork.c": long} {
			if err := os.Chtimes(filepath.Join(dir, "build", name), at.Add(later), at.Add(later)); err != nil {
				t.Fatal(err)
			}
		}
	})
	there := newMachine(t, r.Address, here)
	before := time.Now().Add(-time.Millisecond)
	if !there.Pull(t.Context(), e.Kind, e.Key) {
		t.Fatalf("it was not pulled: %s", there.said.all())
	}
	got, ok := there.store.Lookup(e.Kind, e.Key)
	if !ok {
		t.Fatal("it is not in the store")
	}
	if diff := cmp.Diff(listed(t, was), listed(t, got)); diff != "" {
		t.Error(diff)
	}
	if err := there.store.Whole(t.Context(), got); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"build/kernel/fork.c", "build/linux"} {
		info, err := os.Stat(filepath.Join(got, name))
		if err != nil || info.ModTime().Before(before) || info.ModTime().After(time.Now()) {
			t.Errorf("%s is of %v: make must find it newer than a tree that came before, and not of later than now", name, info.ModTime())
		}
	}
	m := r.Manifest("baseline-" + e.Key)
	notes := m["annotations"].(map[string]any)
	if notes["org.opencontainers.image.title"] != "baseline of x" || notes["org.opencontainers.image.revision"] != "r1" {
		t.Errorf("it does not say what it is: %v", notes)
	}
	if said := there.said.all(); said != "" {
		t.Errorf("it told %s", said)
	}
}

func TestSysrootOverAnother(t *testing.T) {
	r := cachetest.New(t)
	here := newMachine(t, r.Address, nil)
	low, top := store.Entry{Kind: "sysroot", Key: key(1)}, store.Entry{Kind: "sysroot", Key: key(2)}
	base := here.make(t, store.Offered{Entry: low}, func(dir string) {
		write(t, filepath.Join(dir, "root/usr/bin/gcc"), strings.Repeat("gcc", 1<<20), 0o755, long)
		if err := os.Symlink("/usr/bin/gcc", filepath.Join(dir, "root/usr/bin/cc")); err != nil {
			t.Fatal(err)
		}
	})
	was := here.make(t, store.Offered{Entry: top, Over: low}, func(dir string) {
		write(t, filepath.Join(dir, "root/usr/bin/rustc"), "rustc", 0o755, long)
		if err := os.Link(filepath.Join(base, "root/usr/bin/gcc"), filepath.Join(dir, "root/usr/bin/gcc")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/usr/bin/gcc", filepath.Join(dir, "root/usr/bin/cc")); err != nil {
			t.Fatal(err)
		}
	})
	there := newMachine(t, r.Address, here)
	if !there.Pull(t.Context(), top.Kind, top.Key) {
		t.Fatal(there.said.all())
	}
	got, _ := there.store.Lookup(top.Kind, top.Key)
	if diff := cmp.Diff(listed(t, was), listed(t, got)); diff != "" {
		t.Error(diff)
	}
	below, _ := there.store.Lookup(low.Kind, low.Key)
	one, err := os.Stat(filepath.Join(below, "root/usr/bin/gcc"))
	two, err2 := os.Stat(filepath.Join(got, "root/usr/bin/gcc"))
	if err != nil || err2 != nil || !os.SameFile(one, two) {
		t.Errorf("they do not share their files: %v, %v", err, err2)
	}
}

// TestOneOnAnother: what a baseline is nothing without comes with it, and the store knows.
func TestOneOnAnother(t *testing.T) {
	r := cachetest.New(t)
	here := newMachine(t, r.Address, nil)
	low, top := store.Entry{Kind: "baseline", Key: key(1)}, store.Entry{Kind: "baseline", Key: key(2)}
	if _, _, err := here.store.Dir(t.Context(), low.Kind, low.Key, dirs(fill(t))); err != nil {
		t.Fatal(err)
	}
	here.make(t, store.Offered{Entry: top, Needs: []store.Entry{low}, From: []string{"tree 1", "toolchain 2"}}, func(dir string) {
		write(t, filepath.Join(dir, "baseline.json"), "{}", 0o644, long)
	})
	notes := r.Manifest("baseline-" + top.Key)["annotations"].(map[string]any)
	if got := notes["umlab.from"]; got != "tree 1\ntoolchain 2\nbaseline-"+low.Key {
		t.Errorf("it says that it is from %q", got)
	}
	there := newMachine(t, r.Address, here)
	if !there.Pull(t.Context(), top.Kind, top.Key) {
		t.Fatal(there.said.all())
	}
	for _, e := range []store.Entry{low, top} {
		if path, ok := there.store.Lookup(e.Kind, e.Key); !ok || there.store.Whole(t.Context(), path) != nil {
			t.Errorf("%s is not there", store.Short(e.Key))
		}
	}
	text, err := os.ReadFile(filepath.Join(there.store.Root(), "needs", top.Kind, top.Key))
	if err != nil || !strings.Contains(string(text), low.Key) {
		t.Errorf("the store does not know what it stands on: %s, %v", text, err)
	}
}

func TestPackingIsDeterministic(t *testing.T) {
	digests := map[any]bool{}
	for range 2 {
		r := cachetest.New(t)
		m := newMachine(t, r.Address, nil)
		m.make(t, store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(1)}}, fill(t))
		layer := r.Manifest("baseline-" + key(1))["layers"].([]any)[0].(map[string]any)
		digests[layer["digest"]] = true
	}
	if len(digests) != 1 {
		t.Errorf("the same directory was packed into different layers: %v", digests)
	}
}

func TestPushedOnce(t *testing.T) {
	r := cachetest.New(t)
	here := newMachine(t, r.Address, nil)
	o := store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(1)}}
	here.make(t, o, fill(t))
	again := newMachine(t, r.Address, here)
	again.make(t, o, fill(t))
	puts := slices.DeleteFunc(slices.Clone(r.Asked), func(q string) bool { return !strings.HasPrefix(q, http.MethodPut) })
	if len(puts) != 3 {
		t.Errorf("layer, configuration and manifest are put once: %v", puts)
	}
	before := len(r.Asked)
	if again.Offer(o); len(r.Asked) != before {
		t.Error("what is known to be there is asked for again")
	}
}

func TestFilesOfARecord(t *testing.T) {
	r := cachetest.New(t)
	here := newMachine(t, r.Address, nil)
	path, err := here.store.Bytes(t.Context(), []byte("transcript"))
	if err != nil {
		t.Fatal(err)
	}
	e := store.Entry{Kind: cache.Files, Key: key(1)}
	if err := here.store.Put(e.Kind, e.Key, map[string]string{"a": filepath.Base(path)}); err != nil {
		t.Fatal(err)
	}
	here.Offer(store.Offered{Entry: e, Files: []string{filepath.Base(path)}})
	here.Wait(t.Context())
	there := newMachine(t, r.Address, here)
	if !there.Pull(t.Context(), e.Kind, e.Key) {
		t.Fatal(there.said.all())
	}
	got := map[string]string{}
	if !there.store.Get(e.Kind, e.Key, &got) {
		t.Fatal("the record is not there")
	}
	kept, ok := there.store.Kept(got["a"])
	if text, err := os.ReadFile(kept); !ok || err != nil || string(text) != "transcript" {
		t.Errorf("its file is %q: %v", text, err)
	}
}

// dirs makes of what fills a directory what store.Dir calls.
func dirs(fill func(dir string)) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		fill(dir)
		return nil
	}
}
