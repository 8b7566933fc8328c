// Package answers remembers what a build asked its tools (Kconfig's shell, make's try-run, the tree's own scripts), and has later
// builds of the same tools take that for an answer. It may import buildlog, objtree, sandbox, store, shell and pattern; it runs
// nothing itself.
package answers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"umlab/harness/buildlog"
	"umlab/harness/objtree"
)

// Half of what an idle make of the kernel does is to ask the compiler the same questions again, one after the other
// (cc-option in the top Makefile: does it know this flag?). While the C side of the tools is the same, so is the answer to the same
// command: a build that goes on takes those that the earlier one got, through a scripts/Makefile.compiler that remembers them.

const compilerRules = "scripts/Makefile.compiler"

// File is where a build directory has what the compiler answered.
const File = ".umlab.answers"

// remembering is put behind the tree's own try-run, which runs $(1) in a shell and gives $(2), or $(3) where that fails.
// What is remembered is the whole call, and only a call whose answer is the compiler's alone: it compiles nothing
// (/dev/null), with no file before it and no plugin. See noting for umlab-note and umlab-refused.
const remembering = `
ifndef umlab-try-run
$(eval umlab-try-run = $(value try-run))
umlab-empty :=
umlab-hash := \#
define umlab-newline


endef
umlab-name = $(subst $(umlab-newline),@n,$(subst $(umlab-empty) $(umlab-empty),@s,$(subst	,@t,$(subst :,@c,` +
	`$(subst =,@e,$(subst $(umlab-hash),@h,$(subst $$,@d,$(subst @,@a,$(1)))))))))
umlab-pure = $(if $(findstring -include,$(1))$(findstring -imacros,$(1))$(findstring -fplugin,$(1)),,$(findstring /dev/null -o ,$(1)))
umlab-asked = $(if $(findstring [$(1)],[$(2)]),$(call umlab-note,$(3),yes),$(if $(call umlab-refused,$(4)),$(call umlab-note,$(3),no)))$(1)
umlab-ask = $(if $(umlab-read),,$(eval umlab-read := yes)$(eval -include ` + buildlog.Build + "/" + File + `))` +
	`$(if $(filter yes,$(umlab-answer-$(4))),$(2),$(if $(filter no,$(umlab-answer-$(4))),$(3),` +
	`$(call umlab-asked,$(call umlab-try-run,$(1),$(2),$(3)),$(2),$(4),$(1))))
try-run = $(if $(call umlab-pure,$(1)),` +
	`$(call umlab-ask,$(1),$(2),$(3),$(call umlab-name,$(1))@|$(call umlab-name,$(2))@|$(call umlab-name,$(3))),` +
	`$(call umlab-try-run,$(1),$(2),$(3)))
endif
`

// noting writes the answers down, of no's those that the compiler gave a reason for: others are the machine's. Makes beside
// each other would write into each other's lines.
const noting = "umlab-note = $(file >>" + buildlog.Build + "/" + File + `,umlab-answer-$(1) := $(2))
umlab-refused = $(shell TMP=/dev/null; ($(1)) 2>&1 >/dev/null | grep -E "(unknown|unrecognized|unsupported|invalid) .*(option|argument)")
`

// Compiler makes, in a directory that lies over a tree, its scripts/Makefile.compiler one that takes what is written down for an
// answer. It does nothing for a tree whose file is not as expected.
func Compiler(from fs.FS, over string) error { return remember(from, over, remembering) }

// NoteCompiler is Compiler for one that also writes down what it is answered. No make may work beside the one that does.
func NoteCompiler(from fs.FS, over string) error { return remember(from, over, remembering+noting) }

func remember(from fs.FS, over, more string) error {
	text, err := fs.ReadFile(from, compilerRules)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !strings.Contains(string(text), "\ntry-run = $(shell ") {
		return nil
	}
	if err != nil {
		return err
	}
	return layOver(over, compilerRules, append(text, more...))
}

// rustAvailable asks a dozen programs, one after the other, whether Rust can be built with them, before anything else is made;
// where it can, it says so by its exit status alone.
const rustAvailable = "scripts/rust_is_available.sh"

// Rust makes, in a directory that lies over a tree, that script one that finds it can.
func Rust(from fs.FS, over string) error {
	if _, err := fs.Stat(from, rustAvailable); err != nil {
		return nil
	}
	return layOver(over, rustAvailable, []byte("#!/bin/sh\n"))
}

// layOver makes a file of a directory that lies over a tree.
func layOver(over, name string, text []byte) error {
	at := filepath.Join(over, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.WriteFile(at, text, 0o755)
}

// Known reports whether a build directory has answers of the compiler.
func Known(build string) bool {
	return objtree.Regular(build, File) == nil
}
