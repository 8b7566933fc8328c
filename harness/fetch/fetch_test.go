package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umlab/harness/progress"
)

// body is what the tests' server has, in pieces that differ.
var body = func() []byte {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}()

// an answer to one request; the last of several is given to all that follow.
type answer struct {
	etag   string
	data   []byte // nil: body
	cut    int    // bytes after which the connection is dropped; 0: it is not
	hang   bool   // instead of dropping it, nothing more is sent
	ranges bool   // are honoured
	status int
	leads  string // another address
	says   int    // bytes that the answer is said to have
	never  bool   // ends
}

// serve answers in that order and notes the Range and If-Range of the requests.
func serve(t *testing.T, answers ...answer) (url string, asked func() string) {
	var ranges []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[min(len(ranges), len(answers)-1)]
		ranges = append(ranges, strings.TrimSpace(r.Header.Get("Range")+" "+r.Header.Get("If-Range")))
		data := a.data
		if data == nil {
			data = body
		}
		if a.etag != "" {
			w.Header().Set("ETag", a.etag)
		}
		switch {
		case a.leads != "":
			http.Redirect(w, r, a.leads, http.StatusFound)
		case a.says != 0:
			w.Header().Set("Content-Length", fmt.Sprint(a.says))
			_, _ = w.Write(data[:min(a.says, len(data))])
		case a.never:
			for r.Context().Err() == nil {
				_, _ = w.Write(data)
			}
		case a.status != 0:
			w.WriteHeader(a.status)
		case a.cut > 0:
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:a.cut])
			_ = http.NewResponseController(w).Flush()
			if a.hang {
				<-r.Context().Done()
			}
			panic(http.ErrAbortHandler)
		case a.ranges:
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		default:
			_, _ = w.Write(data)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/file", func() string { return strings.Join(ranges, "|") }
}

// files is a Store that keeps nothing.
type files struct{ dir string }

func (s files) File(ctx context.Context, sum string, fetch func(context.Context, io.Writer) error) (string, error) {
	f, err := os.Create(filepath.Join(s.dir, sum))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return f.Name(), fetch(ctx, f)
}

func client() *Client { return &Client{Pauses: []time.Duration{0, 0}, Stall: time.Minute} }

func TestInto(t *testing.T) {
	other := bytes.Clone(body)
	other[3] ^= 1
	sum := fmt.Sprintf("%x", sha256.Sum256(body))
	for name, c := range map[string]struct {
		answers []answer
		size    int64
		asked   string
		err     any // a pointer to the error's type; nil: none
	}{
		"whole":                             {[]answer{{}}, 0, "", nil},
		"cut, then goes on":                 {[]answer{{cut: 100_000}, {ranges: true}}, 0, "|bytes=100000-", nil},
		"the same object, says the server":  {[]answer{{cut: 100_000, etag: `"a"`}, {ranges: true, etag: `"a"`}}, 0, `|bytes=100000- "a"`, nil},
		"a weak tag says nothing":           {[]answer{{cut: 100_000, etag: `W/"a"`}, {ranges: true}}, 0, `|bytes=100000-`, nil},
		"another object by its tag":         {[]answer{{cut: 100_000, etag: `"a"`, data: other}, {ranges: true, etag: `"b"`}}, 0, `|bytes=100000- "a"|`, nil},
		"no ranges":                         {[]answer{{cut: 100_000}, {}}, 0, "|bytes=100000-", nil},
		"put together wrongly, then anew":   {[]answer{{cut: 100_000, data: other}, {ranges: true}}, 0, "|bytes=100000-|", nil},
		"put together wrongly, twice":       {[]answer{{cut: 100_000, data: other}, {ranges: true}, {data: other}}, 0, "|bytes=100000-|", new(*DigestError)},
		"wrong in one piece is final":       {[]answer{{data: other}}, 0, "", new(*DigestError)},
		"said to be longer than it is":      {[]answer{{says: 400_000}}, 300_000, "", nil},
		"and its length is not known":       {[]answer{{says: 400_000}, {ranges: true}}, 0, "|bytes=300000-|bytes=300000-", new(*TruncatedError)},
		"longer than it may be":             {[]answer{{}}, 1000, "", new(*DigestError)},
		"cut each time, and brings nothing": {[]answer{{cut: 100_000}}, 0, "|bytes=100000-|bytes=100000-", new(*TruncatedError)},
		"the server's file ends there":      {[]answer{{cut: 100_000}, {status: 416}, {ranges: true}}, 0, "|bytes=100000-|bytes=100000-", nil},
		"another part":                      {[]answer{{cut: 100_000}, {status: 206}}, 0, "|bytes=100000-", new(*StatusError)},
		"server error, then well":           {[]answer{{status: 503}, {}}, 0, "|", nil},
		"not there":                         {[]answer{{status: 404}, {}}, 0, "", new(*StatusError)},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := serve(t, c.answers...)
			f := Tarball("x", url, sum, progress.Discard{})
			f.Size = c.size
			path, err := client().Into(t.Context(), files{t.TempDir()}, f)
			if got := asked(); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			if c.err != nil {
				if err == nil || !errors.As(err, c.err) {
					t.Errorf("%v, want a %T", err, c.err)
				}
				return
			}
			if got, rerr := os.ReadFile(path); err != nil || rerr != nil || !bytes.Equal(got, body) {
				t.Errorf("%v, %v, %d bytes", err, rerr, len(got))
			}
		})
	}
}

