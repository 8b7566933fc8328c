package result

import (
	"fmt"
	"slices"
	"strings"
)

// Proves reports whether r as a whole counts: nothing but the kernel was at fault, and
// the controls showed what is known of them.
func (r *Results) Proves() bool {
	return r.Infra == "" && !slices.ContainsFunc(r.Controls, func(c Control) bool { return !c.Holds })
}

// String is a control and whether it holds: "✓ known-load (stock:low)".
func (c Control) String() string {
	if c.Holds {
		return fmt.Sprintf("✓ %s (%s)", c.Name, c.Cell)
	}
	return fmt.Sprintf("✗ control %s (%s) misbehaves: wanted %s, got %s", c.Name, c.Cell, c.Want, c.Got)
}

// BootedWith is how a placement is booted: "(64M, aslr)"; "" for nothing.
func BootedWith(mem string, aslr bool) string {
	var parts []string
	if mem != "" {
		parts = append(parts, mem)
	}
	if aslr {
		parts = append(parts, "aslr")
	}
	if parts == nil {
		return ""
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// Tools are "rustc 1.85.1", "LLVM 19.1.7" and what builds the C side, "clang 19.1.7";
// "" where one is not known.
func (t Toolchain) Tools() (tools [3]string) {
	if v := Version(t.Identity["rustc"]); v != "" {
		tools[0] = "rustc " + v
	}
	if v := Version(t.Identity["rustc-llvm"]); v != "" {
		tools[1] = "LLVM " + v
	}
	tools[2] = strings.TrimSpace(t.Compiler + " " + Version(t.Identity[t.Compiler]))
	return tools
}

// Version is the version number in what a tool says of itself: the first word that
// begins with a digit, else all of it.
func Version(s string) string {
	for f := range strings.FieldsSeq(s) {
		if f[0] >= '0' && f[0] <= '9' {
			return strings.TrimRight(f, ",")
		}
	}
	return s
}
