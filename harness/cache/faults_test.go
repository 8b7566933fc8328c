package cache_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umlab/harness/cache/cachetest"
	"umlab/harness/store"
)

// TestNothingWrongIsTaken changes what a registry has in every way in which it may lie, and finds that nothing of it is taken,
// that it is told why, and that nothing is left behind.
func TestNothingWrongIsTaken(t *testing.T) {
	e, other := store.Entry{Kind: "baseline", Key: key(1)}, store.Entry{Kind: "baseline", Key: key(2)}
	tag := "baseline-" + e.Key
	// change replaces the manifest of e's tag.
	change := func(t *testing.T, r *cachetest.Registry, edit func(m map[string]any)) {
		t.Helper()
		m := r.Manifest(tag)
		edit(m)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		r.Blobs["sha256:new"], r.Manifests[tag] = text, "sha256:new"
		r.Fault = func(w http.ResponseWriter, q *http.Request) bool {
			if !strings.Contains(q.URL.Path, "/manifests/"+tag) {
				return false
			}
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			_, _ = w.Write(text)
			return true
		}
	}
	part := func(m map[string]any, name string) map[string]any {
		if list, ok := m[name].([]any); ok {
			return list[0].(map[string]any)
		}
		return m[name].(map[string]any)
	}
	for name, test := range map[string]struct {
		lie  func(t *testing.T, r *cachetest.Registry)
		want string
	}{
		"another tag's artifact": {func(_ *testing.T, r *cachetest.Registry) {
			r.Manifests[tag] = r.Manifests["baseline-"+other.Key]
		}, "under the tag of another"},
		"another layer": {func(t *testing.T, r *cachetest.Registry) {
			change(t, r, func(m map[string]any) {
				var of map[string]any
				if err := json.Unmarshal(r.Blobs[r.Manifests["baseline-"+other.Key]], &of); err != nil {
					t.Fatal(err)
				}
				m["layers"] = of["layers"]
			})
		}, "another layer than was signed"},
		"another configuration": {func(t *testing.T, r *cachetest.Registry) {
			change(t, r, func(m map[string]any) {
				var of map[string]any
				if err := json.Unmarshal(r.Blobs[r.Manifests["baseline-"+other.Key]], &of); err != nil {
					t.Fatal(err)
				}
				m["config"] = of["config"]
			})
		}, "its signature by you is wrong"},
		"an annotation": {func(t *testing.T, r *cachetest.Registry) {
			change(t, r, func(m map[string]any) { part(m, "annotations")["org.opencontainers.image.title"] = "linux 9" })
		}, "the annotation org.opencontainers.image.title"},
		"no signature": {func(t *testing.T, r *cachetest.Registry) {
			change(t, r, func(m map[string]any) { delete(part(m, "annotations"), "umlab.signature") })
		}, "nobody signed it"},
		"no manifest of umlab's": {func(t *testing.T, r *cachetest.Registry) {
			change(t, r, func(m map[string]any) { part(m, "config")["mediaType"] = "application/vnd.oci.image.config.v1+json" })
		}, "none of umlab's"},
		"no JSON": {func(_ *testing.T, r *cachetest.Registry) {
			r.Fault = func(w http.ResponseWriter, q *http.Request) bool {
				if strings.Contains(q.URL.Path, "/manifests/") {
					w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
					fmt.Fprint(w, "<html>log in</html>")
					return true
				}
				return false
			}
		}, "is no JSON"},
		"a byte of the layer": {func(_ *testing.T, r *cachetest.Registry) {
			b := r.Blobs[part(r.Manifest(tag), "layers")["digest"].(string)]
			b[len(b)/2] ^= 1
		}, "what came has"},
		"a byte of the configuration": {func(_ *testing.T, r *cachetest.Registry) {
			b := r.Blobs[part(r.Manifest(tag), "config")["digest"].(string)]
			b[len(b)/2] ^= 1
		}, "what came has"},
		"a layer that is gone": {func(_ *testing.T, r *cachetest.Registry) {
			delete(r.Blobs, part(r.Manifest(tag), "layers")["digest"].(string))
		}, "a part of it is not there"},
		"half of the layer": {func(_ *testing.T, r *cachetest.Registry) {
			r.Fault = func(w http.ResponseWriter, q *http.Request) bool {
				d := part(r.Manifest(tag), "layers")
				if !strings.HasSuffix(q.URL.Path, d["digest"].(string)) {
					return false
				}
				w.Header().Set("Content-Length", fmt.Sprint(d["size"]))
				r.Lock()
				defer r.Unlock()
				_, _ = w.Write(r.Blobs[d["digest"].(string)][:100])
				return true
			}
		}, "cannot be asked"},
		"errors": {func(_ *testing.T, r *cachetest.Registry) {
			r.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, `{"errors":[{"code":"UNKNOWN","message":"out of order"}]}`, http.StatusBadGateway)
				return true
			}
		}, "cannot be asked"},
		"no login": {func(_ *testing.T, r *cachetest.Registry) {
			r.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Www-Authenticate", `Basic realm="x"`)
				http.Error(w, "{}", http.StatusUnauthorized)
				return true
			}
		}, "log in: docker login 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := cachetest.New(t)
			here := newMachine(t, r.Address, nil)
			here.make(t, store.Offered{Entry: e, Of: "baseline of x"}, fill(t))
			here.make(t, store.Offered{Entry: other, Of: "baseline of y"}, func(dir string) {
				write(t, filepath.Join(dir, "build/linux"), "another kernel", 0o755, long)
			})
			test.lie(t, r)
			there := newMachine(t, r.Address, here)
			if there.Pull(t.Context(), e.Kind, e.Key) {
				t.Error("it was taken")
			}
			if said := there.said.all(); !strings.Contains(said, test.want) || strings.Count(said, "\n") > 0 {
				t.Errorf("it says %q, not %q in one line", said, test.want)
			}
			there.empty(t)
		})
	}
}

