package debian

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// signatureError says that no known key vouches for an InRelease.
type signatureError struct {
	URL    string
	Reason string // what was wrong with each signature
}

func (e *signatureError) Error() string {
	return fmt.Sprintf("%s: bad signature: %s; do not use this mirror: set UMLAB_DEBIAN_MIRROR to another, "+
		"or, if Debian has new archive keys, add them to configs/keys", e.URL, e.Reason)
}

// expiredError says that an InRelease is correctly signed but not of the time
// that was asked for.
type expiredError struct {
	URL        string
	Date       time.Time // when it was made
	ValidUntil time.Time // zero where it has no such field
	At         time.Time // what it was compared with: now, or the snapshot's time
}

func (e *expiredError) Error() string {
	if e.Date.After(e.At) {
		return fmt.Sprintf("%s: dated %s, which is after %s; check this machine's clock, or the suite's snapshot",
			e.URL, day(e.Date), day(e.At))
	}
	return fmt.Sprintf("%s: expired on %s (made %s): the mirror is frozen or withholds updates; set UMLAB_DEBIAN_MIRROR to another, "+
		"or allow the suite to be expired", e.URL, day(e.ValidUntil), day(e.Date))
}

// An OlderError says that a mirror serves an InRelease that is correctly signed and older than one that it has served.
type OlderError struct {
	URL    string
	Date   time.Time // when it was made
	Newest time.Time // when the newest was that was seen there
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("%s: made %s, but what was made %s was served there before: the mirror was set back or withholds updates; "+
		"try again later, set UMLAB_DEBIAN_MIRROR to another, or allow the suite to be frozen (allow-frozen)", e.URL, day(e.Date), day(e.Newest))
}

// unresolvableError says that a wanted package cannot be installed.
type unresolvableError struct {
	Chain  []string // who wants whom, from what was asked for to what is missing
	Reason string
}

func (e *unresolvableError) Error() string {
	return fmt.Sprintf("cannot resolve %s: %s; ask for another version or suite (name/suite, name=version), add a suite, or exclude the name",
		strings.Join(e.Chain, " -> "), e.Reason)
}

// formatError says that bytes are not what their place says they are.
type formatError struct {
	Name string // file or URL
	Err  error
}

func (e *formatError) Error() string {
	return fmt.Sprintf("%s: malformed: %v; remove it from the store and fetch it again", e.Name, e.Err)
}

func (e *formatError) Unwrap() error { return e.Err }

// diskFullError says that there was no room to write.
type diskFullError struct {
	Doing string // "unpack gcc-14_14.2.0-19_amd64.deb"
	Err   error  // ENOSPC or EDQUOT
}

func (e *diskFullError) Error() string {
	return fmt.Sprintf("%s: disk full: %v; free some space, or set UMLAB_HOME to another file system", e.Doing, e.Err)
}

func (e *diskFullError) Unwrap() error { return e.Err }

// doing wraps err with what was being done, as diskFullError where the cause is
// a full disk or quota.
func doing(what string, err error) error {
	var full *diskFullError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &full):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &diskFullError{what, err}
	}
	return fmt.Errorf("%s: %w", what, err)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
