package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"umlab/harness/fetch"
	"umlab/harness/progress"
)

// fetchable is an archive with the packages of some bodies, and those packages.
func fetchable(t *testing.T, bodies ...[]byte) (*testArchive, *Client, []Package) {
	t.Helper()
	a := newTestArchive(t)
	var list strings.Builder
	for i, b := range bodies {
		list.WriteString(a.addDeb(fmt.Sprintf("p%d", i), "1", b))
	}
	a.publish(published{suite: "test", packages: list.String()})
	c := a.client()
	archive, err := c.Open(t.Context(), []Suite{{Name: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	pkgs, err := archive.Match("*")
	if err != nil {
		t.Fatal(err)
	}
	return a, c, pkgs
}

// A countingSink adds up what its tasks report.
type countingSink struct {
	progress.Discard
	mu          sync.Mutex
	total, done int64
	ended       int
}

func (s *countingSink) Start(_ string, unit progress.Unit, total int64) progress.Task {
	s.total += total
	return &countingTask{s}
}

type countingTask struct{ s *countingSink }

func (k *countingTask) Add(n int64) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.s.done += n
}
func (k *countingTask) Total(int64)   {}
func (k *countingTask) Status(string) {}
func (k *countingTask) Done(error)    { k.s.ended++ }

func TestFetch(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 50_000)
	a, c, pkgs := fetchable(t, big, []byte("two"), []byte("three"))
	for range 2 { // the second time from the store
		sink := &countingSink{}
		c.Progress = sink
		files, err := c.Fetch(t.Context(), pkgs)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]byte{big, []byte("two"), []byte("three")} {
			got, err := os.ReadFile(files[i].Path)
			if err != nil || !bytes.Equal(got, want) || files[i].Package != pkgs[i] {
				t.Errorf("%d: %d bytes, %v, %s", i, len(got), err, files[i].Package)
			}
		}
		if want := int64(len(big) + 8); sink.total != want || sink.done != want || sink.ended != 1 {
			t.Errorf("progress %+v, want %d", sink, want)
		}
	}
	if n := a.requests("/" + pkgs[0].Filename); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestFetchTampered(t *testing.T) {
	good := bytes.Repeat([]byte("x"), 1000)
	a, c, pkgs := fetchable(t, good)
	path := "/" + pkgs[0].Filename
	bad := bytes.Clone(good)
	bad[500] ^= 1
	for name, body := range map[string][]byte{"changed": bad, "with a tail": append(bytes.Clone(good), 'x')} {
		a.files[path] = body
		_, err := c.Fetch(t.Context(), pkgs)
		var digest *fetch.DigestError
		if !errors.As(err, &digest) || digest.URL != a.URL+path || !strings.HasPrefix(err.Error(), "fetch p0_1_amd64.deb: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	a.files[path] = good
	if _, err := c.Fetch(t.Context(), pkgs); err != nil {
		t.Errorf("what was refused before: %v", err)
	}
}

// cut answers with so many bytes of body and then drops the connection.
func cut(w http.ResponseWriter, r *http.Request, status int, body []byte, n int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body[:n])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestFetchTruncated(t *testing.T) {
	body := make([]byte, 300_000)
	for i := range body {
		body[i] = byte(i * 7 >> 3)
	}
	for _, tt := range []struct {
		name   string
		serve  func(n int64, w http.ResponseWriter, r *http.Request) bool // n: number of the request
		ranges string
		err    bool
	}{
		{"once, then goes on", func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				cut(w, r, 200, body, 100_000)
			}
			return false
		}, "|bytes=100000-", false},
		{"once, and no ranges", func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				cut(w, r, 200, body, 100_000)
			}
			_, _ = w.Write(body)
			return true
		}, "|bytes=100000-", false},
		{"server error, then well", func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n < 3 {
				w.WriteHeader(503)
			}
			return n < 3
		}, "||", false},
		{"always", func(n int64, w http.ResponseWriter, r *http.Request) bool {
			cut(w, r, 200, body, 100_000)
			return true
		}, "|bytes=100000-|bytes=100000-", true},
		{"politely", func(n int64, w http.ResponseWriter, r *http.Request) bool {
			_, _ = w.Write(body[:100_000])
			return true
		}, "|bytes=100000-|bytes=100000-", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, c, pkgs := fetchable(t, body)
			var n atomic.Int64
			var ranges []string
			a.serve = func(w http.ResponseWriter, r *http.Request) bool {
				ranges = append(ranges, r.Header.Get("Range"))
				return tt.serve(n.Add(1), w, r)
			}
			_, err := c.Fetch(t.Context(), pkgs)
			var short *fetch.TruncatedError
			if errors.As(err, &short) != tt.err || (err != nil) != tt.err {
				t.Errorf("%v", err)
			}
			if tt.err && (short.Got != 100_000 || short.Want != int64(len(body))) {
				t.Errorf("%+v", short)
			}
			if got := strings.Join(ranges, "|"); got != tt.ranges {
				t.Errorf("ranges %q, want %q", got, tt.ranges)
			}
		})
	}
}

