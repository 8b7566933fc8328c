package debian

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	multierror "github.com/hashicorp/go-multierror"
)

// maxPasses bounds a resolution. Each pass but the last pins or bans one more
// version; real sets take fewer than ten.
const maxPasses = 200

// Resolve returns what must be unpacked so that the wanted packages work: the
// closure over Pre-Depends and Depends, sorted by name. Recommends and essential
// packages nobody depends on are not added.
//
// A want is "name", "name/suite", "name=version" or both ("name=version/suite");
// the version may be a path.Match pattern ("rustc=1.85.*"). The suite listed
// first is preferred; others serve wants that name them and dependencies that
// only they can satisfy. A dependency that lists a name of exclude counts as
// satisfied, and no such name is chosen.
//
// The result depends on nothing but the arguments and the package lists.
// Returns an unresolvableError, or several in one *multierror.Error where
// several wants do not exist.
func (a *Archive) Resolve(want, exclude []string) ([]Package, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &resolver{a: a, exclude: exclude, pins: map[string]*candidate{}, banned: map[*candidate]bool{}, tried: map[*candidate]bool{}}
	if err := r.parseWants(want); err != nil {
		return nil, err
	}
	for range maxPasses {
		err := r.pass()
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list := make([]Package, 0, len(r.order))
		for _, n := range r.order {
			list = append(list, n.Package)
		}
		slices.SortFunc(list, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
		return list, nil
	}
	return nil, &unresolvableError{Chain: want, Reason: fmt.Sprintf("no consistent set found in %d attempts", maxPasses)}
}

// errAgain ends a pass that learnt something the next one starts with.
var errAgain = errors.New("start again")

// A resolver chooses greedily, package by package. Where a choice turns out
// wrong, it pins the version that was needed, or bans the one that was not, and
// starts again.
type resolver struct {
	a       *Archive
	exclude []string
	wants   []wanted
	pins    map[string]*candidate // by name
	banned  map[*candidate]bool
	tried   map[*candidate]bool // was pinned once: pinning it again would loop

	chosen map[string]*node // by name
	order  []*node
}

// A node is a chosen package and why it was chosen.
type node struct {
	*candidate
	by     *node // nil: asked for
	asked  string
	choice bool // something else could have been chosen
}

type wanted struct {
	text, name, version, suite string
}

func (r *resolver) parseWants(want []string) error {
	var errs *multierror.Error
	for _, text := range want {
		w := wanted{text: text}
		rest, suite, _ := strings.Cut(text, "/")
		w.name, w.version, _ = strings.Cut(rest, "=")
		w.suite = suite
		if _, err := path.Match(w.version, ""); err != nil || !isName(w.name) {
			errs = multierror.Append(errs,
				&unresolvableError{Chain: []string{text}, Reason: "it is not written as name, name/suite or name=version"})
			continue
		}
		all, err := r.candidates(w)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			errs = multierror.Append(errs, &unresolvableError{Chain: []string{text}, Reason: r.offer(relation{name: w.name})})
		}
		r.wants = append(r.wants, w)
	}
	return errs.ErrorOrNil()
}

// candidates returns what a want can mean, by preference. A name that only
// others provide means the preferred one of them.
func (r *resolver) candidates(w wanted) ([]*candidate, error) {
	all, err := r.a.named(w.name)
	if err == nil && len(all) == 0 {
		all, err = r.a.providers(relation{name: w.name})
	}
	return slices.DeleteFunc(all, func(c *candidate) bool {
		ok, _ := path.Match(w.version, c.Version)
		return w.suite != "" && c.Suite != w.suite || w.version != "" && !ok
	}), err
}

