// Package archive asks the Debian archive for packages by name and remembers
// the answer, so that a second run needs no network. It may import debian,
// fetch, settings, store and progress; it unpacks nothing and knows nothing of what
// the packages are for.
package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// maxAge is how long an answer stands before the archive is asked again.
const maxAge = 24 * time.Hour

// Archive is the configured suites with a memory.
type Archive struct {
	Client  *debian.Client
	Store   *store.Store
	Sink    progress.Sink
	Suites  map[string]settings.Suite
	Now     func() time.Time
	Refresh bool // ask, however young the remembered answer is

	// Seen remembers what the suites' InRelease were in this process, so that many
	// questions ask for them once; nil: each question asks.
	Seen *sync.Map
}

// Stands reports whether an answer of then is young enough to be given again.
func (a *Archive) Stands(asked time.Time) bool { return !a.Refresh && a.Now().Sub(asked) < maxAge }

// Resolution is what the suites answered to a question.
type Resolution struct {
	Packages []debian.Package `json:"packages,omitempty"`
	Stamps   []string         `json:"stamps,omitempty"`
	Notes    []string         `json:"notes"` // what every report must say of the suites
	Asked    time.Time        `json:"asked"`
	Releases []string         `json:"releases,omitempty"` // sha256 of the InRelease of each suite that was asked
}

// kindNewest are the records of Newest.
const kindNewest = "newest"

// Newest is what a debian.Client remembers in st of what mirrors serve: see its field.
func Newest(st *store.Store) func(mirror, suite string, made time.Time) time.Time {
	return func(mirror, suite string, made time.Time) time.Time {
		key := store.Key(mirror, suite)
		var newest time.Time
		if st.Get(kindNewest, key, &newest) && !made.After(newest) {
			return newest
		}
		_ = st.Put(kindNewest, key, made) // what is not remembered is not missed until it is needed
		return made
	}
}

// errOffline is wrapped by errors of a question that has no remembered answer
// while the archive cannot be reached.
var errOffline = errors.New("the archive cannot be reached")

// Newest returns the newest version of one package in the given suite.
func (a *Archive) Newest(ctx context.Context, suite, name string) (*Resolution, error) {
	return a.ask(ctx, "newest", "", []string{suite}, []string{name}, func(ar *debian.Archive) ([]debian.Package, error) {
		p, err := ar.Newest(name)
		return []debian.Package{p}, err
	})
}

// Closure returns the wanted packages with all they depend on; the first suite
// is preferred, see debian.Archive.Resolve. "busybox-static:i386" wants a package
// of another architecture, which is resolved by itself: static programs need none
// of the others.
func (a *Archive) Closure(ctx context.Context, suites, want, exclude []string) (*Resolution, error) {
	wanted := map[string][]string{"": nil}
	for _, w := range want {
		name, arch := architecture(w)
		wanted[arch] = append(wanted[arch], name)
	}
	var all *Resolution
	for _, arch := range slices.Sorted(maps.Keys(wanted)) {
		want, question := wanted[arch], slices.Concat(wanted[arch], []string{"-"}, exclude)
		r, err := a.ask(ctx, "closure", arch, suites, question, func(ar *debian.Archive) ([]debian.Package, error) {
			return ar.Resolve(want, exclude)
		})
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = r
			continue
		}
		all.Packages = append(all.Packages, r.Packages...)
	}
	return all, nil
}

// architecture takes the architecture out of a want: "busybox-static:i386/sid" is "busybox-static/sid" of "i386". It is ""
// where there is none.
func architecture(want string) (name, arch string) {
	i := strings.IndexAny(want, ":/=")
	if i < 0 || want[i] != ':' { // a colon behind them is a version's
		return want, ""
	}
	arch, rest := want[i+1:], ""
	if end := strings.IndexAny(arch, "/="); end >= 0 {
		arch, rest = arch[:end], arch[end:]
	}
	return want[:i] + rest, arch
}

