package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/pattern"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
)

const (
	kindSysroot = "sysroot"
	// version is raised when the same packages would unpack to another sysroot.
	version = "2"
	// busybox is where the guest's comes from.
	busybox = "usr/bin/busybox"
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
	{"usr/bin/awk", []string{"gawk", "mawk", "original-awk"}},
	{"usr/bin/cc", []string{"gcc", "clang"}},
	{"usr/bin/c++", []string{"g++", "clang++"}},
	{"usr/bin/sh", []string{"dash", "bash"}},
	{"usr/bin/python3", []string{"python3.14", "python3.13", "python3.12"}},
	{"lib32", []string{"usr/lib32"}},                              // of libc6-i386, whose linker script names files by it
	{"usr/lib/ld-linux.so.2", []string{"../lib32/ld-linux.so.2"}}, // as well
}

// resolve asks which packages c consists of; sysroot is the digest of what they
// unpack to.
func (p *Provider) resolve(ctx context.Context, c settings.Toolchain) (res *archive.Resolution, sysroot string, err error) {
	from := p.Archive
	if c.Snapshot != "" {
		from = from.At(c.Snapshot)
	}
	if res, err = from.Closure(ctx, c.Suites, c.Packages, unneeded); err != nil {
		return nil, "", err
	}
	return res, sysrootDigest(res.Packages), nil
}

func sysrootDigest(packages []debian.Package) string {
	var sums []string
	for _, pkg := range packages {
		sums = append(sums, pkg.SHA256)
	}
	slices.Sort(sums)
	return store.Key(append([]string{"sysroot", version}, sums...)...)
}

// Digest is the digest that Get would give the toolchain that c describes, found
// out without fetching any of it; ok only where it consists of nothing but
// Debian's packages.
func (p *Provider) Digest(ctx context.Context, c settings.Toolchain) (digest string, ok bool, err error) {
	if c.Host || c.Rustup != "" || c.Tarball != "" {
		return "", false, nil
	}
	_, sysroot, err := p.resolve(ctx, c)
	return debianDigest(c, sysroot), err == nil, err
}

