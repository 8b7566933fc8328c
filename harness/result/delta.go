package result

import "slices"

// DeltaSchema is the version of the JSON that Delta marshals to.
const DeltaSchema = "umlab.delta/v1"

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
	Schema     string        `json:"schema"`                        // DeltaSchema
	Cell       string        `json:"cell" jsonschema:"minLength=1"` // "stock", "static-small@module"
	Good       string        `json:"good"`                          // name of the side
	Bad        string        `json:"bad"`
	Conclusion string        `json:"conclusion" jsonschema:"minLength=1"` // as far as the deltas prove it; sentences
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
	Name string `json:"name" jsonschema:"minLength=1"`
	Good string `json:"good,omitempty" jsonschema:"minLength=1"`
	Bad  string `json:"bad,omitempty" jsonschema:"minLength=1"`
}

// String is "1.85.1 → 1.96.1".
func (c Change) String() string { return there(c.Good) + " → " + there(c.Bad) }

func there(value string) string {
	if value == "" {
		return "not there"
	}
	return value
}

// FlagsDelta is how the options of an object differ.
type FlagsDelta struct {
	Object string   `json:"object" jsonschema:"minLength=1"`
	Good   []string `json:"good" jsonschema:"minLength=1"` // only there
	Bad    []string `json:"bad" jsonschema:"minLength=1"`
}

// ModuleDelta is how the relocations of a module differ.
type ModuleDelta struct {
	Module    string           `json:"module" jsonschema:"minLength=1"`
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
	Type string `json:"type" jsonschema:"minLength=1"` // name in the psABI: "R_X86_64_GOTPCREL"
	Good int    `json:"good"`
	Bad  int    `json:"bad"`
}

// Gap is an aspect that could not be compared.
type Gap struct {
	Aspect string `json:"aspect" jsonschema:"minLength=1"`
	Reason string `json:"reason"`
}

// UnknownAspect reports whether an aspect could not be compared.
func (d *Delta) UnknownAspect(aspect string) bool {
	return slices.ContainsFunc(d.Unknown, func(g Gap) bool { return g.Aspect == aspect })
}
