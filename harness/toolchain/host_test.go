package toolchain

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/sandbox"
)

// fake is a machine with these programs in its system's bin, and those of the
// user in a directory of their own; "a -> b" is a link.
func fake(t *testing.T, system, own []string) host {
	t.Helper()
	top := t.TempDir()
	h := host{shown: []string{filepath.Join(top, "usr")}, search: []string{filepath.Join(top, "home", "bin"), filepath.Join(top, "usr", "bin")}}
	for dir, names := range map[string][]string{h.search[1]: system, h.search[0]: own} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			name, to, link := strings.Cut(n, " -> ")
			err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755)
			if link {
				err = errors.Join(os.Remove(filepath.Join(dir, name)), os.Symlink(filepath.Join(top, to), filepath.Join(dir, name)))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	header := filepath.Join(h.shown[0], "include", "stdio.h")
	if err := errors.Join(os.Mkdir(filepath.Dir(header), 0o755), os.WriteFile(header, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	return h
}

// everything are the programs of a machine that lacks nothing, with gcc.
func everything() (names []string) {
	for _, n := range needs {
		names = append(names, n.names...)
	}
	return append(names, gccs...)
}

func without(names []string, left ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(left, n) })
}

func TestMissing(t *testing.T) {
	for name, c := range map[string]struct {
		system, own []string
		want        []string // a part of each sentence
	}{
		"nothing":                    {everything(), nil, nil},
		"rustc and bindgen at home":  {without(everything(), "rustc", "bindgen"), []string{"rustc", "bindgen"}, nil},
		"a shim before the real one": {everything(), []string{"make"}, nil},
		"several": {without(everything(), "bindgen", "flex"), nil, []string{
			"bindgen is not on PATH: install it (Debian: bindgen, or cargo install bindgen-cli)", "flex is not on PATH: install it (Debian: flex)"}},
		"make at home alone":     {without(everything(), "make"), []string{"make"}, []string{"which the sandbox does not show"}},
		"a link out":             {append(without(everything(), "bison"), "bison -> home/bin/bison"), []string{"bison"}, []string{"which the sandbox does not show"}},
		"another awk":            {without(everything(), "gawk", "awk"), nil, nil},
		"LLVM instead":           {append(without(everything(), "gcc"), clangs...), nil, nil},
		"LLVM without its tools": {append(without(everything(), "gcc"), without(clangs, "llvm-nm", "ld.lld")...), nil, []string{"LLVM lacks ld.lld, llvm-nm, GCC lacks gcc"}},
		"all":                    {nil, nil, append(slices.Repeat([]string{"install"}, len(needs)-1), "no C compiler")},
	} {
		got := fake(t, c.system, c.own).missing()
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
			continue
		}
		for i, part := range c.want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: %q does not say %q", name, got[i], part)
			}
		}
	}
	h := fake(t, everything(), nil)
	if err := os.Remove(filepath.Join(h.shown[0], "include", "stdio.h")); err != nil {
		t.Fatal(err)
	}
	if got := h.missing(); len(got) != 1 || !strings.Contains(got[0], "libc6-dev") {
		t.Errorf("without headers: %q", got)
	}
}

// The directories are searched by their names in the sandbox, once each.
func TestHostPath(t *testing.T) {
	h := fake(t, nil, nil)
	if err := os.Symlink(h.search[1], filepath.Join(filepath.Dir(h.shown[0]), "bin")); err != nil {
		t.Fatal(err)
	}
	h.search = append(h.search, filepath.Join(filepath.Dir(h.shown[0]), "bin"), "/none")
	if got := h.path(); !slices.Equal(got, []string{filepath.Join(h.shown[0], "bin")}) {
		t.Errorf("%q", got)
	}
}

func TestRustSysroot(t *testing.T) {
	h := fake(t, nil, nil)
	ctx := context.Background()
	var unfit *UnfitError
	if _, err := h.rustSysroot(ctx); !errors.As(err, &unfit) {
		t.Errorf("without rustc: %v", err)
	}
	rustc := filepath.Join(h.search[0], "rustc")
	say := func(script string) {
		if err := os.WriteFile(rustc, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	say("echo no override could choose >&2; exit 1")
	if _, err := h.rustSysroot(ctx); err == nil || !strings.Contains(err.Error(), "no override could choose") || !strings.Contains(err.Error(), "rustup default") {
		t.Errorf("of a proxy without a toolchain: %v", err)
	}
	say(`[ "$*" = "--print sysroot" ] && [ "$PWD" = / ] && echo ` + h.shown[0])
	if dir, err := h.rustSysroot(ctx); err != nil || dir != h.shown[0] {
		t.Errorf("%q, %v", dir, err)
	}
}

func TestSystemSource(t *testing.T) {
	top := t.TempDir()
	core := filepath.Join(top, "src", "rustc-1.85.1", "library", "core", "src")
	if err := os.MkdirAll(core, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(core, "lib.rs"), []byte(`#[stable(feature = "x", since = "1.86.0")]`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"debian", "other"} {
		if err := os.Mkdir(filepath.Join(top, link), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("../src/rustc-1.85.1", filepath.Join(top, "debian", "rust")),
		os.Mkdir(filepath.Join(top, "other", "rust"), 0o755), os.CopyFS(filepath.Join(top, "other", "rust"), os.DirFS(filepath.Join(top, "src", "rustc-1.85.1")))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"debian": "1.85.1", "other": "1.86.2", "none": ""} {
		if got, err := systemSource(filepath.Join(top, name, "rust", "library"), "1.86.2"); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// TestMachine looks at this machine from the sandbox: its tools run there, and
// what is not its system's is not there.
func TestMachine(t *testing.T) {
	ctx := context.Background()
	if err := sandbox.Check(ctx, t.TempDir()); err != nil {
		t.Skip(err)
	}
	p := bareProvider(t)
	h := thisHost(os.Getenv("PATH"))
	if !h.inSystem("sh") || !h.inSystem("readlink") {
		t.Skip("this machine's system is laid out in another way")
	}
	chain, err := p.machine(ctx, "host", h)
	if err != nil {
		t.Fatal(err)
	}
	if chain.Digest == "" || len(chain.Notes) != 1 || !strings.Contains(chain.Notes[0], "not reproducible elsewhere") {
		t.Errorf("digest %q, notes %q", chain.Digest, chain.Notes)
	}
	again, err := p.machine(ctx, "host", h)
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest != chain.Digest {
		t.Error("the same machine has another digest the second time")
	}
	own := filepath.Join(t.TempDir(), "own")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status, err := sandbox.Run(ctx, chain.In(sandbox.Command{Args: []string{"sh", "-c", `echo /*; test ! -e "$0" && test ! -e /root/.profile && ! touch /usr/umlab-was-here`, own}, Stdout: &out, Stderr: &out}))
	if err != nil || !status.Success() {
		t.Errorf("%v, %v: %s", status, err, out.String())
	}
	for _, dir := range []string{"/home", "/root", "/var", "/opt"} {
		if slices.Contains(strings.Fields(out.String()), dir) {
			t.Errorf("the sandbox shows %s: %s", dir, out.String())
		}
	}
}
