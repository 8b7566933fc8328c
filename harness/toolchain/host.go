package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"umlab/harness/settings"
)

const (
	kindHost = "host"
	// hostVersion is raised when the same machine would make another toolchain.
	hostVersion = "1"
	// hostAt is where programs that lie outside of the system's directories are
	// seen in the sandbox.
	hostAt = "/host"
	// system is where the machine's own tools lie. What else is shown of it are
	// the links that lead there.
	system = "/usr"
)

// hostNote is what every report says of a toolchain with parts of the machine.
func hostNote(name, what string) string {
	return fmt.Sprintf("toolchain %s: %s is what is installed on this machine; not reproducible elsewhere", name, what)
}

// host returns the toolchain on the machine's PATH; where c has suites, its rustc
// alone, over the Debian sysroot of them. Of the machine, the sandbox shows the
// system's directories, read-only; a rustc of rustup is copied.
func (p *Provider) host(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	h := thisHost(p.Getenv("PATH"))
	if len(c.Suites) > 0 {
		dir, err := h.rustSysroot(ctx)
		if err != nil {
			return nil, err
		}
		if dir == system {
			return nil, &UnfitError{Toolchain: name, Reasons: []string{"the rustc on PATH is the system's, and runs with the " +
				"system's libraries only: take toolchain host, which has all from there, or a rustc of rustup"}}
		}
		t, err := p.debian(ctx, name, c)
		if err != nil {
			return nil, err
		}
		t.Notes = append(t.Notes, hostNote(name, "rustc"))
		return p.withHostRust(ctx, c, t, dir)
	}
	if missing := h.missing(); len(missing) > 0 {
		return nil, &UnfitError{Toolchain: name, Reasons: missing}
	}
	dir, err := h.rustSysroot(ctx)
	if err != nil {
		return nil, err
	}
	t, err := p.machine(ctx, name, h)
	if err != nil {
		return nil, err
	}
	if t.Busybox, err = p.hostBusybox(ctx, h, t); err != nil {
		return nil, err
	}
	if dir == system {
		return p.withSystemRust(ctx, c, t)
	}
	return p.withHostRust(ctx, c, t, dir)
}

// withHostRust puts the Rust in dir, which is not the system's, over t.
func (p *Provider) withHostRust(ctx context.Context, c settings.Toolchain, t *Toolchain, dir string) (*Toolchain, error) {
	have, err := p.rustupInstalled(ctx, t.Name, dir)
	if err != nil {
		return nil, fmt.Errorf("take Rust from %s: %w", dir, err)
	}
	c.Rustup = filepath.Base(dir)
	return p.withRust(ctx, c, t, have, "on PATH, of "+dir)
}

// withSystemRust lets t, which shows the system, use the system's Rust, with
// Debian's source of the library where the system has none.
func (p *Provider) withSystemRust(ctx context.Context, c settings.Toolchain, t *Toolchain) (*Toolchain, error) {
	is, err := p.rustcOf(ctx, t)
	if err != nil {
		return nil, err
	}
	said, err := systemSource(filepath.Join(system, filepath.FromSlash(inComponent)), is.release)
	if err != nil {
		return nil, err
	}
	if said == is.release && c.RustSrc != srcDebian {
		t.Identity = map[string]string{"rust-src": said}
		return t, nil
	}
	reason := "the system's rust-src is " + said
	if said == "" {
		reason = "the system has no rust-src"
	}
	reason += " and its rustc is " + is.release + ": install the same version of both"
	if c.RustSrc == srcComponent {
		return nil, t.unfit(is.release, reason)
	}
	return t, p.useDebianSource(ctx, c, t, is.release, reason)
}

// useDebianSource lets t use Debian's source of the library of a release. reason
// says why it needs to.
func (p *Provider) useDebianSource(ctx context.Context, c settings.Toolchain, t *Toolchain, release, reason string) error {
	src, detail, why, err := p.debianSource(ctx, t, c.Suites, release)
	if err != nil {
		return err
	}
	if src == "" {
		return t.unfit(release, reason, why)
	}
	p.showSource(t, src, release)
	t.Packages = append(t.Packages, detail)
	return nil
}

// systemSource is the version of the library's source at that path, by the name
// of the directory that it leads to or, where that does not tell, by what the
// source says; empty where there is none.
func systemSource(library, rustc string) (string, error) {
	at, err := filepath.EvalSymlinks(library)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if version, ok := strings.CutPrefix(filepath.Base(filepath.Dir(at)), "rustc-"); ok {
		return version, nil
	}
	series, err := libraryRelease(os.DirFS(filepath.Join(at, "core", "src")))
	return librarySays(series, rustc), err
}

// host is the machine, as far as its tools go.
type host struct {
	search []string // directories of PATH
	shown  []string // directories that the sandbox shows, links followed; the first is system
}

func thisHost(path string) host {
	h := host{search: filepath.SplitList(path), shown: []string{system}}
	for _, dir := range topDirs {
		if info, err := os.Lstat("/" + dir); err == nil && info.IsDir() {
			h.shown = append(h.shown, "/"+dir)
		}
	}
	return h
}

// find is the program of one of the names on PATH.
func (h host) find(names ...string) (string, bool) { return find(h.search, names...) }

// find is the program of one of the names in the first of the directories that
// has one; what is relative to wherever one is does not count.
func find(dirs []string, names ...string) (string, bool) {
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, name := range names {
			at := filepath.Join(dir, name)
			if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return at, true
			}
		}
	}
	return "", false
}

// rustSysroot is where the rustc on PATH has its libraries: what a proxy of
// rustup stands for. It is asked in /, where no directory's override applies.
func (h host) rustSysroot(ctx context.Context) (string, error) {
	rustc, ok := h.find("rustc")
	if !ok {
		return "", &UnfitError{Reasons: []string{absent([]string{"rustc"}, "rustc", "rustup's")}}
	}
	var said, complaints bytes.Buffer
	c := exec.CommandContext(ctx, rustc, "--print", "sysroot")
	c.Dir, c.Stdout, c.Stderr = "/", &said, &complaints
	c.Env = append(os.Environ(), "RUSTUP_AUTO_INSTALL=0")
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("ask %s for its sysroot: %w: %s; give it a toolchain (rustup default stable)",
			rustc, err, strings.TrimSpace(complaints.String()))
	}
	dir, err := filepath.EvalSymlinks(strings.TrimSpace(said.String()))
	if err != nil {
		return "", fmt.Errorf("the sysroot that %s names: %w", rustc, err)
	}
	return dir, nil
}