// Versions returns all versions of the packages whose names match one of the
// patterns (path.Match), by pattern and name, newest first.
func (a *Archive) Versions(ctx context.Context, suites, patterns []string) (*Resolution, error) {
	return a.ask(ctx, "versions", "", suites, patterns, func(ar *debian.Archive) (all []debian.Package, err error) {
		for _, p := range patterns {
			found, err := ar.Match(p)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	})
}

// Fetch fetches packages; purpose says in the progress what they are for:
// "toolchain trixie: ".
func (a *Archive) Fetch(ctx context.Context, purpose string, packages []debian.Package) ([]debian.File, error) {
	client := *a.Client
	client.Progress = progress.Prefix{Sink: a.Sink, Text: purpose}
	return client.Fetch(ctx, packages)
}

// Into fetches packages, as Fetch does, and unpacks them below the directory dir.
func (a *Archive) Into(ctx context.Context, purpose string, packages []debian.Package, dir string, opt debian.UnpackOptions) error {
	files, err := a.Fetch(ctx, purpose, packages)
	if err != nil {
		return err
	}
	in, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer in.Close()
	return debian.Unpack(ctx, in, files, opt)
}

func (a *Archive) ask(
	ctx context.Context, kind, arch string, names, question []string, answer func(*debian.Archive) ([]debian.Package, error),
) (*Resolution, error) {
	var suites []debian.Suite
	id := []string{"resolution", kind, a.Client.Mirror}
	for _, n := range names {
		s, ok := a.Suites[n]
		if !ok {
			return nil, fmt.Errorf("suite %s is not in configs/suites.toml", n)
		}
		suites = append(suites, debian.Suite{Name: n, Components: s.Components, AllowExpired: s.AllowFrozen, Snapshot: s.Snapshot, Arch: arch})
		id = append(id, n, s.Snapshot, strings.Join(s.Components, " "))
	}
	if arch != "" {
		id = append(id, "architecture "+arch)
	}
	key := store.Key(append(id, question...)...)
	// A snapshot never changes.
	fixed := !slices.ContainsFunc(suites, func(s debian.Suite) bool { return s.Snapshot == "" })
	return a.remembered(key, strings.Join(names, ", "), fixed, func(was *Resolution) (*Resolution, error) {
		if was != nil {
			// As long as the suites are what they were, so is the answer.
			now, err := a.releases(ctx, suites)
			if err != nil {
				return nil, err
			}
			if slices.Equal(sums(now), was.Releases) {
				return &Resolution{Packages: was.Packages, Notes: notes(now), Releases: was.Releases}, nil
			}
		}
		index, err := a.Client.Open(ctx, suites)
		if err != nil {
			return nil, err
		}
		packages, err := answer(index)
		return &Resolution{Packages: packages, Notes: notes(index.Releases()), Releases: sums(index.Releases())}, err
	})
}

// releases asks for the InRelease of suites that this process has not yet asked
// for.
func (a *Archive) releases(ctx context.Context, suites []debian.Suite) ([]debian.Release, error) {
	if a.Seen == nil {
		return a.Client.Releases(ctx, suites)
	}
	list := make([]debian.Release, len(suites))
	for i, s := range suites {
		key := s.Name + " " + s.Snapshot
		known, ok := a.Seen.Load(key)
		if !ok {
			one, err := a.Client.Releases(ctx, suites[i:i+1])
			if err != nil {
				return nil, err
			}
			known = one[0]
			a.Seen.Store(key, known)
		}
		list[i] = known.(debian.Release)
	}
	return list, nil
}

func sums(releases []debian.Release) (list []string) {
	for _, r := range releases {
		list = append(list, r.SHA256)
	}
	return list
}

func notes(releases []debian.Release) (list []string) {
	for _, r := range releases {
		if n := r.Note(); n != "" {
			list = append(list, n)
		}
	}
	return list
}

// remembered is the answer that is kept under key, or that of ask where there is
// none, or none young enough. An answer that is fixed does not age. Whom is who
// is asked, for messages; ask is given the answer of then, if there is one.
func (a *Archive) remembered(key, whom string, fixed bool, ask func(was *Resolution) (*Resolution, error)) (*Resolution, error) {
	var was Resolution
	known := a.Store.Get("resolution", key, &was)
	if known && (fixed || a.Stands(was.Asked)) {
		return &was, nil
	}
	asked := a.Now()
	var then *Resolution
	if known {
		then = &was
	}
	is, err := ask(then)
	if err != nil {
		_, offline := errors.AsType[*fetch.NetworkError](err)
		older, setBack := errors.AsType[*debian.OlderError](err)
		if known && !a.Refresh && (offline || setBack) {
			stands := fmt.Sprintf("; what %s served on %s stands", whom, was.Asked.UTC().Format(time.DateOnly))
			why := "the archive could not be asked"
			said := why
			if setBack {
				why, said = "the mirror was set back or withholds updates", older.Error() // a report names no mirror
			}
			a.Sink.Note(said + stands)
			was.Notes = append(was.Notes, why+stands)
			return &was, nil
		}
		if offline {
			return nil, fmt.Errorf("%w: %w", errOffline, err)
		}
		return nil, err
	}
	is.Asked = asked
	return is, a.Store.Put("resolution", key, is)
}

// Snapshots returns the stamps of the dated archives that the snapshot service
// has since from, oldest first.
func (a *Archive) Snapshots(ctx context.Context, from time.Time) ([]string, error) {
	key := store.Key("resolution", "snapshots", a.Client.SnapshotBase, from.Format(time.DateOnly))
	r, err := a.remembered(key, "the snapshot service", false, func(*Resolution) (*Resolution, error) {
		stamps, err := a.Client.Snapshots(ctx, from)
		return &Resolution{Stamps: stamps}, err
	})
	if err != nil {
		return nil, err
	}
	return r.Stamps, nil
}

// At is a with every suite as the snapshot service has it of that stamp.
func (a *Archive) At(stamp string) *Archive {
	at := *a
	at.Suites = maps.Clone(a.Suites)
	for name, s := range at.Suites {
		s.Snapshot = stamp
		at.Suites[name] = s
	}
	return &at
}
