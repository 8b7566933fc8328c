package tree

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"

	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
)

// kindMirror is the store's kind of bare mirrors, keyed by their URL.
const kindMirror = "git"

// gitSchemes are those that need nobody's keys.
var gitSchemes = []string{"https", "http", "git"}

// mirrorRecord is what a ref was last known to be.
type mirrorRecord struct{ Commit string }

// mirrored brings the commit that s names into its mirror in the store. A commit
// that is given by its full name and is there already needs no network; a ref
// whose repository cannot be asked is what it last was, with a note.
func mirrored(ctx context.Context, st *store.Store, sink progress.Sink, s GitSource) (_ *repo, commit string, notes []string, err error) {
	u, err := url.Parse(s.URL)
	if err != nil || !slices.Contains(gitSchemes, u.Scheme) || u.Host == "" {
		return nil, "", nil, fmt.Errorf("%q is no URL that can be fetched from: give one of https, http or git; "+
			"for another, clone it and give the clone's path#ref", s.URL)
	}
	if u.User != nil {
		return nil, "", nil, errors.New("the URL holds credentials, which would be written to reports: clone it and give the clone's path#ref")
	}
	if !refName.MatchString(s.Ref) {
		return nil, "", nil, fmt.Errorf("%q is no name of a branch, a tag or a commit", s.Ref)
	}
	key := store.Key("mirror", s.URL)
	unlock, err := st.Lock(ctx, "git-fetch-"+key)
	if err != nil {
		return nil, "", nil, err
	}
	defer unlock()
	dir, _, err := st.Dir(ctx, kindMirror, key, func(_ context.Context, dir string) error {
		_, err := git.PlainInit(dir, true)
		return err
	})
	if err != nil {
		return nil, "", nil, err
	}
	g, err := git.PlainOpen(dir)
	if err != nil {
		return nil, "", nil, fmt.Errorf("open the mirror %s: %w (remove it and run again)", dir, err)
	}
	r, err := openRepo(dir)
	if err != nil {
		return nil, "", nil, err
	}
	known := func(c string) bool {
		_, err := g.Reference(refOf(c), false)
		return err == nil
	}
	if objectName.MatchString(s.Ref) && known(s.Ref) {
		return r, s.Ref, nil, nil
	}
	task := sink.Start(fmt.Sprintf("fetch tree %s: %s of %s", s.Name, s.Ref, s.URL), progress.None, 0)
	refKey := store.Key("ref", s.URL, s.Ref)
	commit, err = fetchRef(ctx, g, s, known, task)
	if err == nil {
		err = st.Put("git-ref", refKey, mirrorRecord{commit})
	}
	var last mirrorRecord
	if err != nil && ctx.Err() == nil && !errors.Is(err, errNoRef) && st.Get("git-ref", refKey, &last) && known(last.Commit) {
		notes = append(notes, fmt.Sprintf("%s could not be asked (%v): %s is taken for what it last was", s.URL, err, s.Ref))
		commit, err = last.Commit, nil
	}
	task.Done(err)
	if err != nil {
		return nil, "", nil, fmt.Errorf("fetch %s of %s: %w", s.Ref, s.URL, err)
	}
	return r, commit, notes, nil
}

// refOf is the mirror's ref for a commit that it has whole.
func refOf(commit string) plumbing.ReferenceName {
	return plumbing.ReferenceName("refs/umlab/" + commit)
}

var errNoRef = errors.New("the repository has no such branch, tag or commit")

// fetchRef gets the one commit that s.Ref names, without its history.
func fetchRef(ctx context.Context, g *git.Repository, s GitSource, known func(string) bool, task progress.Task) (string, error) {
	remote := git.NewRemote(g.Storer, &config.RemoteConfig{Name: "origin", URLs: []string{s.URL}})
	get := func(spec string, depth int) error {
		err := remote.FetchContext(ctx, &git.FetchOptions{
			RefSpecs: []config.RefSpec{config.RefSpec(spec)}, Depth: depth, Tags: git.NoTags, Force: true, Progress: sideband{task},
		})
		if errors.Is(err, git.NoErrAlreadyUpToDate) {
			err = nil
		}
		return err
	}
	if objectName.MatchString(s.Ref) {
		if err := get(s.Ref+":"+string(refOf(s.Ref)), 1); err != nil {
			if errors.Is(err, git.ErrExactSHA1NotSupported) {
				err = fmt.Errorf("%w by its name: give the branch or the tag that it stands on", err)
			}
			return "", err
		}
		return s.Ref, nil
	}
	task.Status("ask what there is")
	refs, err := remote.ListContext(ctx, &git.ListOptions{PeelingOption: git.AppendPeeled})
	if err != nil {
		return "", err
	}
	at := map[string]*plumbing.Reference{}
	for _, ref := range refs {
		at[ref.Name().String()] = ref
	}
	for _, name := range []string{s.Ref, "refs/tags/" + s.Ref, "refs/heads/" + s.Ref, "refs/" + s.Ref} {
		if at[name] == nil {
			continue
		}
		if name, err = followed(at, name); err != nil {
			return "", err
		}
		commit := at[name].Hash().String()
		if peeled, ok := at[name+"^{}"]; ok {
			commit = peeled.Hash().String()
		}
		if known(commit) {
			return commit, nil
		}
		if err := get("+"+name+":refs/umlab-fetched", 1); err != nil {
			return "", err
		}
		// Only a commit that has its files is named.
		c, err := g.CommitObject(plumbing.NewHash(commit))
		if err != nil {
			return "", fmt.Errorf("the repository sent no commit %s: %w", commit[:12], err)
		}
		if _, err := c.Tree(); err != nil {
			return "", fmt.Errorf("the repository sent commit %s without its files: %w", commit[:12], err)
		}
		return commit, g.Storer.SetReference(plumbing.NewHashReference(refOf(commit), c.Hash))
	}
	return "", errNoRef
}

// mostSymbolic is how many symbolic refs are followed to a commit, as many as git
// itself does (SYMREF_MAXDEPTH).
const mostSymbolic = 5

// followed is the ref that has the commit which name leads to. A server may say
// of its symbolic refs what it likes.
func followed(at map[string]*plumbing.Reference, name string) (string, error) {
	way := []string{name}
	for at[name].Type() == plumbing.SymbolicReference {
		name = at[name].Target().String()
		seen := slices.Contains(way, name)
		way = append(way, name)
		why := ""
		switch {
		case seen:
			why = "comes back to itself"
		case at[name] == nil:
			why = "ends where there is nothing"
		case len(way) > mostSymbolic+1:
			why = "is longer than git follows"
		default:
			continue
		}
		return "", fmt.Errorf("%w: %s %s", errNoRef, patch.OneLine(strings.Join(way, " → ")), why)
	}
	return name, nil
}

// sideband shows what the server says of its work.
type sideband struct{ task progress.Task }

func (s sideband) Write(p []byte) (int, error) {
	lines := strings.FieldsFunc(string(p), func(r rune) bool { return r == '\r' || r == '\n' })
	if len(lines) > 0 {
		s.task.Status(patch.OneLine(lines[len(lines)-1]))
	}
	return len(p), nil
}
