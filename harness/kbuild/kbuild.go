// Package kbuild builds UML kernels and their modules: one full make per tree,
// toolchain and configuration (the baseline), from nothing or on from the nearest
// that is there, and a copy-on-write fork of it per variant that rebuilds only what
// its flags change. It may import loader, objtree, remake, tree, toolchain, scenario,
// sandbox, kconfig, store, outcome, buildlog, shell and progress; it never boots and never
// says what a boot showed.
package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"umlab/harness/buildlog"
	"umlab/harness/kconfig"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// The paths inside the sandbox. They are part of what is built (they stand in
// .cmd files), so they are the same for every tree and every user.
const (
	srcDir      = buildlog.Source // the tree, read-only
	buildDir    = buildlog.Build  // O=, the only place that make can write to but /tmp
	externalDir = buildlog.Beside // directories of modules below it, see scenario.External
)

// version is raised when the same inputs would give other artifacts.
const version = "2"

// The compilers that can build the C side.
const (
	Clang = "clang"
	GCC   = "gcc"
)

// Builder builds in the sandbox and keeps what it built in the store.
type Builder struct {
	Store  *store.Store
	Sink   progress.Sink
	Limits Limits
	CPUs   int // that a make of the whole kernel may use; 0: all

	// FromNothing makes Baseline build from nothing, also where the store has one
	// that went on from another, or could go on itself.
	FromNothing bool
	// Found makes Baseline return only one that is there, or that others put where it can be had, else ErrNone.
	Found bool
}

// Limits bound what one make may use of the machine; zero values do not.
type Limits struct {
	Time    time.Duration
	Disk    int64 // bytes in the directories that make can write to
	Sandbox sandbox.Limits
}

// limitError says that a make was ended because it reached a limit.
type limitError struct {
	what  string // "baseline of debian-6.12"
	limit string // "time (1h0m0s)", "disk (8192 MB)"
}

func (e *limitError) Error() string {
	return fmt.Sprintf("%s: reached its limit of %s; configs/limits.toml sets it, or limits.toml of your own configuration", e.what, e.limit)
}

// Base is what all variants of a matrix share.
type Base struct {
	Tree      *tree.Tree
	Toolchain *toolchain.Toolchain
	Compiler  string           // Clang or GCC
	Subarch   string           // SUBARCH: "i386"; "" is x86_64, which Kbuild takes by itself
	Options   []kconfig.Option // requested over allnoconfig, see kconfig.Merge
}

// key is the identity of the base: the digest of everything that decides what
// its baseline holds.
func (b Base) key() string {
	parts := []string{"baseline", version, b.Tree.Digest, b.Toolchain.Digest, b.Compiler, kconfig.Text(b.Options)}
	return store.Key(append(parts, b.Arch()[1:]...)...)
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
	args := append(append([]string{"make", "-C", srcDir, "O=" + buildDir}, b.Arch()...),
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

// machineError says that a build failed for a reason that is the machine's.
type machineError struct {
	what, line, log string
}

func (e *machineError) Error() string {
	return fmt.Sprintf("build %s: the machine failed it, not the source: %s (all of it: %s); free disk or memory, "+
		"or let a build use more of them in configs/limits.toml, and run again",
		e.what, e.line, e.log)
}

// watching are directories inside in which it is noted what is opened: some with all below them, some without.
type watching struct{ below, only []string }

// job is one command in the sandbox with its output.
type job struct {
	what     string
	base     Base
	mounts   []sandbox.Mount
	overlays []sandbox.Overlay
	over     string // directory that lies over the tree; "" for none
	dir      string
	env      []string
	args     []string
	watch    watching
	opened   *openings // gets what was opened of what is watched
	log      io.Writer
	errors   io.Writer // nil: log
}

// run runs j and returns nil only if it exited 0. A failure is an exitError.
func (b *Builder) run(ctx context.Context, j job) error {
	if j.dir == "" {
		j.dir = "/"
	}
	if j.errors == nil {
		j.errors = j.log
	}
	ctx, done := b.limit(ctx, j)
	defer done()
	source := j.base.Tree.Mount(srcDir)
	if j.over != "" {
		source.Over = append([]string{j.over}, source.Over...)
	}
	c := j.base.Toolchain.In(sandbox.Command{
		Mounts:   append([]sandbox.Mount{source}, j.mounts...),
		Overlays: j.overlays,
		Watch:    j.watch.below, WatchOnly: j.watch.only,
		Dir:    j.dir,
		Args:   j.args,
		Env:    j.env,
		Stdout: j.log,
		Stderr: j.errors,
		Limits: b.Limits.Sandbox,
		Grace:  2 * time.Second,
	})
	read, lent := []string{c.Root}, []string(nil)
	for _, m := range c.Mounts {
		if len(m.Over) == 0 {
			lent = append(lent, m.Source)
			continue
		}
		read = append(append(read, m.Source), m.Over...)
	}
	for _, o := range c.Overlays {
		read = append(read, o.Lower)
	}
	still := b.Store.Stay(slices.Concat(read, lent)...)
	back, err := b.Store.Lend(ctx, lent...)
	if err != nil {
		return fmt.Errorf("%s: %w", j.what, err)
	}
	// The command needs not wait until all that it may read was looked at: what it makes is nothing before.
	whole := make(chan error, 1)
	go func() { whole <- b.Store.Whole(ctx, read...) }()
	status, err := sandbox.Run(ctx, c)
	if wrong := cmp.Or(<-whole, back(err != nil || !status.Success()), still()); wrong != nil && ctx.Err() == nil {
		return wrong
	}
	if status.Opened != nil {
		j.opened.add(status.Opened)
	}
	if limit, ok := errors.AsType[*limitError](context.Cause(ctx)); ok {
		return limit
	}
	if err != nil {
		return fmt.Errorf("%s: %w", j.what, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", j.what, context.Cause(ctx))
	}
	if !status.Success() {
		return &exitError{j.what, status}
	}
	return nil
}

type exitError struct {
	what   string
	status sandbox.Status
}

func (e *exitError) Error() string { return fmt.Sprintf("%s: %s", e.what, e.status) }

// RequestsRust reports whether the options ask for CONFIG_RUST=y.
func RequestsRust(options []kconfig.Option) bool {
	return slices.ContainsFunc(options, func(o kconfig.Option) bool { return o.Name == "CONFIG_RUST" && o.Value == "y" })
}
