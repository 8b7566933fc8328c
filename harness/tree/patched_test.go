package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
)

// change is a diff of one line of arch/um/Kconfig, see base.
const change = `diff --git a/arch/um/Kconfig b/arch/um/Kconfig
index 1111111..2222222 100644
--- a/arch/um/Kconfig
+++ b/arch/um/Kconfig
@@ -1,2 +1,2 @@
 config UML
-	select HAVE_RUST
+	select HAVE_RUST if X86
`

// hostGit runs the machine's git as the sandbox would run the sysroot's: what is
// mounted is reached by its path on the machine.
func hostGit(t testing.TB) Git {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine to stand in for the sysroot's")
	}
	return func(ctx context.Context, c sandbox.Command) (int, error) {
		inside := func(p string) string {
			for _, m := range c.Mounts {
				if p == m.Target || strings.HasPrefix(p, m.Target+"/") {
					return m.Source + p[len(m.Target):]
				}
			}
			return p
		}
		cmd := exec.CommandContext(ctx, "git", c.Args...)
		cmd.Dir = inside(c.Dir)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES=" + filepath.Dir(cmd.Dir)}
		for _, v := range c.Env {
			name, value, _ := strings.Cut(v, "=")
			var paths []string
			for p := range strings.SplitSeq(value, ":") {
				paths = append(paths, inside(p))
			}
			cmd.Env = append(cmd.Env, name+"="+strings.Join(paths, ":"))
		}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode(), nil
		}
		return 0, err
	}
}

// base is a tree in a fresh store, of files and more.
func base(t *testing.T, more map[string]string) (*store.Store, *Tree) {
	t.Helper()
	st, dir := open(t), t.TempDir()
	lay(t, dir, files())
	lay(t, dir, more)
	if err := os.Symlink("Makefile", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	b, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, noClean)
	if err := errors.Join(err, st.Wrong()); err != nil {
		t.Fatal(err)
	}
	b.Name = "base"
	return st, b
}

