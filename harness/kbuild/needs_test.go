package kbuild

import (
	"slices"
	"testing"

	"umlab/harness/scenario"
)

// TestNeeded: modules are tried in an order in which what they need is known, and
// what is not there is needed in vain.
func TestNeeded(t *testing.T) {
	product := func(needs map[string][]string) *Product {
		p := &Product{Modules: map[string]Module{}}
		for n, list := range needs {
			p.Modules[n+".ko"] = Module{Needs: list}
		}
		return p
	}
	modules := func(names ...string) (list []scenario.Module) {
		for _, n := range names {
			list = append(list, scenario.Module{Name: n, Path: n + ".ko"})
		}
		return list
	}
	names := func(list []scenario.Module) (names []string) {
		for _, m := range list {
			names = append(names, m.Name)
		}
		return names
	}
	for _, tt := range []struct {
		name   string
		needs  map[string][]string
		given  []string
		order  []string
		needed []string // of the last one
	}{
		{"none", nil, []string{"b", "a"}, []string{"b", "a"}, nil},
		{"a chain", map[string][]string{"a": {"b"}, "b": {"c"}}, []string{"a", "b", "c"}, []string{"c", "b", "a"}, []string{"c", "b"}},
		{"a diamond", map[string][]string{"top": {"l", "r"}, "l": {"low"}, "r": {"low"}}, []string{"top", "l", "r", "low"}, []string{"low", "l", "r", "top"},
			[]string{"low", "l", "r"}},
		{"the kernel's", map[string][]string{"a": {"crc32"}}, []string{"a", "b"}, []string{"a", "b"}, nil},
		{"a ring, which modpost refuses", map[string][]string{"a": {"b"}, "b": {"a"}}, []string{"a", "b"}, []string{"a", "b"}, []string{"a"}},
	} {
		p := product(tt.needs)
		order := p.InOrder(modules(tt.given...))
		if !slices.Equal(names(order), tt.order) {
			t.Errorf("%s: order %v, want %v", tt.name, names(order), tt.order)
		}
		if got := names(p.Needed(order, order[len(order)-1])); !slices.Equal(got, tt.needed) {
			t.Errorf("%s: %s needs %v, want %v", tt.name, order[len(order)-1].Name, got, tt.needed)
		}
	}
}
