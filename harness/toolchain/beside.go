package toolchain

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/pattern"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/store"
)

const (
	kindBesideRust = "c-side"
	// sideVersion is raised when the same toolchain would get another digest.
	besideRustVersion = "1"
)

// Beside is what a toolchain has besides Rust.
type Beside struct {
	Digest  string `json:"digest"`
	Unknown string `json:"unknown,omitempty"` // why it cannot be told: there is no Digest then
}

// rustFiles are the files of a Rust toolchain, below the directory that it is
// installed in or /usr. All else is the C side's.
var rustFiles = []*pattern.Lazy{
	// The programs.
	pattern.New(`^bin/(?:rustc|rustdoc|rustfmt|rustup|cargo|cargo-[a-z]+|clippy-driver|rust-(?:gdb|gdbgui|lldb|analyzer))` +
		`(?:-[0-9][0-9.]*)?$`),
	pattern.New(`^libexec/(?:rust-analyzer-proc-macro-srv|cargo-credential-[a-z0-9]+)$`),
	// The compiler as a library, and the standard libraries that it is linked with.
	pattern.New(`^lib/(?:[a-z0-9_]+-linux-gnu/)?lib(?:rustc_driver|std|test)-[0-9a-f]{8,}\.so$`),
	pattern.New(`^lib/libLLVM[-.][^/]*-rust-[^/]+$`),
	// What it compiles against, the source of the standard library included.
	pattern.New(`^lib/rustlib/`),
	pattern.New(`^src/(?:rustc-[0-9][^/]*|rust)/`),
	pattern.New(`^share/rustc/`),
	// What only people and their shells read.
	pattern.New(`^(?:share/(?:doc|man|zsh)|etc/bash_completion\.d)/`),
	pattern.New(`^etc/target-spec-json-schema\.json$`),
}

// rustEnv are the variables that only Rust's programs and Kbuild's rules for
// Rust read.
var rustEnv = []string{"RUST_LIB_SRC", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HOME"}

// versioned is the name of a shared library that is found by those alone that
// name its version: "libLLVM.so.22.1", "libLLVM-22.so".
var versioned = pattern.New(`^lib.+(?:\.so\.[0-9].*|-[0-9][0-9.]*\.so)$`)

// machines are the directories that a toolchain with the machine's own tools
// mounts.
var machines = pattern.New(`^/(?:(?:usr|etc|bin|sbin|lib[0-9x]*)(?:/.*)?)?$`)

// BesideRust returns what t has besides Rust: a digest over the path, the permissions
// and the content of every file that a tool of the build could execute or read,
// and over what of its environment those tools see. Left out are
//   - the files of Rust itself, see rustFiles, and
//   - shared libraries that only those need: LLVM, when rustc's is not clang's.
//     Such a library has its version in its name, and nothing else of the sysroot
//     needs it, directly or through others, so that no tool of the C side loads it.
//
// Nothing is left out for being unlikely to matter: a libc that differs in one
// header is another one, and makes a build from nothing. It is found out once per
// toolchain and kept.
func (t *Toolchain) BesideRust(ctx context.Context, st *store.Store, sink progress.Sink) (Beside, error) {
	parts := []string{kindBesideRust, besideRustVersion, t.Digest, strings.Join(t.Path, ":"), strings.Join(t.Env, "\x00")}
	for _, m := range t.Mounts {
		parts = append(parts, m.Source, m.Target)
	}
	key := store.Key(parts...)
	var s Beside
	if st.Get(kindBesideRust, key, &s) {
		return s, nil
	}
	task := sink.Start("look what toolchain "+t.Name+" has besides Rust", progress.None, 0)
	s, err := readBesideRust(ctx, t.Root, t.Mounts, t.Path, t.Env)
	task.Done(err)
	if err != nil {
		return Beside{}, fmt.Errorf("what has toolchain %s besides Rust: %w", t.Name, err)
	}
	return s, st.Put(kindBesideRust, key, s)
}

// file is one file that the sandbox shows.
type file struct {
	at     string      // path in the sandbox: "/usr/bin/gcc"
	mode   fs.FileMode // permissions, and whether it is a link
	sum    string      // sha256 of the content; what a link leads to
	rust   bool        // it is Rust's own
	needed []string    // names of the shared libraries that it needs
	blind  bool        // it may need some, and does not tell
}

// readBesideRust tells what a toolchain has besides Rust by its files: of the sysroot root and of
// what is mounted over it, with the directories that are searched for programs
// before the usual ones, and the environment.
func readBesideRust(ctx context.Context, root string, mounts []sandbox.Mount, search, env []string) (Beside, error) {
	for _, m := range mounts {
		// What hides something of the sysroot hides more than Rust.
		names, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(m.Target)))
		if machines.MatchString(path.Clean(m.Target)) || len(names) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Beside{Unknown: m.Target + " is not the sysroot's"}, nil
		}
	}
	// Debian installs below /usr; /bin and /lib are links to there.
	files, err := readFiles(ctx, nil, root, "/", "usr")
	if err != nil {
		return Beside{}, err
	}
	for _, m := range mounts {
		if files, err = readFiles(ctx, files, m.Source, m.Target, ""); err != nil {
			return Beside{}, err
		}
	}
	for _, f := range files {
		if f.blind {
			return Beside{Unknown: f.at + " does not tell which libraries it needs"}, nil
		}
	}
	leave := rustOnly(files)
	var lines []string
	own := map[string]bool{} // directories with something of the C side
	for _, f := range files {
		if f.rust || leave[f.at] {
			continue
		}
		own[path.Dir(f.at)] = true
		lines = append(lines, fmt.Sprintf("%s %s %s", f.at, f.mode, f.sum))
	}
	slices.Sort(lines)
	for _, dir := range search {
		if own[path.Clean(dir)] { // else only Rust's programs are found there
			lines = append(lines, "PATH "+dir)
		}
	}
	for _, kv := range env {
		if name, _, _ := strings.Cut(kv, "="); !slices.Contains(rustEnv, name) {
			lines = append(lines, "env "+kv)
		}
	}
	return Beside{Digest: store.Key(lines...)}, nil
}

