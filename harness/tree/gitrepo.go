package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// repo is a local repository, found by reading its files alone.
type repo struct {
	given      string   // the path that was asked for
	git        string   // HEAD and the index: .git, or .git/worktrees/NAME of a linked work tree
	common     string   // objects, refs, config
	work       string   // the work tree, "" for a bare repository
	alternates []string // further object directories
}

// noRepoError says that a path is no git repository.
type noRepoError struct{ Path, Why string }

func (e *noRepoError) Error() string {
	return fmt.Sprintf("%s is no git repository: %s (give the top directory of a work tree, or a bare repository)", e.Path, e.Why)
}

// openRepo finds the parts of the repository at path, as git itself would.
func openRepo(path string) (*repo, error) {
	abs, err := actual(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &noRepoError{path, "there is no such directory"}
	}
	if err != nil {
		return nil, &noRepoError{path, err.Error()}
	}
	r := &repo{given: path, git: filepath.Join(abs, ".git"), work: abs}
	info, err := os.Stat(r.git)
	switch {
	case err != nil:
		r.git, r.work = abs, ""
	case !info.IsDir():
		b, err := os.ReadFile(r.git)
		if err != nil {
			return nil, &noRepoError{path, err.Error()}
		}
		to, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
		if !ok {
			return nil, &noRepoError{path, "its .git does not say where the repository is"}
		}
		r.git = under(abs, to)
	}
	r.common = r.git
	if b, err := os.ReadFile(filepath.Join(r.git, "commondir")); err == nil {
		r.common = under(r.git, strings.TrimSpace(string(b)))
	}
	for _, f := range []string{filepath.Join(r.git, "HEAD"), filepath.Join(r.common, "objects")} {
		if _, err := os.Stat(f); err != nil {
			return nil, &noRepoError{path, "it has no " + filepath.Base(f)}
		}
	}
	r.borrow(filepath.Join(r.common, "objects"), 0)
	return r, nil
}

// borrow adds the object directories that objects borrows from.
func (r *repo) borrow(objects string, depth int) {
	b, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if err != nil || depth > 5 {
		return
	}
	for l := range strings.Lines(string(b)) {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		dir := under(objects, l)
		if info, err := os.Stat(filepath.Join(dir, "pack")); err != nil || !info.IsDir() || len(r.alternates) >= 32 {
			continue // nothing that holds objects: git could not use it either
		}
		r.alternates = append(r.alternates, dir)
		r.borrow(dir, depth+1)
	}
}

func under(dir, p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(dir, p)
}

// Where git sees the parts of a repository.
const (
	atCommon   = "/repo"
	atGit      = "/repo-worktree"
	atSkeleton = "/skeleton"
	atObjects  = "/objects"
)

// borrowed are the mounts and the environment for the alternates.
func (r *repo) borrowed() (mounts []sandbox.Mount, env []string) {
	var at []string
	for i, dir := range r.alternates {
		at = append(at, fmt.Sprintf("/alternate%d", i))
		mounts = append(mounts, sandbox.Mount{Source: dir, Target: at[i], ReadOnly: true})
	}
	if len(at) > 0 {
		env = []string{"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + strings.Join(at, ":")}
	}
	return mounts, env
}

// refs runs git with the repository's own refs, index and configuration, which
// it cannot write to.
func (r *repo) refs(c sandbox.Command) sandbox.Command {
	mounts, env := r.borrowed()
	c.Mounts = slices.Concat(c.Mounts, mounts, []sandbox.Mount{
		{Source: r.common, Target: atCommon, ReadOnly: true}, {Source: r.git, Target: atGit, ReadOnly: true},
	})
	c.Env = append(append(c.Env, env...), "GIT_DIR="+atGit, "GIT_COMMON_DIR="+atCommon)
	if r.work != "" && c.Dir != "" {
		c.Env = append(c.Env, "GIT_WORK_TREE="+c.Dir)
	}
	c.Args = append([]string{"--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"-c", "safe.directory=*"}, c.Args...)
	return c
}

// objects runs git with nothing of the repository but its objects: no
// configuration, attributes, hooks or replacements of somebody else decide what
// it prints. skeleton is an empty repository, see skeleton.
func (r *repo) objects(skeleton string, c sandbox.Command) sandbox.Command {
	mounts, env := r.borrowed()
	c.Mounts = slices.Concat(c.Mounts, mounts, []sandbox.Mount{
		{Source: filepath.Join(r.common, "objects"), Target: atObjects, ReadOnly: true},
		{Source: skeleton, Target: atSkeleton, ReadOnly: true},
	})
	c.Env = append(append(c.Env, env...), "GIT_DIR="+atSkeleton, "GIT_OBJECT_DIRECTORY="+atObjects, "GIT_NO_REPLACE_OBJECTS=1")
	return c
}

// skeleton makes an empty repository in dir, for objects named as commit is.
func (r *repo) skeleton(dir, commit string) error {
	if err := emptyRepository(dir, len(commit) == 64); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(r.common, "shallow"))
	if err != nil {
		return nil //nolint:nilerr // most have none
	}
	return os.WriteFile(filepath.Join(dir, "shallow"), b, 0o644) // without it, git takes the history for damaged
}

// emptyRepository makes a bare repository in dir, for objects with names of sha256
// or of sha1.
func emptyRepository(dir string, sha256 bool) error {
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if sha256 {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n"
	}
	for _, d := range []string{"objects", "refs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"HEAD": "ref: refs/heads/none\n", "config": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// gitError says that git refused something.
type gitError struct {
	Doing string // "resolve v6.12 in /path/to/linux"
	Said  string
}

func (e *gitError) Error() string { return e.Doing + ": git: " + e.Said }

// output runs c and returns what it printed; a failure is a *gitError.
func output(ctx context.Context, git Git, doing string, c sandbox.Command) ([]byte, error) {
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	status, err := git(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if status != 0 {
		return nil, &gitError{doing, patch.OneLine(said.String())}
	}
	return out.Bytes(), nil
}

var (
	objectName = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	refName    = regexp.MustCompile(`^[^-\s\x00-\x1f\x7f:?*\[\\][^\s\x00-\x1f\x7f:?*\[\\]*$`)
)

// noRevision is all that git rev-parse --verify says of a name that it finds
// nowhere.
const noRevision = "fatal: Needed a single revision"

// resolve returns the commit that ref names in r.
func (r *repo) resolve(ctx context.Context, git Git, ref string) (string, error) {
	if !refName.MatchString(ref) {
		return "", usage.Errorf("%q is no name of a commit: give a branch, a tag or a commit of %s", ref, r.given)
	}
	find := sandbox.Command{Args: []string{"rev-parse", "--verify", ref + "^{commit}"}}
	b, err := output(ctx, git, fmt.Sprintf("find %s in %s", ref, r.given), r.refs(find))
	var refused *gitError
	if errors.As(err, &refused) && refused.Said == noRevision {
		return "", usage.Errorf("%s has no commit %s: give a branch, a tag or a commit of it", r.given, ref)
	}
	if err != nil {
		return "", err
	}
	commit := strings.TrimSpace(string(b))
	if !objectName.MatchString(commit) {
		return "", fmt.Errorf("find %s in %s: git answered %q", ref, r.given, patch.OneLine(commit))
	}
	return commit, nil
}

// withSkeleton calls do with an empty repository for the objects of r.
func (r *repo) withSkeleton(st *store.Store, commit string, do func(skeleton string) error) error {
	tmp, remove, err := st.Scratch("git")
	if err != nil {
		return err
	}
	defer remove()
	if err := r.skeleton(tmp, commit); err != nil {
		return err
	}
	return do(tmp)
}
