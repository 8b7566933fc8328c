package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/history"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/tree"
)

// machineGit runs the machine's git as the sandbox would run the sysroot's: what
// is mounted is reached by its path on the machine.
func machineGit(t *testing.T) tree.Git {
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
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1"}
		for _, v := range c.Env {
			name, value, _ := strings.Cut(v, "=")
			cmd.Env = append(cmd.Env, name+"="+inside(value))
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

// line is a repository with n commits on one line, "change 0" the first.
func line(t *testing.T, n int) (dir string, commits []string) {
	t.Helper()
	machineGit(t)
	dir = t.TempDir()
	run := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=umlab test", "-c", "user.email=umlab@localhost"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("init", "-q")
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(strings.Repeat("x", i+1)), 0o644); err != nil {
			t.Fatal(err)
		}
		run("add", ".")
		run("commit", "-q", "-m", fmt.Sprintf("change %d", i))
		commits = append(commits, run("rev-parse", "HEAD"))
	}
	return dir, commits
}

// commitsBisected bisects the commits, which show these outcomes.
func (b *bench) commitsBisected(t *testing.T, git tree.Git, o BisectOptions, dir string, commits, shows []string) (*result.Bisection, error) {
	t.Helper()
	o.Axis, o.Tree, o.Select.Placements = "tree", dir, []string{"low"}
	q, err := b.question(t, o)
	if err != nil {
		t.Fatal(err)
	}
	g, err := tree.StartBisect(t.Context(), b.store, dir, o.Good, o.Bad, git)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	c, order, err := ofCommits(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	c.pinned = "repository"
	c.run = func(_ context.Context, name string, _, fresh bool) (*ran, error) {
		return b.run(q, order.Commit(name), fresh)
	}
	b.asked = nil
	for i, c := range commits {
		b.shows[c] = shows[i]
	}
	return b.search(t.Context(), q, c)
}

func TestBisectCommits(t *testing.T) {
	dir, commits := line(t, 10)
	for _, c := range []struct {
		name       string
		good, bad  int
		shows      string // one of a commit: loaded, oops, build-failed
		conclusion result.BisectionConclusion
		last       string
		first      string
		skipped    string
	}{
		{"change", 0, 9, "lllllloooo", result.BisectedTo, "change 5", "change 6", ""},
		{"what mended it", 9, 0, "oooollllll", result.BisectedTo, "change 4", "change 3", ""},
		{"no build beside it", 0, 9, "lllllbbooo", result.BisectedRange, "change 4", "change 7", "change 5 change 6"},
		{"mended by what does not build", 9, 0, "oooobbllll", result.BisectedRange, "change 6", "change 3", "change 4 change 5"},
		{"the same ends", 0, 9, "llloolllll", result.NotBisected, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var shows []string
			for _, r := range c.shows {
				shows = append(shows, map[rune]string{'l': "loaded", 'o': "oops", 'b': "build-failed"}[r])
			}
			b := newBench(t)
			o := BisectOptions{Good: commits[c.good], Bad: commits[c.bad]}
			got, err := b.commitsBisected(t, machineGit(t), o, dir, commits, shows)
			if err != nil {
				t.Fatal(err)
			}
			subject := func(name string) string {
				_, s, _ := strings.Cut(strings.TrimSuffix(name, `")`), `("`)
				return s
			}
			var skipped []string
			for _, s := range got.Skipped {
				skipped = append(skipped, subject(s))
			}
			slices.Sort(skipped)
			if got.Conclusion != c.conclusion || subject(side0(got.LastGood)) != c.last || subject(side0(got.FirstBad)) != c.first || strings.Join(skipped, " ") != c.skipped {
				t.Errorf("%s: last good %s, first bad %s, skipped %v: %s", got.Conclusion, side0(got.LastGood), side0(got.FirstBad), skipped, got.Reason)
			}
			// The same command has the answer already, or asks again where there was none.
			asked := len(b.asked)
			again, err := b.commitsBisected(t, machineGit(t), o, dir, commits, shows)
			if err != nil || again.Reason != got.Reason || got.Conclusion != result.NotBisected && len(b.asked) > 2 || got.Conclusion == result.NotBisected && len(b.asked) != asked {
				t.Errorf("again, asked %v: %v, %+v", b.asked, err, again)
			}
		})
	}
}

// What each commit showed enters the history, as every result does.
func TestBisectCommitsRemembers(t *testing.T) {
	dir, commits := line(t, 4)
	b := newBench(t)
	o := BisectOptions{Good: commits[0], Bad: commits[3]}
	if _, err := b.commitsBisected(t, machineGit(t), o, dir, commits, []string{"loaded", "loaded", "oops", "oops"}); err != nil {
		t.Fatal(err)
	}
	h, err := history.Open(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for i, c := range commits {
		got, err := h.Latest(t.Context(), b.Lab.asked(t.Context(), b.plan, "debian-6.12", c))
		if err != nil || got == nil || got.Cell("stock") == nil {
			t.Errorf("of change %d the history has %+v, %v", i, got, err)
		}
	}
}

// Ends that are the wrong way round: of commits, git knows which one is newer.
func TestBisectCommitsFromTheWrongEnd(t *testing.T) {
	dir, commits := line(t, 4)
	shows := []string{"loaded", "loaded", "oops", "oops"}
	for _, c := range []struct {
		good, bad   int
		until, says string
	}{
		{3, 0, "oops", "; are the ends in the wrong order? bisect " + commits[0] + " " + commits[3]},
		{3, 2, "loaded", "; are the ends in the wrong order? bisect " + commits[2] + " " + commits[3]},
		{0, 1, "oops", ""}, // neither shows it, in the right order
		{1, 0, "", ""},     // either order is the same question
	} {
		o := BisectOptions{Good: commits[c.good], Bad: commits[c.bad], Until: c.until}
		got, err := newBench(t).commitsBisected(t, machineGit(t), o, dir, commits, shows)
		if err != nil || got.Conclusion != result.NotBisected || !strings.HasSuffix(got.Reason, c.says) || strings.Contains(got.Reason, "wrong order") != (c.says != "") {
			t.Errorf("from %d to %d until %s: %+v, %v", c.good, c.bad, c.until, got, err)
		}
	}
}

// A commit that says something else when it is asked again is no answer.
func TestBisectFlakyCommit(t *testing.T) {
	dir, commits := line(t, 5)
	b := newBench(t)
	b.fresh[commits[2]] = "loaded"
	got, err := b.commitsBisected(t, machineGit(t), BisectOptions{Good: commits[0], Bad: "HEAD"}, dir, commits, []string{"loaded", "loaded", "oops", "oops", "oops"})
	if err != nil || got.Conclusion != result.BisectedFlaky || got.Exit != result.ExitDiffers {
		t.Errorf("%+v, %v", got, err)
	}
}
