// Package toolchain provides sysroots that hold a compiler set, a busybox and
// what a kernel build calls, says who they are, and orders them in series. It may
// import archive, debian, fetch, sandbox, settings, store, unpack and progress. It never
// builds a kernel, and never changes what is installed on the machine.
package toolchain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/archive"
	"umlab/harness/fetch"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// Toolchain is a sysroot, perhaps with more mounted over it, and its identity.
type Toolchain struct {
	Name     string
	Root     string            // the sysroot, read-only for everybody
	Mounts   []sandbox.Mount   // what is seen over Root, read-only: an unpacked Rust, a machine's /usr
	Path     []string          // directories in the sandbox that are searched for programs before the usual ones
	Env      []string          // what its programs need besides: "RUST_LIB_SRC=…"
	Digest   string            // over everything that it is made of
	Identity map[string]string // rustc, rustc-commit, rustc-llvm, rust-src, bindgen, libclang, clang, lld, ld, gcc, make -> version
	Parts    map[string]string // of one that was put together: "rust", "c", "bindgen" -> the toolchain it comes from
	Packages []string          // "rustc 1.85.1+dfsg1-1 (trixie)"
	Busybox  string            // path of the static busybox that guests run
	Notes    []string          // what every report must say of it
}

// In returns c with everything that makes it run with the tools of t: the root,
// the mounts, and the Environment, of which c.Env overrides what it names.
func (t *Toolchain) In(c sandbox.Command) sandbox.Command {
	c.Root = t.Root
	c.Mounts = append(slices.Clone(t.Mounts), c.Mounts...)
	own := c.Env
	names := func(name string) bool {
		return slices.ContainsFunc(own, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	}
	c.Env = nil
	for _, kv := range t.Environment() {
		if name, _, _ := strings.Cut(kv, "="); !names(name) {
			c.Env = append(c.Env, kv)
		}
	}
	c.Env = append(c.Env, own...)
	return c
}

// Environment is all that a program of t in the sandbox sees of its
// surroundings.
func (t *Toolchain) Environment() []string {
	path := append(slices.Clone(t.Path), "/usr/sbin", "/usr/bin", "/sbin", "/bin")
	return append([]string{"PATH=" + strings.Join(path, ":"), "HOME=/tmp", "TMPDIR=/tmp", "LC_ALL=C", "TERM=dumb", "SHELL=/bin/sh"}, t.Env...)
}

// Provider makes toolchains.
type Provider struct {
	Archive *archive.Archive
	Store   *store.Store
	Sink    progress.Sink
	HTTP    *fetch.Client       // for what is not Debian's; nil: the default one
	Getenv  func(string) string // of the machine: PATH, RUSTUP_HOME, …
}

// Get returns the toolchain that c describes, of Debian's packages in the
// versions that its suites serve now (see archive.Archive for how long an answer
// stands). The error is an *UnfitError where it is there and cannot build Rust
// for any kernel.
func (p *Provider) Get(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	t, err := p.get(ctx, name, c)
	if err != nil {
		return nil, fmt.Errorf("toolchain %s: %w", name, err)
	}
	t.Name = name
	if t.Parts == nil {
		t.Parts = c.Parts
	}
	if err := p.identify(ctx, t); err != nil {
		return nil, fmt.Errorf("toolchain %s: %w", name, err)
	}
	return t, nil
}

func (p *Provider) get(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	switch {
	case c.Rustup != "":
		return p.rustup(ctx, name, c)
	case c.Tarball != "":
		return p.tarball(ctx, name, c)
	case c.Host:
		return p.host(ctx, name, c)
	}
	return p.debian(ctx, name, c)
}
