package toolchain

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"umlab/harness/debian"
	"umlab/harness/settings"
)

// rustcs are the distinct versions of rustc that the suites serve, each with the
// C side of base. Which package a version comes from does not depend on the
// order of the answers: the suite listed first in base, then in s, and rustc
// before rustc-web.
func (p *Provider) rustcs(ctx context.Context, s settings.Series, base settings.Toolchain) ([]Member, []string, error) {
	res, err := p.Archive.Versions(ctx, s.Suites, settings.RustPackages)
	if err != nil {
		return nil, nil, err
	}
	return rustcMembers(res.Packages, s, base), res.Notes, nil
}

func rustcMembers(packages []debian.Package, s settings.Series, base settings.Toolchain) []Member {
	names := []string{"rustc", "rustc-web"}
	sources := map[string]string{"rustc": "rust-src", "rustc-web": "rust-web-src"}
	order := append(slices.Clone(base.Suites), s.Suites...)
	rank := func(pkg debian.Package) int { return slices.Index(order, pkg.Suite) }
	best := map[string]debian.Package{}
	src := map[string]debian.Package{} // by compiler package, version and suite
	key := func(compiler, version, suite string) string { return compiler + " " + version + " " + suite }
	for _, pkg := range packages {
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
	for _, pkg := range packages {
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
		spec := base.With([]string{pkg.Suite}, []string{pin(pkg), pin(src[key(pkg.Name, version, pkg.Suite)])}, settings.RustPackages)
		spec.Parts = map[string]string{"rust": pkg.Name + "/" + pkg.Suite, "c": s.C, "bindgen": s.C}
		list = append(list, Member{Version: version, Detail: pkg.String(), Spec: spec})
	}
	slices.SortFunc(list, func(a, b Member) int { return debian.CompareVersions(a.Version, b.Version) })
	return list
}

// llvms are the major versions of LLVM that the suites serve, each with all the
// rest of base. A version is known by that of its clang.
func (p *Provider) llvms(ctx context.Context, s settings.Series, base settings.Toolchain) ([]Member, []string, error) {
	res, err := p.Archive.Versions(ctx, s.Suites, settings.LLVMPackages("[1-9][0-9]"))
	if err != nil {
		return nil, nil, err
	}
	return llvmMembers(res.Packages, s, base), res.Notes, nil
}

func llvmMembers(packages []debian.Package, s settings.Series, base settings.Toolchain) []Member {
	order := append(slices.Clone(base.Suites), s.Suites...)
	at := map[string]map[string]debian.Package{} // suite and clang's version -> package name -> package
	for _, pkg := range packages {
		// All packages of a version are made from one source.
		key := pkg.Suite + " " + pkg.Version
		if at[key] == nil {
			at[key] = map[string]debian.Package{}
		}
		at[key][pkg.Name] = pkg
	}
	best := map[string]Member{}
	from := map[string]debian.Package{}
	for _, pkg := range packages {
		major, ok := strings.CutPrefix(pkg.Name, "clang-")
		m := upstream.FindStringSubmatch(pkg.Version)
		if !ok || m == nil {
			continue
		}
		var wants []string
		for _, name := range settings.LLVMPackages(major) {
			if p, ok := at[pkg.Suite+" "+pkg.Version][name]; ok {
				wants = append(wants, pin(p))
			}
		}
		if len(wants) < len(settings.LLVMPackages(major)) {
			continue // a part is missing there
		}
		old, known := from[m[1]]
		if known && cmp.Or(slices.Index(order, pkg.Suite)-slices.Index(order, old.Suite), debian.CompareVersions(old.Version, pkg.Version)) >= 0 {
			continue
		}
		spec := base.With([]string{pkg.Suite}, nil, nil).WithLLVM(major, wants...)
		spec.Parts = map[string]string{"rust": s.Toolchain, "c": "llvm " + pkg.Suite, "bindgen": s.Toolchain}
		from[m[1]], best[m[1]] = pkg, Member{Version: m[1], Detail: pkg.String(), Spec: spec}
	}
	var list []Member
	for _, m := range best {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Member) int { return debian.CompareVersions(a.Version, b.Version) })
	return list
}

func pin(p debian.Package) string { return p.Name + "=" + p.Version + "/" + p.Suite }

// snapshots are the toolchain base as a snapshot service has it of each day.
func (p *Provider) snapshots(ctx context.Context, s settings.Series, base settings.Toolchain) ([]Member, error) {
	first, err := time.Parse(time.DateOnly, s.From)
	if err != nil {
		return nil, err
	}
	stamps, err := p.Archive.Snapshots(ctx, first)
	if err != nil {
		return nil, err
	}
	var list []Member
	for _, stamp := range spaced(stamps, s.Every) {
		spec := base
		spec.Snapshot = stamp
		list = append(list, Member{Version: stamp, Detail: strings.Join(base.Suites, ", ") + " as of " + stamp, Spec: spec})
	}
	return list, nil
}

// spaced leaves of stamps, which begin with YYYYMMDD and are in order, those
// that lie at least so many days apart, the newest among them in any case.
func spaced(stamps []string, days int) (list []string) {
	var next time.Time
	for _, stamp := range slices.Backward(stamps) {
		day, err := time.Parse("20060102", stamp[:min(8, len(stamp))])
		if err != nil || !next.IsZero() && day.After(next) {
			continue
		}
		list = append(list, stamp)
		next = day.AddDate(0, 0, -days)
	}
	slices.Reverse(list)
	return list
}
