// Package sources finds and fetches the tree and the toolchain that names mean:
// those of configs/, members of series, and the user's own. It may import archive,
// debian, fetch, tree, toolchain, sandbox, settings, store, progress and usage, and never
// builds a kernel.
package sources

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"umlab/harness/archive"
	"umlab/harness/fetch"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// Sources knows where trees and toolchains come from.
type Sources struct {
	Settings *settings.Settings
	Archive  *archive.Archive
	Store    *store.Store
	Sink     progress.Sink
	Getenv   func(string) string

	trees   map[string]*tree.Tree // see Once and With
	subarch string                // see For
}

// Refreshed are the same sources, which ask the archive anew for all that it may
// serve otherwise now.
func (s *Sources) Refreshed() *Sources {
	r, a := *s, *s.Archive
	a.Refresh, r.Archive = true, &a
	return &r
}

// Once are the same sources, of which each tree stays as it was when it was
// fetched first: what goes over many toolchains compares them on one tree.
func (s *Sources) Once() *Sources {
	r := *s
	r.trees = map[string]*tree.Tree{}
	return &r
}

// With are the same sources, which have a tree of that name already.
func (s *Sources) With(name string, t *tree.Tree) *Sources {
	r := *s
	r.trees = map[string]*tree.Tree{name: t}
	return &r
}

// X8664 is the SUBARCH that umlab builds for where none is named.
const X8664 = "x86_64"

// For are the same sources, whose toolchains have what kernels of that SUBARCH need; "" is x86_64.
func (s *Sources) For(subarch string) *Sources {
	r := *s
	r.subarch = subarch
	return &r
}

// CheckSubarch says whether configs/toolchains.toml knows the SUBARCH; "" is x86_64.
func (s *Sources) CheckSubarch(name string) error {
	if _, ok := s.Settings.Subarches[name]; ok || name == "" {
		return nil
	}
	return usage.Errorf("unknown SUBARCH %q: %s, %s", name, X8664, names(s.Settings.Subarches))
}

// Get fetches a tree and a toolchain. Where the archive no longer has what it was
// remembered to serve, it is asked again.
func (s *Sources) Get(ctx context.Context, treeName, toolchainName string) (*tree.Tree, *toolchain.Toolchain, error) {
	t, tc, err := s.fetch(ctx, treeName, toolchainName)
	var status *fetch.StatusError
	if errors.As(err, &status) && status.Code == http.StatusNotFound && !s.Archive.Refresh {
		s.Sink.Note(fmt.Sprintf("the archive no longer has %s: asking it anew", status.URL))
		return s.Refreshed().fetch(ctx, treeName, toolchainName)
	}
	return t, tc, err
}

