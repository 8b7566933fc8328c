package toolchain

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/store"
)

// needing is an ELF file that needs shared libraries.
func needing(t *testing.T, text string, libraries ...string) string {
	t.Helper()
	names := "\x00"
	var dynamic bytes.Buffer
	put := func(b *bytes.Buffer, v any) {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range libraries {
		put(&dynamic, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: uint64(len(names))})
		names += l + "\x00"
	}
	put(&dynamic, elf.Dyn64{Tag: int64(elf.DT_NULL)})
	const sections = "\x00.dynamic\x00.dynstr\x00.shstrtab\x00"
	const header, entry = 64, 64
	at := uint64(header)
	var body bytes.Buffer
	place := func(b []byte) (offset, size uint64) {
		offset = at + uint64(body.Len())
		body.Write(b)
		return offset, uint64(len(b))
	}
	var table bytes.Buffer
	put(&table, elf.Section64{})
	off, size := place(dynamic.Bytes())
	put(&table, elf.Section64{Name: 1, Type: uint32(elf.SHT_DYNAMIC), Off: off, Size: size, Link: 2, Entsize: 16, Addralign: 8})
	off, size = place([]byte(names))
	put(&table, elf.Section64{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: off, Size: size, Addralign: 1})
	off, size = place([]byte(sections))
	put(&table, elf.Section64{Name: 18, Type: uint32(elf.SHT_STRTAB), Off: off, Size: size, Addralign: 1})
	place([]byte(text))
	var out bytes.Buffer
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: header,
		Shoff: at + uint64(body.Len()), Shentsize: entry, Shnum: 4, Shstrndx: 3}
	copy(h.Ident[:], []byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)})
	put(&out, h)
	out.Write(body.Bytes())
	out.Write(table.Bytes())
	f, err := elf.NewFile(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.DynString(elf.DT_NEEDED)
	if err != nil || !slices.Equal(got, libraries) {
		t.Fatalf("the test's ELF file needs %q, %v; want %q", got, err, libraries)
	}
	return out.String()
}

