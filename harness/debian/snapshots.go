package debian

import (
	"context"
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxListing bounds one page of a snapshot service's directory, in bytes.
const maxListing = 16 << 20

var (
	stampLink = regexp.MustCompile(`href="(?:\./)?([0-9]{8}T[0-9]{6}Z)/?"`)
	monthLink = regexp.MustCompile(`href="(?:\./|[^"]*/)?(\?year=([0-9]{4})&(?:amp;)?month=([0-9]{1,2}))"`)
)

var errNoSnapshots = errors.New("no snapshot service is configured; set UMLAB_DEBIAN_SNAPSHOT to the root of its dated archives")

// Snapshots returns the stamps (YYYYMMDDTHHMMSSZ) that the snapshot service at
// SnapshotBase has of its archive since from, oldest first, as its directory
// lists them: at the root, or on a page for each month that the root leads to.
func (c *Client) Snapshots(ctx context.Context, from time.Time) ([]string, error) {
	if c.SnapshotBase == "" {
		return nil, errNoSnapshots
	}
	root := strings.TrimRight(c.SnapshotBase, "/") + "/"
	page := func(url string) (string, error) {
		text, err := c.HTTP.Bytes(ctx, file(url), maxListing)
		return string(text), err
	}
	top, err := page(root)
	if err != nil {
		return nil, err
	}
	stamps, months := stampsOf(top, from)
	for _, query := range months {
		text, err := page(root + query)
		if err != nil {
			return nil, err
		}
		more, _ := stampsOf(text, from)
		stamps = append(stamps, more...)
	}
	slices.Sort(stamps)
	stamps = slices.Compact(stamps)
	if len(stamps) == 0 {
		return nil, fmt.Errorf("%s lists no dated archives since %s; check UMLAB_DEBIAN_SNAPSHOT", redact(root), from.Format(time.DateOnly))
	}
	return stamps, nil
}

// stampsOf reads a page of a snapshot service's directory: the stamps since
// from, and the queries of the months that do not end before it.
func stampsOf(page string, from time.Time) (stamps, months []string) {
	for _, m := range stampLink.FindAllStringSubmatch(page, -1) {
		if t, err := time.Parse(snapshotTime, m[1]); err == nil && !t.Before(from) {
			stamps = append(stamps, m[1])
		}
	}
	for _, m := range monthLink.FindAllStringSubmatch(page, -1) {
		t, err := time.Parse("2006 1", m[2]+" "+strings.TrimPrefix(m[3], "0"))
		if err == nil && t.AddDate(0, 1, 0).After(from) {
			months = append(months, html.UnescapeString(m[1]))
		}
	}
	return stamps, months
}