// fetch gets what is to be downloaded beside each other. What is done to the tree
// then is done with the toolchain's tools, in the sandbox.
func (s *Sources) fetch(ctx context.Context, treeName, toolchainName string) (*tree.Tree, *toolchain.Toolchain, error) {
	if t := s.trees[treeName]; t != nil {
		tc, err := s.Toolchain(ctx, toolchainName)
		return t, tc, err
	}
	src, err := s.source(treeName)
	if err != nil {
		return nil, nil, err
	}
	var (
		res *archive.Resolution
		tc  *toolchain.Toolchain
	)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		tc, err = s.Toolchain(gctx, toolchainName)
		return err
	})
	if src.Name != "" {
		g.Go(func() (err error) {
			res, err = s.download(gctx, treeName)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	t, err := s.unpack(ctx, treeName, src, res, tc)
	if err == nil && s.trees != nil {
		s.trees[treeName] = t
	}
	return t, tc, err
}

// Toolchain returns the toolchain of that name: one of configs/toolchains.toml,
// or a member of one of its series ("debian-rustc:1.96.1").
func (s *Sources) Toolchain(ctx context.Context, name string) (*toolchain.Toolchain, error) {
	c, err := s.Spec(ctx, name)
	if err != nil {
		return nil, err
	}
	t, err := s.provider().Get(ctx, name, c)
	if err == nil && s.subarch != "" {
		err = s.provider().CheckSubarch(ctx, t, s.subarch)
	}
	return t, err
}

// ToolchainDigest is the digest of what a toolchain of a series is made of; ok is
// false where that cannot be told without fetching it.
func (s *Sources) ToolchainDigest(ctx context.Context, m toolchain.Member) (digest string, ok bool) {
	digest, ok, err := s.provider().Digest(ctx, s.with(m.Spec))
	return digest, ok && err == nil
}

// Pin says what a tree and the toolchain of c are on every machine that says the same, without fetching them; pinned is false where
// that takes more than their names. Where the archive cannot be asked, that is an error.
func (s *Sources) Pin(ctx context.Context, treeName string, c settings.Toolchain) (pin string, pinned bool, err error) {
	t, err := s.TreeDigest(ctx, treeName)
	if err != nil {
		return "", false, err
	}
	tc, ok, err := s.provider().Pin(ctx, c)
	return "tree " + cmp.Or(store.Short(t), "?") + ", toolchain " + cmp.Or(store.Short(tc), "?"), ok && t != "", err
}

// HasRustup reports whether this machine has a rustup, whose toolchains can be had here.
func (s *Sources) HasRustup() bool { return s.provider().HasRustup() }

// Foretell is what is known of a toolchain's identity before it is fetched; nil
// where nothing is. What a SUBARCH adds is none of it.
func (s *Sources) Foretell(ctx context.Context, name string) map[string]string {
	spec, err := s.For("").Spec(ctx, name)
	if err != nil {
		return nil
	}
	id, err := s.provider().Foretell(ctx, spec)
	if err != nil {
		return nil
	}
	return id
}

// Spec is what the toolchain of that name is made of.
func (s *Sources) Spec(ctx context.Context, name string) (settings.Toolchain, error) {
	if c, ok := s.Settings.Toolchains[name]; ok {
		return s.with(c), nil
	}
	series, version, _ := toolchain.Split(name)
	members, err := s.Series(ctx, series)
	if err != nil {
		return settings.Toolchain{}, err
	}
	var have []string
	for _, m := range members {
		if m.Name == name {
			return s.with(m.Spec), nil
		}
		have = append(have, m.Version)
	}
	return settings.Toolchain{}, usage.Errorf("series %s has no %q; it has %s now",
		series, version, cmp.Or(strings.Join(have, ", "), "no members"))
}

// with is the toolchain with what the SUBARCH needs, where it has packages.
func (s *Sources) with(c settings.Toolchain) settings.Toolchain {
	if more := s.Settings.Subarches[s.subarch].Packages; len(more) > 0 && len(c.Suites) > 0 {
		return c.With(nil, more, nil)
	}
	return c
}

// Series returns the members of a series of configs/toolchains.toml, oldest
// first, as the source has them now.
func (s *Sources) Series(ctx context.Context, name string) ([]toolchain.Member, error) {
	series, err := s.KnownSeries(name)
	if err != nil {
		return nil, err
	}
	// What must be said of the suites is said of each toolchain.
	members, _, err := s.provider().Series(ctx, name, series, s.Settings.Toolchains)
	return members, err
}

// IsSeries reports whether configs/toolchains.toml has a series of that name.
func (s *Sources) IsSeries(name string) bool {
	_, ok := s.Settings.Series[name]
	return ok
}

// KnownSeries is what configs/toolchains.toml says of a series.
func (s *Sources) KnownSeries(name string) (settings.Series, error) {
	series, ok := s.Settings.Series[name]
	if !ok {
		return series, usage.Errorf("unknown series %q: configs/toolchains.toml has %s%s", name, names(s.Settings.Series),
			usage.Meant(name, keys(s.Settings.Series)))
	}
	if series.Varies == settings.VariesSnapshot && s.Archive.Client.SnapshotBase == "" {
		return series, usage.Errorf("series %s reads Debian as it was: "+
			"set UMLAB_DEBIAN_SNAPSHOT to where a snapshot service has its dated archives, such as https://SERVICE/archive/debian", name)
	}
	return series, nil
}

// CheckToolchain says whether configs/toolchains.toml knows the name, or the
// series that it is a member of.
func (s *Sources) CheckToolchain(name string) error {
	if _, ok := s.Settings.Toolchains[name]; ok {
		return nil
	}
	series, version, member := toolchain.Split(name)
	switch {
	case s.IsSeries(series) && member && version != "":
		return nil
	case s.IsSeries(name):
		return usage.Errorf("%s is a series: name one of its members (%s:VERSION), or all of them with matrix -toolchains=%s", name, name, name)
	}
	return usage.Errorf("unknown toolchain %q: configs/toolchains.toml has %s, and the series %s (write SERIES:VERSION)%s", name,
		names(s.Settings.Toolchains), names(s.Settings.Series),
		usage.Meant(name, slices.Concat(keys(s.Settings.Toolchains), keys(s.Settings.Series))))
}

// Compiler is what builds the C side of a tree: the choice, else what configs/
// says of it; empty where the tree itself decides.
func (s *Sources) Compiler(choice, treeName string) string {
	return cmp.Or(choice, s.Settings.Trees[treeName].Compiler)
}

func (s *Sources) provider() *toolchain.Provider {
	return &toolchain.Provider{Archive: s.Archive, HTTP: s.Archive.Client.HTTP, Store: s.Store, Sink: s.Sink, Getenv: s.Getenv}
}

// names are the keys of a table of configs/, as a message shows them.
func names[V any](table map[string]V) string { return strings.Join(keys(table), ", ") }

func keys[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }
