package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"umlab/harness/bisect"
	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
)

// Bisect is a run of git bisect over the commits of a local repository. git keeps
// its state in an empty repository of its own, which borrows the objects: the
// repository itself is not written to, and nothing is checked out.
type Bisect struct {
	Good, Bad string // full names of the two ends
	Reversed  bool   // Good is the newer one: what is looked for is what mended it

	repo     *repo
	git      Git
	skeleton string
	remove   func()
}

// What the older and the newer commits are called, so that either may be the
// good ones.
const (
	termOlder = "older"
	termNewer = "newer"
)

// StartBisect begins a bisection of the repository at path between two of its
// commits. Close it.
func StartBisect(ctx context.Context, st *store.Store, path, good, bad string, git Git) (*Bisect, error) {
	r, err := openRepo(path)
	if err != nil {
		return nil, err
	}
	b := &Bisect{repo: r, git: git}
	if b.Good, err = r.resolve(ctx, git, good); err != nil {
		return nil, err
	}
	if b.Bad, err = r.resolve(ctx, git, bad); err != nil {
		return nil, err
	}
	if b.Good == b.Bad {
		return nil, fmt.Errorf("%s and %s are the same commit %s: there is nothing between them", good, bad, b.Good[:12])
	}
	if b.skeleton, b.remove, err = st.Scratch("git"); err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Bisect) start(ctx context.Context) error {
	if err := b.repo.skeleton(b.skeleton, b.Good); err != nil {
		return err
	}
	// git bisect wants to know where to go back to.
	if err := os.WriteFile(filepath.Join(b.skeleton, "HEAD"), []byte(b.Bad+"\n"), 0o644); err != nil {
		return err
	}
	base, err := b.run(ctx, "find where the ends parted", "merge-base", b.Good, b.Bad)
	if err != nil {
		return fmt.Errorf("%s and %s have no common history: %w", b.Good[:12], b.Bad[:12], err)
	}
	older, newer := b.Good, b.Bad
	if strings.TrimSpace(string(base)) == b.Bad {
		b.Reversed, older, newer = true, b.Bad, b.Good
	}
	_, err = b.run(ctx, "begin", "bisect", "start", "--no-checkout", "--term-old="+termOlder, "--term-new="+termNewer, newer, older)
	return err
}

// Close removes what git kept of the bisection.
func (b *Bisect) Close() { b.remove() }

func (b *Bisect) run(ctx context.Context, doing string, args ...string) ([]byte, error) {
	c := b.repo.objects(b.skeleton, sandbox.Command{Args: args})
	for i := range c.Mounts {
		if c.Mounts[i].Target == atSkeleton {
			c.Mounts[i].ReadOnly = false
		}
	}
	return output(ctx, b.git, "git bisect: "+doing, c)
}

// Mark tells git what a commit is: good, bad, or neither (skip).
func (b *Bisect) Mark(ctx context.Context, commit string, v bisect.Verdict) error {
	term := termNewer
	switch {
	case v == bisect.Skip:
		term = string(v)
	case (v == bisect.Good) != b.Reversed:
		term = termOlder
	}
	_, err := b.run(ctx, "mark "+commit[:12]+" as "+string(v), "bisect", term, commit)
	var refused *gitError
	if err != nil && errors.As(err, &refused) {
		// It exits unsuccessfully too where only skipped commits are left; the
		// state tells the two apart.
		if s, serr := b.State(ctx); serr == nil && len(s.Possible) > 0 {
			return nil
		}
	}
	return err
}

var (
	bisectFirst    = regexp.MustCompile(`(?m)^# first ` + termNewer + ` commit: \[([0-9a-f]+)\]`)
	bisectPossible = regexp.MustCompile(`(?m)^# possible first ` + termNewer + ` commit: \[([0-9a-f]+)\]`)
	bisectVars     = regexp.MustCompile(`(?m)^(bisect_nr|bisect_steps)='?(\d+)'?$`)
)

// State is where the bisection stands: what git wrote to its log.
func (b *Bisect) State(ctx context.Context) (bisect.State, error) {
	var s bisect.State
	log, err := b.run(ctx, "read its log", "bisect", "log")
	if err != nil {
		return s, err
	}
	if m := bisectFirst.FindSubmatch(log); m != nil {
		s.First = string(m[1])
		return s, nil
	}
	if bytes.Contains(log, []byte("# only skipped commits left to test")) {
		for _, m := range bisectPossible.FindAllSubmatch(log, -1) {
			s.Possible = append(s.Possible, string(m[1]))
		}
		return s, nil
	}
	next, err := b.run(ctx, "find what to test", "rev-parse", "--verify", "BISECT_HEAD^{commit}")
	if err != nil {
		return s, err
	}
	s.Next, s.Left = strings.TrimSpace(string(next)), -1
	if !objectName.MatchString(s.Next) {
		return s, fmt.Errorf("git bisect: it wants %q to be tested, which is no commit", patch.OneLine(s.Next))
	}
	vars, err := b.run(ctx, "count what is left", "rev-list", "--bisect-vars", "refs/bisect/"+termNewer,
		"--not", "--glob=refs/bisect/"+termOlder+"-*")
	if err != nil {
		return s, err
	}
	for _, m := range bisectVars.FindAllSubmatch(vars, -1) {
		n, err := strconv.Atoi(string(m[2]))
		if err != nil {
			return s, err
		}
		if string(m[1]) == "bisect_nr" {
			s.Left = n
		} else {
			s.Steps = n
		}
	}
	return s, nil
}

// Parent is the first parent of a commit, or empty where it has none.
func (b *Bisect) Parent(ctx context.Context, commit string) (string, error) {
	out, err := b.run(ctx, "find the parent of "+commit[:12], "rev-list", "--parents", "--max-count=1", commit)
	if err != nil {
		return "", err
	}
	if f := strings.Fields(string(out)); len(f) > 1 && objectName.MatchString(f[1]) {
		return f[1], nil
	}
	return "", nil
}

// Subject is the first line of a commit's message, fit to be printed.
func (b *Bisect) Subject(ctx context.Context, commit string) (string, error) {
	out, err := b.run(ctx, "read the subject of "+commit[:12], "log", "--max-count=1", "--format=%s", "--no-show-signature", commit)
	return patch.OneLine(string(out)), err
}
