package cache_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/cache"
	"umlab/harness/cache/cachetest"
	"umlab/harness/store"
)

func TestListAndVerify(t *testing.T) {
	r := cachetest.New(t)
	newMachine(t, r.Address, nil).make(t, store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(1)}, Of: "a stranger's"}, fill(t))
	m := newMachine(t, r.Address, nil)
	for n := range 3 {
		m.make(t, store.Offered{Entry: store.Entry{Kind: "sysroot", Key: key(2 + n)}, Of: "toolchain x"}, func(dir string) {
			write(t, filepath.Join(dir, "root/usr/bin/gcc"), strings.Repeat("gcc", n+1), 0o755, long)
		})
	}
	r.Manifests["latest"] = r.Manifests["sysroot-"+key(2)]
	verified := func() (wrong map[string]string) {
		t.Helper()
		var bytes atomic.Int64
		l, err := m.Verify(t.Context(), func(n int64) { bytes.Add(n) })
		if err != nil || len(l.Artifacts) != 4 || l.Foreign != 1 || bytes.Load() == 0 {
			t.Fatalf("%+v, %d bytes: %v", l, bytes.Load(), err)
		}
		wrong = map[string]string{}
		for _, a := range l.Artifacts {
			if a.Wrong != nil {
				wrong[store.Short(a.Key)] = a.Wrong.Error()
			} else if a.Who != "you" || a.About.Of != "toolchain x" || a.Size == 0 {
				t.Errorf("%+v", a)
			}
		}
		return wrong
	}
	wrong := verified()
	if why := wrong[store.Short(key(1))]; len(wrong) != 1 || !strings.Contains(why, "which is not in") {
		t.Errorf("%v", wrong)
	}
	layer := r.Manifest("sysroot-" + key(3))["layers"].([]any)[0].(map[string]any)["digest"].(string)
	r.Blobs[layer][20] ^= 1
	delete(r.Blobs, r.Manifest("sysroot-" + key(4))["layers"].([]any)[0].(map[string]any)["digest"].(string))
	wrong = verified()
	for n, want := range map[int]string{3: "is not what was signed", 4: "is not there"} {
		if why := wrong[store.Short(key(n))]; !strings.Contains(why, want) {
			t.Errorf("%q does not say %q", why, want)
		}
	}
}

// TestRule: what a rule lets stay.
func TestRule(t *testing.T) {
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	one := func(name string, days int, size int64, on ...string) cache.Artifact {
		a := cache.Artifact{Entry: store.Entry{Kind: "baseline", Key: name}, Size: size}
		a.About = &cache.About{Made: now.Add(-time.Duration(days) * day)}
		for _, n := range on {
			a.About.Needs = append(a.About.Needs, store.Entry{Kind: "baseline", Key: n})
		}
		return a
	}
	wrong := cache.Artifact{Entry: store.Entry{Kind: "baseline", Key: "wrong"}, Wrong: cache.ErrNone}
	list := &cache.Listed{Artifacts: []cache.Artifact{
		one("base", 90, 10), one("top", 5, 1, "base"), one("old", 40, 10), one("older", 50, 10, "oldest"), one("oldest", 60, 10), wrong,
	}}
	for name, test := range map[string]struct {
		rule cache.Rule
		want []string
	}{
		"young":      {cache.Rule{Younger: 30 * day}, []string{"older", "oldest", "old"}},
		"all":        {cache.Rule{}, []string{"older", "oldest", "old", "top", "base"}},
		"nothing":    {cache.Rule{Younger: cache.Forever}, nil},
		"size":       {cache.Rule{Younger: cache.Forever, Keep: 25}, []string{"older", "oldest"}},
		"the others": {cache.Rule{Younger: cache.Forever, Others: true}, []string{"wrong"}},
	} {
		var got []string
		for _, a := range test.rule.Apply(list, now) {
			got = append(got, a.Key)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRemove(t *testing.T) {
	r := cachetest.New(t)
	m := newMachine(t, r.Address, nil)
	o := store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(1)}}
	m.make(t, o, fill(t))
	l, err := m.List(t.Context(), func() {})
	if err != nil || len(l.Artifacts) != 1 {
		t.Fatalf("%+v: %v", l, err)
	}
	r.Fixed = true
	if err := m.Remove(t.Context(), l.Artifacts[0]); err == nil || !strings.Contains(err.Error(), "removes nothing") {
		t.Errorf("%v", err)
	}
	r.Fixed = false
	if err := m.Remove(t.Context(), l.Artifacts[0]); err != nil || len(r.Manifests) > 0 {
		t.Errorf("%v: %v", r.Manifests, err)
	}
	again := newMachine(t, r.Address, m) // what was removed is pushed again, also by who had pushed it
	again.make(t, o, fill(t))
	if err := m.Put(t.Context(), o); err != nil || len(r.Manifests) != 1 {
		t.Errorf("%v: %v", r.Manifests, err)
	}
}
