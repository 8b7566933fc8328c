package debian

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A candidate is a package that a resolution may choose, with its relations.
type candidate struct {
	Package
	rank       int // of its suite: 0 is preferred
	importance int // of its priority: 0 is required
	depends    []group
	provides   []relation
	conflicts  []relation // and breaks: what may not be installed beside it
}

// at returns the candidate of a record, reading it the first time.
func (a *Archive) at(p place) (*candidate, error) {
	if c := a.seen[p]; c != nil {
		return c, nil
	}
	x := a.indices[p.suite]
	c, err := newCandidate(x.record(p.record), p.suite, x)
	if err != nil {
		return nil, &formatError{a.releases[p.suite].URL, err}
	}
	a.seen[p] = c
	return c, nil
}

// newCandidate makes a candidate of the fields of a record of x, the suite of that
// rank.
func newCandidate(f []string, rank int, x *index) (*candidate, error) {
	pkg, err := newPackage(f, x.suite, x.base)
	if err != nil {
		return nil, err
	}
	depends, err := parseRelations(f[fPreDepends] + "," + f[fDepends])
	provides, perr := parseRelations(f[fProvides])
	conflicts, cerr := parseRelations(f[fConflicts] + "," + f[fBreaks])
	if err := errors.Join(err, perr, cerr); err != nil {
		return nil, fmt.Errorf("package %s %s: %w", pkg.Name, pkg.Version, err)
	}
	importance := slices.Index(priorities, f[fPriority])
	if importance < 0 {
		importance = len(priorities)
	}
	return &candidate{pkg, rank, importance, depends, slices.Concat(provides...), slices.Concat(conflicts...)}, nil
}

// priorities are Debian's, the most important first.
var priorities = []string{"required", "important", "standard", "optional"}

// gather returns the candidates of all suites in refs that are ok, in the order
// of the suites, then newest first.
func (a *Archive) gather(name string, of func(*index) map[string][]uint32, ok func(*candidate) bool) ([]*candidate, error) {
	var all []*candidate
	for s, x := range a.indices {
		for _, record := range of(x)[name] {
			c, err := a.at(place{s, record})
			if err != nil {
				return nil, err
			}
			if (c.Arch == x.arch || c.Arch == "all") && ok(c) {
				all = append(all, c)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), CompareVersions(b.Version, a.Version))
	})
	return all, nil
}

// named returns the candidates called name, by preference.
func (a *Archive) named(name string) ([]*candidate, error) {
	return a.gather(name, func(x *index) map[string][]uint32 { return x.named }, func(*candidate) bool { return true })
}

// providers returns the candidates that provide r, by preference: suite,
// priority, name, newest.
func (a *Archive) providers(r relation) ([]*candidate, error) {
	all, err := a.gather(r.name, func(x *index) map[string][]uint32 { return x.provided }, func(c *candidate) bool {
		return c.Name != r.name && c.provide(r)
	})
	slices.SortStableFunc(all, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.importance, b.importance),
			strings.Compare(a.Name, b.Name), CompareVersions(b.Version, a.Version))
	})
	return all, err
}

// satisfies reports whether the candidate is, or provides, what r asks for.
func (c *candidate) satisfies(r relation) bool {
	return here(r) && c.Name == r.name && r.admits(c.Version) || c.provide(r)
}

// provide reports whether one of the candidate's Provides is what r asks for.
// One without a version satisfies no relation with one (Debian Policy 7.5).
func (c *candidate) provide(r relation) bool {
	if !here(r) {
		return false
	}
	for _, p := range c.provides {
		if p.name == r.name && (r.op == "" || p.op == "=" && r.admits(p.version)) {
			return true
		}
	}
	return false
}

// here reports whether a relation's architecture qualifier names the one
// architecture that a resolution is of; by its name only amd64 is named.
func here(r relation) bool {
	return r.arch == "" || r.arch == "any" || r.arch == "native" || r.arch == arch
}

// excludes returns the relation by which c may not be beside d. A package that
// conflicts with a name it provides itself means the others that provide it.
func (c *candidate) excludes(d *candidate) (relation, bool) {
	if c.Name == d.Name {
		return relation{}, false
	}
	for _, r := range c.conflicts {
		if d.satisfies(r) {
			return r, true
		}
	}
	return relation{}, false
}