// fill makes the files of a directory; "-> X" is a link to X.
func fill(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(to, p)
		} else {
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sysroot is one in which rustc and clang have the same LLVM.
func sysroot(t *testing.T) map[string]string {
	const lib = "usr/lib/x86_64-linux-gnu/"
	return map[string]string{
		"lib":                                "-> usr/lib",
		"usr/bin/clang":                      needing(t, "clang 19", "libLLVM.so.19.1", "libc.so.6"),
		"usr/bin/bindgen":                    needing(t, "bindgen", "libc.so.6"),
		"usr/bin/make":                       needing(t, "make", "libc.so.6"),
		"usr/bin/rustc":                      needing(t, "rustc 1.85", "librustc_driver-0123456789abcdef.so"),
		"usr/bin/cc":                         "-> gcc",
		"usr/bin/gcc":                        "a script",
		"usr/include/stdio.h":                "int puts(const char *);",
		"usr/src/rustc-1.85.1/Cargo.toml":    "1.85",
		"usr/lib/rustlib/x86/libstd-01.rlib": "1.85",
		lib + "librustc_driver-0123456789abcdef.so": needing(t, "1.85", "libLLVM.so.19.1", "libz.so.1"),
		lib + "libLLVM.so.19.1":                     needing(t, "LLVM 19", "libz.so.1", "libc.so.6"),
		lib + "libclang-19.so.19":                   needing(t, "libclang", "libLLVM.so.19.1"),
		lib + "libz.so.1":                           "-> libz.so.1.3",
		lib + "libz.so.1.3":                         needing(t, "z", "libc.so.6"),
		lib + "libc.so.6":                           needing(t, "c"),
		lib + "libc.a":                              "c",
	}
}

func sideDigest(t *testing.T, files map[string]string, mounts []sandbox.Mount, search, env []string) string {
	t.Helper()
	s, err := readBesideRust(t.Context(), fill(t, files), mounts, search, env)
	if err != nil {
		t.Fatal(err)
	}
	if s.Unknown != "" {
		t.Fatalf("unknown: %s", s.Unknown)
	}
	return s.Digest
}

func TestSide(t *testing.T) {
	const lib = "usr/lib/x86_64-linux-gnu/"
	// another is the step to another rustc, as Debian's packages make it.
	another := map[string]string{
		"usr/bin/rustc": needing(t, "rustc 1.96", "librustc_driver-fedcba9876543210.so"),
		lib + "librustc_driver-0123456789abcdef.so": "",
		lib + "librustc_driver-fedcba9876543210.so": needing(t, "1.96", "libLLVM.so.22.1", "libz.so.1"),
		lib + "libLLVM.so.22.1":                     needing(t, "LLVM 22", "libz.so.1", "libnew.so.4"),
		lib + "libLLVM-22.so":                       "-> libLLVM.so.22.1",
		lib + "libnew.so.4":                         needing(t, "new", "libc.so.6"),
		"usr/src/rustc-1.85.1/Cargo.toml":           "",
		"usr/src/rustc-1.96.1/Cargo.toml":           "1.96",
		"usr/lib/rustlib/x86/libstd-01.rlib":        "1.96",
		"usr/share/doc/rustc/README":                "1.96",
	}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(another)
		maps.Copy(all, more)
		return all
	}
	for _, tc := range []struct {
		name   string
		change map[string]string // "" removes
		same   bool
	}{
		{"nothing", nil, true},
		{"rustc", map[string]string{"usr/bin/rustc": needing(t, "rustc 1.85.2", "librustc_driver-0123456789abcdef.so")}, true},
		{"rustc with its LLVM, its libraries and its source", another, true},
		{"rustc and a header", with(map[string]string{"usr/include/stdio.h": "int puts(char const *);"}), false},
		{"rustc and libc.a", with(map[string]string{lib + "libc.a": "C"}), false},
		{"rustc and a library that all need", with(map[string]string{lib + "libz.so.1.3": needing(t, "Z", "libc.so.6")}), false},
		{"rustc and the LLVM of clang", with(map[string]string{lib + "libLLVM.so.19.1": needing(t, "LLVM 19.2", "libz.so.1", "libc.so.6")}), false},
		{"clang that uses rustc's LLVM", with(map[string]string{"usr/bin/clang": needing(t, "clang 22", "libLLVM.so.22.1")}), false},
		{"rustc and bindgen", with(map[string]string{"usr/bin/bindgen": needing(t, "bindgen 0.72", "libc.so.6")}), false},
		{"rustc and libclang", with(map[string]string{lib + "libclang-19.so.19": needing(t, "libclang 19.2", "libLLVM.so.19.1")}), false},
		{"rustc and a library that nothing is known to need", with(map[string]string{lib + "libplug.so.1": needing(t, "plug")}), false},
		{"rustc and a library that -l finds", with(map[string]string{lib + "libLLVM.so": "-> libLLVM.so.22.1"}), false},
		{"rustc and a program of that name elsewhere", with(map[string]string{"usr/local/bin/rustc": "#!/bin/sh"}), false},
		{"rustc and a plug-in of the linker", with(map[string]string{"usr/lib/bfd-plugins/x.so": needing(t, "x")}), false},
		{"a link", map[string]string{"usr/bin/cc": "-> clang"}, false},
		{"a file less", map[string]string{"usr/include/stdio.h": ""}, false},
	} {
		files := sysroot(t)
		maps.Copy(files, tc.change)
		maps.DeleteFunc(files, func(_, text string) bool { return text == "" })
		if same := sideDigest(t, sysroot(t), nil, nil, nil) == sideDigest(t, files, nil, nil, nil); same != tc.same {
			t.Errorf("%s: the same side: %v, want %v", tc.name, same, tc.same)
		}
	}
}

// Without clang, only libclang uses the LLVM that is rustc's as well: bindgen
// opens libclang by itself, and nothing says so.
func TestSideOfLibclang(t *testing.T) {
	const llvm = "usr/lib/x86_64-linux-gnu/libLLVM.so.19.1"
	a, b := sysroot(t), sysroot(t)
	delete(a, "usr/bin/clang")
	delete(b, "usr/bin/clang")
	b[llvm] = needing(t, "LLVM 19.2", "libz.so.1", "libc.so.6")
	if sideDigest(t, a, nil, nil, nil) == sideDigest(t, b, nil, nil, nil) {
		t.Error("the LLVM of libclang differs, and the side is the same")
	}
}

