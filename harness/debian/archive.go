package debian

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"umlab/harness/fetch"
	"umlab/harness/unpack"
)

// Archive is the verified package lists of some suites. It holds about 50 MB a
// large suite: drop it when everything is resolved. It is safe for concurrent
// use.
type Archive struct {
	releases []Release

	mu      sync.Mutex // guards what follows
	indices []*index   // of releases[i]
	seen    map[place]*candidate
}

// place is where a candidate's record is.
type place struct {
	suite  int
	record uint32
}

// maxInRelease bounds an InRelease file, in bytes; Debian's have 200 to 300 KB.
const maxInRelease = 16 << 20

// snapshotTime is the layout of Suite.Snapshot.
const snapshotTime = "20060102T150405Z"

// Open fetches and verifies the InRelease of each suite, then the package lists
// it vouches for. The order of suites is their preference. Errors: see
// signatureError, expiredError, OlderError, formatError, diskFullError and those
// of fetch.Client.
func (c *Client) Open(ctx context.Context, suites []Suite) (*Archive, error) {
	if len(suites) == 0 {
		return nil, errors.New("open archive: no suite named")
	}
	releases, err := c.Releases(ctx, suites)
	if err != nil {
		return nil, err
	}
	a := &Archive{releases: releases, indices: make([]*index, len(suites)), seen: map[place]*candidate{}}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2) // each may take a core to parse
	for i, suite := range suites {
		g.Go(func() (err error) {
			a.indices[i], err = c.index(ctx, suite, releases[i])
			return doing("suite "+suite.Name, err)
		})
	}
	return a, g.Wait()
}

// Releases fetches and verifies the InRelease of each suite, and nothing else.
// Errors are those of Open.
func (c *Client) Releases(ctx context.Context, suites []Suite) ([]Release, error) {
	list := make([]Release, len(suites))
	g, ctx := errgroup.WithContext(ctx)
	for i, suite := range suites {
		g.Go(func() (err error) {
			list[i], err = c.release(ctx, suite)
			return doing("suite "+suite.Name, err)
		})
	}
	return list, g.Wait()
}

// Note is what a reader of any result must know about the suite, or empty: "sid:
// InRelease expired on …, allowed by configuration".
func (r Release) Note() string { return r.note }

// release fetches and verifies the InRelease of suite.
func (c *Client) release(ctx context.Context, suite Suite) (Release, error) {
	base, at := strings.TrimRight(c.Mirror, "/"), c.now()
	if suite.Snapshot != "" {
		t, err := time.Parse(snapshotTime, suite.Snapshot)
		if err != nil {
			return Release{}, fmt.Errorf("snapshot %q: write it as YYYYMMDDTHHMMSSZ, such as 20260912T083000Z", suite.Snapshot)
		}
		if c.SnapshotBase == "" {
			return Release{}, fmt.Errorf("snapshot %s: %w", suite.Snapshot, errNoSnapshots)
		}
		base, at = strings.TrimRight(c.SnapshotBase, "/")+"/"+suite.Snapshot, t
	}
	if base == "" {
		return Release{}, errors.New("no mirror is configured; set UMLAB_DEBIAN_MIRROR")
	}
	address := base + "/dists/" + suite.Name + "/InRelease"
	data, err := c.HTTP.Bytes(ctx, file(address), maxInRelease)
	if err != nil {
		return Release{}, err
	}
	address = redact(address)
	signed, err := verify(address, data, c.Keys, at)
	if err != nil {
		return Release{}, err
	}
	r, err := parseRelease(signed.text)
	if err != nil {
		return Release{}, &formatError{address, err}
	}
	// A mirror must not pass off one suite, correctly signed, as another.
	if name, _, _ := strings.Cut(suite.Name, "/"); name != r.Suite && name != r.Codename {
		return Release{}, &signatureError{address, fmt.Sprintf("it is signed as suite %s, codename %s, and not as %s", r.Suite, r.Codename, name)}
	}
	sum := sha256.Sum256(data)
	r.Suite, r.URL, r.SHA256, r.SignedBy, r.base = suite.Name, address, hex.EncodeToString(sum[:]), signed.by, base
	if suite.Snapshot != "" {
		// What was good at the snapshot's time stays good.
		signed.expired = time.Time{}
	}
	if r.note, err = r.timely(suite, at, signed.expired); err == nil && suite.Snapshot == "" && c.Newest != nil {
		err = r.behind(suite, c.Newest(base, suite.Name, r.Date))
	}
	return r, err
}

