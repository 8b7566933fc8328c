package settings

import (
	"fmt"
	"slices"
	"strings"
)

// Own is an entry of the user's own configuration.
type Own struct {
	Name string // "toolchain mine"
	File string // that it stands in
	Text string // all that it says
}

// Limits reports whether it is the limits, which decide nothing but when a run ends.
func (o Own) Limits() bool { return o.Name == limitsName }

const limitsName = "limits"

// String names it for a report.
func (o Own) String() string { return o.Name + " of " + o.File }

// OwnOf are the entries of the user's own configuration that a run with a tree, a toolchain and a SUBARCH rests on, sorted.
func (s *Settings) OwnOf(tree, toolchain, subarch string) []Own {
	found := map[string]Own{}
	add := func(kind, name string, entry any) {
		key := kind + " " + name
		if file, ok := s.own[key]; ok {
			found[key] = Own{key, file, fmt.Sprintf("%+v", entry)}
		}
	}
	suites := func(names ...string) {
		for _, n := range names {
			add("suite", n, s.Suites[n])
		}
	}
	var chain func(name string)
	chain = func(name string) {
		t, ok := s.Toolchains[name]
		if !ok {
			return
		}
		add("toolchain", name, t)
		suites(t.Suites...)
		if file, ok := s.own["common"]; ok && len(t.Suites) > 0 {
			found["common"] = Own{"common", file, ""} // what it says is among the packages
		}
		for _, part := range []string{t.Rust, t.C, t.Bindgen} {
			if part != name {
				chain(part)
			}
		}
	}
	t := s.Trees[tree]
	add("tree", tree, t)
	suites(t.Suite)
	name, _, member := strings.Cut(toolchain, ":")
	if of, ok := s.Series[name]; ok && member {
		add("series", name, of)
		suites(of.Suites...)
		chain(of.C)
		chain(of.Toolchain)
	}
	chain(toolchain)
	add("subarch", subarch, s.Subarches[subarch])
	if file, ok := s.own[limitsFile]; ok {
		found[limitsFile] = Own{limitsName, file, ""}
	}
	var list []Own
	for _, o := range found {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Own) int { return strings.Compare(a.Name, b.Name) })
	return list
}
