package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// distStall is for how long a server may take to begin its answer.
	distStall = 30 * time.Second
	// distTime is for how long it may take to end one.
	distTime = 5 * time.Minute
)

// errAbsent says that the server is there and has no such file.
var errAbsent = errors.New("it is not there")

// distClient speaks to a server of rustup's files, which may be a directory:
// rustup takes file:// as well.
func distClient() (*http.Client, func()) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: distStall,
		ForceAttemptHTTP2:     true,
	}
	t.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	return &http.Client{Transport: t}, t.CloseIdleConnections
}

// distRequest asks for one file; the caller closes the body. The error wraps
// errAbsent where the server has none.
func distRequest(ctx context.Context, client *http.Client, method, address string) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "file" {
		return nil, fmt.Errorf("%q is no address of rustup's files: it begins with https://, http:// or file://", address)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	// What is asked for is the file, not a compressed form of it.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "umlab")
	resp, err := client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // it repeats the address, with any password of it
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s: %w; check the connection (and https_proxy, http_proxy), or set RUSTUP_DIST_SERVER to a mirror that can be reached", u.Redacted(), err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp, nil
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone:
		// Storage services call what is not there forbidden.
		err = errAbsent
	default:
		err = errors.New("the server answered " + resp.Status + "; try again later")
	}
	resp.Body.Close()
	return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
}

// distRead returns a file of the server, of at most so many bytes.
func distRead(ctx context.Context, client *http.Client, address string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, distTime, errors.New("the server took too long"))
	defer cancel()
	resp, err := distRequest(ctx, client, http.MethodGet, address)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && int64(len(b)) > most:
		err = fmt.Errorf("it is longer than %d bytes", most)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", resp.Request.URL.Redacted(), err)
	}
	return b, nil
}