func TestAStrangersSignatureIsNotTaken(t *testing.T) {
	r := cachetest.New(t)
	stranger := newMachine(t, r.Address, nil)
	e := store.Entry{Kind: "baseline", Key: key(1)}
	stranger.make(t, store.Offered{Entry: e, Of: "baseline of x"}, fill(t))
	here := newMachine(t, r.Address, nil)
	if here.Pull(t.Context(), e.Kind, e.Key) {
		t.Fatal("a stranger's baseline was taken")
	}
	said := here.said.all()
	allowed := filepath.Join(here.own, "allowed_signers")
	if !strings.Contains(said, allowed) {
		t.Errorf("the file is not named: %s", said)
	}
	here.empty(t)
	// The line that it tells is the one that makes it believed.
	_, line, _ := strings.Cut(said, "add the line ")
	line, _, _ = strings.Cut(line, ";")
	if err := os.WriteFile(allowed, []byte(line+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	again := newMachine(t, r.Address, here)
	if !again.Pull(t.Context(), e.Kind, e.Key) {
		t.Errorf("it is still not taken: %s", again.said.all())
	}
}

func TestWhatAStrangerPutThereIsReplaced(t *testing.T) {
	r := cachetest.New(t)
	e := store.Entry{Kind: "baseline", Key: key(1)}
	newMachine(t, r.Address, nil).make(t, store.Offered{Entry: e}, fill(t))
	here := newMachine(t, r.Address, nil)
	here.make(t, store.Offered{Entry: e}, fill(t))
	if again := newMachine(t, r.Address, here); !again.Pull(t.Context(), e.Kind, e.Key) {
		t.Error(again.said.all())
	}
	if said := here.said.all(); !strings.Contains(said, "it is replaced by what this store has") {
		t.Errorf("nothing is said of it: %q", said)
	}
}

// TestALayerThatIsLostComesBack: who meets an artifact without its layer, and makes it again, puts it there.
func TestALayerThatIsLostComesBack(t *testing.T) {
	r := cachetest.New(t)
	first := newMachine(t, r.Address, nil)
	o := store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(1)}}
	first.make(t, o, fill(t))
	delete(r.Blobs, r.Manifest("baseline-" + o.Key)["layers"].([]any)[0].(map[string]any)["digest"].(string))
	second := newMachine(t, r.Address, first)
	if second.Pull(t.Context(), o.Kind, o.Key) {
		t.Fatal("it was pulled without a layer")
	}
	second.make(t, o, fill(t))
	if third := newMachine(t, r.Address, first); !third.Pull(t.Context(), o.Kind, o.Key) {
		t.Error(third.said.all())
	}
}

