package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness/bisect"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/sources"
)

// longLab is on the user's store, where builds are kept, for what takes long.
func longLab(t *testing.T) *Lab {
	t.Helper()
	if os.Getenv("UMLAB_TEST_LONG") == "" {
		t.Skip("builds kernels with several toolchains: go tool mage test -long")
	}
	return realLab(t)
}

func realLab(t *testing.T) *Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("fetches a toolchain: not with -short")
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	l, err := Open(Options{Project: os.DirFS(".."), Getenv: os.Getenv, Stdout: out, Stderr: os.Stderr, Forget: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func atLow(treeName, toolchain string) MatrixOptions {
	return MatrixOptions{Tree: treeName, Toolchain: toolchain, Select: scenario.Selection{Cells: []string{scenario.Stock}, Placements: []string{"low"}}, Command: "go test"}
}

// TestBisectInSandbox is TestBisectCommits with the git of a toolchain.
func TestBisectInSandbox(t *testing.T) {
	l := realLab(t)
	tc, err := l.sources.Toolchain(t.Context(), l.settings.DefaultToolchain)
	if err != nil {
		t.Fatal(err)
	}
	dir, commits := line(t, 8)
	for shows, want := range map[string]result.BisectionConclusion{"lllloooo": result.BisectedTo, "lllbbooo": result.BisectedRange} {
		var list []string
		for _, r := range shows {
			list = append(list, map[rune]string{'l': "loaded", 'o': "oops", 'b': "build-failed"}[r])
		}
		got, err := newBench(t).commitsBisected(t, sources.Git(tc), BisectOptions{Good: commits[0], Bad: "HEAD"}, dir, commits, list)
		if err != nil || got.Conclusion != want {
			t.Errorf("%s: %+v, %v", shows, got, err)
		}
	}
}

// TestBisectInNoKernel: a repository of something else is named as such, by what
// the user gave.
func TestBisectInNoKernel(t *testing.T) {
	l := realLab(t)
	dir, commits := line(t, 2)
	for bad, says := range map[string]string{
		"HEAD": "commit " + commits[0][:12] + " of " + dir + " is no kernel tree that umlab can use: it has no Makefile",
		"v9":   dir + " has no commit v9: give a branch, a tag or a commit of it",
	} {
		_, err := l.bisect(t.Context(), BisectOptions{Axis: "tree", Good: commits[0], Bad: bad, MatrixOptions: MatrixOptions{Tree: dir}})
		if ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "goes on from there") || strings.Contains(err.Error(), l.store.Root()) {
			t.Errorf("%s: %v, want %s", bad, err, says)
		}
	}
}

// TestBisectRealSeries looks for a relocation count that differs between two
// members of debian-rustc, bisects for it, and holds the answer against what a
// matrix of each side shows.
func TestBisectRealSeries(t *testing.T) {
	l := longLab(t)
	const treeName = "debian-7.3"
	members, err := l.sources.Series(t.Context(), "debian-rustc")
	if err != nil {
		t.Fatal(err)
	}
	relocations := func(name string) map[string]map[string]int {
		j, err := l.plan(atLow(treeName, name))
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.run(t.Context(), l.sources, j)
		if err != nil {
			t.Logf("%s: %v", name, err)
			return nil
		}
		return r.Cells[0].Build.Relocations
	}
	// The oldest that can build the tree, and the newest.
	from, to := 0, len(members)-1
	var good map[string]map[string]int
	for ; good == nil && from < to; from++ {
		good = relocations(members[from].Name)
	}
	from--
	bad := relocations(members[to].Name)
	until := ""
	for module, counts := range good {
		for typ, n := range counts {
			if m := bad[module][typ]; m > n {
				until = fmt.Sprintf("%s:%s>%d", module, typ, n)
			} else if m < n {
				until = fmt.Sprintf("%s:%s<%d", module, typ, n)
			}
		}
	}
	if until == "" || to-from < 2 {
		t.Skipf("from %s to %s no relocation count differs", members[from].Name, members[to].Name)
	}
	o := BisectOptions{Good: members[from].Version, Bad: members[to].Version, Series: "debian-rustc", Until: until, MatrixOptions: atLow(treeName, "")}
	o.Fresh = true // nothing from the logs of earlier bisections
	b, err := l.bisect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if b.Conclusion != result.BisectedTo && b.Conclusion != result.BisectedRange {
		t.Fatalf("until %s: %s: %s", until, b.Conclusion, b.Reason)
	}
	if b.Probed-len(b.Skipped) > b.Bound {
		t.Errorf("%d of %d candidates were asked, the bound is %d", b.Probed, len(b.Candidates), b.Bound)
	}
	cond, err := predicate.Parse(until)
	if err != nil {
		t.Fatal(err)
	}
	ends := predicate.Ends{Cond: cond, Good: predicate.End{Message: &predicate.Message{}}}
	for name, want := range map[string]bisect.Verdict{b.LastGood.Name: bisect.Good, b.FirstBad.Name: bisect.Bad} {
		if got, err := ends.Judge(name, predicate.Message{Relocations: relocations(name)}); err != nil || got.Verdict != want {
			t.Errorf("until %s, %s is said to be %s, but a matrix shows %+v, %v", until, name, want, got, err)
		}
	}
	if b.Delta == nil {
		t.Errorf("it does not say what differs: %v", b.Notes)
	}
	t.Logf("until %s: %s", until, b.Reason)
}

// TestBisectRealCommits lets git bisect a kernel repository in the sandbox: one
// of its commits changes the relocation model of Rust on UML.
func TestBisectRealCommits(t *testing.T) {
	l := longLab(t)
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git to make a repository with")
	}
	base, _, err := l.sources.Get(t.Context(), "debian-7.3", "trixie")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "linux")
	if err := os.CopyFS(dir, base.FS()); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=umlab test", "-c", "user.email=umlab@localhost", "-c", "core.autocrlf=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	edit := func(file, subject string, change func(string) string) string {
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := change(string(text))
		if changed == string(text) {
			t.Fatalf("%s is not as the test expects", file)
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		run("commit", "-q", "-a", "-m", subject)
		return run("rev-parse", "HEAD")
	}
	run("init", "-q")
	run("add", "-A", "-f", ".")
	run("commit", "-q", "-m", "the tree as it is")
	note := func(s string) string { return s + "\n# a comment\n" }
	edit("arch/um/Makefile", "um: a comment", note)
	edit("samples/rust/Kconfig", "samples: a comment", note)
	culprit := edit("arch/um/Makefile", "um: static relocations for Rust", func(s string) string {
		return strings.ReplaceAll(s, "-Crelocation-model=pie", "-Crelocation-model=static")
	})
	edit("samples/rust/Kconfig", "samples: another comment", note)
	before := run("status", "--porcelain", "--branch")

	b, err := l.Bisect(t.Context(), BisectOptions{Good: "HEAD~4", Bad: "HEAD", Axis: "tree", MatrixOptions: atLow(dir, "trixie")})
	if err != nil {
		t.Fatal(err)
	}
	if b.Conclusion != result.BisectedTo || !strings.HasPrefix(b.FirstBad.Name, culprit[:12]) {
		t.Errorf("%s: %s; the culprit is %s", b.Conclusion, b.Reason, culprit)
	}
	if after := run("status", "--porcelain", "--branch"); after != before {
		t.Errorf("the repository was changed: %q, %q", before, after)
	}
	if b.Delta == nil || len(b.Delta.Flags) == 0 {
		t.Errorf("the delta does not name the flag: %+v, %v", b.Delta, b.Notes)
	}
}
