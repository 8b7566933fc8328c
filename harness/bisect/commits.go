package bisect

import (
	"context"
	"fmt"
	"slices"
)

// Git is a run of git bisect between two commits, see tree.Bisect. Commits are
// full object names.
type Git interface {
	State(ctx context.Context) (State, error)
	Mark(ctx context.Context, commit string, v Verdict) error
	Parent(ctx context.Context, commit string) (string, error)  // the first one; empty where there is none
	Subject(ctx context.Context, commit string) (string, error) // in one line
}

// State is what git bisect wants next, or how it ended. It knows of a newer and
// an older side; either may be the good one.
type State struct {
	Next  string // the commit to be tested; empty at the end
	Left  int    // commits that are left to be tested after Next, as git counts them; -1 where it does not say
	Steps int    // that these take, roughly

	First    string   // the first commit that is as the newer end is
	Possible []string // or, where only skipped commits are left: all that it could be
}

// Commits chooses as git bisect does.
type Commits struct {
	Git       Git
	Good, Bad string // the ends
	Reversed  bool   // Good is the newer one

	state   State
	said    map[string]Verdict // by commit
	names   map[string]string  // commit -> how it is called
	commits map[string]string  // and back
}

// Name is how a commit is called: its abbreviated name, and what it says it does.
func (c *Commits) Name(ctx context.Context, commit string) (string, error) {
	if n, ok := c.names[commit]; ok || commit == "" {
		return n, nil
	}
	subject, err := c.Git.Subject(ctx, commit)
	if err != nil {
		return "", err
	}
	if c.names == nil {
		c.names, c.commits = map[string]string{}, map[string]string{}
	}
	n := fmt.Sprintf("%s (%q)", commit[:12], subject)
	c.names[commit], c.commits[n] = n, commit
	return n, nil
}

// Commit is the commit of that name, which Name has made.
func (c *Commits) Commit(name string) string { return c.commits[name] }

func (c *Commits) start(ctx context.Context) (s span, err error) {
	c.said = map[string]Verdict{c.Good: Good, c.Bad: Bad}
	if s.good, err = c.Name(ctx, c.Good); err != nil {
		return s, err
	}
	if s.bad, err = c.Name(ctx, c.Bad); err != nil {
		return s, err
	}
	c.state, err = c.Git.State(ctx)
	return s, err
}

func (c *Commits) next(ctx context.Context, _ *Log) (name, why string, err error) {
	name, err = c.Name(ctx, c.state.Next)
	return name, fmt.Sprintf("git's choice, %d left after it", c.state.Left), err
}

func (c *Commits) mark(ctx context.Context, name string, v Verdict) error {
	commit := c.commits[name]
	c.said[commit] = v
	if c.state.Next == "" { // git is done, and this is a side that it concluded of
		return nil
	}
	err := c.Git.Mark(ctx, commit, v)
	if err == nil {
		c.state, err = c.Git.State(ctx)
	}
	return err
}

func (c *Commits) ahead() int {
	if c.state.Next == "" {
		return 0
	}
	return 1 + c.state.Steps
}

func (c *Commits) found(ctx context.Context) (*Found, error) {
	f := &Found{}
	newer, older := c.state.First, ""
	var err error
	if newer != "" {
		older, err = c.Git.Parent(ctx, newer)
	}
	// A branch beside a skipped commit may have led git past it.
	for err == nil && c.said[older] == Skip {
		f.Skipped = append(f.Skipped, c.names[older])
		older, err = c.Git.Parent(ctx, older)
	}
	if err != nil {
		return nil, err
	}
	judged := func(commit string) bool { v := c.said[commit]; return v == Good || v == Bad }
	for _, p := range c.state.Possible {
		name, err := c.Name(ctx, p)
		if err != nil {
			return nil, err
		}
		if judged(p) {
			newer = p
		} else {
			f.Skipped = append(f.Skipped, name)
		}
		// Below them all lies what the older side is known by.
		parent, err := c.Git.Parent(ctx, p)
		if err != nil {
			return nil, err
		}
		if judged(parent) && !slices.Contains(c.state.Possible, parent) {
			older = parent
		}
	}
	if c.Reversed {
		newer, older = older, newer
	}
	if f.Good, err = c.Name(ctx, older); err == nil {
		f.Bad, err = c.Name(ctx, newer)
	}
	return f, err
}