func patches(t *testing.T, text string) []patch.Patch {
	t.Helper()
	p, err := patch.Read("x.patch", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// left is what lies in the store's places for work and for patched trees.
func left(t *testing.T, st *store.Store) (all []string) {
	t.Helper()
	for _, g := range []string{"tmp/*", "dirs/" + kindTree + "/*", "dirs/" + kindLayer + "/*"} {
		m, err := filepath.Glob(filepath.Join(st.Root(), g))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m...)
	}
	if len(all) == 1 { // the base
		return nil
	}
	return all
}

func TestPatched(t *testing.T) {
	git := hostGit(t)
	st, b := base(t, nil)
	before, err := readDigest(context.Background(), b.Layers[0])
	if err != nil {
		t.Fatal(err)
	}
	series := change + `diff --git a/new/deep/file.c b/new/deep/file.c
new file mode 100755
index 0000000..257cc56
--- /dev/null
+++ b/new/deep/file.c
@@ -0,0 +1 @@
+foo
diff --git a/include/x/link.h b/include/x/link.h
deleted file mode 100644
index e69de29..0000000
diff --git a/scripts/tool.sh b/scripts/other.sh
old mode 100644
new mode 100755
similarity index 100%
rename from scripts/tool.sh
rename to scripts/other.sh
`
	ps := slices.Concat(patches(t, series), patches(t, strings.NewReplacer("select HAVE_RUST if X86", "select HAVE_RUST if ARM", "-\tselect HAVE_RUST\n", "-\tselect HAVE_RUST if X86\n").Replace(change)))
	got, err := Patched(context.Background(), st, progress.Discard{}, b, ps, git)
	if err != nil {
		t.Fatal(err)
	}
	// The same files from the user's own directory have the same digest.
	dir := t.TempDir()
	same := files()
	delete(same, "scripts/tool.sh")
	delete(same, "include/x/link.h")
	same["arch/um/Kconfig"] = "config UML\n\tselect HAVE_RUST if ARM\n"
	same["new/deep/file.c"], same["scripts/other.sh"] = "foo\n", files()["scripts/tool.sh"]
	lay(t, dir, same)
	for _, x := range []string{"new/deep/file.c", "scripts/other.sh"} {
		if err := os.Chmod(filepath.Join(dir, x), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("Makefile", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	want, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, noClean)
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want.Digest || got.Digest == b.Digest {
		t.Errorf("digest %s, of the same files %s, of the base %s", got.Digest, want.Digest, b.Digest)
	}
	if !slices.Equal(got.Patches, []string{ps[0].Sum, ps[1].Sum}) || got.Version != b.Version {
		t.Errorf("%+v", got)
	}
	// The base is as it was.
	after, err := readDigest(context.Background(), b.Layers[0])
	if err != nil || after.sum() != before.sum() {
		t.Errorf("the base was changed: %v", err)
	}
	// Nothing is done twice.
	again, err := Patched(context.Background(), st, progress.Discard{}, b, ps, func(context.Context, sandbox.Command) (int, error) {
		return 0, errors.New("git was called again")
	})
	if err != nil || !slices.Equal(again.Layers, got.Layers) || again.Digest != got.Digest {
		t.Errorf("again: %+v, %v", again, err)
	}
	// A patch over a patched tree is a series.
	back := patches(t, strings.NewReplacer("\tselect HAVE_RUST\n", "\tselect HAVE_RUST if ARM\n", "\tselect HAVE_RUST if X86\n", "\tselect HAVE_RUST\n").Replace(change))
	more, err := Patched(context.Background(), st, progress.Discard{}, again, back, git)
	if err != nil || len(more.Patches) != 3 {
		t.Errorf("over a patched tree: %+v, %v", more, err)
	}
}

// TestUndone: a patch and its undoing are the base, to the digest.
func TestUndone(t *testing.T) {
	st, b := base(t, nil)
	undo := strings.NewReplacer("-\tselect HAVE_RUST\n", "+\tselect HAVE_RUST\n", "+\tselect HAVE_RUST if X86\n", "-\tselect HAVE_RUST if X86\n").Replace(change)
	got, err := Patched(context.Background(), st, progress.Discard{}, b, append(patches(t, change), patches(t, undo)...), hostGit(t))
	if err != nil || got.Digest != b.Digest {
		t.Errorf("%+v, %v; want digest %s", got, err, b.Digest)
	}
}

// TestPatchedWithoutContext applies what git diff -U0 makes: at its own lines, and
// where it only adds lines, to the very file that it was made for.
func TestPatchedWithoutContext(t *testing.T) {
	before := "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"
	after := "zero\none\nthree\nfour\nfour and a half\nfive\nsiX\nseven\neight\n"
	dir := t.TempDir()
	lay(t, dir, map[string]string{"a/arch/um/Makefile": before, "b/arch/um/Makefile": after})
	git := hostGit(t)
	c := exec.Command("git", "diff", "--no-index", "--no-prefix", "-U0", "a", "b")
	c.Dir = dir
	diff, _ := c.Output() // status 1: they differ
	if n := strings.Count(string(diff), "@@ -"); n != 5 {
		t.Fatalf("%d hunks: %s", n, diff)
	}
	st, b := base(t, map[string]string{"arch/um/Makefile": before})
	got, err := Patched(context.Background(), st, progress.Discard{}, b, patches(t, string(diff)), git)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(got.FS(), "arch/um/Makefile"); err != nil || string(text) != after {
		t.Errorf("%q, %v", text, err)
	}
	// One line more above, and nothing shows where the added lines belong.
	st, b = base(t, map[string]string{"arch/um/Makefile": "new\n" + before})
	_, err = Patched(context.Background(), st, progress.Discard{}, b, patches(t, string(diff)), git)
	if e, ok := errors.AsType[*patch.ApplyError](err); !ok || !strings.Contains(e.Why, "has no context") {
		t.Errorf("to another file: %v", err)
	}
}

func TestMisfit(t *testing.T) {
	long := "one\ntwo\nthree\nobj-y += first.o\nobj-y += second.o\n\nKBUILD_RUSTFLAGS += -Crelocation-model=pie\n\nlast\n"
	more := map[string]string{"arch/um/Makefile": long, "drivers/um/only.c": "x\n"}
	hunk := func(file, text string) string { return "--- a/" + file + "\n+++ b/" + file + "\n" + text }
	for _, tc := range []struct {
		name, text string
		want       patch.ApplyError
		said       []string
	}{
		{"another line", hunk("arch/um/Makefile", "@@ -20,3 +20,3 @@\n \n-KBUILD_RUSTFLAGS += -Crelocation-model=pic\n+KBUILD_RUSTFLAGS += -Crelocation-model=static\n \n"),
			patch.ApplyError{File: "arch/um/Makefile", Hunk: 1, Line: 3, NearestLine: 6},
			[]string{"x.patch:3 does not apply to base (6.12.107-rc1)", "hunk 1 of 1, @@ -20,3 +20,3 @@", "it wants, at line 20:", "> | KBUILD_RUSTFLAGS += -Crelocation-model=pic", "has, at line 6:", "> | KBUILD_RUSTFLAGS += -Crelocation-model=pie", "Nothing was built."}},
		{"the second hunk", hunk("arch/um/Makefile", "@@ -1,2 +1,3 @@\n one\n+new\n two\n@@ -4,2 +5,2 @@\n obj-y += first.o\n-obj-y += zweites.o\n+obj-y += third.o\n"),
			patch.ApplyError{File: "arch/um/Makefile", Hunk: 2, Line: 7, NearestLine: 5}, []string{"hunk 2 of 2", "> | obj-y += zweites.o", "> | obj-y += second.o"}},
		{"done already", hunk("arch/um/Makefile", "@@ -4,2 +4,2 @@\n obj-y += first.o\n-obj-y += old.o\n+obj-y += second.o\n"),
			patch.ApplyError{File: "arch/um/Makefile", Hunk: 1, Line: 3, NearestLine: 4}, []string{"has this change already"}},
		{"white space", hunk("arch/um/Makefile", "@@ -4,2 +4,2 @@\n obj-y  +=  first.o\n-obj-y +=\tsecond.o\n+obj-y += third.o\n"),
			patch.ApplyError{File: "arch/um/Makefile", Hunk: 1, Line: 3, NearestLine: 4}, []string{"differ in their white space"}},
		{"nothing like it", hunk("arch/um/Makefile", "@@ -1,2 +1,2 @@\n alpha\n-beta\n+gamma\n"),
			patch.ApplyError{File: "arch/um/Makefile", Hunk: 1, Line: 3}, []string{"the file has nothing like it"}},
		{"another place", hunk("arch/x86/um/only.c", "@@ -1 +1 @@\n-x\n+y\n"),
			patch.ApplyError{File: "arch/x86/um/only.c", Line: 1, NearestFile: "drivers/um/only.c"}, []string{"the tree has no such file; the tree has drivers/um/only.c"}},
		{"no context, another line", hunk("arch/um/Makefile", "@@ -4 +4 @@\n-obj-y += second.o\n+obj-y += third.o\n"),
			patch.ApplyError{File: "arch/um/Makefile", Hunk: 1, Line: 3, NearestLine: 5}, []string{"has no context (diff -U0)", "at line 4", "the nearest that the tree has, at line 5"}},
		{"no context, lines are added", hunk("arch/um/Makefile", "@@ -4,0 +5 @@\n+obj-y += third.o\n"),
			patch.ApplyError{File: "arch/um/Makefile", Hunk: 1, Line: 3}, []string{"has no context (diff -U0)", "nothing shows where they belong"}},
		{"there already", "diff --git a/Makefile b/Makefile\nnew file mode 100644\n--- /dev/null\n+++ b/Makefile\n@@ -0,0 +1 @@\n+x\n",
			patch.ApplyError{File: "Makefile", Line: 1}, []string{"the tree has it already"}},
		{"what only git knows", "diff --git a/link b/link\nindex 1111111..2222222 100644\n--- a/link\n+++ b/link\n@@ -1,9 +1,9 @@\n # SPDX\n-VERSION = 6\n+VERSION = 7\n PATCHLEVEL = 12\n SUBLEVEL = 107\n EXTRAVERSION = -rc1\n",
			patch.ApplyError{}, []string{"x.patch"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			git := hostGit(t)
			st, b := base(t, more)
			ps, err := patch.Read("x.patch", []byte(tc.text))
			if err != nil {
				if tc.want.File == "" {
					return // refused even sooner
				}
				t.Fatal(err)
			}
			_, err = Patched(context.Background(), st, progress.Discard{}, b, ps, git)
			var e *patch.ApplyError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an patch.ApplyError", err)
			}
			if e.File != tc.want.File || e.Hunk != tc.want.Hunk || e.Line != tc.want.Line && tc.want.Line > 0 || e.NearestLine != tc.want.NearestLine || e.NearestFile != tc.want.NearestFile {
				t.Errorf("got %+v\nwant %+v", *e, tc.want)
			}
			for _, s := range tc.said {
				if !strings.Contains(e.Error(), s) {
					t.Errorf("the error lacks %q:\n%s", s, e)
				}
			}
			if l := left(t, st); len(l) > 0 {
				t.Errorf("left in the store: %v", l)
			}
		})
	}
}

func TestSecondPatchOfASeries(t *testing.T) {
	st, b := base(t, nil)
	series := ""
	for i, subject := range []string{"um: one", "um: two"} {
		series += fmt.Sprintf("From %040d Mon Sep 17 00:00:00 2001\nSubject: [PATCH %d/2] %s\n\nb\n---\n%s", i+1, i+1, subject, change)
	}
	_, err := Patched(context.Background(), st, progress.Discard{}, b, patches(t, series), hostGit(t))
	var e *patch.ApplyError
	if !errors.As(err, &e) || e.Index != 2 || e.Of != 2 || !strings.Contains(err.Error(), "patch 2 of 2 (um: two)") || !strings.Contains(err.Error(), "already") {
		t.Errorf("got %v", err)
	}
}

// TestHostilePatches: what git does beyond what was read from a patch, and links
// out of the tree, are refused, and nothing is kept.
func TestHostilePatches(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(name, target string) string {
		return "diff --git a/" + name + " b/" + name + "\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/" + name + "\n@@ -0,0 +1 @@\n+" + target + "\n\\ No newline at end of file\n"
	}
	liar := func(do func(dir string) error) func(Git) Git {
		return func(git Git) Git {
			return func(ctx context.Context, c sandbox.Command) (int, error) {
				if _, err := io.Copy(io.Discard, c.Stdin); err != nil {
					return 0, err
				}
				return 0, do(c.Mounts[0].Source)
			}
		}
	}
	for _, tc := range []struct {
		name, text string
		git        func(Git) Git
		want       string
	}{
		{"absolute link", link("out", secret), nil, "leads out of the tree"},
		{"relative link", link("arch/out", "../../../../../.."), nil, "leads out of the tree"},
		{"link through a link", link("arch/um/deep", "..") + link("chain", "arch/um/deep/../../../.."), nil, "leads out of the tree"},
		{"a link inside is no harm", link("arch/inside", "../Makefile"), nil, ""},
		{"git makes a file more", change, liar(func(dir string) error { return os.WriteFile(filepath.Join(dir, "more"), nil, 0o644) }), "git made more"},
		{"git makes a file that the tree has", change, liar(func(dir string) error { return os.WriteFile(filepath.Join(dir, "Makefile"), nil, 0o644) }), "git made Makefile"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			git := hostGit(t)
			if tc.git != nil {
				git = tc.git(git)
			}
			st, b := base(t, nil)
			_, err := Patched(context.Background(), st, progress.Discard{}, b, patches(t, tc.text), git)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if l := left(t, st); len(l) > 0 {
				t.Errorf("left in the store: %v", l)
			}
		})
	}
}

// TestManifest: a tree whose files in the store were changed behind its back is
// found out, and a lost list is made anew.
func TestManifest(t *testing.T) {
	st, b := base(t, nil)
	list := filepath.Join(st.Root(), "files", b.Digest[:2], b.Digest)
	for range 2 {
		d, err := manifest(context.Background(), st, b.Digest)
		if err != nil || d.sum() != b.Digest {
			t.Fatalf("digest of the list %v, %v", d, err)
		}
		if err := os.Remove(list); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(b.Layers[0], "Makefile"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := manifest(context.Background(), st, b.Digest); err == nil || !strings.Contains(err.Error(), "were changed") {
		t.Errorf("of a changed tree: %v", err)
	}
}
