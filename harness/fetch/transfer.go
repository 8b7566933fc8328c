package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"umlab/harness/progress"
)

// worthwhile is how many bytes an attempt must bring for the count of attempts to
// begin anew: a large file may come over a connection that often breaks.
const worthwhile = 1 << 20

// A transfer is one file on its way, over as many requests as it takes.
type transfer struct {
	c       *Client
	f       File
	most    int64  // bytes to stop at; 0: any number
	restart func() // empties w; nil: w cannot be emptied

	w       io.Writer
	task    progress.Task
	got     int64 // bytes written to w
	sum     hash.Hash
	resumed bool   // it is put together of the answers to several requests
	same    string // ETag or Last-Modified of the first answer
	shown   int64  // bytes that task knows of
}

// into writes the file to w, from zero. Errors of w are returned as they are.
func (t *transfer) into(ctx context.Context, w io.Writer) (err error) {
	t.w, t.got, t.sum, t.resumed, t.same = w, 0, sha256.New(), false, ""
	if path, ok := t.f.local(); ok {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(t, f); err != nil {
			return err
		}
		return t.check()
	}
	switch {
	case t.f.Task != nil:
		t.task = t.f.Task
	case t.f.Sink != nil:
		t.task, t.shown = t.f.Sink.Start(t.f.Name, progress.Bytes, t.f.Size), 0
		defer func() { t.task.Done(err) }()
	default:
		t.task = progress.Discard{}.Start("", progress.None, 0)
	}
	if err := t.attempts(ctx, t.attempt); err != nil {
		return err
	}
	return t.check()
}

func (t *transfer) check() error {
	if got := hex.EncodeToString(t.sum.Sum(nil)); t.f.SHA256 != "" && got != t.f.SHA256 {
		return &DigestError{t.f.address(), "sha256 " + t.f.SHA256, "sha256 " + got, t.f.Advice}
	}
	return nil
}

// trickle is how many bytes an attempt must receive not to have stalled.
const trickle = 4 << 10

// mostStalls is how often in a row a server may stall: who waits wants to know within half a minute.
const mostStalls = 2

// errStalled ends an attempt that has received next to nothing for too long.
var errStalled = errors.New("the server stopped sending")

// attempts runs one until it succeeds, fails for good, has failed too often, or stalled
// twice. alive is to be called with the number of bytes whenever something arrives.
func (t *transfer) attempts(ctx context.Context, one func(ctx context.Context, alive func(n int)) error) error {
	if u, err := url.Parse(t.f.From); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%q is no URL that can be fetched: give one of https or http", t.f.address())
	}
	pauses, stall := t.c.Pauses, t.c.Stall
	if pauses == nil {
		pauses = []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second}
	}
	if stall == 0 {
		stall = 12 * time.Second
	}
	watched := func() error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		watch := time.AfterFunc(stall, func() { cancel(errStalled) })
		defer watch.Stop()
		since := 0
		return one(ctx, func(n int) {
			if since += n; since >= trickle {
				since = 0
				watch.Reset(stall)
			}
		})
	}
	had, stalls := int64(0), 0
	for failed := 0; ; failed++ {
		err := watched()
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("fetch %s: %w", t.f.address(), context.Cause(ctx))
		}
		if t.got-had >= worthwhile {
			failed, stalls, had = 0, 0, t.got
		}
		if errors.Is(err, errStalled) {
			stalls++
		}
		if err == nil || failed >= len(pauses) || stalls >= mostStalls || !worthRetrying(err) {
			return err
		}
		if t.task != nil {
			t.task.Status("asked again: " + brief(err))
		}
		select {
		case <-time.After(pauses[failed]):
		case <-ctx.Done():
			return fmt.Errorf("fetch %s: %w", t.f.address(), context.Cause(ctx))
		}
	}
}

// request asks for the file, or for what is missing of it.
func (t *transfer) request(ctx context.Context, method string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, t.f.From, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; check the address", t.f.address(), err)
	}
	// What is asked for is the file, not a compressed form of it.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "umlab")
	if t.got > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.got))
		if t.same != "" {
			req.Header.Set("If-Range", t.same)
		}
	}
	resp, err := t.c.http().Do(req)
	if err != nil {
		return nil, t.networkError(ctx, err)
	}
	switch {
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusPartialContent && t.got > 0:
		return resp, nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && t.got > 0:
		// The server's file ends where the last attempt did.
		err = &TruncatedError{t.f.address(), t.f.Size, t.got, t.f.Advice}
	default:
		err = &StatusError{t.f.address(), resp.StatusCode, t.f.Advice}
	}
	_ = resp.Body.Close()
	return nil, err
}

// attempt makes one request for what is missing.
func (t *transfer) attempt(ctx context.Context, alive func(n int)) error {
	if t.got > 0 && t.restart != nil {
		t.restart()
		t.got = 0
	}
	resp, err := t.request(ctx, http.MethodGet)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	skip := int64(0)
	switch begins, _, _ := strings.Cut(resp.Header.Get("Content-Range"), "-"); {
	case t.got == 0:
		t.same = validator(resp.Header)
		if t.f.Size == 0 && resp.ContentLength > 0 {
			t.task.Total(resp.ContentLength)
		}
	case resp.StatusCode == http.StatusOK:
		// All of it: the server knows no ranges, or has another object now. The
		// digest tells.
		t.resumed, skip = true, t.got
	case begins == fmt.Sprintf("bytes %d", t.got):
		t.resumed = true
	default:
		return &StatusError{t.f.address(), resp.StatusCode, t.f.Advice}
	}
	whole := t.f.Size
	if whole == 0 && resp.ContentLength > 0 {
		whole = t.got - skip + resp.ContentLength
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		alive(n)
		b := buf[:n]
		dropped := min(skip, int64(n))
		skip, b = skip-dropped, b[dropped:]
		if _, err := t.Write(b); err != nil {
			return err
		}
		if errors.Is(err, io.ErrUnexpectedEOF) && t.got == t.f.Size {
			err = io.EOF // all of it came, whatever the server said; the digest tells
		}
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF) && t.got < t.f.Size:
			return &TruncatedError{t.f.address(), whole, t.got, t.f.Advice}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return t.networkError(ctx, err)
		}
	}
}

// Write takes the next bytes of the file.
func (t *transfer) Write(b []byte) (int, error) {
	t.got += int64(len(b))
	switch {
	case t.f.Size > 0 && t.got > t.f.Size:
		return 0, &DigestError{t.f.address(), fmt.Sprintf("%d bytes", t.f.Size), "more", t.f.Advice}
	case t.most > 0 && t.got > t.most:
		return 0, fmt.Errorf("%s: it is longer than the %d bytes that such a file can have", t.f.address(), t.most)
	}
	if n, err := t.w.Write(b); err != nil {
		return n, err
	}
	t.sum.Write(b)
	if more := t.got - t.shown; more > 0 && t.task != nil {
		t.task.Add(more)
		t.shown = t.got
	}
	return len(b), nil
}

// validator is what a later request says the same object by; "": nothing does.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}