// A connection that breaks often, and each time brings much, is gone on with.
func TestIntoBreaksOften(t *testing.T) {
	big := bytes.Repeat(body, 20)
	n, cuts := 0, 5
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		from := (n - 1) * worthwhile
		if n > 1 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(big)-1, len(big)))
			w.WriteHeader(http.StatusPartialContent)
		}
		if n > cuts {
			_, _ = w.Write(big[from:])
			return
		}
		_, _ = w.Write(big[from : from+worthwhile])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	f := Tarball("x", srv.URL, fmt.Sprintf("%x", sha256.Sum256(big)), progress.Discard{})
	if _, err := client().Into(t.Context(), files{t.TempDir()}, f); err != nil || n != cuts+1 {
		t.Errorf("%v after %d requests", err, n)
	}
}

// Whatever a server does wrong, the error names the file and what the user can do, and what cannot become right is asked for once.
func TestMistakesOfServers(t *testing.T) {
	sum := fmt.Sprintf("%x", sha256.Sum256(body))
	const elsewhere, wrong = "fetch the file yourself and give its path", "nothing of it was used"
	for name, c := range map[string]struct {
		answer   answer
		says, do string
		requests int
	}{
		"stalls":                        {answer{cut: 100_000, hang: true}, "stopped sending", elsewhere, mostStalls},
		"cuts":                          {answer{cut: 100_000}, "truncated: 100000 of 300000 bytes arrived", elsewhere, 3},
		"says less than it has":         {answer{says: 200_000}, "truncated: 200000 of 300000 bytes arrived", elsewhere, 3},
		"never ends":                    {answer{never: true}, "digest mismatch: it should have 300000 bytes", wrong, 1},
		"500":                           {answer{status: 500}, "HTTP status 500", elsewhere, 3},
		"502":                           {answer{status: 502}, "HTTP status 502", elsewhere, 3},
		"503":                           {answer{status: 503}, "HTTP status 503", elsewhere, 3},
		"429":                           {answer{status: 429}, "HTTP status 429", elsewhere, 3},
		"404":                           {answer{status: 404}, "HTTP status 404", "check the address", 1},
		"403":                           {answer{status: 403}, "HTTP status 403", elsewhere, 1},
		"leads in a circle":             {answer{leads: "/file"}, "led on 10 times", elsewhere, 10},
		"leads to what is no server":    {answer{leads: "file:///etc/passwd"}, "unsupported protocol scheme", elsewhere, 3},
		"leads to where nobody answers": {answer{leads: "http://127.0.0.1:9/file"}, "no network", elsewhere, 3},
		"another file":                  {answer{data: bytes.Repeat([]byte("x"), len(body))}, "digest mismatch", wrong, 1},
		"an empty file":                 {answer{data: []byte{}}, "truncated: 0 of 300000 bytes arrived", elsewhere, 3},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := serve(t, c.answer)
			f := Tarball("x", url, sum, progress.Discard{})
			f.Size = int64(len(body))
			cl := client()
			if c.answer.hang {
				cl.Stall = 500 * time.Millisecond
			}
			_, err := cl.Into(t.Context(), files{t.TempDir()}, f)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{url, c.says, c.do} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
			if n := strings.Count(asked(), "|") + 1; n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
		})
	}
}