func TestFetchStatus(t *testing.T) {
	a, c, pkgs := fetchable(t, []byte("x"))
	for code, requests := range map[int]int64{403: 1, 404: 1, 500: 3} {
		var n atomic.Int64
		a.serve = func(w http.ResponseWriter, r *http.Request) bool {
			n.Add(1)
			w.WriteHeader(code)
			return true
		}
		_, err := c.Fetch(t.Context(), pkgs)
		var status *fetch.StatusError
		if !errors.As(err, &status) || status.Code != code || n.Load() != requests {
			t.Errorf("%v after %d requests", err, n.Load())
		}
	}
}

func TestFetchStalled(t *testing.T) {
	a, c, pkgs := fetchable(t, []byte("xyz"))
	c.HTTP.Stall = 20 * time.Millisecond
	a.serve = func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write([]byte("x"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	}
	_, err := c.Fetch(t.Context(), pkgs)
	var network *fetch.NetworkError
	if !errors.As(err, &network) || network.Offline || !strings.Contains(err.Error(), "stopped sending") {
		t.Errorf("%v", err)
	}
}

func TestFetchNoNetwork(t *testing.T) {
	a, c, pkgs := fetchable(t, []byte("x"), []byte("y"))
	a.Close()
	_, err := c.Fetch(t.Context(), pkgs)
	var network *fetch.NetworkError
	if !errors.As(err, &network) || !network.Offline {
		t.Errorf("%v", err)
	}
}

func TestFetchDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full: ", err)
	}
	_, c, pkgs := fetchable(t, []byte("x"))
	c.Files = &testStore{dir: t.TempDir(), sink: "/dev/full"}
	_, err := c.Fetch(t.Context(), pkgs)
	var full *diskFullError
	if !errors.As(err, &full) || !strings.HasPrefix(err.Error(), "fetch p0_1_amd64.deb: disk full") {
		t.Errorf("%v", err)
	}
}

func TestFetchCancelled(t *testing.T) {
	a, c, pkgs := fetchable(t, []byte("x"), []byte("y"))
	ctx, cancel := context.WithCancel(t.Context())
	a.serve = func(w http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	}
	if _, err := c.Fetch(ctx, pkgs); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := c.Fetch(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing to fetch: %v", err)
	}
}

func TestPasswordIsHidden(t *testing.T) {
	a := newTestArchive(t)
	c := a.client()
	c.Mirror = strings.Replace(a.URL, "://", "://user:secret@", 1)
	_, missing := c.Open(t.Context(), []Suite{{Name: "s"}})
	a.Close()
	_, offline := c.Open(t.Context(), []Suite{{Name: "s"}})
	for _, err := range []error{missing, offline} {
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}
