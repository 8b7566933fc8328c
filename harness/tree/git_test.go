package tree

import (
	"bytes"
	"context"
	"io/fs"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/tree/patch"
)

// repository is a work tree of files with two commits: the tag v1, and one more
// that applies change.
func repository(t *testing.T) (dir string, first, second string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "linux")
	lay(t, dir, files())
	// An attribute that would convert on checkout, and must not.
	lay(t, dir, map[string]string{".gitattributes": "* text eol=crlf export-ignore\n"})
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=umlab test", "-c", "user.email=umlab@localhost"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_DATE=1800000000 +0000", "GIT_COMMITTER_DATE=1800000000 +0000")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(subject string) string {
		run("add", "--all")
		run("commit", "-q", "-m", subject+"\n\nWhy.\n")
		return run("rev-parse", "HEAD")
	}
	run("init", "-q", "--initial-branch=master")
	first = commit("one")
	run("tag", "-a", "-m", "v1", "v1")
	lay(t, dir, map[string]string{"arch/um/Kconfig": "config UML\n\tselect HAVE_RUST if X86\n"})
	return dir, first, commit("um: two")
}

// snapshotOf is the digest of everything in dir, .git too.
func snapshotOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(p + info.Mode().String() + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFromLocalGit(t *testing.T) {
	git := hostGit(t)
	dir, first, second := repository(t)
	// A hostile configuration is of no effect on what is checked out.
	config, err := os.OpenFile(filepath.Join(dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.WriteString("[core]\n\tautocrlf = true\n[format]\n\tattach = x\n\tcoverLetter = true\n[diff]\n\tnoprefix = true\n"); err != nil {
		t.Fatal(err)
	}
	config.Close()

	// A linked work tree and a clone that borrows objects are other ways in.
	linked, clone := filepath.Join(t.TempDir(), "linked"), filepath.Join(t.TempDir(), "clone")
	for _, args := range [][]string{{"-C", dir, "worktree", "add", "-q", "--detach", linked, first}, {"clone", "-q", "--shared", "--bare", dir, clone}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	before := snapshotOf(t, dir)

	st := open(t)
	want := map[string]string{}
	for _, tc := range []struct{ path, ref, commit string }{
		{dir, "v1", first}, {dir, "HEAD", second}, {dir, second[:10], second}, {dir, "v1^{}", first}, {dir, "HEAD~1", first},
		{linked, "HEAD", first}, {clone, "v1", first}, {clone, "HEAD", second},
	} {
		got, err := FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", Path: tc.path, Ref: tc.ref}, git)
		if err != nil {
			t.Errorf("%s#%s: %v", tc.path, tc.ref, err)
			continue
		}
		if want[tc.commit] == "" {
			want[tc.commit] = got.Digest
			text, err := fs.ReadFile(got.FS(), "Makefile")
			if err != nil || string(text) != files()["Makefile"] {
				t.Errorf("%s: Makefile %q, %v", tc.ref, text, err)
			}
		}
		if got.Digest != want[tc.commit] || !strings.Contains(got.Package, tc.commit[:12]) || got.Version != "6.12.107-rc1" {
			t.Errorf("%s#%s: %+v, want the tree of %s", tc.path, tc.ref, got, tc.commit)
		}
	}
	if want[first] == want[second] {
		t.Error("two commits have one digest")
	}
	// As the work tree itself has it.
	own, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, noClean)
	if err != nil || own.Digest != want[second] {
		t.Errorf("the work tree: %+v, %v; the commit: %s", own, err, want[second])
	}
	for ref, says := range map[string]string{"none": " has no commit none: give", "-x": "no name of a commit", "a b": "no name of a commit", "HEAD^{tree}": "find"} {
		if _, err := FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", Path: dir, Ref: ref}, git); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", ref, err)
		}
	}
	if after := snapshotOf(t, dir); after != before {
		t.Errorf("the user's repository was written to:\n%s", cmp.Diff(before, after))
	}
	if _, err := FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", Path: t.TempDir(), Ref: "x"}, git); err == nil || !strings.Contains(err.Error(), "no git repository") {
		t.Errorf("of a plain directory: %v", err)
	}
}

func TestReadRange(t *testing.T) {
	git := hostGit(t)
	dir, first, second := repository(t)
	st := open(t)
	for _, commits := range []string{"v1..HEAD", "v1..", first + ".." + second} {
		r, err := ReadRange(context.Background(), st, dir, commits, git)
		if err != nil {
			t.Fatal(err)
		}
		if r.Base.Ref != first || r.head != second || len(r.Patches) != 1 {
			t.Fatalf("%s: %+v", commits, r)
		}
		p := r.Patches[0]
		if p.Subject != "um: two" || p.Message != "Why." || p.From != "umlab test <umlab@localhost>" || p.Name != "commit "+second[:12] || p.Commit != second {
			t.Errorf("%+v", p)
		}
		b, err := FromGit(context.Background(), st, progress.Discard{}, r.Base, git)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Patched(context.Background(), st, progress.Discard{}, b, r.Patches, git)
		if err != nil {
			t.Fatal(err)
		}
		want, err := FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", Path: dir, Ref: second}, git)
		if err != nil || got.Digest != want.Digest {
			t.Errorf("A with A..B applied is not B: %v, %v", got, err)
		}
	}
	for commits, says := range map[string]string{
		"v1": "no range", "..HEAD": "no range", "v1...HEAD": "no range", "HEAD..v1": "no ancestor", "HEAD..HEAD": "no commit", "none..HEAD": "has no commit none: give a branch",
	} {
		if _, err := ReadRange(context.Background(), st, dir, commits, git); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", commits, err, says)
		}
	}
}

