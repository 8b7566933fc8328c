package result

import "umlab/harness/outcome"

// ExplanationSchema is the version of the JSON that Explanation marshals to.
const ExplanationSchema = "umlab.explanation/v1"

// Explanation is all that is known about one cell at one placement: how its
// modules were built, what was predicted and seen, and why.
type Explanation struct {
	Schema    string              `json:"schema"` // ExplanationSchema
	Cell      string              `json:"cell"`   // "static-kernel@module"
	Placement Placement           `json:"placement"`
	Chosen    string              `json:"chosen"`  // why this placement
	Command   string              `json:"command"` // that repeats the page
	Tree      Tree                `json:"tree"`
	Toolchain Toolchain           `json:"toolchain"`
	Config    Config              `json:"config"`
	Verdict   Verdict             `json:"verdict"` // over all placements that were run
	Reason    string              `json:"reason,omitempty"`
	Requested string              `json:"requested"`        // "RUSTFLAGS_MODULE='-Crelocation-model=static'", "" for stock
	Loader    string              `json:"loader,omitempty"` // what of the tree was read for the prediction
	Modules   []ExplainedModule   `json:"modules"`
	Steps     []ExplainedStep     `json:"steps,omitempty"`
	Scripts   []ExplanationScript `json:"scripts"`
	Notes     []string            `json:"notes,omitempty"`
	Infra     string              `json:"infra,omitempty"` // as of Results
}

// ExplainedModule is one module of the cell.
type ExplainedModule struct {
	Module
	Path      string          `json:"path"`      // of the .ko in the store
	Objects   []ObjectFlags   `json:"objects"`   // Rust objects that it is linked from
	Reasoning []string        `json:"reasoning"` // sentences that lead to the prediction, or why there is none
	Groups    []RejectedGroup `json:"groups"`    // relocations that the loader refuses or writes wrong, by type
	Lines     string          `json:"lines"`     // where the source lines come from, or why there are none; "" where none are needed
	Excerpt   []ConsoleLine   `json:"excerpt"`   // of the transcript, around the evidence
	Space     *AddressSpace   `json:"space,omitempty"`
}

// ExplainedStep is one step of the cell, or one test of KUnit.
type ExplainedStep struct {
	Step
	Did     string        `json:"did,omitempty"`     // "run ls /sys"; "" of a test
	Command string        `json:"command,omitempty"` // what the guest's shell was given; "" of the boot
	Wanted  []string      `json:"wanted,omitempty"`  // "exit status 0", "output ^x$"
	Excerpt []ConsoleLine `json:"excerpt"`           // of the transcript, around the evidence
}

// ObjectFlags are the -C options of a Rust object, in the order in which rustc
// got them.
type ObjectFlags struct {
	Object  string        `json:"object"` // "samples/rust/rust_print.o"
	Options []GivenOption `json:"options"`
}

// GivenOption is one -C option.
type GivenOption struct {
	Option     string   `json:"option"` // "-Crelocation-model=pie"; "" where the key was never given
	Key        string   `json:"key"`    // "relocation-model"
	Overridden bool     `json:"overridden"`
	Origins    []string `json:"origins"` // "arch/um/Makefile:65": one where it can be told, several that are possible, or none
}

// RejectedGroup is relocations of one type.
type RejectedGroup struct {
	Summary string             `json:"summary"` // "17 GOTPCREL to 9 symbols, first in RustPrint::init, samples/rust/rust_print.rs:44"
	Entries []RejectedLocation `json:"entries"`
}

// RejectedLocation says which code put a relocation there.
type RejectedLocation struct {
	Relocation  *outcome.Relocation `json:"relocation"`
	Entry       string              `json:"entry"` // ".rela.text[18] at .text+0x5f"
	Decides     bool                `json:"decides"`
	Symbol      string              `json:"symbol"`
	Function    string              `json:"function,omitempty"`
	Within      uint64              `json:"within,omitempty"` // bytes into Function
	Instruction string              `json:"instruction,omitempty"`
	Source      string              `json:"source,omitempty"`
	Inlined     string              `json:"inlined,omitempty"`
	Value       string              `json:"value,omitempty"`
	Detail      string              `json:"detail,omitempty"`
}

// ConsoleLine is a line of a transcript.
type ConsoleLine struct {
	Number   int    `json:"number"` // 1-based
	Offset   int64  `json:"offset"` // bytes
	Text     string `json:"text"`
	Evidence bool   `json:"evidence"`
}

// ExplanationScript is a way to repeat the cell without umlab.
type ExplanationScript struct {
	Name  string `json:"name"` // "boot"
	Title string `json:"title"`
	Text  string `json:"text"`            // for sh
	Brief string `json:"brief,omitempty"` // shorter, where a page has no room: for a reader's own toolchain
}