// readFiles appends the files below dir, which the sandbox shows at, to files. prefix
// is where Rust would be installed below it, if it was.
func readFiles(ctx context.Context, files []file, dir, at, prefix string) ([]file, error) {
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := file{at: path.Join(at, rel), mode: info.Mode() & (fs.ModeType | fs.ModePerm)}
		below, inside := strings.CutPrefix(rel, prefix+"/")
		if prefix == "" {
			below, inside = rel, true
		}
		f.rust = inside && slices.ContainsFunc(rustFiles, func(r *pattern.Lazy) bool { return r.MatchString(below) })
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			f.sum, err = os.Readlink(p)
		case d.Type().IsRegular():
			err = f.content(p)
		}
		files = append(files, f)
		return err
	})
	return files, err
}

// content reads what f holds. Of Rust's own only what it needs is of interest.
func (f *file) content(name string) error {
	r, err := os.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	if !f.rust {
		if f.sum, err = store.SumFile(name); err != nil {
			return err
		}
	}
	var magic [4]byte
	if n, _ := r.ReadAt(magic[:], 0); n < len(magic) || string(magic[:]) != elf.ELFMAG {
		return nil
	}
	e, err := elf.NewFile(r)
	if err != nil {
		return nil // of another class, or cut: nothing loads it, and its content counts
	}
	if f.needed, err = e.DynString(elf.DT_NEEDED); err != nil {
		f.needed = nil
	}
	dynamic := slices.ContainsFunc(e.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_DYNAMIC })
	f.blind = dynamic && (err != nil || e.SectionByType(elf.SHT_DYNAMIC) == nil)
	return nil
}

// rustOnly returns the shared libraries, and the links to them, that Rust's
// programs need and nothing else does.
func rustOnly(files []file) map[string]bool {
	at, byName := map[string]*file{}, map[string][]*file{}
	for i := range files {
		f := &files[i]
		at[f.at] = f
		byName[path.Base(f.at)] = append(byName[path.Base(f.at)], f)
	}
	// leads is what a link leads to, as far as that is here.
	leads := func(f *file) *file {
		if f.mode&fs.ModeSymlink == 0 {
			return nil
		}
		if path.IsAbs(f.sum) {
			return at[path.Clean(f.sum)]
		}
		return at[path.Join(path.Dir(f.at), f.sum)]
	}
	// reach follows from to all that they need, wherever a library of that name
	// lies, since who says where the loader looks first?
	reach := func(from []*file) map[*file]bool {
		seen := map[*file]bool{}
		for len(from) > 0 {
			f := from[0]
			from = from[1:]
			if seen[f] {
				continue
			}
			seen[f] = true
			if to := leads(f); to != nil {
				from = append(from, to)
			}
			for _, name := range f.needed {
				from = append(from, byName[name]...)
			}
		}
		return seen
	}
	var rust, c []*file
	for i := range files {
		if files[i].rust {
			rust = append(rust, &files[i])
		}
	}
	byRust := reach(rust)
	// perhaps tells what may be Rust's alone. What anybody can open by a name that
	// says no version is not: programs, plug-ins, the links that -l follows.
	perhaps := func(f *file) bool {
		if !versioned.MatchString(path.Base(f.at)) {
			return false
		}
		to := leads(f)
		return byRust[f] || to != nil && byRust[to] && versioned.MatchString(path.Base(to.at))
	}
	for i := range files {
		if f := &files[i]; !f.rust && !perhaps(f) {
			c = append(c, f)
		}
	}
	byC := reach(c)
	only := map[string]bool{}
	for i := range files {
		f := &files[i]
		if to := leads(f); !f.rust && perhaps(f) && !byC[f] && (to == nil || !byC[to]) {
			only[f.at] = true
		}
	}
	return only
}