// index fetches and reads the package lists of a suite.
func (c *Client) index(ctx context.Context, suite Suite, r Release) (*index, error) {
	x := newIndex(suite.Name, r.base, cmp.Or(suite.Arch, arch))
	components := suite.Components
	if len(components) == 0 {
		components = []string{"main"}
	}
	for _, component := range components {
		arches := []string{x.arch}
		if r.splitAll {
			arches = append(arches, "all")
		}
		for _, of := range arches {
			name := component + "/binary-" + of + "/Packages"
			file, ext, err := c.list(ctx, r, name)
			if errors.Is(err, errNotListed) && of == "all" {
				continue
			}
			if errors.Is(err, errNotListed) {
				return nil, fmt.Errorf("%w in %s: it has the components %s; correct the component or the architecture",
					err, r.URL, strings.Join(r.components, ", "))
			}
			if err != nil {
				return nil, err
			}
			if err := readList(ctx, x, file, ext); err != nil {
				return nil, &formatError{r.URL + ": " + name + ext, err}
			}
		}
	}
	return x, nil
}

var errNotListed = errors.New("no such package list")

// list fetches one package list in the form that is quickest to read of those
// that are listed and there, and returns its path and form.
func (c *Client) list(ctx context.Context, r Release, name string) (kept, ext string, err error) {
	err = fmt.Errorf("%w: %s", errNotListed, name)
	for _, ext := range []string{".gz", ".zst", ".xz", ""} {
		l, ok := r.files[name+ext]
		if !ok || l.size == 0 {
			continue
		}
		dir := r.base + "/dists/" + r.Suite + "/" + path.Dir(name)
		urls := []string{dir + "/" + path.Base(name) + ext}
		if r.byHash {
			// What InRelease lists stays there while the mirror is updated.
			urls = append([]string{dir + "/by-hash/SHA256/" + l.sha256}, urls...)
		}
		for _, address := range urls {
			f := file(address)
			f.Size, f.SHA256, f.Name, f.Sink = l.size, l.sha256, "list "+r.Suite, c.progress()
			if kept, err = c.HTTP.Into(ctx, c.Files, f); err == nil {
				return kept, ext, nil
			}
			var status *fetch.StatusError
			if !errors.As(err, &status) || status.Code != 404 {
				return "", "", err
			}
		}
	}
	return "", "", err
}

// redact hides a password in an address.
func redact(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return s
}

func readList(ctx context.Context, x *index, file, ext string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := unpack.Reader(ctx, f, ext, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	return x.read(r)
}

// Releases returns what each suite's InRelease says, in the order of the suites.
func (a *Archive) Releases() []Release { return slices.Clone(a.releases) }

// Newest returns the newest version of name over all suites; of equal ones,
// that of the suite listed first.
func (a *Archive) Newest(name string) (Package, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all, err := a.named(name)
	if err != nil {
		return Package{}, err
	}
	if len(all) == 0 {
		return Package{}, &unresolvableError{Chain: []string{name}, Reason: "no such package in " + a.suiteNames()}
	}
	best := all[0]
	for _, c := range all[1:] {
		if CompareVersions(c.Version, best.Version) > 0 {
			best = c
		}
	}
	return best.Package, nil
}

// Match returns the packages of all suites whose name matches pattern
// (path.Match), by name, then newest first, then by suite.
func (a *Archive) Match(pattern string) ([]Package, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("match packages %q: %w", pattern, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []Package
	for s, x := range a.indices {
		for i := range x.records {
			f := x.record(uint32(i))
			if ok, _ := path.Match(pattern, f[fName]); !ok {
				continue
			}
			p, err := newPackage(f, x.suite, x.base)
			if err != nil {
				return nil, &formatError{a.releases[s].URL, err}
			}
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b Package) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), CompareVersions(b.Version, a.Version))
	})
	return found, nil
}

func (a *Archive) suiteNames() string {
	names := make([]string, len(a.releases))
	for i, r := range a.releases {
		names[i] = r.Suite
	}
	return strings.Join(names, ", ")
}
