package tree

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/bisect"
)

// history is a repository whose commits, the oldest first, each change a
// file. Commit 4 merges a side branch that parted at 1 and has the
// commit 3; all others are on one line.
func history(t *testing.T, n int) (dir string, commits []string) {
	t.Helper()
	hostGit(t)
	dir = filepath.Join(t.TempDir(), "linux")
	run := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "user.name=umlab test", "-c", "user.email=umlab@localhost", "-c", "init.defaultBranch=main"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", "GIT_AUTHOR_DATE=1800000000 +0000", fmt.Sprintf("GIT_COMMITTER_DATE=%d +0000", 1800000000+len(commits)))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run("init", "-q")
	commit := func(i int, file string) {
		lay(t, dir, map[string]string{file: strings.Repeat("x", i+1) + "\n"}) // of another size: git goes by times that may be the same
		run("add", ".")
		run("commit", "-q", "-m", fmt.Sprintf("commit %d\tof many", i))
		commits = append(commits, run("rev-parse", "HEAD"))
	}
	for i := range n {
		switch i {
		case 3:
			run("checkout", "-q", "-b", "side", commits[1])
			commit(i, "side")
		case 4:
			run("checkout", "-q", "main")
			run("merge", "-q", "--no-ff", "-m", "commit 4 merges", "side")
			commits = append(commits, run("rev-parse", "HEAD"))
		default:
			commit(i, "file")
		}
	}
	return dir, commits
}

// bisected lets git bisect, with what says says of the commits by their number.
func bisected(t *testing.T, dir string, commits []string, good, bad string, says func(i int) string) (first string, possible []string, asked []int) {
	t.Helper()
	st := open(t)
	b, err := StartBisect(t.Context(), st, dir, good, bad, hostGit(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for {
		s, err := b.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Next == "" {
			return s.First, s.Possible, asked
		}
		i := slices.Index(commits, s.Next)
		if i < 0 || slices.Contains(asked, i) || s.Left < 0 {
			t.Fatalf("git wants %d to be tested, after %v, with %d left", i, asked, s.Left)
		}
		asked = append(asked, i)
		if subject, err := b.Subject(t.Context(), s.Next); err != nil || !strings.HasPrefix(subject, fmt.Sprintf("commit %d ", i)) {
			t.Errorf("subject of commit %d: %q, %v", i, subject, err)
		}
		if err := b.Mark(t.Context(), s.Next, bisect.Verdict(says(i))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBisectCommits(t *testing.T) {
	dir, commits := history(t, 12)
	before := snapshotOf(t, dir)
	from := func(change int, old, now string) func(int) string {
		return func(i int) string {
			if i >= change {
				return now
			}
			return old
		}
	}
	for _, change := range []int{1, 2, 6, 11} {
		first, _, _ := bisected(t, dir, commits, commits[0], "main", from(change, "good", "bad"))
		if first != commits[change] {
			t.Errorf("the change is in commit %d, git found %d", change, slices.Index(commits, first))
		}
		// The same, asked for what mended it.
		first, _, _ = bisected(t, dir, commits, "main", commits[0], from(change, "bad", "good"))
		if first != commits[change] {
			t.Errorf("it was mended in commit %d, git found %d", change, slices.Index(commits, first))
		}
	}
	// The change came with the side branch.
	first, _, _ := bisected(t, dir, commits, commits[0], "HEAD", func(i int) string {
		if i >= 3 {
			return "bad"
		}
		return "good"
	})
	if first != commits[3] {
		t.Errorf("git found %d, not the commit of the side branch", slices.Index(commits, first))
	}
	// Skipped commits next to the change: all that it could be.
	first, possible, asked := bisected(t, dir, commits, commits[0], commits[11], func(i int) string {
		switch {
		case i >= 7 && i <= 9:
			return "skip"
		case i > 9:
			return "bad"
		}
		return "good"
	})
	slices.Sort(possible)
	want := slices.Clone(commits[7:11])
	slices.Sort(want)
	if diff := cmp.Diff(want, possible); first != "" || diff != "" {
		t.Errorf("after %v git found %q, or one of (-want +got):\n%s", asked, first, diff)
	}
	if after := snapshotOf(t, dir); after != before {
		t.Error("the repository was written to")
	}
}

func TestBisectDetails(t *testing.T) {
	dir, commits := history(t, 7)
	st := open(t)
	b, err := StartBisect(t.Context(), st, dir, commits[0], commits[6], hostGit(t))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := b.Parent(t.Context(), commits[4]); err != nil || p != commits[2] {
		t.Errorf("first parent of the merge: %s, %v", p, err)
	}
	if p, err := b.Parent(t.Context(), commits[0]); err != nil || p != "" {
		t.Errorf("parent of the first commit: %q, %v", p, err)
	}
	b.Close()
	if rest := left(t, st); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	for _, c := range []struct{ path, good, bad, want string }{
		{dir, "main", commits[6], "the same commit"},
		{dir, "nowhere", "main", "nowhere"},
		{dir, "-x", "main", "no name of a commit"},
		{filepath.Dir(dir), "a", "b", "no git repository"},
	} {
		if _, err := StartBisect(t.Context(), st, c.path, c.good, c.bad, hostGit(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("from %s to %s: %v, want %q", c.good, c.bad, err, c.want)
		}
	}
}