func TestIntoStalled(t *testing.T) {
	url, asked := serve(t, answer{cut: 100_000, hang: true})
	c := client()
	c.Stall = 500 * time.Millisecond // on a busy machine the first bytes take a while
	_, err := c.Into(t.Context(), files{t.TempDir()}, Tarball("x", url, strings.Repeat("0", 64), progress.Discard{}))
	var network *NetworkError
	if !errors.As(err, &network) || network.Offline || !errors.Is(err, errStalled) || !strings.HasPrefix(asked(), "|bytes=") {
		t.Errorf("%v, asked %q", err, asked())
	}
	if n := strings.Count(asked(), "|") + 1; n != mostStalls {
		t.Errorf("a server that stalls was asked %d times: %s", n, asked())
	}
}

// Who sends a byte now and then stalls as well.
func TestTrickle(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	}))
	defer srv.Close()
	c := client()
	c.Stall = 30 * time.Millisecond
	if _, err := c.Bytes(t.Context(), File{From: srv.URL}, 1<<20); !errors.Is(err, errStalled) {
		t.Errorf("%v", err)
	}
}

func TestIntoLocal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	f := File{From: path, SHA256: fmt.Sprintf("%x", sha256.Sum256(body))}
	if _, err := (*Client)(nil).Into(t.Context(), files{t.TempDir()}, f); err != nil {
		t.Error(err)
	}
	f.SHA256 = strings.Repeat("0", 64)
	var wrong *DigestError
	if _, err := (*Client)(nil).Into(t.Context(), files{t.TempDir()}, f); !errors.As(err, &wrong) || wrong.URL != path {
		t.Error(err)
	}
}

func TestBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	// Nothing says that two pieces are of one object, so an answer that was cut is
	// asked for anew.
	url, asked := serve(t, answer{cut: 1000}, answer{ranges: true})
	for _, from := range []string{path, url} {
		b, err := client().Bytes(t.Context(), File{From: from}, 1<<20)
		if err != nil || !bytes.Equal(b, body) {
			t.Errorf("%s: %d bytes, %v", from, len(b), err)
		}
		if _, err := client().Bytes(t.Context(), File{From: from}, 1000); err == nil || !strings.Contains(err.Error(), "longer than the 1000 bytes") {
			t.Errorf("%s: %v", from, err)
		}
	}
	if asked() != "||" {
		t.Errorf("asked %q", asked())
	}
}

func TestExists(t *testing.T) {
	for status, want := range map[int]bool{200: true, 404: false, 403: false, 410: false} {
		url, _ := serve(t, answer{status: status})
		if got, err := client().Exists(t.Context(), File{From: url}); got != want || err != nil {
			t.Errorf("%d: %t, %v", status, got, err)
		}
	}
	url, asked := serve(t, answer{status: 500})
	if got, err := client().Exists(t.Context(), File{From: url}); got || err == nil || asked() != "||" {
		t.Errorf("%t, %v, asked %q", got, err, asked())
	}
	if got, err := client().Exists(t.Context(), File{From: t.TempDir() + "/none"}); got || err != nil {
		t.Errorf("%t, %v", got, err)
	}
}

func TestNoURL(t *testing.T) {
	for _, from := range []string{"ftp://h/x", "file:///etc/passwd", "https://", "http:///x"} {
		if _, err := client().Bytes(t.Context(), File{From: from}, 1); err == nil || !strings.Contains(err.Error(), "no URL that can be fetched") {
			t.Errorf("%s: %v", from, err)
		}
	}
}