// pass makes one attempt at the whole set.
func (r *resolver) pass() error {
	r.chosen, r.order = map[string]*node{}, nil
	for _, w := range r.wants {
		all, err := r.candidates(w)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(c *candidate) bool { return r.banned[c] })
		if len(all) == 0 {
			return &unresolvableError{Chain: []string{w.text}, Reason: "every version of it conflicts with the rest of what is wanted"}
		}
		c := all[0]
		if pin := r.pins[c.Name]; pin != nil && slices.Contains(all, pin) {
			c = pin
		}
		if n := r.chosen[c.Name]; n != nil {
			if n.candidate != c {
				return &unresolvableError{Chain: []string{w.text}, Reason: fmt.Sprintf("%s wants another version, %s", n.asked, n.Version)}
			}
			continue
		}
		if err := r.choose(c, nil, w.text, len(all) > 1); err != nil {
			return err
		}
	}
	// Dependencies that leave no choice come first: what they bring often
	// settles the others.
	type open struct {
		n *node
		g group
	}
	var choices []open
	for i := 0; i < len(r.order) || len(choices) > 0; {
		if i < len(r.order) {
			n := r.order[i]
			i++
			for _, g := range n.depends {
				if len(g) > 1 || r.virtual(g[0]) {
					choices = append(choices, open{n, g})
				} else if err := r.satisfy(n, g); err != nil {
					return err
				}
			}
			continue
		}
		o := choices[0]
		choices = choices[1:]
		if err := r.satisfy(o.n, o.g); err != nil {
			return err
		}
	}
	return nil
}

// virtual reports whether no package is called what rel names.
func (r *resolver) virtual(rel relation) bool {
	all, err := r.a.named(rel.name)
	return err == nil && len(all) == 0
}

// satisfy chooses what n's dependency g needs, if nothing chosen satisfies it.
func (r *resolver) satisfy(n *node, g group) error {
	for _, alt := range g {
		if slices.Contains(r.exclude, alt.name) || r.met(alt) {
			return nil
		}
	}
	options, err := r.options(g)
	if err != nil {
		return err
	}
	for _, c := range options {
		if r.chosen[c.Name] == nil && r.clash(c) == nil {
			return r.choose(c, n, g.String(), len(options) > 1)
		}
	}
	// What is left takes the place of another version, or clashes.
	var taken error
	for _, c := range options {
		if m := r.chosen[c.Name]; m != nil && m.candidate != c {
			if taken = r.replace(m, n, g); !isUnresolvable(taken) {
				return taken
			}
		}
	}
	for _, c := range options {
		if r.chosen[c.Name] == nil {
			return r.choose(c, n, g.String(), false)
		}
	}
	if taken != nil {
		return taken
	}
	reasons := make([]string, len(g))
	for i, alt := range g {
		reasons[i] = r.offer(alt)
	}
	return &unresolvableError{Chain: append(n.chain(), g.String()), Reason: strings.Join(reasons, "; ")}
}

func isUnresolvable(err error) bool {
	var u *unresolvableError
	return errors.As(err, &u)
}

// met reports whether something chosen satisfies rel.
func (r *resolver) met(rel relation) bool {
	if n := r.chosen[rel.name]; n != nil && n.satisfies(rel) {
		return true
	}
	for _, n := range r.order {
		if n.provide(rel) {
			return true
		}
	}
	return false
}

// options returns the candidates that satisfy g, by preference: what is pinned,
// then by suite, within one by alternative, within one the package of that name
// before those that provide it.
func (r *resolver) options(g group) ([]*candidate, error) {
	var all []*candidate
	for _, alt := range g {
		if !here(alt) {
			continue
		}
		named, err := r.a.named(alt.name)
		if err != nil {
			return nil, err
		}
		for _, c := range named {
			if alt.admits(c.Version) {
				all = append(all, c)
			}
		}
		providers, err := r.a.providers(alt)
		if err != nil {
			return nil, err
		}
		all = append(all, providers...)
	}
	all = slices.DeleteFunc(all, func(c *candidate) bool {
		pin := r.pins[c.Name]
		return r.banned[c] || slices.Contains(r.exclude, c.Name) || pin != nil && pin != c && slices.Contains(all, pin)
	})
	slices.SortStableFunc(all, func(a, b *candidate) int { return a.rank - b.rank })
	return all, nil
}
