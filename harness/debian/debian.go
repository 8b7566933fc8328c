// Package debian is a client of Debian package archives: it verifies InRelease
// and the indices under it, resolves dependencies, fetches packages and unpacks
// them, with no apt, dpkg or xz on the machine. Of umlab it imports progress
// only. It runs no maintainer script, keeps no cache of its own (the caller's
// FileStore does), never changes an owner, and knows nothing of kernels.
package debian

import (
	"context"
	"io"
	"net/http"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"umlab/harness/progress"
)

// Suite is one suite of an archive, as the caller's configuration names it.
type Suite struct {
	Name       string   `json:"name"`                 // suite or codename: "trixie", "sid"
	Components []string `json:"components,omitempty"` // nil: main
	Mirror     string   `json:"mirror,omitempty"`     // root of the archive; "": Client.Mirror

	// AllowExpired goes on, with a note, where Valid-Until has passed or the
	// signing key has expired since it signed: the mirror may be frozen.
	AllowExpired bool `json:"allow_expired,omitempty"`

	// Snapshot, "YYYYMMDDTHHMMSSZ", reads the suite as it was then, from
	// Client.SnapshotBase. Valid-Until is measured against that time.
	Snapshot string `json:"snapshot,omitempty"`
}

// FileStore is the caller's content-addressed cache of files.
type FileStore interface {
	// File returns the path of a file whose contents have the given sha256
	// (lower-case hex). Where it has none, it calls fetch, verifies what fetch
	// wrote, and keeps it. It is called concurrently. Errors of fetch are
	// returned so that errors.As still finds them.
	File(ctx context.Context, sha256 string, fetch func(ctx context.Context, w io.Writer) error) (path string, err error)
}

// Client reads archives. Its fields are set before the first call and not
// changed after; the zero value of each but Keys and Files is usable.
type Client struct {
	HTTP         *http.Client       // nil: one made for each Open and Fetch
	Keys         openpgp.EntityList // who may sign an InRelease; see LoadKeys
	Files        FileStore
	Now          func() time.Time // nil: time.Now
	Progress     progress.Sink    // nil: shows nothing
	Arch         string           // "": amd64
	Parallel     int              // files fetched at once; 0: 8
	Mirror       string           // archive root of suites that name none; see Mirror
	SnapshotBase string           // root of a snapshot service's dated archives: SnapshotBase/STAMP is one
	Pauses       []time.Duration  // before the second, third, ... attempt of a request; nil: 0.5 s, 2 s, 5 s
	Stall        time.Duration    // an attempt that receives nothing for so long has failed; 0: 30 s
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) progress() progress.Sink {
	if c.Progress != nil {
		return c.Progress
	}
	return progress.Discard{}
}

func (c *Client) arch() string {
	if c.Arch != "" {
		return c.Arch
	}
	return "amd64"
}

func (c *Client) parallel() int {
	if c.Parallel > 0 {
		return c.Parallel
	}
	return 8
}
