package toolchain

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/debian"
	"umlab/harness/settings"
)

// Member is one toolchain of a series. Its Name can be used wherever a toolchain
// is named.
type Member struct {
	Name    string // "debian-rustc:1.96.1"
	Version string // what varies: "1.96.1"; in series by date, the date
	Detail  string // where it comes from: "rustc 1.96.1+dfsg1-2~bpo13+1 (trixie-backports)"
	Spec    settings.Toolchain
}

// Series returns the members of a series, oldest first, as its source has them
// now. It fetches lists only.
func (p *Provider) Series(ctx context.Context, name string, s settings.Series, chains map[string]settings.Toolchain) (list []Member, notes []string, err error) {
	switch s.Varies {
	case settings.VariesRustc:
		list, notes, err = p.rustcs(ctx, s, chains[s.C])
	default:
		err = fmt.Errorf("umlab does not know how %q varies", s.Varies)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("series %s: %w", name, err)
	}
	for i := range list {
		list[i].Name = name + ":" + list[i].Version
	}
	return list, notes, nil
}

// upstream is the part of a Debian version that its project gave it.
var upstream = regexp.MustCompile(`^(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)`)

// rustcs are the distinct versions of rustc that the suites serve, each with the
// C side of base. Which package a version comes from does not depend on the
// order of the answers: the suite listed first in base, then in s, and rustc
// before rustc-web.
func (p *Provider) rustcs(ctx context.Context, s settings.Series, base settings.Toolchain) ([]Member, []string, error) {
	names := []string{"rustc", "rustc-web"}
	sources := map[string]string{"rustc": "rust-src", "rustc-web": "rust-web-src"}
	res, err := p.Archive.Versions(ctx, s.Suites, settings.RustPackages)
	if err != nil {
		return nil, nil, err
	}
	order := append(slices.Clone(base.Suites), s.Suites...)
	rank := func(pkg debian.Package) int { return slices.Index(order, pkg.Suite) }
	best := map[string]debian.Package{}
	src := map[string]debian.Package{} // by compiler package, version and suite
	key := func(compiler, version, suite string) string { return compiler + " " + version + " " + suite }
	for _, pkg := range res.Packages {
		m := upstream.FindStringSubmatch(pkg.Version)
		if m == nil {
			continue
		}
		for compiler, source := range sources {
			if pkg.Name == source {
				if old, ok := src[key(compiler, m[1], pkg.Suite)]; !ok || debian.CompareVersions(pkg.Version, old.Version) > 0 {
					src[key(compiler, m[1], pkg.Suite)] = pkg
				}
			}
		}
	}
	for _, pkg := range res.Packages {
		m := upstream.FindStringSubmatch(pkg.Version)
		if m == nil || !slices.Contains(names, pkg.Name) {
			continue
		}
		if _, ok := src[key(pkg.Name, m[1], pkg.Suite)]; !ok {
			continue // a compiler without its library's source builds no kernel
		}
		old, ok := best[m[1]]
		if !ok || cmp.Or(
			slices.Index(names, pkg.Name)-slices.Index(names, old.Name),
			rank(pkg)-rank(old),
			debian.CompareVersions(old.Version, pkg.Version),
		) < 0 {
			best[m[1]] = pkg
		}
	}
	var list []Member
	for version, pkg := range best {
		pin := func(p debian.Package) string { return p.Name + "=" + p.Version + "/" + p.Suite }
		spec := base.With([]string{pkg.Suite}, []string{pin(pkg), pin(src[key(pkg.Name, version, pkg.Suite)])}, settings.RustPackages)
		spec.Parts = map[string]string{"rust": pkg.Name + "/" + pkg.Suite, "c": s.C, "bindgen": s.C}
		list = append(list, Member{Version: version, Detail: pkg.String(), Spec: spec})
	}
	slices.SortFunc(list, func(a, b Member) int { return debian.CompareVersions(a.Version, b.Version) })
	return list, res.Notes, nil
}

// Split tells a series and a version from the name of a member.
func Split(name string) (series, version string, ok bool) {
	return strings.Cut(name, ":")
}
