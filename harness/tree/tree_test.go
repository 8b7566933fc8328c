package tree

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// files is the least that looks like a kernel source.
func files() map[string]string {
	return map[string]string{
		"Makefile":         "# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 107\nEXTRAVERSION = -rc1\n",
		"arch/um/Kconfig":  "config UML\n\tselect HAVE_RUST\n",
		"rust/Makefile":    "BINDGEN_TARGET_x86 := x\n",
		"scripts/tool.sh":  "#!/bin/sh\n",
		"include/x/link.h": "",
	}
}

func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for n, text := range files {
		p := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(p, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func noClean(context.Context, string) error { return errors.New("clean was called") }

func TestDirectory(t *testing.T) {
	st, dir := open(t), t.TempDir()
	lay(t, dir, files())
	if err := os.Symlink("x", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	take := func() *Tree {
		t.Helper()
		tr, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, noClean)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	a := take()
	if a.Version != "6.12.107-rc1" || a.Compiler() != "clang" || a.CheckRust() != nil {
		t.Errorf("version %s, compiler %s, rust %v", a.Version, a.Compiler(), a.CheckRust())
	}
	// .git does not count, content, mode and links do.
	lay(t, dir, map[string]string{".git/HEAD": "x"})
	if b := take(); b.Digest != a.Digest {
		t.Error(".git changes the digest")
	}
	if err := os.Chmod(filepath.Join(dir, "scripts/tool.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := take()
	if b.Digest == a.Digest {
		t.Error("the executable bit does not change the digest")
	}
	lay(t, dir, map[string]string{"rust/Makefile": "BINDGEN_TARGET_um := x\n"})
	c := take()
	if c.Digest == b.Digest || c.Compiler() != "gcc" {
		t.Errorf("an edit: digest changed %v, compiler %s", c.Digest != b.Digest, c.Compiler())
	}
	// The snapshot is not the user's tree.
	if err := os.WriteFile(filepath.Join(dir, "rust/Makefile"), []byte("edited later"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(c.FS(), "rust/Makefile"); err != nil || string(text) != "BINDGEN_TARGET_um := x\n" {
		t.Errorf("the snapshot followed an edit: %q, %v", text, err)
	}
}

func TestBuiltDirectoryIsCleanedInTheCopy(t *testing.T) {
	st, dir := open(t), t.TempDir()
	lay(t, dir, files())
	clean, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, noClean)
	if err != nil {
		t.Fatal(err)
	}
	lay(t, dir, map[string]string{".config": "CONFIG_X=y\n", "init/main.o": "obj"})
	built, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, func(_ context.Context, copied string) error {
		if copied == dir {
			t.Error("the user's own tree is cleaned")
		}
		return errors.Join(os.Remove(filepath.Join(copied, ".config")), os.RemoveAll(filepath.Join(copied, "init")))
	})
	if err != nil {
		t.Fatal(err)
	}
	if built.Digest != clean.Digest {
		t.Error("products of a build change the digest")
	}
	for _, f := range []string{".config", "init/main.o"} {
		if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
			t.Errorf("the user's %s: %v", f, err)
		}
	}
}

func TestNoKernel(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"empty", nil, "it has no Makefile"},
		{"some project", map[string]string{"Makefile": "all:\n"}, "sets no VERSION"},
		{"no UML", map[string]string{"Makefile": files()["Makefile"]}, "arch/um"},
	} {
		dir := t.TempDir()
		lay(t, dir, tc.files)
		_, err := FromDirectory(context.Background(), open(t), progress.Discard{}, dir, noClean)
		var not *NotKernelError
		if !errors.As(err, &not) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want a NotKernelError with %q", tc.name, err, tc.want)
		}
	}
	if _, err := FromDirectory(context.Background(), open(t), progress.Discard{}, filepath.Join(t.TempDir(), "none"), noClean); err == nil || !strings.Contains(err.Error(), "configs/trees.toml") {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestNoRustOnUML(t *testing.T) {
	dir := t.TempDir()
	f := files()
	f["arch/um/Kconfig"] = "config UML\n\tselect HAVE_UID16\n"
	lay(t, dir, f)
	tr, err := FromDirectory(context.Background(), open(t), progress.Discard{}, dir, noClean)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.CheckRust(); err == nil || !strings.Contains(err.Error(), "HAVE_RUST") || !strings.Contains(err.Error(), "6.12.107-rc1") {
		t.Errorf("CheckRust = %v", err)
	}
}

func archive(t *testing.T, sum string, members ...*tar.Header) Archive {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for n, text := range files() {
		if err := w.WriteHeader(&tar.Header{Name: "linux-x/" + n, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range members {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return Archive{Name: "t", Sum: sum, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }}
}

func TestArchive(t *testing.T) {
	st, dir := open(t), t.TempDir()
	lay(t, dir, files())
	want, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, noClean)
	if err != nil {
		t.Fatal(err)
	}
	a := archive(t, "s")
	got, err := FromArchive(context.Background(), st, progress.Discard{}, a)
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want.Digest || got.Version != want.Version {
		t.Errorf("the same files from an archive: %+v, from a directory: %+v", got, want)
	}
	a.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("opened twice") }
	if _, err := FromArchive(context.Background(), st, progress.Discard{}, a); err != nil {
		t.Errorf("second FromArchive: %v", err)
	}
}

func TestHostileArchive(t *testing.T) {
	outside := t.TempDir()
	for name, h := range map[string][]*tar.Header{
		"dots":    {{Name: "linux-x/../../../evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"link":    {{Name: "linux-x/out", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "linux-x/out/evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"device":  {{Name: "linux-x/null", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3}},
		"overlap": {{Name: "linux-x/Makefile", Typeflag: tar.TypeReg, Mode: 0o644}},
	} {
		st := open(t)
		tr, err := FromArchive(context.Background(), st, progress.Discard{}, archive(t, name, h...))
		if name != "dots" && err == nil {
			t.Errorf("%s: accepted", name)
		}
		if name == "dots" && err == nil {
			if _, err := os.Stat(filepath.Join(tr.Layers[0], "..", "evil")); err == nil {
				t.Error("dots: a member was written outside of the tree")
			}
		}
		if left, _ := os.ReadDir(outside); len(left) > 0 {
			t.Errorf("%s: wrote outside: %v", name, left)
		}
		if left, _ := filepath.Glob(filepath.Join(st.Root(), "tmp", "*")); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// What a list says of a name is found wherever it stands.
func TestWhatIs(t *testing.T) {
	d := newDigest()
	for i := range 100 {
		d.set(fmt.Sprintf("d%d/%s.c", i%7, strings.Repeat("x", i)), fmt.Sprint("f ", i))
	}
	d.set(`odd "name"`+"\n", "l to")
	var text bytes.Buffer
	if err := d.write(&text); err != nil {
		t.Fatal(err)
	}
	for name, what := range d.files {
		if got, err := whatIs(text.Bytes(), name); err != nil || got != what {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "a", "d1", "d1/x", "z"} {
		if got, err := whatIs(text.Bytes(), name); err != nil || got != "" {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := whatIs([]byte("nonsense\n"), "a"); err == nil {
		t.Error("nonsense was read")
	}
}
