package result

import (
	"cmp"
	"slices"
	"strings"
)

// DeltaSchema is the version of the JSON that Delta marshals to.
const DeltaSchema = "umlab.delta/v1"

// Facts are what is known of one side of a change: of the sources and tools that
// made a cell, of what they were told, and of what they made. A nil map is
// something that is not known; Missing says why.
type Facts struct {
	Name      string                 // of the side: "debian-rustc:1.96.1", or the tree where trees are compared
	Tree      map[string]string      // name, version, digest, patches
	Toolchain map[string]string      // as of Toolchain.Identity
	Flags     map[string][]string    // Rust object -> options that decide its code
	Target    map[string]string      // key of scripts/target.json -> value as JSON
	Resolved  map[string]string      // what rustc makes of flags and target: name of rustc --print cfg -> values
	Config    map[string]string      // option -> value, of the resolved .config
	Modules   map[string]ModuleFacts // module -> what was built
	Missing   map[string]string      // aspect -> why it is not known
}

// ModuleFacts are what is known of a built module.
type ModuleFacts struct {
	Sum       string                    // digest of what is loaded, as of Build.Signature
	Symbols   map[string]map[string]int // symbol -> relocation type -> entries that refer to it
	Functions map[string]map[string]int // function or section -> relocation type -> entries that stand in it
}

// The aspects of Facts, as Gap and Facts.Missing name them.
const (
	AspectTree        = "tree"
	AspectToolchain   = "toolchain"
	AspectFlags       = "flags"
	AspectTarget      = "target.json"
	AspectResolved    = "rustc --print cfg"
	AspectConfig      = ".config"
	AspectRelocations = "relocations"
)

// Delta is what differs between two sides of a change, say the last good and the
// first bad toolchain of a bisection. What is empty was compared and is equal,
// unless Unknown names it.
type Delta struct {
	Schema     string        `json:"schema"` // DeltaSchema
	Cell       string        `json:"cell"`   // "stock"
	Good       string        `json:"good"`   // name of the side
	Bad        string        `json:"bad"`
	Conclusion string        `json:"conclusion"` // as far as the deltas prove it; sentences
	Tree       []Change      `json:"tree"`
	Toolchain  []Change      `json:"toolchain"` // by tool, rustc and its LLVM first
	Flags      []FlagsDelta  `json:"flags"`     // by Rust object
	Target     []Change      `json:"target"`    // by key of scripts/target.json, values as JSON
	Resolved   []Change      `json:"resolved"`  // what rustc makes of flags, target.json and its own defaults: rustc --print cfg
	Config     []Change      `json:"config"`    // by option; those that only record a tool's version last
	Modules    []ModuleDelta `json:"modules"`   // every module of both sides
	Unknown    []Gap         `json:"unknown"`   // what could not be compared
}

// Change is something with another value. A value that is absent is not there.
type Change struct {
	Name string `json:"name"`
	Good string `json:"good,omitempty"`
	Bad  string `json:"bad,omitempty"`
}

// FlagsDelta is how the options of an object differ.
type FlagsDelta struct {
	Object string   `json:"object"`
	Good   []string `json:"good"` // only there
	Bad    []string `json:"bad"`
}

// ModuleDelta is how the relocations of a module differ.
type ModuleDelta struct {
	Module    string           `json:"module"`
	Same      bool             `json:"same"`      // what is loaded is the same, byte for byte
	Types     []CountChange    `json:"types"`     // over the whole module
	Symbols   []CountsOfChange `json:"symbols"`   // by what is referred to, the greatest change first
	Functions []CountsOfChange `json:"functions"` // by the code that refers
}

// CountsOfChange is the changes of one symbol or function.
type CountsOfChange struct {
	Name  string        `json:"name"`
	Types []CountChange `json:"types"`
}

// CountChange is another number of relocations of a type.
type CountChange struct {
	Type string `json:"type"` // "R_X86_64_GOTPCREL"
	Good int    `json:"good"`
	Bad  int    `json:"bad"`
}

// Gap is an aspect that could not be compared.
type Gap struct {
	Aspect string `json:"aspect"`
	Reason string `json:"reason"`
}

