package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// DigestError says that a file is not the one that was meant.
type DigestError struct {
	URL       string // or path
	Want, Got string // "sha256 …", or sizes ("12 bytes")
	advice    Advice
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s: digest mismatch: it should have %s and has %s; %s", e.URL, e.Want, e.Got, e.advice.Wrong)
}

// TruncatedError says that a download ended early, in every attempt.
type TruncatedError struct {
	URL       string
	Want, Got int64 // bytes; Want is 0 where it is not known
	advice    Advice
}

func (e *TruncatedError) Error() string {
	of := ""
	if e.Want > 0 {
		of = fmt.Sprintf(" of %d", e.Want)
	}
	return fmt.Sprintf("%s: truncated: %d%s bytes arrived; try again, or %s", e.URL, e.Got, of, e.advice.Elsewhere)
}

// NetworkError says that a server could not be reached or stopped answering, in
// every attempt.
type NetworkError struct {
	URL     string
	Offline bool // not even a connection: dialling or the name look-up failed
	Err     error
	advice  Advice
}

func (e *NetworkError) Error() string {
	what, do := "network error", "try again"
	switch {
	case e.certificate():
		what, do = "certificate not trusted", "check the clock, install the CA certificates"
	case e.Offline:
		what, do = "no network", "check the connection (and https_proxy, http_proxy)"
	}
	return fmt.Sprintf("%s: %s: %v; %s, or %s", e.URL, what, e.Err, do, e.advice.Elsewhere)
}

func (e *NetworkError) Unwrap() error { return e.Err }

func (e *NetworkError) certificate() bool {
	var bad *tls.CertificateVerificationError
	return errors.As(e.Err, &bad)
}

// StatusError says that a server answered, but not with the file.
type StatusError struct {
	URL    string
	Code   int // HTTP status
	advice Advice
}

// Missing reports whether the server is there and has no such file. Storage
// services call what is not there forbidden.
func (e *StatusError) Missing() bool {
	return slices.Contains([]int{http.StatusNotFound, http.StatusForbidden, http.StatusGone}, e.Code)
}

func (e *StatusError) Error() string {
	do := "try again later, or " + e.advice.Elsewhere
	if e.Code == http.StatusNotFound {
		do = cmp.Or(e.advice.Missing, "check the address")
	}
	return fmt.Sprintf("%s: HTTP status %d; %s", e.URL, e.Code, do)
}

// networkError is why a request failed that ctx is the context of.
func (t *transfer) networkError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		err = cause
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // it repeats the address, with any password of it
	}
	var op *net.OpError
	var dns *net.DNSError
	offline := errors.As(err, &dns) || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
	return &NetworkError{t.f.address(), offline, err, t.f.Advice}
}

// worthRetrying reports whether the same request may succeed later.
func worthRetrying(err error) bool {
	var network *NetworkError
	var short *TruncatedError
	var status *StatusError
	switch {
	case errors.As(err, &network):
		return !network.certificate() && !errors.Is(err, errRedirects)
	case errors.As(err, &short):
		return true
	case errors.As(err, &status):
		return status.Code >= 500 || status.Code == http.StatusTooManyRequests || status.Code == http.StatusRequestTimeout
	}
	return false
}

// brief is why a request is made again, without the address and what to do.
func brief(err error) string {
	var network *NetworkError
	var status *StatusError
	switch {
	case errors.As(err, &network):
		return network.Err.Error()
	case errors.As(err, &status):
		return fmt.Sprintf("HTTP status %d", status.Code)
	}
	return "the answer was cut short"
}

// address is where the file comes from, for errors: without a password.
func (f File) address() string {
	if u, err := url.Parse(f.From); err == nil && strings.Contains(f.From, "://") {
		return u.Redacted()
	}
	return f.From
}
