package debian

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Release is what a verified InRelease says about its suite.
type Release struct {
	Suite      string    `json:"suite"`     // as asked for
	Codename   string    `json:"codename"`  // "trixie"
	URL        string    `json:"url"`       // of the InRelease
	SHA256     string    `json:"sha256"`    // of the InRelease as fetched
	SignedBy   string    `json:"signed_by"` // fingerprint of the primary key
	Date       time.Time `json:"date"`
	ValidUntil time.Time `json:"valid_until,omitzero"`

	base       string // root of the archive
	byHash     bool
	splitAll   bool // packages of architecture all are in an index of their own
	components []string
	files      map[string]listed // below dists/SUITE
	note       string
}

// listed is a file as an InRelease lists it.
type listed struct {
	size   int64
	sha256 string
}

// parseRelease reads the signed text of an InRelease (or Release) file. Of its
// files it keeps the lists of binary packages.
func parseRelease(text []byte) (Release, error) {
	var r Release
	m, err := newScanner(bytes.NewReader(text)).fields()
	if err != nil {
		return r, err
	}
	r.Suite, r.Codename = m["suite"], m["codename"]
	r.components = strings.Fields(m["components"])
	r.byHash = m["acquire-by-hash"] == "yes"
	r.splitAll = !strings.Contains(" "+m["no-support-for-architecture-all"]+" ", " Packages ")
	if r.Date, err = parseDate(m["date"]); err != nil {
		return r, fmt.Errorf("field Date: %w", err)
	}
	if v := m["valid-until"]; v != "" {
		if r.ValidUntil, err = parseDate(v); err != nil {
			return r, fmt.Errorf("field Valid-Until: %w", err)
		}
	}
	r.files = map[string]listed{}
	for line := range strings.Lines(m["sha256"]) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return r, fmt.Errorf("field SHA256: not a file: %.80q", line)
		}
		if !strings.Contains(f[2], "/binary-") {
			continue
		}
		size, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || size < 0 {
			return r, fmt.Errorf("field SHA256: size %q of %s", f[1], f[2])
		}
		if d, err := hex.DecodeString(f[0]); err != nil || len(d) != 32 {
			return r, fmt.Errorf("field SHA256: digest %q of %s", f[0], f[2])
		}
		r.files[f[2]] = listed{size, strings.ToLower(f[0])}
	}
	return r, nil
}

// parseDate reads a date of a Release file, which is always in UTC.
func parseDate(s string) (time.Time, error) {
	var t time.Time
	var err error
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if t, err = time.Parse(layout, s); err == nil {
			break
		}
	}
	if err != nil {
		return t, err
	}
	if name, offset := t.Zone(); offset == 0 && name != "UTC" && name != "GMT" && name != "" {
		return t, fmt.Errorf("%q is not in UTC", s)
	}
	return t.UTC(), nil
}

// behindBy is how far a mirror may be behind what it has served. Behind one name are often several machines, which are updated one
// after the other; who withholds updates for that long does no more than who remembers an answer for a day.
const behindBy = 24 * time.Hour

// behind compares a release with the newest that was seen at its place.
func (r *Release) behind(s Suite, newest time.Time) error {
	late := newest.Sub(r.Date)
	if late <= 0 {
		return nil
	}
	if late > behindBy && !s.AllowExpired {
		return &OlderError{URL: r.URL, Date: r.Date, Newest: newest}
	}
	why := "its machines may be updated one after the other"
	if late > behindBy {
		why = "allowed by configuration: the mirror may be set back"
	}
	r.note = strings.TrimPrefix(r.note+"; ", "; ") + fmt.Sprintf(
		"%s: InRelease made %s, but what was made %s was served there before: %s", s.Name, day(r.Date), day(newest), why)
	return nil
}

// timely compares a release with the time at which it is read (for a snapshot,
// the snapshot's). It returns a note where the suite's configuration allows
// what is not right.
func (r Release) timely(s Suite, at, signedByExpired time.Time) (note string, err error) {
	if r.Date.After(at.Add(clockSkew)) {
		return "", &expiredError{URL: r.URL, Date: r.Date, ValidUntil: r.ValidUntil, At: at}
	}
	if !r.ValidUntil.IsZero() && at.After(r.ValidUntil) {
		if !s.AllowExpired {
			return "", &expiredError{URL: r.URL, Date: r.Date, ValidUntil: r.ValidUntil, At: at}
		}
		note = fmt.Sprintf("%s: InRelease expired on %s (made %s), allowed by configuration: the mirror may be frozen",
			s.Name, day(r.ValidUntil), day(r.Date))
	}
	if !signedByExpired.IsZero() {
		if !s.AllowExpired {
			why := fmt.Sprintf("key %s has expired or was withdrawn since it signed on %s", r.SignedBy, day(signedByExpired))
			return "", &signatureError{r.URL, why}
		}
		note = strings.TrimPrefix(note+"; ", "; ") + fmt.Sprintf(
			"%s: signed on %s by key %s, which is not valid any more, allowed by configuration", s.Name, day(signedByExpired), r.SignedBy)
	}
	return note, nil
}
