package harness

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"umlab/harness/debian"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// room is what a tree, a toolchain and a baseline take together, with their
// packages, in bytes; doctor wants it free.
const room = 8 << 30

// Fetch asks the archive what it serves now, and fetches and unpacks trees and
// toolchains, the usual ones where none are named, so that a later run needs no
// network.
func (l *Lab) Fetch(ctx context.Context, trees, toolchains []string) error {
	if len(trees) == 0 {
		trees = []string{l.settings.DefaultTree}
	}
	if len(toolchains) == 0 {
		toolchains = []string{l.settings.DefaultToolchain}
	}
	var errs []error
	for _, name := range trees {
		errs = append(errs, l.sources.CheckTree(name))
	}
	for _, name := range toolchains {
		errs = append(errs, l.sources.CheckToolchain(name))
	}
	if err := usage.Join(errs...); err != nil {
		return err
	}
	if err := l.sandboxed(ctx); err != nil {
		return err
	}
	src := l.sources.Refreshed().Once()
	var say []func()
	for i := range max(len(trees), len(toolchains)) {
		// Each is fetched with one of the others: tools of a toolchain unpack the tree.
		t, tc, err := src.Get(ctx, trees[min(i, len(trees)-1)], toolchains[min(i, len(toolchains)-1)])
		if err != nil {
			return err
		}
		say = append(say, func() { l.fetched(t, tc) })
	}
	l.sink.Close()
	for _, one := range say {
		one()
	}
	return nil
}

// fetched says what was fetched.
func (l *Lab) fetched(t *tree.Tree, tc *toolchain.Toolchain) {
	fmt.Fprintf(l.stdout, "tree %s: %s, %s, digest %s\n", t.Name, t.Version, t.Package, t.Digest)
	fmt.Fprintf(l.stdout, "toolchain %s: rustc %s (LLVM %s), clang %s, gcc %s, %d packages, digest %s\n",
		tc.Name, tc.Identity["rustc"], tc.Identity["rustc-llvm"], tc.Identity["clang"], tc.Identity["gcc"], len(tc.Packages), tc.Digest)
	_, said := t.Said()
	for _, n := range slices.Concat(said, tc.Notes) {
		fmt.Fprintln(l.stdout, "note:", n)
	}
}

// Doctor says whether this machine can do what umlab needs. The error is the
// first thing that it cannot.
func (l *Lab) Doctor(ctx context.Context) error {
	var first error
	say := func(what, good string, err error) {
		mark := "ok  "
		if err != nil {
			mark, good = "BAD ", err.Error()
			if first == nil {
				first = fmt.Errorf("%s: %w", what, err)
			}
		}
		fmt.Fprintf(l.stdout, "%s %-11s %s\n", mark, what, good)
	}
	machine := fmt.Sprintf("%s, %d CPUs", runtime.GOARCH, runtime.NumCPU())
	if runtime.GOARCH == "amd64" {
		say("machine", machine, nil)
	} else {
		say("machine", "", fmt.Errorf("%s: UML and the loader that umlab reads are x86-64's; use such a machine", machine))
	}
	say("namespaces", "a command runs in a sandbox of its own", l.sandboxed(ctx))
	free, err := l.store.Free()
	if err == nil && free < room {
		err = fmt.Errorf("%s has %d GB free, and a tree with its toolchain and baseline takes up to %d: free some, or set UMLAB_HOME",
			l.store.Root(), free>>30, room>>30)
	}
	if err == nil && !l.store.Runs() {
		err = fmt.Errorf("%s is on a file system mounted noexec, and the tools and kernels in it are run: set UMLAB_HOME to a directory "+
			"on another", l.store.Root())
	}
	say("store", fmt.Sprintf("%s, %d GB free", l.store.Root(), free>>30), err)
	suite := l.settings.Trees[l.settings.DefaultTree].Suite
	index, err := l.sources.Archive.Client.Open(ctx, []debian.Suite{{Name: suite, AllowExpired: l.settings.Suites[suite].AllowFrozen}})
	if err != nil {
		say("archive", "", err)
	} else {
		r := index.Releases()[0]
		say("archive", fmt.Sprintf("%s, signed %s", r.URL, r.Date.UTC().Format(time.DateOnly)), nil)
	}
	if _, err := os.Stat("/dev/ptmx"); err != nil {
		say("console", "", fmt.Errorf("no pseudo-terminals: %w; mount devpts", err))
	} else {
		say("console", "pseudo-terminals", nil)
	}
	return first
}
