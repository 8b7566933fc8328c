package toolchain

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/cache"
	"umlab/harness/cache/cachetest"
	"umlab/harness/cache/oci"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// TestRustupFromTheCache: a machine without rustup has a day's nightly from one that installed it; what a channel is today, it
// cannot have from there.
func TestRustupFromTheCache(t *testing.T) {
	r, own := cachetest.New(t), t.TempDir()
	cachetest.Key(t, filepath.Join(own, "cache_key"))
	machine := func() (*Provider, *cache.Cache) {
		p, _, _ := bare(t, map[string]string{"HOME": t.TempDir()})
		keys, err := cache.LoadKeys(func(string) string { return "" }, own, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		registry, err := oci.Open(r.Address)
		if err != nil {
			t.Fatal(err)
		}
		c := cache.New(cache.Options{Registry: registry, Keys: keys, Store: p.Store, Sink: progress.Discard{}, Now: time.Now})
		p.Store.Remote = c
		return p, c
	}
	const name = "nightly-2026-05-20"
	here, c := machine()
	dir := t.TempDir()
	installedAt(t, dir, manifestOf(t, nightlyVersion, tiny("one", true)...), tiny("one", true)...)
	was, err := here.rustupKeep(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{name, "nightly"} {
		key := store.Key("install", rustupVersion, "", name)
		if err := here.Store.Put(kindRustup, key, was); err != nil {
			t.Fatal(err)
		}
		here.offerRust(key, name, was)
	}
	c.Wait(t.Context())
	there, _ := machine()
	got, _, err := there.rustupParts(t.Context(), "x", settings.Toolchain{Rustup: name})
	if err != nil {
		t.Fatal(err)
	}
	for kind, digest := range map[string]string{kindRust: was.Compiler, kindRustSrc: was.Source} {
		at := there.kept(kind, digest)
		if d := cmp.Diff(filesBelow(t, here.kept(kind, digest)), filesBelow(t, at)); d != "" {
			t.Error(d)
		}
		if sum, err := settle(t.Context(), at); err != nil || sum != digest {
			t.Errorf("%s is another than it says: %v", kind, err)
		}
	}
	if d := cmp.Diff(was, got); d != "" {
		t.Error(d)
	}
	if _, _, err := there.rustupParts(t.Context(), "x", settings.Toolchain{Rustup: "nightly"}); err == nil || !strings.Contains(err.Error(), "no rustup") {
		t.Errorf("a channel came from the cache: %v", err)
	}
}
