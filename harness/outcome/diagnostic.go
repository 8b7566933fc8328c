package outcome

import "umlab/harness/pattern"

// Diagnostic is what a tool of the build said of one error or warning.
type Diagnostic struct {
	Tool string `json:"tool,omitempty"` // that said it: "rustc", "cc", "ld", "modpost", "bindgen", "kconfig", "make"
	Step string `json:"step,omitempty"` // target of make that it was said for: "rust/core.o"
	// file of the tree, the build directory or the sysroot, with line and column: "rust/kernel/lib.rs:12:5"
	Place   string `json:"place,omitempty"`
	Message string `json:"message"` // without its place and the word error or warning
}

var (
	// positions are those of a line in what is generated, and of code in memory: they move with what has nothing to do with the error.
	positions = pattern.New(`\b(line|column) \d+|:\d+(?::\d+)?:|\b0x[0-9a-f]+\b`)
	lineOf    = pattern.New(`:\d+(?::\d+)?$`)
)

// same reports whether both are one error: of one tool, at one file, in the same words, wherever in the file that is.
func (d Diagnostic) same(e Diagnostic) bool {
	file := func(place string) string { return lineOf.ReplaceAllString(place, "") }
	return d.Tool == e.Tool && file(d.Place) == file(e.Place) && placeless(d.Message) == placeless(e.Message)
}

func placeless(text string) string { return positions.ReplaceAllString(text, "$1") }

// sameFailure reports whether two builds failed with the same error. One that is known by a scenario is that, however rustc
// words it today.
func (o Outcome) sameFailure(p Outcome) bool {
	switch {
	case o.Known != "" || p.Known != "":
		return o.Known == p.Known
	case o.Diagnostic != nil && p.Diagnostic != nil:
		return o.Diagnostic.same(*p.Diagnostic)
	}
	return placeless(o.Evidence) == placeless(p.Evidence)
}