// pinned are names under which rustup never has anything else.
var pinned = pattern.New(`^[0-9]+\.[0-9]+\.[0-9]+$|^[a-z]+-[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// Pin says what Get gives for c wherever it is asked, found out without fetching any of it; ok only where another machine that has the
// same pin has the same toolchain.
func (p *Provider) Pin(ctx context.Context, c settings.Toolchain) (pin string, ok bool, err error) {
	if c.Host || c.Tarball != "" || c.Rustup != "" && !pinned.MatchString(c.Rustup) {
		return "", false, nil
	}
	_, sysroot, err := p.resolve(ctx, c)
	return store.Key("pin", c.Rustup, debianDigest(c, sysroot)), err == nil, err
}

func debianDigest(c settings.Toolchain, sysroot string) string {
	if c.LLVM != "" {
		return store.Key("llvm", c.LLVM, sysroot)
	}
	return sysroot
}

// debian returns the sysroot of the packages that c wants, without an identity.
func (p *Provider) debian(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	res, sysroot, err := p.resolve(ctx, c)
	if err != nil {
		return nil, err
	}
	t := &Toolchain{Name: name, Notes: slices.Clone(res.Notes), Digest: debianDigest(c, sysroot)}
	for _, pkg := range res.Packages {
		t.Packages = append(t.Packages, pkg.String())
	}
	dir, err := p.sysroot(ctx, name, c, res.Packages)
	if err != nil {
		return nil, err
	}
	t.Root = filepath.Join(dir, "root")
	t.Busybox = filepath.Join(t.Root, busybox)
	if c.LLVM != "" {
		// A version beside the default one has its programs here under their usual
		// names, and only here.
		llvm := "/usr/lib/llvm-" + c.LLVM
		t.Path = []string{llvm + "/bin"}
		t.Env = []string{"LIBCLANG_PATH=" + llvm + "/lib"}
	}
	return t, nil
}

// sysroot returns the directory whose root/ the packages of c are unpacked in.
// What toolchains have beside their Rust is unpacked once: the others share its
// files.
func (p *Provider) sysroot(ctx context.Context, name string, c settings.Toolchain, packages []debian.Package) (string, error) {
	key := sysrootDigest(packages)
	dir, _, err := p.Store.Shared(ctx, kindSysroot, key, func(ctx context.Context, dir string) error {
		below, rest, err := p.below(ctx, c, packages)
		if err != nil {
			return err
		}
		root := filepath.Join(dir, "root")
		if below == nil {
			if err := os.Mkdir(root, 0o755); err != nil {
				return err
			}
			return p.fill(ctx, name, packages, root)
		}
		from, err := p.sysroot(ctx, name, c.With(nil, nil, settings.RustPackages), below)
		if err != nil {
			return err
		}
		if err := errors.Join(p.Store.Whole(ctx, from), linkTree(ctx, filepath.Join(from, "root"), root)); err != nil {
			return err
		}
		return p.fill(ctx, name, rest, root)
	})
	if err == nil && p.Store.Remote != nil {
		o := store.Offered{Entry: store.Entry{Kind: kindSysroot, Key: key}, Of: fmt.Sprintf("toolchain %s, %d packages", name, len(packages))}
		if below, _, err := p.below(ctx, c, packages); err == nil && below != nil {
			o.Over = store.Entry{Kind: kindSysroot, Key: sysrootDigest(below)}
		}
		for _, pkg := range packages {
			o.From = append(o.From, pkg.String())
		}
		p.Store.Offer(o)
	}
	return dir, err
}

// below returns the packages of a sysroot with all of the packages but Rust's and
// those that only Rust needs, and the rest; nil where there is none.
func (p *Provider) below(ctx context.Context, c settings.Toolchain, packages []debian.Package) (below, rest []debian.Package, err error) {
	plain := c.With(nil, nil, settings.RustPackages)
	if len(plain.Packages) == len(c.Packages) {
		return nil, nil, nil
	}
	res, _, err := p.resolve(ctx, plain)
	if err != nil {
		return nil, nil, err
	}
	shared := map[string]bool{}
	for _, pkg := range res.Packages {
		shared[pkg.SHA256] = true
	}
	for _, pkg := range packages {
		if !shared[pkg.SHA256] {
			rest = append(rest, pkg)
		}
	}
	if len(rest)+len(res.Packages) != len(packages) {
		return nil, nil, nil // with Rust, another version of something else is needed
	}
	return res.Packages, rest, nil
}

// linkTree makes the tree to of directories and links of its own, and of the
// files of from.
func linkTree(ctx context.Context, from, to string) error {
	return store.CopyTree(ctx, to, from, func(to, from string, info fs.FileInfo) error {
		if info.IsDir() {
			return os.Chmod(to, info.Mode())
		}
		return os.Link(from, to)
	})
}

// fill unpacks packages into root, which may hold a sysroot already.
func (p *Provider) fill(ctx context.Context, name string, packages []debian.Package, root string) error {
	files, err := p.Archive.Fetch(ctx, "toolchain "+name+": ", packages)
	if err != nil {
		return err
	}
	// xz in Go is several times slower than xz, so the sysroot's own is unpacked
	// first and unpacks the rest.
	xzNeeds := func(f debian.File) bool {
		return slices.Contains([]string{"libc6", "liblzma5", "xz-utils"}, f.Package.Name)
	}
	first := slices.DeleteFunc(slices.Clone(files), func(f debian.File) bool { return !xzNeeds(f) })
	rest := slices.DeleteFunc(files, xzNeeds)
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
	opt.Decompress = (&Toolchain{Root: root}).XZ
	if err := debian.Unpack(ctx, in, rest, opt); err != nil {
		return err
	}
	for _, a := range alternatives {
		if err := link(filepath.Join(root, a.name), a.to); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(root, busybox)); err != nil {
		return fmt.Errorf("no busybox for the guest: %w", err)
	}
	return nil
}

// unpack fetches one package for the toolchain name, without what it depends on,
// and unpacks it below dir.
func (p *Provider) unpack(ctx context.Context, name string, pkg debian.Package, dir string, opt debian.UnpackOptions) error {
	return p.Archive.Into(ctx, "toolchain "+name+": ", []debian.Package{pkg}, dir, opt)
}

// link makes the path at lead to the first of to, paths from its directory, that is there, unless there is something at
// it already.
func link(at string, to []string) error {
	if _, err := os.Lstat(at); err == nil {
		return nil
	}
	for _, t := range to {
		if _, err := os.Lstat(filepath.Join(filepath.Dir(at), t)); err == nil {
			return os.Symlink(t, at)
		}
	}
	return nil
}
