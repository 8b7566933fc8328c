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

func rustcMembers(packages []debian.Package, s settings.Series, base settings.Toolchain) (list []Member) {
	sources := map[string]string{"rustc": "rust-src", "rustc-web": "rust-web-src"}
	order := append(slices.Clone(base.Suites), s.Suites...)
	packages = slices.SortedStableFunc(slices.Values(packages), func(a, b debian.Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Index(order, a.Suite)-slices.Index(order, b.Suite),
			debian.CompareVersions(b.Version, a.Version))
	})
	type release struct{ name, version, suite string }
	newest := map[release]debian.Package{}
	for _, pkg := range slices.Backward(packages) {
		newest[release{pkg.Name, upstreamOf(pkg), pkg.Suite}] = pkg
	}
	seen := map[string]bool{"": true}
	for _, pkg := range packages {
		version := upstreamOf(pkg)
		src, ok := newest[release{sources[pkg.Name], version, pkg.Suite}]
		if !ok || seen[version] {
			continue // a compiler without its library's source builds no kernel
		}
		seen[version] = true
		spec := base.With([]string{pkg.Suite}, []string{pin(pkg), pin(src)}, settings.RustPackages)
		spec.Parts = map[string]string{"rust": pkg.Name + "/" + pkg.Suite, "c": s.C, "bindgen": s.C}
		list = append(list, Member{Version: version, Detail: pkg.String(), Spec: spec})
	}
	return byVersion(list)
}

// byVersion sorts members by the versions of Debian's packages, oldest first.
func byVersion(list []Member) []Member {
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

func llvmMembers(packages []debian.Package, s settings.Series, base settings.Toolchain) (list []Member) {
	order := append(slices.Clone(base.Suites), s.Suites...)
	packages = slices.SortedStableFunc(slices.Values(packages), func(a, b debian.Package) int {
		return cmp.Or(slices.Index(order, a.Suite)-slices.Index(order, b.Suite), debian.CompareVersions(b.Version, a.Version))
	})
	// All packages of a version are made from one source.
	type made struct{ name, version, suite string }
	at := map[made]debian.Package{}
	for _, pkg := range packages {
		at[made{pkg.Name, pkg.Version, pkg.Suite}] = pkg
	}
	seen := map[string]bool{"": true}
	for _, pkg := range packages {
		major, ok := strings.CutPrefix(pkg.Name, "clang-")
		version := upstreamOf(pkg)
		if !ok || seen[version] {
			continue
		}
		var wants []string
		for _, name := range settings.LLVMPackages(major) {
			if p, ok := at[made{name, pkg.Version, pkg.Suite}]; ok {
				wants = append(wants, pin(p))
			}
		}
		if len(wants) < len(settings.LLVMPackages(major)) {
			continue // a part is missing there
		}
		seen[version] = true
		spec := base.With([]string{pkg.Suite}, nil, nil).WithLLVM(major, wants...)
		spec.Parts = map[string]string{"rust": s.Toolchain, "c": "llvm " + pkg.Suite, "bindgen": s.Toolchain}
		list = append(list, Member{Version: version, Detail: pkg.String(), Spec: spec})
	}
	return byVersion(list)
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
