// Package toolchain provides sysroots that hold a compiler set, a busybox and
// what a kernel build calls, and says who they are. It may import archive,
// debian, sandbox, settings, store and progress; it never builds a kernel.
package toolchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// Toolchain is a sysroot with its identity.
type Toolchain struct {
	Name     string            `json:"-"`
	Root     string            `json:"-"` // the sysroot, read-only for everybody
	Digest   string            `json:"digest"`
	Identity map[string]string `json:"identity"` // rustc, rustc-llvm, rust-src, bindgen, libclang, clang, lld, ld, gcc, make -> version
	Packages []string          `json:"packages"` // "rustc 1.85.1+dfsg1-1 (trixie)"
	Notes    []string          `json:"-"`
}

// Busybox is the path of the static busybox that guests run.
func (t *Toolchain) Busybox() string { return filepath.Join(t.Root, "usr", "bin", "busybox") }

const (
	kindSysroot = "sysroot"
	// version is raised when the same packages would unpack to another sysroot.
	version = "2"
)

// unneeded are packages that dependencies ask for and that do nothing in a
// sysroot that is never booted.
var unneeded = []string{"debconf", "debconf-2.0", "dpkg", "init-system-helpers", "adduser", "passwd"}

// unread are patterns of files that no kernel build reads: of rust-src, Kbuild
// builds the library alone.
var unread = []string{"usr/src/rustc-*/compiler", "usr/src/rustc-*/src"}

// alternatives are the links that maintainer scripts would make, with what they
// may lead to; the first that is there is taken.
var alternatives = []struct {
	name string
	to   []string
}{
	{"awk", []string{"gawk", "mawk", "original-awk"}},
	{"cc", []string{"gcc", "clang"}},
	{"c++", []string{"g++", "clang++"}},
	{"sh", []string{"dash", "bash"}},
	{"python3", []string{"python3.14", "python3.13", "python3.12"}},
}

// Provider makes toolchains.
type Provider struct {
	Archive *archive.Archive
	Store   *store.Store
	Sink    progress.Sink
}

// Debian returns the Debian sysroot that c describes, in the versions that its
// suites serve now (see archive.Archive for how long an answer stands).
func (p *Provider) Debian(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	t, err := p.debian(ctx, name, c)
	if err != nil {
		return nil, fmt.Errorf("toolchain %s: %w", name, err)
	}
	return t, nil
}

func (p *Provider) debian(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	res, err := p.Archive.Closure(ctx, c.Suites, c.Packages, unneeded)
	if err != nil {
		return nil, err
	}
	t := &Toolchain{Notes: res.Notes}
	var sums []string
	for _, pkg := range res.Packages {
		sums = append(sums, pkg.SHA256)
		t.Packages = append(t.Packages, pkg.String())
	}
	slices.Sort(sums)
	t.Digest = store.Key(append([]string{"sysroot", version}, sums...)...)
	dir, _, err := p.Store.Dir(ctx, kindSysroot, t.Digest, func(ctx context.Context, dir string) error {
		return p.fill(ctx, name, t, res.Packages, dir)
	})
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "toolchain.json"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, err
	}
	t.Name, t.Root = name, filepath.Join(dir, "root")
	return t, nil
}

// fill makes the sysroot dir/root and the record beside it.
func (p *Provider) fill(ctx context.Context, name string, t *Toolchain, packages []debian.Package, dir string) error {
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	files, err := p.Archive.Fetch(ctx, "toolchain "+name+": ", packages)
	if err != nil {
		return err
	}
	// xz in Go is several times slower than xz, so the sysroot's own is unpacked
	// first and unpacks the rest.
	first, rest := split(files, "libc6", "liblzma5", "xz-utils")
	in, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer in.Close()
	opt := debian.UnpackOptions{LeaveOut: append(debian.DefaultLeaveOut(), unread...)}
	if err := debian.Unpack(ctx, in, first, opt); err != nil {
		return err
	}
	opt.Progress = progress.Prefix{Sink: p.Sink, Text: "toolchain " + name + ": "}
	opt.Decompress = func(ctx context.Context, r io.Reader) (io.ReadCloser, error) { return XZ(ctx, root, r) }
	if err := debian.Unpack(ctx, in, rest, opt); err != nil {
		return err
	}
	for _, a := range alternatives {
		if err := link(filepath.Join(root, "usr", "bin"), a.name, a.to); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	status, err := sandbox.Run(ctx, sandbox.Command{Root: root, Args: []string{"sh", "-c", identityScript}, Env: []string{"LC_ALL=C"}, Stdout: &out, Stderr: &out})
	if err != nil {
		return err
	}
	if !status.Success() {
		return fmt.Errorf("ask the tools for their versions: %s: %s", status, strings.TrimSpace(out.String()))
	}
	t.Identity = identityOf(out.String())
	if err := checkIdentity(t.Identity); err != nil {
		return fmt.Errorf("%w (the tools said:\n%s)", err, out.String())
	}
	if _, err := os.Stat((&Toolchain{Root: root}).Busybox()); err != nil {
		return fmt.Errorf("no busybox for the guest: %w", err)
	}
	record, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "toolchain.json"), record, 0o644)
}

// split separates the files of the named packages, in that order.
func split(files []debian.File, names ...string) (first, rest []debian.File) {
	for _, f := range files {
		if slices.Contains(names, f.Package.Name) {
			first = append(first, f)
		} else {
			rest = append(rest, f)
		}
	}
	return first, rest
}

// link makes bin/name lead to the first of to that is there, unless there is a
// bin/name already.
func link(bin, name string, to []string) error {
	at := filepath.Join(bin, name)
	if _, err := os.Lstat(at); err == nil {
		return nil
	}
	for _, t := range to {
		if _, err := os.Lstat(filepath.Join(bin, t)); err == nil {
			return os.Symlink(t, at)
		}
	}
	return nil
}

// XZ decompresses r with the xz of the sysroot root.
func XZ(ctx context.Context, root string, r io.Reader) (io.ReadCloser, error) {
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	proc, err := sandbox.Start(ctx, sandbox.Command{Root: root, Args: []string{"xz", "-dc", "-T2"}, Stdin: r, Stdout: pw, Stderr: &said})
	pw.Close()
	if err != nil {
		pr.Close()
		return nil, err
	}
	return &xz{File: pr, wait: func() error {
		status, err := proc.Wait()
		if err == nil && !status.Success() {
			err = fmt.Errorf("xz: %s: %s", status, strings.TrimSpace(said.String()))
		}
		return err
	}}, nil
}

type xz struct {
	*os.File
	wait func() error
}

// Close ends xz and returns what it complained about, if anything.
func (x *xz) Close() error { return errors.Join(x.File.Close(), x.wait()) }
