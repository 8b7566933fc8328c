package toolchain

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness/sandbox"
	"umlab/harness/settings"
)

// wrapper runs Debian's rustc with the archive's libraries. Those that kernel.org
// publishes find them by a relative RUNPATH, as Debian's clang does.
const wrapper = `#!/bin/sh
LD_LIBRARY_PATH=/llvm/lib exec /llvm/libexec/rustc "$@"
`

// TestTarballReal packs Debian's clang, lld, LLVM tools, rustc, rust-src and
// bindgen the way kernel.org lays its archives out, serves them with a signed
// list, and has the toolchain made of them over a C side that has none of their
// libraries. The kernel's own check says whether it will do.
func TestTarballReal(t *testing.T) {
	if os.Getenv("UMLAB_TEST_LONG") == "" {
		t.Skip("packs, fetches and unpacks whole compilers: go tool mage test -long")
	}
	st, set := userStore(t), configured(t)
	p := onMachine(t, st, set, nil)
	from, err := p.Get(t.Context(), "trixie", set.Toolchains["trixie"])
	if err != nil {
		t.Fatal(err)
	}
	dir := kernelOrg(t)
	name := fmt.Sprintf("llvm-%s-rust-%s-x86_64", from.Identity["clang"], from.Identity["rustc"])
	archive := packLLVM(t, from, name)
	dir.files[name+".tar.gz"] = archive
	dir.list(fmt.Sprintf("%x  %s.tar.gz\n", sha256.Sum256(archive), name))
	chain := set.Toolchains["sid"].With(nil, nil, settings.RustPackages)
	chain.Tarball, chain.Sums, chain.Key, chain.C = dir.url+name+".tar.gz", dir.url+"sha256sums.asc", keyFile(t, dir.key), "sid"

	tc, err := p.Get(t.Context(), "kernel-org", chain)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"rustc", "rust-src", "rustc-llvm", "bindgen", "libclang", "clang", "lld"} {
		if tc.Identity[tool] == "" || tc.Identity[tool] != from.Identity[tool] {
			t.Errorf("%s is %q, and %q was packed", tool, tc.Identity[tool], from.Identity[tool])
		}
	}
	if tc.Identity["gcc"] == from.Identity["gcc"] {
		t.Errorf("gcc %s is that of what was packed, not of the C side", tc.Identity["gcc"])
	}
	if tc.Parts["bindgen"] != "kernel-org" {
		t.Errorf("parts: %v", tc.Parts)
	}
	// What of it was asked to be Rust alone leaves C and bindgen to the C side.
	chain.Rust = "kernel-org"
	mixed, err := p.Get(t.Context(), "kernel-org-rust", chain)
	if err != nil {
		t.Fatal(err)
	}
	if mixed.Identity["rustc"] != from.Identity["rustc"] || mixed.Identity["clang"] == from.Identity["clang"] || mixed.Identity["libclang"] != mixed.Identity["clang"] {
		t.Errorf("of the archive's Rust over another C side: %v", mixed.Identity)
	}
	trees, err := filepath.Glob(filepath.Join(st.Root(), "dirs", "tree", "*", "scripts", "rust_is_available.sh"))
	if err != nil || len(trees) == 0 {
		t.Skip("the store has no kernel to ask")
	}
	for _, tc := range []*Toolchain{tc, mixed} {
		var said bytes.Buffer
		status, err := sandbox.Run(t.Context(), tc.In(sandbox.Command{
			Mounts: []sandbox.Mount{{Source: filepath.Dir(filepath.Dir(trees[0])), Target: "/src", ReadOnly: true}},
			Args:   []string{"make", "-C", "/src", "O=/tmp/build", "ARCH=um", "LLVM=1", "rustavailable"}, Stdout: &said, Stderr: &said,
		}))
		if err != nil || !status.Success() || !strings.Contains(said.String(), "Rust is available!") {
			t.Errorf("%s: %v, %v: %s", tc.Name, status, err, said.String())
		}
	}
}

// packLLVM is a tar.gz of the compilers in the sysroot of tc, in the layout of
// kernel.org's archives: bin, lib and lib/rustlib below one directory.
func packLLVM(t *testing.T, tc *Toolchain, name string) []byte {
	t.Helper()
	major, _, _ := strings.Cut(tc.Identity["clang"], ".")
	usr := filepath.Join(tc.Root, "usr")
	var libs bytes.Buffer
	script := `cd /usr/lib/llvm-$0 && for f in bin/clang bin/lld bin/llvm-ar lib/libclang.so /usr/bin/rustc; do /lib64/ld-linux-x86-64.so.2 --list $f; done | grep -o " => /[^ ]*" | cut -c5- | sort -u | grep -Ev "/(libc|libm|libdl|libpthread|librt)\\.so"`
	status, err := sandbox.Run(t.Context(), tc.In(sandbox.Command{Args: []string{"sh", "-c", script, major}, Stdout: &libs, Stderr: os.Stderr}))
	if err != nil || !status.Success() {
		t.Fatalf("%v, %v", status, err)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	put := func(at, from string) {
		content, err := os.ReadFile(from)
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: name + "/" + at, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))})
		}
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	all := func(at, from string) {
		err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
			rel, rerr := filepath.Rel(from, path)
			if err != nil || rerr != nil || !d.Type().IsRegular() {
				return errors.Join(err, rerr)
			}
			put(at+"/"+rel, path)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"clang", "lld", "ld.lld", "llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-objdump", "llvm-readelf", "llvm-strip"} {
		put("bin/"+p, filepath.Join(usr, "lib", "llvm-"+major, "bin", p))
	}
	put("bin/bindgen", filepath.Join(usr, "bin", "bindgen"))
	put("libexec/rustc", filepath.Join(usr, "bin", "rustc"))
	if err := w.WriteHeader(&tar.Header{Name: name + "/bin/rustc", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(wrapper))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, wrapper); err != nil {
		t.Fatal(err)
	}
	for _, lib := range strings.Fields(libs.String()) {
		inside, err := filepath.EvalSymlinks(filepath.Join(tc.Root, lib))
		if err != nil {
			t.Fatal(err)
		}
		put("lib/"+filepath.Base(lib), inside)
	}
	put("lib/libclang.so", filepath.Join(usr, "lib", "llvm-"+major, "lib", "libclang.so"))
	all("lib/clang/"+major, filepath.Join(usr, "lib", "llvm-"+major, "lib", "clang", major))
	all("lib/rustlib/"+rustHost, filepath.Join(usr, "lib", "rustlib", rustHost))
	source, err := filepath.EvalSymlinks(filepath.Join(usr, "lib", "rustlib", "src", "rust"))
	if err != nil {
		t.Fatal(err)
	}
	all("lib/rustlib/src/rust/library", filepath.Join(source, "library"))
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
