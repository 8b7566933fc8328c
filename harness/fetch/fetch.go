// Package fetch gets files from servers over HTTP: it goes on where a connection
// broke, gives up on a server that sends nothing, tries again where that helps,
// and holds what arrives against its digest. It may import progress; it keeps no
// file itself (the caller's Store does), and knows nothing of what files are for.
package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"umlab/harness/progress"
)

// A Client fetches. Its fields are set before the first call and not changed
// after; a nil one is as good as the zero value. It is safe for concurrent use.
type Client struct {
	Pauses []time.Duration // before the second, third, ... attempt of a request; nil: 0.5 s, 2 s, 5 s
	Stall  time.Duration   // an attempt that receives next to nothing for so long has failed; 0: 12 s

	once sync.Once
	own  *http.Client // see http
}

// A File is one file of a server, or of this machine.
type File struct {
	From   string // URL of https or http, or a path
	Size   int64  // bytes that it must have; 0: not known
	SHA256 string // that it must have, lower-case hex; empty only for Bytes and Exists
	Advice Advice // for errors

	Name string        // of its task in the progress: "fetch linux-7.3.tar.xz"
	Sink progress.Sink // where that task shows; nil: nowhere
	Task progress.Task // instead of one of its own: that of several files. All of Size is added to it, also where the store has the file
}

// Advice is what errors say that the user can do.
type Advice struct {
	Elsewhere string // where else the file may be had: "set UMLAB_DEBIAN_MIRROR to another mirror"
	Missing   string // what to look at where the server has no such file
	Wrong     string // what a wrong digest means
}

// Tarball is a file that nothing but its digest vouches for, with a task called
// "fetch " and name.
func Tarball(name, from, sha256 string, sink progress.Sink) File {
	return File{From: from, SHA256: sha256, Name: "fetch " + name, Sink: sink, Advice: Advice{
		Elsewhere: "fetch the file yourself and give its path",
		Missing:   "check the address",
		Wrong:     "it is not the tarball that was meant; nothing of it was used",
	}}
}

// A Store is the caller's content-addressed cache of files.
type Store interface {
	// File returns the path of a file whose contents have the given sha256
	// (lower-case hex). Where it has none, it calls fetch, verifies what fetch
	// wrote, and keeps it. It is called concurrently. Errors of fetch are
	// returned so that errors.As still finds them.
	File(ctx context.Context, sha256 string, fetch func(ctx context.Context, w io.Writer) error) (path string, err error)
}

// Into returns the path of the file in the store, getting it where it is not
// there. Errors: see DigestError, TruncatedError, NetworkError, StatusError;
// those of the store are returned as they are.
func (c *Client) Into(ctx context.Context, st Store, f File) (path string, err error) {
	t := &transfer{c: c.orZero(), f: f}
	path, err = st.File(ctx, f.SHA256, t.into)
	var wrong *DigestError
	if t.resumed && errors.As(err, &wrong) {
		// The pieces may have been of two objects: once more, from zero.
		path, err = st.File(ctx, f.SHA256, t.into)
	}
	if err == nil && f.Task != nil {
		f.Task.Add(f.Size - t.shown) // what the store had
	}
	return path, err
}

// Bytes returns the content of a small file, of at most so many bytes. No digest
// vouches for it, so an attempt that failed is made from zero.
func (c *Client) Bytes(ctx context.Context, f File, most int64) ([]byte, error) {
	var buf bytes.Buffer
	f.SHA256 = ""
	t := &transfer{c: c.orZero(), f: f, most: most, restart: buf.Reset}
	err := t.into(ctx, &buf)
	return buf.Bytes(), err
}

// Exists reports whether there is such a file, without fetching it.
func (c *Client) Exists(ctx context.Context, f File) (bool, error) {
	if path, ok := f.local(); ok {
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	t := &transfer{c: c.orZero(), f: f}
	err := t.attempts(ctx, func(ctx context.Context, _ func(int)) error {
		resp, err := t.request(ctx, http.MethodHead)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	var status *StatusError
	if errors.As(err, &status) && status.Missing() {
		return false, nil
	}
	return err == nil, err
}

// Sum is a sha256 as File has it.
func Sum(sum string) (string, error) {
	if b, err := hex.DecodeString(sum); err != nil || len(b) != sha256.Size {
		return "", fmt.Errorf("%q is no sha256: give 64 hexadecimal digits", sum)
	}
	return strings.ToLower(sum), nil
}

// local is the path of a file of this machine.
func (f File) local() (path string, ok bool) { return f.From, !strings.Contains(f.From, "://") }

func (c *Client) orZero() *Client {
	if c == nil {
		return &Client{}
	}
	return c
}

// errRedirects says that a server leads on and on.
var errRedirects = errors.New("it was led on 10 times, and no file came")

func redirect(_ *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errRedirects
	}
	return nil
}

// http is the client of all requests; connections are kept for the next ones.
func (c *Client) http() *http.Client {
	c.once.Do(func() {
		c.own = &http.Client{CheckRedirect: redirect, Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: 15 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     30 * time.Second,
			ReadBufferSize:      64 << 10,
		}}
	})
	return c.own
}
