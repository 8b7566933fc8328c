package tree

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"umlab/harness/sandbox"
	"umlab/harness/tree/patch"
)

// WorkTree is what git says of a directory.
type WorkTree struct {
	path      string
	Commit    string   // checked out, full; empty where there is none yet
	changed   []string // tracked files that differ from the commit
	untracked []string // files and directories that git does not know and was not told to ignore
}

// Note is the sentence that a report says of it, or "" of a directory that is
// just its commit.
func (w *WorkTree) Note() string {
	if len(w.changed)+len(w.untracked) == 0 {
		return ""
	}
	on := "that has no commit yet"
	if w.Commit != "" {
		on = "over commit " + w.Commit[:12]
	}
	var what []string
	for _, g := range []struct {
		name  string
		files []string
	}{{"changed", w.changed}, {"untracked", w.untracked}} {
		if n := len(g.files); n > 0 {
			text := fmt.Sprintf("%d %s (%s", n, g.name, strings.Join(g.files[:min(n, 3)], ", "))
			if n > 3 {
				text += ", …"
			}
			what = append(what, text+")")
		}
	}
	return fmt.Sprintf("%s is a work tree with uncommitted files %s, taken as it is: %s", w.path, on, strings.Join(what, ", "))
}

// ReadWorkTree asks git about the kernel directory at path, without writing to
// it or to its repository. It returns nil for a directory that is no work tree.
func ReadWorkTree(ctx context.Context, path string, git Git) (*WorkTree, error) {
	r, err := openRepo(path)
	var no *noRepoError
	if errors.As(err, &no) || err == nil && r.work == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w := &WorkTree{path: path}
	if w.Commit, err = r.resolve(ctx, git, "HEAD"); err != nil {
		var said *gitError
		if !errors.As(err, &said) {
			return nil, err
		}
		w.Commit = ""
	}
	// In a user namespace every owner differs from what the index holds, and each
	// file would be read; the minimal check looks at size and time alone.
	out, err := output(ctx, git, "ask git about "+path, r.refs(sandbox.Command{
		Args: []string{"-c", "core.checkStat=minimal", "-c", "core.trustctime=false", "-c", "core.untrackedCache=false",
			"status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=all", "--untracked-files=normal"},
		Dir: gitSource, Mounts: []sandbox.Mount{{Source: r.work, Target: gitSource, ReadOnly: true}},
	}))
	if err != nil {
		return nil, err
	}
	for l := range strings.SplitSeq(string(out), "\x00") {
		if len(l) < 4 {
			continue
		}
		name := patch.OneLine(l[3:])
		if strings.HasPrefix(l, "??") {
			w.untracked = append(w.untracked, name)
		} else {
			w.changed = append(w.changed, name)
		}
	}
	return w, nil
}
