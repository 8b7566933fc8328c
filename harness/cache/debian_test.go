package cache_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/cache/cachetest"
	"umlab/harness/store"
)

// debianRegistry is a real registry, in tests that take long.
func debianRegistry(t *testing.T) *cachetest.Debian {
	t.Helper()
	if os.Getenv("UMLAB_TEST_LONG") == "" {
		t.Skip("takes long: go tool mage test -long")
	}
	return cachetest.StartDebian(t, os.DirFS("../.."))
}

// noise makes a directory with so many bytes that cannot be compressed.
func noise(t testing.TB, bytes int) func(dir string) {
	return func(dir string) {
		b := make([]byte, bytes)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // it never fails
		write(t, filepath.Join(dir, "build/vmlinux"), string(b), 0o755, long)
	}
}

// TestDebianRegistry: Debian's docker-registry takes, lists, gives and removes artifacts.
func TestDebianRegistry(t *testing.T) {
	r := debianRegistry(t)
	here := newMachine(t, r.Address, nil)
	if l, err := here.List(t.Context(), func() {}); err != nil || len(l.Artifacts) > 0 {
		t.Fatalf("a repository that is not there yet: %+v, %v", l, err)
	}
	e := store.Entry{Kind: "baseline", Key: key(1)}
	was := here.make(t, store.Offered{Entry: e, Of: "baseline of x"}, fill(t))
	if err := here.store.Put("tree-of", key(2), map[string]string{"Digest": "x"}); err != nil {
		t.Fatal(err)
	}
	if err := here.Put(t.Context(), store.Offered{Entry: store.Entry{Kind: "tree-of", Key: key(2)}}); err != nil {
		t.Errorf("a record without files: %v", err)
	}
	there := newMachine(t, r.Address, here)
	if err := there.Take(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	got, _ := there.store.Lookup(e.Kind, e.Key)
	if diff := cmp.Diff(listed(t, was), listed(t, got)); diff != "" {
		t.Error(diff)
	}
	l, err := there.Verify(t.Context(), func(int64) {})
	if err != nil || len(l.Artifacts) != 2 || l.Artifacts[0].Wrong != nil {
		t.Fatalf("%+v: %v", l, err)
	}
	for _, a := range l.Artifacts {
		if err := there.Remove(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	if l, err := there.List(t.Context(), func() {}); err != nil || len(l.Artifacts) > 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

// TestDebianRegistryKilled: the registry is killed again and again while a machine pushes; in the end it has all, whole.
func TestDebianRegistryKilled(t *testing.T) {
	r := debianRegistry(t)
	here := newMachine(t, r.Address, nil)
	const artifacts = 12
	for n := range artifacts {
		o := store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(n)}}
		if _, _, err := here.store.Dir(t.Context(), o.Kind, o.Key, dirs(noise(t, 8<<20+n))); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- here.Put(t.Context(), o) }()
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		r.Kill()
		r.Start(0)
		<-done // it may have failed
	}
	there := newMachine(t, r.Address, here)
	l, err := there.Verify(t.Context(), func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range l.Artifacts {
		if a.Wrong != nil && !strings.Contains(a.Wrong.Error(), "layer") { // docker-registry may lose what it had taken: that is not taken from it
			t.Errorf("%s: %v", store.Short(a.Key), a.Wrong)
		}
	}
	t.Logf("%d of %d were there after as many kills", len(l.Artifacts), artifacts)
	again := newMachine(t, r.Address, here)
	for n := range artifacts {
		o := store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(n)}}
		if _, _, err := again.store.Dir(t.Context(), o.Kind, o.Key, dirs(noise(t, 8<<20+n))); err != nil {
			t.Fatal(err)
		}
		if err := again.Put(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if err := there.Take(t.Context(), o.Entry); err != nil {
			t.Errorf("%s: %v", store.Short(o.Key), err)
		}
	}
}

// TestDebianRegistryFull: a registry that cannot write has no half artifact, and the run goes on.
func TestDebianRegistryFull(t *testing.T) {
	r := debianRegistry(t)
	r.Kill()
	r.Start(1 << 20)
	here := newMachine(t, r.Address, nil)
	for n := range 2 {
		here.make(t, store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(n)}}, noise(t, 4<<20))
	}
	if said := here.said.all(); strings.Count(said, "could not be pushed") != 1 {
		t.Errorf("it says %q", said)
	}
	r.Kill()
	r.Start(0)
	there := newMachine(t, r.Address, here)
	if l, err := there.List(t.Context(), func() {}); err != nil || len(l.Artifacts) > 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

// BenchmarkBaseline pulls what is as large as a baseline, from a registry on this machine.
func BenchmarkBaseline(b *testing.B) {
	r := cachetest.New(b)
	here := newMachine(b, r.Address, nil)
	e := store.Entry{Kind: "baseline", Key: key(1)}
	path, _, err := here.store.Dir(b.Context(), e.Kind, e.Key, dirs(func(dir string) {
		for n := range 3000 {
			text := strings.Repeat(fmt.Sprintf("object %d, symbol %d\n", n, n*n), 2500)
			write(b, filepath.Join(dir, "build", fmt.Sprint("d", n%400), fmt.Sprint(n, ".o")), text, 0o644, long.Add(time.Duration(n)))
		}
	}))
	if err != nil {
		b.Fatal(err)
	}
	if err := here.Put(b.Context(), store.Offered{Entry: e}); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d MB", store.Allocated(path)>>20)
	for b.Loop() {
		b.StopTimer()
		there := newMachine(b, r.Address, here)
		b.StartTimer()
		if err := there.Take(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}
