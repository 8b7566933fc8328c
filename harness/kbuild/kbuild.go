// Package kbuild builds UML kernels and their modules: one full make per tree,
// toolchain and configuration (the baseline), from nothing or on from the nearest
// that is there, and a copy-on-write fork of it per variant that rebuilds only what
// its flags change. It may import kmake, answers, loader, objtree, remake, tree,
// toolchain, scenario, sandbox, kconfig, store, outcome, buildlog and progress; it never boots
// and never says what a boot showed.
package kbuild

import (
	"slices"

	"umlab/harness/buildlog"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/progress"
	"umlab/harness/store"
)

// The paths inside the sandbox, see buildlog.
const (
	srcDir   = buildlog.Source
	buildDir = buildlog.Build
)

// version is raised when the same inputs would give other artifacts.
const version = "2"

// Builder builds in the sandbox and keeps what it built in the store.
type Builder struct {
	kmake.Runner
	Sink progress.Sink
	CPUs int // that a make of the whole kernel may use; 0: all

	// FromNothing makes Baseline build from nothing, also where the store has one
	// that went on from another, or could go on itself.
	FromNothing bool
	// Found makes Baseline return only one that is there, or that others put where it can be had, else ErrNone.
	Found bool
}

// baseKey is the identity of a base: the digest of everything that decides what
// its baseline holds.
func baseKey(b kmake.Base) string {
	parts := []string{"baseline", version, b.Tree.Digest, b.Toolchain.Digest, b.Compiler, kconfig.Text(b.Options)}
	return store.Key(append(parts, b.Arch()[1:]...)...)
}

// RequestsRust reports whether the options ask for CONFIG_RUST=y.
func RequestsRust(options []kconfig.Option) bool {
	return slices.ContainsFunc(options, func(o kconfig.Option) bool { return o.Name == "CONFIG_RUST" && o.Value == "y" })
}
