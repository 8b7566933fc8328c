// Package cachetest is registries for tests: one as small as package cache needs it, that can be made to fail in any way, and
// Debian's own. It imports what fetches packages, and only tests import it.
package cachetest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Registry is an HTTP server that keeps blobs and manifests in memory.
type Registry struct {
	Address string // for UMLAB_CACHE

	// Fault, where it is not nil, may answer a request itself: then it returns true.
	Fault func(w http.ResponseWriter, r *http.Request) bool
	// Blobs are what is stored, by digest, manifests included; Manifests are the digests by tag. Tests change both at will, under Lock.
	Blobs     map[string][]byte
	Manifests map[string]string
	// Asked are the requests: "GET /v2/me/umlab/tags/list".
	Asked []string
	// Fixed says that it removes nothing.
	Fixed bool

	sync.Mutex
}

// New starts a registry that ends with the test.
func New(t testing.TB) *Registry {
	r := &Registry{Blobs: map[string][]byte{}, Manifests: map[string]string{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.Address = "oci://" + strings.TrimPrefix(server.URL, "http://") + "/me/umlab"
	return r
}

var route = regexp.MustCompile(`^/v2/me/umlab/(blobs/uploads|blobs|manifests|tags)/(.*)$`)

// ServeHTTP answers as the specification of OCI's distribution has it.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.Lock()
	r.Asked = append(r.Asked, q.Method+" "+q.URL.Path)
	fault := r.Fault
	r.Unlock()
	if fault != nil && fault(w, q) {
		return
	}
	m := route.FindStringSubmatch(q.URL.Path)
	if m == nil {
		if q.URL.Path != "/v2/" {
			http.Error(w, "{}", http.StatusNotFound)
		}
		return
	}
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	r.Lock()
	defer r.Unlock()
	sum := fmt.Sprintf("sha256:%x", sha256.Sum256(body))
	switch what, ref := m[1], m[2]; {
	case what == "blobs/uploads" && q.Method == http.MethodPost:
		w.Header().Set("Location", "/v2/me/umlab/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	case what == "blobs/uploads":
		if q.URL.Query().Get("digest") != sum {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		r.Blobs[sum] = body
		w.WriteHeader(http.StatusCreated)
	case what == "blobs":
		r.serve(w, q, "application/octet-stream", ref)
	case what == "tags":
		list := map[string]any{"name": "me/umlab", "tags": slices.Sorted(maps.Keys(r.Manifests))}
		_ = json.NewEncoder(w).Encode(list)
	case q.Method == http.MethodPut:
		r.Blobs[sum], r.Manifests[ref] = body, sum
		w.Header().Set("Docker-Content-Digest", sum)
		w.WriteHeader(http.StatusCreated)
	case q.Method == http.MethodDelete && r.Fixed:
		http.Error(w, `{"errors":[{"code":"UNSUPPORTED"}]}`, http.StatusMethodNotAllowed)
	case q.Method == http.MethodDelete:
		maps.DeleteFunc(r.Manifests, func(_, digest string) bool { return digest == ref })
		delete(r.Blobs, ref)
		w.WriteHeader(http.StatusAccepted)
	default:
		if !strings.HasPrefix(ref, "sha256:") {
			ref = r.Manifests[ref]
		}
		r.serve(w, q, "application/vnd.oci.image.manifest.v1+json", ref)
	}
}

// serve answers with a blob.
func (r *Registry) serve(w http.ResponseWriter, q *http.Request, kind, digest string) {
	b, ok := r.Blobs[digest]
	if !ok {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	if q.Method == http.MethodGet {
		_, _ = w.Write(b)
	}
}

// Manifest is the manifest of a tag, as JSON has it; nil for none.
func (r *Registry) Manifest(tag string) (m map[string]any) {
	r.Lock()
	defer r.Unlock()
	_ = json.Unmarshal(r.Blobs[r.Manifests[tag]], &m)
	return m
}
