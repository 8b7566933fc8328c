// Package kmake runs one command of a kernel's build in the sandbox, within limits, and says whose fault it is where that fails. It
// may import tree, toolchain, scenario, sandbox, kconfig, store, outcome, buildlog, shell and progress; it knows of no build but the
// one that it is given, and keeps nothing of it but its output.
package kmake

import (
	"slices"
	"strings"

	"umlab/harness/buildlog"
	"umlab/harness/kconfig"
	"umlab/harness/scenario"
	"umlab/harness/shell"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// The compilers that can build the C side.
const (
	Clang = "clang"
	GCC   = "gcc"
)

// Base is what all variants of a matrix share.
type Base struct {
	Tree      *tree.Tree
	Toolchain *toolchain.Toolchain
	Compiler  string           // Clang or GCC
	Subarch   string           // SUBARCH: "i386"; "" is x86_64, which Kbuild takes by itself
	Options   []kconfig.Option // requested over allnoconfig, see kconfig.Merge
}

// Arch are the variables of make that say for which machine the base is built.
func (b Base) Arch() []string {
	if b.Subarch == "" {
		return []string{"ARCH=um"}
	}
	return []string{"ARCH=um", "SUBARCH=" + b.Subarch}
}

// Make is the make command of this base inside the sandbox, without a goal. What the kernel
// would record of the machine and the moment is pinned, so that equal sources
// give equal bytes.
func (b Base) Make() []string {
	args := append(append([]string{"make", "-C", buildlog.Source, "O=" + buildlog.Build}, b.Arch()...),
		"KBUILD_BUILD_TIMESTAMP=@1", "KBUILD_BUILD_USER=umlab", "KBUILD_BUILD_HOST=umlab", "KBUILD_BUILD_VERSION=1")
	if b.Compiler == Clang {
		args = append(args, "LLVM=1")
	}
	return args
}

// ByHand is the make command that a person types to build the same outside of
// umlab, in an output directory of their own.
func (b Base) ByHand(c scenario.Cell, targets ...string) string {
	args := append(append([]string{"make"}, b.Arch()...), "O=build")
	if b.Compiler == Clang {
		args = append(args, "LLVM=1")
	}
	for _, v := range c.MakeVars() {
		args = append(args, v.Name+"='"+strings.Join(v.Flags, " ")+"'")
	}
	return strings.Join(append(args, targets...), " ")
}

// ExternalByHand are the make commands, behind that of Base.ByHand, that build
// a cell's modules from the user's own directories.
func (b Base) ExternalByHand(c scenario.Cell) []string {
	var out []string
	for _, e := range Externals(c) {
		out = append(out, b.ByHand(c, "M="+shell.Quote(e.Given), shell.Quote(PWD(e.Given)), "modules"))
	}
	return out
}

// Externals are the directories of a cell's modules, each once, in order.
func Externals(c scenario.Cell) []*scenario.External {
	var out []*scenario.External
	for _, m := range c.Modules {
		if m.External != nil && !slices.ContainsFunc(out, func(e *scenario.External) bool { return e.Mount == m.External.Mount }) {
			out = append(out, m.External)
		}
	}
	return out
}

// PWD makes $(PWD) the modules' directory, where people run make. Kbuild itself
// works elsewhere, and each shell between two makes would set it to that.
func PWD(dir string) string { return "PWD=" + dir }