func TestWorkTree(t *testing.T) {
	git := hostGit(t)
	dir, _, second := repository(t)
	ask := func() *WorkTree {
		t.Helper()
		w, err := ReadWorkTree(context.Background(), dir, git)
		if err != nil || w == nil {
			t.Fatalf("%v, %v", w, err)
		}
		return w
	}
	if w := ask(); len(w.untracked) > 0 || w.Commit != second {
		t.Errorf("a clean work tree: %+v", w)
	}
	before := snapshotOf(t, filepath.Join(dir, ".git"))
	lay(t, dir, map[string]string{"Makefile": "changed\n", "more.c": "x\n"})
	w := ask()
	if !strings.Contains(w.Note(), "changed (") || !strings.Contains(w.Note(), "Makefile") || !strings.Contains(w.Note(), "1 untracked (more.c)") || !strings.Contains(w.Note(), second[:12]) {
		t.Errorf("%+v: %s", w, w.Note())
	}
	if after := snapshotOf(t, filepath.Join(dir, ".git")); after != before {
		t.Error("the user's index was written to")
	}
	if w, err := ReadWorkTree(context.Background(), t.TempDir(), git); w != nil || err != nil {
		t.Errorf("a plain directory: %v, %v", w, err)
	}
}

// TestFromURL fetches over smart HTTP from git's own server.
func TestFromURL(t *testing.T) {
	git := hostGit(t)
	dir, first, second := repository(t)
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := filepath.Join(strings.TrimSpace(string(path)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("git has no server here: %v", err)
	}
	srv := httptest.NewServer(&cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*", "GIT_CONFIG_KEY_1=uploadpack.allowReachableSHA1InWant", "GIT_CONFIG_VALUE_1=true"}})
	defer srv.Close()
	st := open(t)
	get := func(ref string) (*Tree, error) {
		return FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", URL: srv.URL + "/.git", Ref: ref}, git)
	}
	digests := map[string]string{}
	for _, tc := range []struct{ ref, commit string }{{"v1", first}, {"master", second}, {"refs/heads/master", second}, {"HEAD", second}, {first, first}, {second, second}, {"v1", first}} {
		got, err := get(tc.ref)
		if err != nil {
			t.Fatalf("%s: %v", tc.ref, err)
		}
		local, err := FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", Path: dir, Ref: tc.commit}, git)
		if err != nil || got.Digest != local.Digest || !strings.Contains(got.Package, tc.commit[:12]) || len(got.Notes) > 0 {
			t.Errorf("%s: %+v, %v; want the tree of %s", tc.ref, got, err, tc.commit)
		}
		digests[tc.ref] = got.Digest
	}
	if _, err := get("none"); err == nil || !strings.Contains(err.Error(), "no such branch, tag or commit") {
		t.Errorf("a ref that is not there: %v", err)
	}
	// Without the network: what is known by its name is there, a ref is what it was,
	// and says so.
	srv.Close()
	if got, err := get(first); err != nil || len(got.Notes) > 0 || got.Digest != digests[first] {
		t.Errorf("a known commit, offline: %+v, %v", got, err)
	}
	if got, err := get("master"); err != nil || len(got.Notes) != 1 || got.Digest != digests["master"] {
		t.Errorf("a known branch, offline: %+v, %v", got, err)
	}
	if _, err := get("other"); err == nil {
		t.Error("an unknown branch, offline, was found")
	}
	for _, u := range []string{"ssh://localhost/x", "ext::sh -c id", "https://user:pass@localhost/x", "/etc"} {
		if _, err := FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", URL: u, Ref: "x"}, git); err == nil || strings.Contains(err.Error(), "user:pass") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

// TestDamagedObject: content that is not what its name says is refused.
func TestDamagedObject(t *testing.T) {
	names := "100644 blob " + strings.Repeat("a", 40) + "\tMakefile\x00"
	blobs, err := readBlobs([]byte(names))
	if err != nil {
		t.Fatal(err)
	}
	git := func(_ context.Context, c sandbox.Command) (int, error) {
		out := names
		if c.Args[0] == "cat-file" {
			out = blobs[0].name + " blob 3\nabc\n"
		}
		_, err := c.Stdout.Write([]byte(out))
		return 0, err
	}
	_, err = checkoutOf(t.TempDir(), git).keep(context.Background(), open(t), "c")
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

func checkoutOf(above string, git Git) *checkout {
	return &checkout{repo: &repo{}, git: git, dir: filepath.Join(above, "x"), task: progress.Discard{}.Start("", "", 0)}
}

func FuzzGitOutput(f *testing.F) {
	name := strings.Repeat("a", 40)
	f.Add([]byte("100644 blob "+name+"\tMakefile\x00120000 blob "+name+"\tl\x00"), []byte(name+" blob 3\nabc\n"))
	f.Add([]byte("100755 blob "+name+"\t../x\x00"), []byte(name+" blob 99999999999999999999\n"))
	f.Fuzz(func(t *testing.T, list, content []byte) {
		blobs, err := readBlobs(list)
		if err != nil {
			return
		}
		for _, b := range blobs {
			if patch.BadPath(b.path) != "" {
				t.Fatalf("path %q was accepted", b.path)
			}
		}
		git := func(_ context.Context, c sandbox.Command) (int, error) {
			out := list
			if c.Args[0] == "cat-file" {
				out = content
			}
			_, err := bytes.NewReader(out).WriteTo(c.Stdout)
			return 0, err
		}
		above := t.TempDir()
		_, err = checkoutOf(above, git).keep(context.Background(), open(t), "c")
		if err == nil && len(blobs) > 0 {
			t.Fatal("content without its right name was accepted")
		}
		if out, _ := os.ReadDir(above); len(out) > 1 {
			t.Fatalf("wrote outside: %v", out)
		}
	})
}
