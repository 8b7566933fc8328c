package conclude

import (
	"cmp"
	"slices"
	"strings"

	"umlab/harness/result"
)

// Facts are what is known of one side of a change: of the sources and tools that
// made a cell, of what they were told, and of what they made. A nil map is
// something that is not known; Missing says why.
type Facts struct {
	Name      string                 // of the side: "debian-rustc:1.96.1", or the tree where trees are compared
	Tree      map[string]string      // name, version, digest, patches
	Toolchain map[string]string      // as of result.Toolchain.Identity
	Flags     map[string][]string    // Rust object -> options that decide its code
	Target    map[string]string      // key of scripts/target.json -> value as JSON
	Resolved  map[string]string      // what rustc makes of flags and target: name of rustc --print cfg -> values
	Config    map[string]string      // option -> value, of the resolved .config
	Modules   map[string]ModuleFacts // module -> what was built
	Missing   map[string]string      // aspect -> why it is not known
}

// ModuleFacts are what is known of a built module.
type ModuleFacts struct {
	Sum       string                    // digest of what is loaded, as of result.Build.Signature
	Symbols   map[string]map[string]int // symbol -> relocation type -> entries that refer to it
	Functions map[string]map[string]int // function or section -> relocation type -> entries that stand in it
}

// Delta holds two sides of a change of a cell against each other.
func Delta(cell string, good, bad Facts) *result.Delta {
	c := comparison{good: good, bad: bad}
	d := &result.Delta{Schema: result.DeltaSchema, Cell: cell, Good: good.Name, Bad: bad.Name,
		Tree:      c.changes(result.AspectTree, good.Tree, bad.Tree),
		Toolchain: c.changes(result.AspectToolchain, good.Toolchain, bad.Toolchain),
		Target:    c.changes(result.AspectTarget, good.Target, bad.Target),
		Resolved:  c.changes(result.AspectResolved, good.Resolved, bad.Resolved),
		Config:    c.changes(result.AspectConfig, good.Config, bad.Config),
		Flags:     c.flags(),
		Modules:   c.modules(),
	}
	slices.SortStableFunc(d.Toolchain, func(a, b result.Change) int { return cmp.Compare(toolOrder(a.Name), toolOrder(b.Name)) })
	slices.SortStableFunc(d.Config, func(a, b result.Change) int {
		return cmp.Compare(number(recordsVersion(a.Name)), number(recordsVersion(b.Name)))
	})
	d.Unknown = append([]result.Gap{}, c.unknown...)
	d.Conclusion = conclude(d)
	return d
}

// comparison is a delta in the making.
type comparison struct {
	good, bad Facts
	unknown   []result.Gap
}

// known reports whether an aspect can be compared, and notes why not.
func (c *comparison) known(aspect string, inGood, inBad bool) bool {
	missing := c.good
	switch {
	case inGood && inBad:
		return true
	case inGood:
		missing = c.bad
	}
	c.unknown = append(c.unknown, result.Gap{Aspect: aspect, Reason: missing.Name + ": " + cmp.Or(missing.Missing[aspect], "not known")})
	return false
}

func (c *comparison) changes(aspect string, good, bad map[string]string) []result.Change {
	out := []result.Change{}
	if !c.known(aspect, good != nil, bad != nil) {
		return out
	}
	for _, name := range keys(good, bad) {
		if good[name] != bad[name] {
			out = append(out, result.Change{Name: name, Good: good[name], Bad: bad[name]})
		}
	}
	return out
}

func (c *comparison) flags() []result.FlagsDelta {
	out := []result.FlagsDelta{}
	if !c.known(result.AspectFlags, c.good.Flags != nil, c.bad.Flags != nil) {
		return out
	}
	for _, object := range keys(c.good.Flags, c.bad.Flags) {
		a, b := c.good.Flags[object], c.bad.Flags[object]
		if f := (result.FlagsDelta{Object: object, Good: without(a, b), Bad: without(b, a)}); len(f.Good)+len(f.Bad) > 0 {
			out = append(out, f)
		}
	}
	return out
}

func (c *comparison) modules() []result.ModuleDelta {
	out := []result.ModuleDelta{}
	if !c.known(result.AspectRelocations, c.good.Modules != nil, c.bad.Modules != nil) {
		return out
	}
	for _, name := range keys(c.good.Modules, c.bad.Modules) {
		a, inGood := c.good.Modules[name]
		b, inBad := c.bad.Modules[name]
		if !inGood || !inBad {
			c.unknown = append(c.unknown, result.Gap{Aspect: result.AspectRelocations + " of " + name, Reason: "it was not built on both sides"})
			continue
		}
		out = append(out, result.ModuleDelta{Module: name, Same: a.Sum != "" && a.Sum == b.Sum,
			Types:     countChanges(sum(a.Symbols), sum(b.Symbols)),
			Symbols:   countsChanges(a.Symbols, b.Symbols),
			Functions: countsChanges(a.Functions, b.Functions)})
	}
	return out
}

// toolOrder sorts what decides Rust code before what does not.
func toolOrder(tool string) int {
	order := []string{"rustc", "rustc-commit", "rustc-llvm", "rust-src", "bindgen", "libclang"}
	if i := slices.Index(order, tool); i >= 0 {
		return i
	}
	return len(order)
}

// recordsVersion reports whether an option does no more than to record the
// version of a tool, which the toolchain's identity has as well.
func recordsVersion(option string) bool {
	name, ok := strings.CutSuffix(strings.TrimSuffix(option, "_TEXT"), "_VERSION")
	return ok && slices.Contains([]string{"CONFIG_RUSTC", "CONFIG_RUSTC_LLVM", "CONFIG_RUSTC_LLVM_MAJOR", "CONFIG_BINDGEN",
		"CONFIG_CC", "CONFIG_GCC", "CONFIG_CLANG", "CONFIG_AS", "CONFIG_LD", "CONFIG_LLD", "CONFIG_PAHOLE"}, name)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// keys are those of both, sorted, each once.
func keys[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range []map[string]V{a, b} {
			for k := range m {
				if !yield(k) {
					return
				}
			}
		}
	}))
}

// without is a without what b has; never nil.
func without(a, b []string) []string {
	out := []string{}
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

func sum(of map[string]map[string]int) map[string]int {
	all := map[string]int{}
	for _, counts := range of {
		for typ, n := range counts {
			all[typ] += n
		}
	}
	return all
}

func countChanges(a, b map[string]int) []result.CountChange {
	out := []result.CountChange{}
	for _, typ := range keys(a, b) {
		if a[typ] != b[typ] {
			out = append(out, result.CountChange{Type: typ, Good: a[typ], Bad: b[typ]})
		}
	}
	return out
}

func countsChanges(a, b map[string]map[string]int) []result.CountsOfChange {
	out := []result.CountsOfChange{}
	for _, name := range keys(a, b) {
		if c := countChanges(a[name], b[name]); len(c) > 0 {
			out = append(out, result.CountsOfChange{Name: name, Types: c})
		}
	}
	slices.SortStableFunc(out, func(x, y result.CountsOfChange) int { return cmp.Compare(size(y), size(x)) })
	return out
}

// size is how many entries came and went.
func size(c result.CountsOfChange) (n int) {
	for _, t := range c.Types {
		n += max(t.Good, t.Bad) - min(t.Good, t.Bad)
	}
	return n
}

// recompiled reports whether the relocations of a module differ.
func recompiled(d *result.Delta) bool {
	return slices.ContainsFunc(d.Modules, func(m result.ModuleDelta) bool { return len(m.Types)+len(m.Symbols)+len(m.Functions) > 0 })
}
