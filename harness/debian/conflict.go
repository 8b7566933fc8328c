package debian

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// choose adds c to the set.
func (r *resolver) choose(c *candidate, by *node, asked string, choice bool) error {
	n := &node{c, by, asked, choice}
	if m := r.clash(c); m != nil {
		return r.settle(n, m)
	}
	r.chosen[c.Name] = n
	r.order = append(r.order, n)
	return nil
}

// clash returns a chosen package that c may not be beside.
func (r *resolver) clash(c *candidate) *node {
	for _, n := range r.order {
		if _, bad := n.excludes(c); bad {
			return n
		}
		if _, bad := c.excludes(n.candidate); bad {
			return n
		}
	}
	return nil
}

// settle finds a way out where n, about to be chosen, may not be beside m: the
// next pass avoids the one of them that something else can stand for.
func (r *resolver) settle(n, m *node) error {
	for _, x := range []*node{m, n} {
		if x.choice && !r.banned[x.candidate] {
			r.banned[x.candidate] = true
			delete(r.pins, x.Name)
			return errAgain
		}
	}
	// An old version of either may be what the other breaks.
	for _, pair := range [][2]*node{{m, n}, {n, m}} {
		if err := r.repin(pair[0].Name, func(c *candidate) bool {
			_, one := c.excludes(pair[1].candidate)
			_, other := pair[1].excludes(c)
			return !one && !other
		}); !isUnresolvable(err) {
			return err
		}
	}
	why, whose := relation{}, n
	if rel, bad := n.excludes(m.candidate); bad {
		why = rel
	} else {
		why, _ = m.excludes(n.candidate)
		whose = m
	}
	return &unresolvableError{Chain: n.chain(), Reason: fmt.Sprintf("%s conflicts with or breaks %s, and %s is wanted too",
		whose.Package, why, strings.Join(m.chain(), " -> "))}
}

// replace pins another version of m, one that satisfies n's dependency g as well
// as those of all others.
func (r *resolver) replace(m, n *node, g group) error {
	err := r.repin(m.Name, func(c *candidate) bool {
		return slices.ContainsFunc(g, func(alt relation) bool { return c.satisfies(alt) })
	})
	if isUnresolvable(err) {
		return &unresolvableError{Chain: append(n.chain(), g.String()),
			Reason: fmt.Sprintf("%s is chosen already, by %s", m.Package, strings.Join(m.chain(), " -> "))}
	}
	return err
}

// repin pins the preferred version of name that is good, that every other chosen
// package's dependencies on it admit, and that was not tried before. It returns
// errAgain, or an unresolvableError where there is none.
func (r *resolver) repin(name string, good func(*candidate) bool) error {
	all, err := r.a.named(name)
	if err != nil {
		return err
	}
	for _, c := range all {
		if r.tried[c] || r.banned[c] || !good(c) || !r.wantedAllows(c) {
			continue
		}
		ok := true
		for _, n := range r.order {
			if n.Name == name {
				continue
			}
			for _, g := range n.depends {
				if len(g) == 1 && g[0].name == name && !c.satisfies(g[0]) {
					ok = false
				}
			}
		}
		if ok {
			r.tried[c], r.pins[name] = true, c
			return errAgain
		}
	}
	return &unresolvableError{Chain: []string{name}, Reason: "no version suits"}
}

// wantedAllows reports whether no want names another version of c.
func (r *resolver) wantedAllows(c *candidate) bool {
	for _, w := range r.wants {
		if w.name != c.Name {
			continue
		}
		ok, _ := path.Match(w.version, c.Version)
		if w.suite != "" && w.suite != c.Suite || w.version != "" && !ok {
			return false
		}
	}
	return true
}

// chain says who wants n, from what was asked for.
func (n *node) chain() []string {
	if n.by == nil {
		if n.asked == n.Name {
			return []string{n.Name + " " + n.Version}
		}
		return []string{n.asked, n.Name + " " + n.Version}
	}
	return append(n.by.chain(), n.Name+" "+n.Version)
}

// offer says what the suites have for rel, which nothing satisfies.
func (r *resolver) offer(rel relation) string {
	if slices.Contains(r.exclude, rel.name) {
		return rel.name + " is excluded"
	}
	all, err := r.a.named(rel.name)
	if err != nil {
		return err.Error()
	}
	if len(all) == 0 {
		if providers, err := r.a.providers(relation{name: rel.name}); err == nil && len(providers) > 0 {
			return fmt.Sprintf("no package that provides %s suits", rel)
		}
		return fmt.Sprintf("no package %s in %s", rel.name, r.a.suiteNames())
	}
	have := make([]string, len(all))
	for i, c := range all {
		have[i] = c.Version + " (" + c.Suite + ")"
	}
	return fmt.Sprintf("there is only %s %s", rel.name, strings.Join(have, ", "))
}