func TestSideOfPermissions(t *testing.T) {
	a, b := fill(t, sysroot(t)), fill(t, sysroot(t))
	if err := os.Chmod(filepath.Join(b, "usr/bin/gcc"), 0o755); err != nil {
		t.Fatal(err)
	}
	one, err := readBesideRust(t.Context(), a, nil, nil, nil)
	two, err2 := readBesideRust(t.Context(), b, nil, nil, nil)
	if err != nil || err2 != nil || one.Digest == two.Digest {
		t.Errorf("a program and a text have the same side: %v, %v", err, err2)
	}
}

func TestSideOfMounts(t *testing.T) {
	rust := func(version string, more map[string]string) []sandbox.Mount {
		files := map[string]string{
			"bin/rustc":                                    needing(t, version, "librustc_driver-00000000aa.so"),
			"bin/cargo":                                    version,
			"lib/libLLVM-22-rust-" + version + ".so":       "-> libLLVM.so.22.1-rust-" + version,
			"lib/librustc_driver-00000000aa.so":            needing(t, version, "libLLVM.so.22.1-rust-"+version),
			"lib/libLLVM.so.22.1-rust-" + version:          needing(t, version),
			"lib/rustlib/src/rust/library/core/src/lib.rs": version,
			"share/doc/rust/README":                        version,
		}
		maps.Copy(files, more)
		return []sandbox.Mount{{Source: fill(t, files), Target: "/opt/rust", ReadOnly: true}}
	}
	first, second := []string{"RUST_LIB_SRC=/opt/rust/a"}, []string{"RUST_LIB_SRC=/opt/rust/b"}
	search := []string{"/opt/rust/bin"}
	want := sideDigest(t, sysroot(t), rust("1.95.0", nil), search, first)
	if got := sideDigest(t, sysroot(t), rust("1.96.0", nil), search, second); got != want {
		t.Error("another Rust in a mount makes another side")
	}
	if got := sideDigest(t, sysroot(t), nil, nil, nil); got != want {
		t.Error("a mount with nothing but Rust makes another side than none")
	}
	clang := rust("1.96.0", map[string]string{"bin/clang": needing(t, "clang 22")})
	if got := sideDigest(t, sysroot(t), clang, search, first); got == want {
		t.Error("a clang in a mount is not seen")
	}
	if sideDigest(t, sysroot(t), clang, search, first) == sideDigest(t, sysroot(t), clang, nil, first) {
		t.Error("it is the same whether that clang is on PATH")
	}
	if got := sideDigest(t, sysroot(t), rust("1.96.0", nil), search, append(second, "LD_LIBRARY_PATH=/opt/rust/lib")); got == want {
		t.Error("a variable that every program reads is not seen")
	}
	for _, target := range []string{"/usr", "/lib64", "/etc/alternatives", "/", "/usr/include", "/srv"} {
		s, err := readBesideRust(t.Context(), fill(t, map[string]string{"srv/x": ""}), []sandbox.Mount{{Source: t.TempDir(), Target: target}}, nil, nil)
		if err != nil || s.Unknown == "" || s.Digest != "" {
			t.Errorf("a mount over %s: %+v, %v; want no side", target, s, err)
		}
	}
	s, err := readBesideRust(t.Context(), fill(t, sysroot(t)), []sandbox.Mount{{Source: filepath.Join(t.TempDir(), "none"), Target: "/opt/rust"}}, nil, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a mount of nothing: %+v, %v", s, err)
	}
}

// A side is found out once for what the digest of a toolchain stands for.
func TestSideIsKept(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root := fill(t, sysroot(t))
	tc := &Toolchain{Name: "a", Root: root, Digest: "1"}
	first, err := tc.BesideRust(t.Context(), st, progress.Discard{})
	if err != nil || first.Digest == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	tc.Root = filepath.Join(root, "gone")
	if again, err := tc.BesideRust(t.Context(), st, progress.Discard{}); err != nil || again != first {
		t.Errorf("the second time: %+v, %v; want %+v", again, err, first)
	}
	tc.Digest = "2"
	if other, err := tc.BesideRust(t.Context(), st, progress.Discard{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another toolchain: %+v, %v", other, err)
	}
}
