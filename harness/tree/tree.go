// Package tree provides pinned kernel sources: unpacked from an archive, fetched
// from a repository, or snapshotted from the user's own directory, which it never
// writes to. It may import tree/patch, sandbox (for what a command is, not to run
// one), fetch, unpack, store, usage and progress, and what it needs of the archive is
// passed to it; it never configures and never builds.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/store"
	"umlab/harness/usage"
)

// Tree is a kernel source in the store. Nobody writes to it.
type Tree struct {
	Name    string   // of configs/trees.toml, or the path it was taken from
	Version string   // VERSION.PATCHLEVEL.SUBLEVEL with EXTRAVERSION, "6.12.107"
	Package string   // "linux-source-6.12 6.12.107-1", empty for a directory
	Commit  string   // of git, full, where it was taken out of there; empty otherwise
	Origin  string   // where it comes from, whichever version that has now: "package linux-source-6.12", "directory /home/me/linux"
	Digest  string   // see Digest
	Layers  []string // host directories that it is made of, the topmost first: see Mount and FS
	Notes   []string // what every report must say of it
	// Work waits for what git says of a directory: the full name of the commit that it is, or a note; nil for other trees. See Said.
	Work func() (commit, note string) `json:"-"`

	Patches []string // sha256 of the patches it has over its origin, in their order
	Before  *Tree    // without the last of these; nil for a tree that none were applied to

	store *store.Store // that Layers are of; nil where they are a directory of the user
}

// Said is the commit of git that t is, "" for none, and what every report must say of it.
func (t *Tree) Said() (commit string, notes []string) {
	if t.Work == nil {
		return t.Commit, t.Notes
	}
	commit, note := t.Work()
	if note == "" {
		return commit, t.Notes
	}
	return commit, append(slices.Clone(t.Notes), note)
}

// Elsewhere is t without what is of this machine, see Stored.
func (t *Tree) Elsewhere() Tree {
	sent := *t
	sent.Layers, sent.Work, sent.store = nil, nil, nil
	sent.Commit, sent.Notes = t.Said()
	return sent
}

// Unpatched is the origin that the patches of t were applied to; t itself where there are none.
func (t *Tree) Unpatched() *Tree {
	for t.Before != nil {
		t = t.Before
	}
	return t
}

// NotKernelError says that a directory holds no kernel source that umlab can use.
type NotKernelError struct{ Dir, Why string }

func (e *NotKernelError) Error() string {
	return fmt.Sprintf("%s is no kernel tree that umlab can use: %s", e.Dir, e.Why)
}

var makeVar = regexp.MustCompile(`(?m)^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*(.*?)[ \t]*$`)

// Version reads the version from the top Makefile of the kernel source in dir.
func Version(dir string) (string, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", usage.Errorf("there is no directory %s", dir)
	case err != nil:
		return "", &usage.Error{Err: err}
	case !info.IsDir():
		return "", usage.Errorf("%s is a file: give the top directory of a kernel source, or a tarball (xz, gz, zst, bz2)", dir)
	}
	return version(os.DirFS(dir), dir)
}

// version is Version of files; dir is what an error calls them.
func version(files fs.FS, dir string) (string, error) {
	b, err := fs.ReadFile(files, "Makefile")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", dir, err)
	}
	if err != nil {
		return "", &NotKernelError{dir, "it has no Makefile; give the top directory of a kernel source"}
	}
	vars := map[string]string{}
	for _, m := range makeVar.FindAllStringSubmatch(string(b), 4) {
		vars[m[1]] = m[2]
	}
	if vars["VERSION"] == "" || vars["PATCHLEVEL"] == "" {
		return "", &NotKernelError{dir, "its Makefile sets no VERSION and PATCHLEVEL; give the top directory of a kernel source"}
	}
	if _, err := fs.Stat(files, "arch/um/Kconfig"); err != nil {
		return "", &NotKernelError{dir, "it has no arch/um (User-Mode Linux)"}
	}
	v := vars["VERSION"] + "." + vars["PATCHLEVEL"]
	if s := vars["SUBLEVEL"]; s != "" {
		v += "." + s
	}
	return v + vars["EXTRAVERSION"], nil
}

// CheckRust says why the tree cannot build Rust for UML, as far as its source
// tells: where arch/um/Kconfig selects no HAVE_RUST, as in 6.1, CONFIG_RUST
// cannot be set whatever the toolchain is.
func (t *Tree) CheckRust() error {
	b, err := fs.ReadFile(t.FS(), "arch/um/Kconfig")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "select" && f[1] == "HAVE_RUST" {
			return nil
		}
	}
	return &NotKernelError{t.Name, fmt.Sprintf("kernel %s has no Rust on UML: its arch/um/Kconfig does not select HAVE_RUST, "+
		"so CONFIG_RUST cannot be set; take a newer kernel (-tree=debian-6.12)", t.Version)}
}

// Compiler is the faster C compiler that can build this tree's Rust for UML:
// gcc, unless rust/Makefile has no BINDGEN_TARGET_um, in which case it calls
// bindgen with an empty --target= and only LLVM=1 works.
func (t *Tree) Compiler() string {
	b, err := fs.ReadFile(t.FS(), "rust/Makefile")
	if err == nil && strings.Contains(string(b), "BINDGEN_TARGET_um") {
		return "gcc"
	}
	return "clang"
}
