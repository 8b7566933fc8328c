package oci

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"umlab/harness/cache"
	"umlab/harness/cache/cachetest"
	"umlab/harness/usage"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"oci://ghcr.io/me/umlab":         "https",
		"oci://localhost:5000/umlab":     "http",
		"oci://127.0.0.1:5000/umlab":     "http",
		"oci://[::1]:5000/umlab":         "http",
		"oci://registry.lan:5000/umlab":  "https",
		"oci://127.0.0.1.example/umlab":  "https",
		"oci://localhost.example/umlab":  "https",
		"https://ghcr.io/me/umlab":       "does not begin with oci://",
		"ghcr.io/me/umlab":               "does not begin with oci://",
		"oci://ghcr.io":                  "invalid reference",
		"oci://ghcr.io/me/umlab:latest":  "a tag or a digest",
		"oci://ghcr.io/Me/umlab":         "invalid reference",
		"oci://me:secret@ghcr.io/umlab":  "invalid reference",
		"oci://ghcr.io/me/umlab?insecur": "invalid reference",
	} {
		r, err := Open(address)
		if err != nil {
			if _, mistake := errors.AsType[*usage.Error](err); !mistake || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", address, err)
			}
			continue
		}
		if plain := r.(*registry).repo.PlainHTTP; plain != (want == "http") || want != "http" && want != "https" {
			t.Errorf("%s: plain is %v, and it was to be %q", address, plain, want)
		}
	}
}

// TestLogins: the logins are docker's.
func TestLogins(t *testing.T) {
	r := cachetest.New(t)
	r.Fault = func(w http.ResponseWriter, q *http.Request) bool {
		if name, password, ok := q.BasicAuth(); ok && name == "me" && password == "secret" {
			return false
		}
		w.Header().Set("Www-Authenticate", `Basic realm="registry"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		return true
	}
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	host, _, _ := strings.Cut(strings.TrimPrefix(r.Address, scheme), "/")
	for login, want := range map[string]bool{"me:secret": true, "me:wrong": false, "": false} {
		config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte(login)))
		if login == "" {
			config = "{}"
		}
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Open(r.Address)
		if err != nil {
			t.Fatal(err)
		}
		err = put(t, c, "text")
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "docker login "+host) {
			t.Errorf("%q: %v", login, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(r.Address); err == nil || !strings.Contains(err.Error(), "docker's config.json") {
		t.Errorf("%v", err)
	}
}

// put stores a blob.
func put(t *testing.T, c cache.Registry, text string) error {
	t.Helper()
	d := ocispec.Descriptor{Digest: digest.FromString(text), Size: int64(len(text))}
	return c.PutBlob(t.Context(), d, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
}

// TestSentAgain: a blob is sent again, whole, where the server failed for a while.
func TestSentAgain(t *testing.T) {
	r := cachetest.New(t)
	failed := 0
	r.Fault = func(w http.ResponseWriter, q *http.Request) bool {
		if q.Method != http.MethodPut || failed > 0 {
			return false
		}
		failed++
		_, _ = io.Copy(io.Discard, q.Body)
		http.Error(w, "{}", http.StatusServiceUnavailable)
		return true
	}
	c, err := Open(r.Address)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("text", 10000)
	if err := put(t, c, text); err != nil || failed != 1 {
		t.Fatalf("%v after %d failures", err, failed)
	}
	if got := r.Blobs[digest.FromString(text).String()]; string(got) != text {
		t.Errorf("%d bytes came of %d", len(got), len(text))
	}
}

// TestNoWayOutOfTLS: what is asked by HTTPS is not answered by plain HTTP.
func TestNoWayOutOfTLS(t *testing.T) {
	parse := func(text string) *http.Request {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Request{URL: u}
	}
	for _, test := range []struct {
		from, to string
		ok       bool
	}{
		{"https://a/", "https://b/", true}, {"https://a/", "http://a/", false}, {"http://localhost/", "http://localhost/2", true},
	} {
		if err := stayPrivate(parse(test.to), []*http.Request{parse(test.from)}); (err == nil) != test.ok {
			t.Errorf("%s to %s: %v", test.from, test.to, err)
		}
	}
	if err := stayPrivate(parse("https://a/"), slicesOf(parse("https://a/"), 10)); err == nil {
		t.Error("it goes on for ever")
	}
}

func slicesOf(r *http.Request, n int) (all []*http.Request) {
	for range n {
		all = append(all, r)
	}
	return all
}

// TestStalls: a request ends when nothing moves, and not while something does.
func TestStalls(t *testing.T) {
	const stall = time.Second
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/slow": // longer in all than may pass without a byte
			for range 12 {
				_, _ = w.Write([]byte("some"))
				w.(http.Flusher).Flush()
				time.Sleep(stall / 10)
			}
		case "/half":
			_, _ = w.Write([]byte("some"))
			w.(http.Flusher).Flush()
			<-gone
		default:
			<-gone
		}
	}))
	defer server.Close()
	defer close(gone)
	client := &http.Client{Transport: &watched{next: transport(), stall: stall}}
	for path, want := range map[string]error{"/slow": nil, "/half": errStalled, "/never": errStalled} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, bytes.NewReader(make([]byte, 1000)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
