package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/settings"
	"umlab/harness/store"
	"umlab/harness/unpack"
)

const (
	kindLLVM = "llvm"
	// llvmAt is where an archive of LLVM and Rust is seen in the sandbox, and
	// llvmRustAt where the programs of its Rust are seen alone.
	llvmAt     = "/llvm"
	llvmRustAt = "/llvm-rust"
	// llvmVersion is raised when the same archive would be kept in another form.
	llvmVersion = "1"
)

// rustPrograms are those that rustc's components bring.
var rustPrograms = []string{"rustc", "rustdoc", "rustfmt", "clippy-driver"}

// tarball returns the toolchain in an archive of LLVM and Rust, as kernel.org
// publishes them, over the Debian sysroot that c describes besides. Where c asks
// for its Rust alone, everything else is the sysroot's.
func (p *Provider) tarball(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	t, err := p.debian(ctx, name, c)
	if err != nil {
		return nil, err
	}
	a, err := p.llvm(ctx, name, c, t.XZ)
	if err != nil {
		return nil, err
	}
	t.Notes = append(t.Notes, a.notes...)
	t.Mounts = append(t.Mounts, sandbox.Mount{Source: filepath.Join(a.dir, "root"), Target: llvmAt, ReadOnly: true})
	part := "archive"
	if c.Rust != "" {
		part = "rust of archive"
		t.Mounts = append(t.Mounts, sandbox.Mount{Source: filepath.Join(a.dir, "rust"), Target: llvmRustAt, ReadOnly: true})
		t.Path = append([]string{llvmRustAt}, t.Path...)
	} else {
		t.Path = append([]string{llvmAt + "/bin"}, t.Path...)
		t.Parts = map[string]string{"rust": name, "c": name + ", and " + c.C + " for what is not in it"}
		if a.has("bin/bindgen") {
			t.Parts["bindgen"] = name
		} else {
			t.Parts["bindgen"] = c.C
		}
		if found, _ := filepath.Glob(filepath.Join(a.dir, "root", "lib", "libclang.so*")); len(found) > 0 {
			t.Env = slices.DeleteFunc(slices.Clone(t.Env), func(kv string) bool { return strings.HasPrefix(kv, "LIBCLANG_PATH=") })
			t.Env = append(t.Env, "LIBCLANG_PATH="+llvmAt+"/lib")
		}
	}
	t.Digest = store.Key(part, llvmVersion, a.sum, t.Digest)
	t.Packages = append(t.Packages, fmt.Sprintf("%s (sha256 %s)", filepath.Base(c.Tarball), store.Short(a.sum)))
	is, err := p.rustcOf(ctx, t)
	if err != nil {
		return nil, err
	}
	series, err := os.ReadFile(filepath.Join(a.dir, "library"))
	if errors.Is(err, os.ErrNotExist) {
		return t, p.useDebianSource(ctx, c, t, is.release, "the archive has rustc "+is.release+" and no rust-src")
	}
	if err != nil {
		return nil, err
	}
	t.Identity = map[string]string{"rust-src": librarySays(string(series), is.release)}
	return t, nil
}

// llvmArchive is an unpacked archive of LLVM and Rust in the store.
type llvmArchive struct {
	dir   string // root/, rust/ and perhaps library
	sum   string // sha256 of the archive
	notes []string
}

func (a llvmArchive) has(name string) bool {
	_, err := os.Stat(filepath.Join(a.dir, "root", name))
	return err == nil
}

// llvm fetches, verifies and unpacks the archive that c names, or finds it in the
// store.
func (p *Provider) llvm(ctx context.Context, name string, c settings.Toolchain, xz unpack.Decompress) (llvmArchive, error) {
	var a llvmArchive
	fail := func(err error) (llvmArchive, error) {
		return a, fmt.Errorf("tarball %s: %w", filepath.Base(c.Tarball), err)
	}
	var err error
	if a.sum, a.notes, err = p.llvmSum(ctx, name, c); err != nil {
		return fail(err)
	}
	key := store.Key(llvmVersion, a.sum, c.Signature)
	a.dir, _, err = p.Store.Shared(ctx, kindLLVM, key, func(ctx context.Context, dir string) error {
		file, err := p.HTTP.Into(ctx, p.Store, fetch.Tarball("toolchain "+name, c.Tarball, a.sum, p.Sink))
		if err != nil {
			return err
		}
		if c.Signature != "" {
			if err := p.llvmSignature(ctx, name, c, file, xz); err != nil {
				return err
			}
		}
		task := p.Sink.Start("unpack toolchain "+name, progress.Bytes, 0)
		err = fillLLVM(ctx, file, dir, xz, task)
		task.Done(err)
		return err
	})
	if err != nil {
		return fail(err)
	}
	p.Store.Offer(store.Offered{Entry: store.Entry{Kind: kindLLVM, Key: key}, Of: "archive " + filepath.Base(c.Tarball),
		From: []string{c.Tarball, "sha256 " + a.sum}})
	return a, nil
}

// fillLLVM unpacks the archive's file to dir/root, makes dir/rust, which leads to
// its Rust alone, and writes to dir/library what its rust-src is of.
func fillLLVM(ctx context.Context, file, dir string, xz unpack.Decompress, task progress.Task) error {
	in := filepath.Join(dir, "root")
	stream, err := unpack.Open(ctx, file, xz)
	if err != nil {
		return err
	}
	if err := unpack.Tar(ctx, stream, in, task, unpack.Seen{}); err != nil {
		return err
	}
	root, err := os.OpenRoot(in)
	if err != nil {
		return err
	}
	defer root.Close()
	if info, err := root.Stat("bin/rustc"); err != nil || info.Mode()&0o111 == 0 {
		return errors.New("there is no program bin/rustc below its top directory: " +
			"it is no archive of LLVM and Rust such as kernel.org has below pub/tools/llvm/rust (those of pub/tools/llvm are without Rust)")
	}
	if err := os.Mkdir(filepath.Join(dir, "rust"), 0o755); err != nil {
		return err
	}
	for _, name := range rustPrograms {
		if _, err := root.Stat("bin/" + name); err == nil {
			if err := os.Symlink(llvmAt+"/bin/"+name, filepath.Join(dir, "rust", name)); err != nil {
				return err
			}
		}
	}
	library, err := root.OpenRoot("lib/rustlib/src/rust/library/core/src")
	if errors.Is(err, os.ErrNotExist) {
		return nil // Debian may have it
	}
	if err != nil {
		return err
	}
	defer library.Close()
	series, err := libraryRelease(library.FS())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "library"), []byte(series), 0o644)
}

// llvmSignature verifies the detached signature. As kernel.org does it, it is of
// the tar without its compression.
func (p *Provider) llvmSignature(ctx context.Context, name string, c settings.Toolchain, file string, xz unpack.Decompress) error {
	keys, err := debian.LoadKey(c.Key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	signature, err := p.small(ctx, name, c.Signature)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	stream, err := unpack.Open(ctx, file, xz)
	if err != nil {
		return err
	}
	_, err = debian.Detached(c.Signature, stream, signature, keys, p.Archive.Now())
	return errors.Join(err, stream.Close())
}
