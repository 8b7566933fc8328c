package debian

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"umlab/harness/progress"
)

// A session is the network side of one Open or Fetch.
type session struct {
	http   *http.Client
	pauses []time.Duration
	stall  time.Duration
}

// session returns the network side and what closes it.
func (c *Client) session() (*session, func()) {
	s := &session{c.HTTP, c.Pauses, c.Stall}
	if s.pauses == nil {
		s.pauses = []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second}
	}
	if s.stall == 0 {
		s.stall = 30 * time.Second
	}
	if s.http != nil {
		return s, func() {}
	}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: c.parallel(),
		ReadBufferSize:      64 << 10,
	}
	s.http = &http.Client{Transport: t}
	return s, t.CloseIdleConnections
}

// A transfer is one file on its way, over as many requests as it takes.
type transfer struct {
	url    string
	size   int64  // bytes; -1 where it is not known
	sha256 string // lower-case hex; "" where it is not known
	max    int64  // bytes at which to stop where size is not known
	w      io.Writer
	task   progress.Task

	got int64 // bytes written to w
	sum hash.Hash
}

// get runs t to its end. Network errors are retried; a retry goes on where the
// last attempt stopped, and the digest covers the whole. Errors of t.w are
// returned as they are.
func (s *session) get(ctx context.Context, t *transfer) error {
	t.sum = sha256.New()
	for attempt := 0; ; attempt++ {
		err := s.attempt(ctx, t)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("fetch %s: %w", redact(t.url), context.Cause(ctx))
		}
		if attempt >= len(s.pauses) || !worthRetrying(err) {
			return err
		}
		select {
		case <-time.After(s.pauses[attempt]):
		case <-ctx.Done():
			return fmt.Errorf("fetch %s: %w", redact(t.url), context.Cause(ctx))
		}
	}
	if got := hex.EncodeToString(t.sum.Sum(nil)); t.sha256 != "" && got != t.sha256 {
		return &DigestError{redact(t.url), "sha256 " + t.sha256, "sha256 " + got}
	}
	return nil
}

// errStalled ends an attempt that has received nothing for too long.
var errStalled = errors.New("the server sent nothing for too long")

// attempt makes one request for what is missing of t.
func (s *session) attempt(ctx context.Context, t *transfer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(s.stall, func() { cancel(errStalled) })
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return fmt.Errorf("%s: %w; check the mirror's address", redact(t.url), err)
	}
	// What is asked for is the file, not a compressed form of it.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "umlab")
	if t.got > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.got))
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return netError(ctx, t.url, err)
	}
	defer resp.Body.Close()

	skip := t.got
	switch {
	case resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", t.got)):
		skip = 0
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && t.got > 0:
		// The server's file ends where the last attempt did.
		return &TruncatedError{redact(t.url), t.size, t.got}
	default:
		return &StatusError{redact(t.url), resp.StatusCode}
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		watchdog.Reset(s.stall)
		b := buf[:n]
		dropped := min(skip, int64(n))
		skip, b = skip-dropped, b[dropped:]
		if len(b) > 0 {
			if t.size >= 0 && t.got+int64(len(b)) > t.size {
				return &DigestError{redact(t.url), fmt.Sprintf("%d bytes", t.size), "more"}
			}
			if t.size < 0 && t.got+int64(len(b)) > t.max {
				return &FormatError{redact(t.url), fmt.Errorf("longer than %d bytes", t.max)}
			}
			if _, err := t.w.Write(b); err != nil {
				return err
			}
			t.sum.Write(b)
			t.got += int64(len(b))
			t.task.Add(int64(len(b)))
		}
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF) && t.size >= 0 && t.got < t.size:
			want := t.size
			if want < 0 {
				want = resp.ContentLength
			}
			return &TruncatedError{redact(t.url), want, t.got}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return netError(ctx, t.url, err)
		}
	}
}

func netError(ctx context.Context, url string, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		err = cause
	}
	var op *net.OpError
	var dns *net.DNSError
	offline := errors.As(err, &dns) || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
	// *url.Error repeats the address, with any password of it.
	if u := errors.Unwrap(err); u != nil && strings.HasPrefix(err.Error(), "Get ") {
		err = u
	}
	return &NetworkError{redact(url), offline, err}
}

func isCertificate(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}

func worthRetrying(err error) bool {
	var network *NetworkError
	var short *TruncatedError
	var status *StatusError
	switch {
	case errors.As(err, &network):
		return !isCertificate(network.Err)
	case errors.As(err, &short):
		return true
	case errors.As(err, &status):
		return status.Code >= 500 || status.Code == http.StatusTooManyRequests || status.Code == http.StatusRequestTimeout
	}
	return false
}

// redact hides a password in an address.
func redact(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return s
}