// Compare holds two sides of a change of a cell against each other.
func Compare(cell string, good, bad Facts) *Delta {
	d := &Delta{Schema: DeltaSchema, Cell: cell, Good: good.Name, Bad: bad.Name,
		Flags: []FlagsDelta{}, Modules: []ModuleDelta{}, Unknown: []Gap{}}
	d.Tree = d.changes(AspectTree, good, bad, func(f Facts) map[string]string { return f.Tree })
	d.Toolchain = d.changes(AspectToolchain, good, bad, func(f Facts) map[string]string { return f.Toolchain })
	slices.SortStableFunc(d.Toolchain, func(a, b Change) int { return cmp.Compare(toolOrder(a.Name), toolOrder(b.Name)) })
	d.Target = d.changes(AspectTarget, good, bad, func(f Facts) map[string]string { return f.Target })
	d.Resolved = d.changes(AspectResolved, good, bad, func(f Facts) map[string]string { return f.Resolved })
	d.Config = d.changes(AspectConfig, good, bad, func(f Facts) map[string]string { return f.Config })
	slices.SortStableFunc(d.Config, func(a, b Change) int {
		return cmp.Compare(number(recordsVersion(a.Name)), number(recordsVersion(b.Name)))
	})
	if d.known(AspectFlags, good, bad, good.Flags != nil, bad.Flags != nil) {
		for _, object := range keys(good.Flags, bad.Flags) {
			a, b := without(good.Flags[object], bad.Flags[object]), without(bad.Flags[object], good.Flags[object])
			if len(a)+len(b) > 0 {
				d.Flags = append(d.Flags, FlagsDelta{object, a, b})
			}
		}
	}
	if d.known(AspectRelocations, good, bad, good.Modules != nil, bad.Modules != nil) {
		for _, name := range keys(good.Modules, bad.Modules) {
			a, inGood := good.Modules[name]
			b, inBad := bad.Modules[name]
			if !inGood || !inBad {
				d.Unknown = append(d.Unknown, Gap{AspectRelocations + " of " + name, "it was not built on both sides"})
				continue
			}
			d.Modules = append(d.Modules, ModuleDelta{Module: name, Same: a.Sum != "" && a.Sum == b.Sum,
				Types: countChanges(sum(a.Symbols), sum(b.Symbols)), Symbols: countsChanges(a.Symbols, b.Symbols), Functions: countsChanges(a.Functions, b.Functions)})
		}
	}
	d.Conclusion = d.conclude()
	return d
}

// known reports whether an aspect can be compared, and notes why not.
func (d *Delta) known(aspect string, good, bad Facts, inGood, inBad bool) bool {
	for _, side := range []struct {
		Facts
		known bool
	}{{good, inGood}, {bad, inBad}} {
		if !side.known {
			d.Unknown = append(d.Unknown, Gap{aspect, side.Name + ": " + cmp.Or(side.Missing[aspect], "not known")})
			return false
		}
	}
	return true
}

func (d *Delta) changes(aspect string, good, bad Facts, of func(Facts) map[string]string) []Change {
	out := []Change{}
	a, b := of(good), of(bad)
	if !d.known(aspect, good, bad, a != nil, b != nil) {
		return out
	}
	for _, name := range keys(a, b) {
		if a[name] != b[name] {
			out = append(out, Change{name, a[name], b[name]})
		}
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
	return ok && slices.Contains([]string{"CONFIG_RUSTC", "CONFIG_RUSTC_LLVM", "CONFIG_RUSTC_LLVM_MAJOR", "CONFIG_BINDGEN", "CONFIG_CC", "CONFIG_GCC", "CONFIG_CLANG",
		"CONFIG_AS", "CONFIG_LD", "CONFIG_LLD", "CONFIG_PAHOLE"}, name)
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

func countChanges(a, b map[string]int) []CountChange {
	out := []CountChange{}
	for _, typ := range keys(a, b) {
		if a[typ] != b[typ] {
			out = append(out, CountChange{typ, a[typ], b[typ]})
		}
	}
	return out
}

func countsChanges(a, b map[string]map[string]int) []CountsOfChange {
	out := []CountsOfChange{}
	for _, name := range keys(a, b) {
		if c := countChanges(a[name], b[name]); len(c) > 0 {
			out = append(out, CountsOfChange{name, c})
		}
	}
	slices.SortStableFunc(out, func(x, y CountsOfChange) int { return cmp.Compare(y.size(), x.size()) })
	return out
}

// size is how many entries came and went.
func (c CountsOfChange) size() (n int) {
	for _, t := range c.Types {
		n += max(t.Good, t.Bad) - min(t.Good, t.Bad)
	}
	return n
}

// Empty reports whether nothing that was compared differs.
func (d *Delta) Empty() bool {
	return len(d.Tree)+len(d.Toolchain)+len(d.Flags)+len(d.Target)+len(d.Resolved)+len(d.Config) == 0 && !d.recompiled()
}

// recompiled reports whether the relocations of a module differ.
func (d *Delta) recompiled() bool {
	return slices.ContainsFunc(d.Modules, func(m ModuleDelta) bool { return len(m.Types)+len(m.Symbols)+len(m.Functions) > 0 })
}

// UnknownAspect reports whether an aspect could not be compared.
func (d *Delta) UnknownAspect(aspect string) bool {
	return slices.ContainsFunc(d.Unknown, func(g Gap) bool { return g.Aspect == aspect })
}
