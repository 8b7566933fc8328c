// Package debian is a client of Debian package archives: it verifies InRelease
// and the indices under it, resolves dependencies, fetches packages and unpacks
// them, with no apt, dpkg or xz on the machine. Of umlab it imports fetch, unpack
// and progress only. It runs no maintainer script, keeps no cache of its own (the
// caller's store does), never changes an owner, and knows nothing of kernels.
package debian

import (
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"umlab/harness/fetch"
	"umlab/harness/progress"
)

// Suite is one suite of an archive, as the caller's configuration names it.
type Suite struct {
	Name       string   // suite or codename: "trixie", "sid"
	Components []string // nil: main

	// AllowExpired goes on, with a note, where Valid-Until has passed, the
	// signing key has expired since it signed, or the mirror has served a newer
	// InRelease before: the mirror may be frozen.
	AllowExpired bool

	// Arch is the architecture that is read beside "all"; "": amd64, UML's usual one.
	Arch string

	// Snapshot, "YYYYMMDDTHHMMSSZ", reads the suite as it was then, from
	// Client.SnapshotBase. Valid-Until is measured against that time.
	Snapshot string
}

// arch is the architecture that is read where a suite names none.
const arch = "amd64"

// Client reads archives. Its fields are set before the first call and not
// changed after; the zero value of each but Keys and Files is usable.
type Client struct {
	HTTP         *fetch.Client      // nil: the default one
	Keys         openpgp.EntityList // who may sign an InRelease; see LoadKeys
	Files        fetch.Store
	clock        func() time.Time // nil: time.Now
	Progress     progress.Sink    // nil: shows nothing
	Mirror       string           // root of the archive; see Mirror
	SnapshotBase string           // root of a snapshot service's dated archives: SnapshotBase/STAMP is one

	// Newest remembers when an InRelease was made that a mirror serves of a suite, and returns when the newest was that it has served;
	// nil: nobody remembers. It is not asked of snapshots.
	Newest func(mirror, suite string, made time.Time) time.Time
}

// file is one of an archive at that address.
func file(url string) fetch.File {
	return fetch.File{From: url, Advice: fetch.Advice{
		Elsewhere: "set UMLAB_DEBIAN_MIRROR to another mirror",
		Missing: "check the suite's name and UMLAB_DEBIAN_MIRROR; " +
			"a stored resolution may name a package the archive has since replaced: resolve again",
		Wrong: "the mirror is being updated or was tampered with: try again later, or set UMLAB_DEBIAN_MIRROR to another",
	}}
}

func (c *Client) now() time.Time {
	if c.clock != nil {
		return c.clock()
	}
	return time.Now()
}

func (c *Client) progress() progress.Sink {
	if c.Progress != nil {
		return c.Progress
	}
	return progress.Discard{}
}
