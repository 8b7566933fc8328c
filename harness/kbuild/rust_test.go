package kbuild

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/objtree"
	"umlab/harness/remake"
)

const (
	oldRustc = "1.85.1 (4eb161250 2025-03-15) (built from a source tarball)"
	newRustc = "1.96.1 (31fca3adb 2026-06-26) (built from a source tarball)"
)

// built is a small build directory whose Rust is of the given version.
func built(rustc string) map[string]string {
	return map[string]string{
		".config":                   "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc " + rustc + "\"\n",
		"init/main.o":               "GCC: (Debian 14)",
		"init/.main.o.cmd":          "savedcmd_init/main.o := gcc -c -o init/main.o /src/init/main.c\n\ndeps_init/main.o := /src/rustc/x.h\n",
		"rust/core.o":               "rustc version " + rustc,
		"rust/libcore.rmeta":        "rust\x00rustc " + rustc,
		"rust/.core.o.cmd":          "savedcmd_rust/core.o := rustc --emit=dep-info=rust/.core.o.d --emit=obj=rust/core.o --emit=metadata=rust/libcore.rmeta lib.rs\n",
		"rust/b.rs":                 "/* rust-bindgen 0.71 */",
		"rust/.b.rs.cmd":            "savedcmd_rust/b.rs := bindgen b.h -o rust/b.rs\n",
		"scripts/gen":               "rustc version " + rustc,
		"scripts/.gen.cmd":          "savedcmd_scripts/gen := rustc --out-dir scripts/ --emit=link=scripts/gen gen.rs\n",
		"rust/exports_generated.h":  "EXPORT_SYMBOL(x)",
		"rust/.exports_generated.h": "no command",
	}
}

// The copy that another rustc goes on in has nothing of the former one, and all of it is of one time.
func TestCopyWithoutRust(t *testing.T) {
	dir := t.TempDir()
	n := &near{bl: &Baseline{Dir: dir}, rec: &remake.Record{}, m: &remake.Remake{Config: true}, rust: true}
	if err := os.Rename(fill(t, built(oldRustc)), n.bl.Build()); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	copied, _, err := n.copyTo(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	err = objtree.Walk(t.Context(), filepath.Join(to, "build"), func(rel string, info fs.FileInfo) error {
		text, err := os.ReadFile(filepath.Join(to, "build", rel))
		if strings.Contains(string(text), oldRustc) {
			t.Errorf("%s speaks of the old rustc", rel)
		}
		if !info.ModTime().Equal(copied) {
			t.Errorf("%s is of %s, the copy of %s", rel, info.ModTime(), copied)
		}
		left = append(left, rel)
		return err
	})
	want := []string{"init/.main.o.cmd", "init/main.o", "rust/.exports_generated.h", "rust/exports_generated.h"}
	if diff := cmp.Diff(want, left); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// Who only takes the host's tools has nothing that rustc or a configuration made.
func TestCopyTools(t *testing.T) {
	n := &near{bl: &Baseline{Dir: t.TempDir()}, rec: &remake.Record{}, m: &remake.Remake{}, rust: true, tools: true}
	files := built(oldRustc)
	for _, name := range []string{".config", "scripts/basic/fixdep", "scripts/kconfig/conf", "scripts/kconfig/lxdialog/.x.cmd"} {
		files[name] = "a tool of the host"
	}
	if err := os.Rename(fill(t, files), n.bl.Build()); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	copied, _, err := n.copyTo(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = objtree.Walk(t.Context(), filepath.Join(to, "build"), func(rel string, info fs.FileInfo) error {
		if got = append(got, rel); !info.ModTime().Equal(copied) {
			t.Errorf("%s is of %s, the copy of %s", rel, info.ModTime(), copied)
		}
		return nil
	})
	want := []string{"scripts/basic/fixdep", "scripts/kconfig/conf", "scripts/kconfig/lxdialog/.x.cmd"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestAllOfRustIsNew(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change map[string]string // "" removes
		old    string            // a file that is older than the copy
		reason string            // "" for none
	}{
		{"all of it is new", nil, "", ""},
		{"C objects are not", nil, "init/main.o", ""},
		{"an output that was removed again", map[string]string{"rust/libcore.rmeta": ""}, "", ""},
		{"an object is old", nil, "rust/core.o", "rust/core.o was not built again"},
		{"metadata are old", nil, "rust/libcore.rmeta", "rust/libcore.rmeta was not built again"},
		{"a program of the host is old", nil, "scripts/gen", "scripts/gen was not built again"},
		{"bindings are old", nil, "rust/b.rs", "rust/b.rs was not built again"},
		{"an object that no command is known for", map[string]string{"lib/x.ko": "\x7fELF rustc version " + oldRustc}, "", "lib/x.ko speaks of rustc " + oldRustc},
		{"metadata in a new file", map[string]string{"rust/libcore.rmeta": "rustc " + oldRustc}, "", "rust/libcore.rmeta speaks of rustc " + oldRustc},
		{"both are the same", map[string]string{".config": built(oldRustc)[".config"]}, "", "both compilers say that they are rustc " + oldRustc},
		{"no Rust at all", map[string]string{".config": "CONFIG_UML=y\n"}, "", "does not tell one rustc from another"},
	} {
		files := built(newRustc)
		maps.Copy(files, tc.change)
		maps.DeleteFunc(files, func(_, text string) bool { return text == "" })
		dir := fill(t, files)
		copied, err := mark(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		err = objtree.Walk(t.Context(), dir, func(rel string, _ fs.FileInfo) error {
			when := copied.Add(time.Second)
			if rel == tc.old {
				when = copied
			}
			return os.Chtimes(filepath.Join(dir, rel), when, when)
		})
		if err != nil {
			t.Fatal(err)
		}
		err = checkRust(t.Context(), dir, oldRustc, copied)
		var stale *staleError
		if tc.reason == "" && err != nil || tc.reason != "" && (!errors.As(err, &stale) || !strings.Contains(stale.reason, tc.reason)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.reason)
		}
	}
}