func TestAFullRegistryKeepsNothingFromTheRun(t *testing.T) {
	r := cachetest.New(t)
	r.Fault = func(w http.ResponseWriter, q *http.Request) bool {
		if q.Method != http.MethodPut {
			return false
		}
		http.Error(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"quota of 1 GB is used up"}]}`, http.StatusInsufficientStorage)
		return true
	}
	m := newMachine(t, r.Address, nil)
	for n := range 3 {
		m.make(t, store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(n)}}, fill(t))
	}
	said := m.said.all()
	if strings.Count(said, "\n") > 0 || !strings.Contains(said, "quota of 1 GB is used up; nothing is for 5 minutes") {
		t.Errorf("it says %q", said)
	}
	if len(r.Manifests) > 0 {
		t.Error("half an artifact has a tag")
	}
}

func TestARegistryThatIsGoneIsAskedOnce(t *testing.T) {
	m := newMachine(t, "oci://127.0.0.1:1/me/umlab", nil)
	for n := range 3 {
		if m.Pull(t.Context(), "baseline", key(n)) {
			t.Fatal("it was pulled")
		}
	}
	if said := m.said.all(); strings.Count(said, "\n") > 0 || !strings.Contains(said, "oci://127.0.0.1:1/me/umlab cannot be asked") {
		t.Errorf("it says %q", said)
	}
	m.empty(t)
}

// TestACacheThatComesBackIsUsedAgain: a worker lives longer than a registry is away.
func TestACacheThatComesBackIsUsedAgain(t *testing.T) {
	r := cachetest.New(t)
	away := func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, `{"errors":[{"code":"DENIED"}]}`, http.StatusForbidden)
		return true
	}
	o := store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(1)}}
	m := newMachine(t, r.Address, nil)
	now := time.Now()
	m.Now = func() time.Time { return now }
	r.Fault = away
	m.make(t, o, fill(t))
	r.Fault = nil
	if m.Pull(t.Context(), "baseline", key(2)); len(r.Manifests) > 0 {
		t.Fatal("it was pushed")
	}
	for later, want := range []int{0, 1} {
		now = now.Add(time.Duration(later) * time.Hour)
		if m.make(t, o, fill(t)); len(r.Manifests) != want {
			t.Errorf("after %d hours it has %d artifacts: %s", later, len(r.Manifests), m.said.all())
		}
	}
}

// TestWaitingEndsAlone: who waits no longer does not end the pushing.
func TestWaitingEndsAlone(t *testing.T) {
	r := cachetest.New(t)
	m := newMachine(t, r.Address, nil)
	hold, held := make(chan struct{}), make(chan struct{})
	r.Fault = func(w http.ResponseWriter, q *http.Request) bool {
		if q.Method == http.MethodPost {
			select {
			case held <- struct{}{}:
			default:
			}
			<-hold
		}
		return false
	}
	o := store.Offered{Entry: store.Entry{Kind: "baseline", Key: key(1)}}
	if _, _, err := m.store.Dir(t.Context(), o.Kind, o.Key, dirs(fill(t))); err != nil {
		t.Fatal(err)
	}
	m.Offer(o)
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.Wait(ctx)
	close(hold)
	m.Wait(t.Context())
	if len(r.Manifests) != 1 {
		t.Errorf("it was not pushed: %s", m.said.all())
	}
}

// TestNotShared: what is of no kind that is shared, or no name at all, asks nothing.
func TestNotShared(t *testing.T) {
	r := cachetest.New(t)
	m := newMachine(t, r.Address, nil)
	for _, e := range []store.Entry{{Kind: "run", Key: key(1)}, {Kind: "baseline", Key: "../../x"}, {Kind: "", Key: ""}} {
		if m.Pull(t.Context(), e.Kind, e.Key) {
			t.Errorf("%v was pulled", e)
		}
		m.Offer(store.Offered{Entry: e})
	}
	m.Wait(t.Context())
	if len(r.Asked) > 0 {
		t.Errorf("it was asked %v", r.Asked)
	}
}

// TestNoKeyNoPush: who only reads has no key of its own.
func TestNoKeyNoPush(t *testing.T) {
	r := cachetest.New(t)
	author := newMachine(t, r.Address, nil)
	e := store.Entry{Kind: "baseline", Key: key(1)}
	author.make(t, store.Offered{Entry: e}, fill(t))
	reader := &machine{own: t.TempDir()}
	key, err := os.ReadFile(filepath.Join(author.own, "cache_key"))
	if err != nil {
		t.Fatal(err)
	}
	line := publicOf(t, key)
	if err := os.WriteFile(filepath.Join(reader.own, "allowed_signers"), bytes.TrimSpace([]byte("author "+line)), 0o644); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, r.Address, reader)
	if !m.Pull(t.Context(), e.Kind, e.Key) {
		t.Error(m.said.all())
	}
	before := len(r.Asked)
	m.make(t, store.Offered{Entry: store.Entry{Kind: "baseline", Key: store.Key("another")}}, fill(t))
	if len(r.Asked) != before {
		t.Errorf("without a key it pushes: %v", r.Asked[before:])
	}
}
