package oci

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// stall is for how long nothing may come or go before a request has failed. Of large blobs, registries say nothing until they have
// stored them.
const stall = time.Minute

// errStalled ends a request in which nothing moves.
var errStalled = errors.New("the registry stopped answering")

// watched ends requests in which nothing moves.
type watched struct {
	next  http.RoundTripper
	stall time.Duration
}

// RoundTrip makes one request.
func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(w.stall, func() { cancel(errStalled) })
	alive := func() { timer.Reset(w.stall) }
	over := func() {
		timer.Stop()
		cancel(nil)
	}
	sent := req.Clone(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		sent.Body = &moving{req.Body, alive, func() {}, ctx}
	}
	resp, err := w.next.RoundTrip(sent)
	if err != nil {
		err = stalled(ctx, err)
		over()
		return nil, err
	}
	alive()
	resp.Body = &moving{resp.Body, alive, over, ctx}
	resp.Request = req
	return resp, nil
}

// stalled is err, or that it stalled, where that is the reason.
func stalled(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// moving is a body that tells that it is read.
type moving struct {
	io.ReadCloser
	alive, over func()
	ctx         context.Context
}

func (m *moving) Read(b []byte) (int, error) {
	n, err := m.ReadCloser.Read(b)
	if n > 0 {
		m.alive()
	}
	if err != nil && err != io.EOF {
		err = stalled(m.ctx, err)
	}
	return n, err
}

func (m *moving) Close() error {
	m.over()
	return m.ReadCloser.Close()
}
