package harness_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umlab/harness"
	"umlab/harness/cache"
	"umlab/harness/cache/cachetest"
	"umlab/harness/cache/oci"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/store"
)

// user is somebody with a store and a key of their own.
type user struct{ home, own string }

func newUser(t *testing.T) user {
	t.Helper()
	u := user{t.TempDir(), t.TempDir()}
	cachetest.Key(t, filepath.Join(u.own, "cache_key"))
	return u
}

// push makes a directory of the user's and puts it into the cache.
func (u user) push(t *testing.T, address, name, of string) {
	t.Helper()
	st, err := store.Open(u.home)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	keys, err := cache.LoadKeys(func(string) string { return "" }, u.own, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r, err := oci.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	e := store.Entry{Kind: "baseline", Key: store.Key(name)}
	if _, _, err := st.Dir(t.Context(), e.Kind, e.Key, func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "linux"), []byte(name), 0o755)
	}); err != nil {
		t.Fatal(err)
	}
	c := cache.New(cache.Options{Registry: r, Keys: keys, Store: st, Sink: progress.Discard{}, Revision: "umlab 1", Now: time.Now})
	if err := c.Put(t.Context(), store.Offered{Entry: e, Of: of}); err != nil {
		t.Fatal(err)
	}
}

// does runs a flow of the user's with a cache, and returns what it printed.
func (u user) does(t *testing.T, address string, flow func(l *harness.Lab) error) (said string, err error) {
	t.Helper()
	out, ferr := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if ferr != nil {
		t.Fatal(ferr)
	}
	defer out.Close()
	env := map[string]string{"UMLAB_HOME": u.home, "UMLAB_CACHE": address}
	null, ferr := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if ferr != nil {
		t.Fatal(ferr)
	}
	defer null.Close()
	l, err := harness.Open(harness.Options{Project: os.DirFS(".."), Stdout: out, Stderr: null, Own: u.own, Engine: &harness.Engine{Registry: oci.Open},
		Getenv: func(name string) string { return env[name] }})
	if err != nil {
		return "", err
	}
	defer l.Close()
	err = flow(l)
	text, ferr := os.ReadFile(out.Name())
	if ferr != nil {
		t.Fatal(ferr)
	}
	return string(text), err
}

// TestCacheTargets: what list, verify and prune print of a cache that two people use.
func TestCacheTargets(t *testing.T) {
	r := cachetest.New(t)
	me, other := newUser(t), newUser(t)
	me.push(t, r.Address, "mine", "baseline of debian-6.12")
	other.push(t, r.Address, "theirs", "baseline of \x1b[31mred")
	list := func(l *harness.Lab) error { return l.CacheList(t.Context()) }
	said, err := me.does(t, r.Address, list)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"baseline of debian-6.12", "not taken: it was signed by", "SHA256:", "2 artifacts · ", "1 would not be taken"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	said, err = me.does(t, r.Address, func(l *harness.Lab) error { return l.CacheVerify(t.Context()) })
	if harness.ExitCode(err) != result.ExitDiffers || strings.Contains(said, "debian-6.12") || !strings.Contains(said, "SHA256:") {
		t.Errorf("verify: %v:\n%s", err, said)
	}
	prune := func(o harness.PruneOptions) (string, error) {
		return me.does(t, r.Address, func(l *harness.Lab) error { return l.CachePrune(t.Context(), o) })
	}
	if said, err = prune(harness.PruneOptions{DryRun: true}); err != nil || !strings.Contains(said, "1 of 2 artifacts would be removed") {
		t.Errorf("%v:\n%s", err, said)
	}
	if said, err = prune(harness.PruneOptions{Younger: time.Hour, Others: true}); err != nil || !strings.Contains(said, "1 of 2 artifacts removed") {
		t.Errorf("%v:\n%s", err, said)
	}
	if said, err = me.does(t, r.Address, list); err != nil || !strings.Contains(said, "debian-6.12") || !strings.Contains(said, "1 artifact ·") {
		t.Errorf("%v:\n%s", err, said)
	}
	if _, err = prune(harness.PruneOptions{Keep: "much"}); harness.ExitCode(err) != result.ExitUsage {
		t.Errorf("%v", err)
	}
	r.Fixed = true
	if _, err = prune(harness.PruneOptions{}); !errors.Is(err, cache.ErrForbidden) || harness.ExitCode(err) != result.ExitInfra {
		t.Errorf("%v", err)
	}
}

// TestCacheThatCannotBe: what keeps a cache from being used is a mistake of the caller, told before anything is done.
func TestCacheThatCannotBe(t *testing.T) {
	r := cachetest.New(t)
	me := newUser(t)
	list := func(l *harness.Lab) error { return l.CacheList(t.Context()) }
	for address, want := range map[string]string{"": "names no cache", "ghcr.io/x": "does not begin with oci://"} {
		if _, err := me.does(t, address, list); harness.ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", address, err)
		}
	}
	nobody := user{me.home, t.TempDir()}
	_, err := nobody.does(t, r.Address, list)
	if harness.ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), "ssh-keygen -t ed25519 -N '' -C umlab -f "+nobody.own) {
		t.Errorf("%v", err)
	}
	if _, err := me.does(t, "oci://127.0.0.1:1/x", list); harness.ExitCode(err) != result.ExitInfra {
		t.Errorf("%v", err)
	}
}
