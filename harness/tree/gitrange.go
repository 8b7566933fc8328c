package tree

import (
	"context"
	"fmt"
	"strings"

	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
)

// Range is a line of commits of a local repository.
type Range struct {
	Base    GitSource     // the commit that it starts from; Ref is its full name
	head    string        // the last commit, full
	Patches []patch.Patch // one a commit, the oldest first
}

// ReadRange reads the commits of the repository at path that the range A..B
// names, as git format-patch writes them. A must be an ancestor of B, with no
// merge in between. The repository is not written to.
func ReadRange(ctx context.Context, st *store.Store, path, commits string, git Git) (*Range, error) {
	from, to, ok := strings.Cut(commits, "..")
	if !ok || from == "" || strings.HasPrefix(to, ".") {
		return nil, fmt.Errorf("-range=%s is no range: give A..B, where A is the commit that the work started from", commits)
	}
	if to == "" {
		to = "HEAD"
	}
	r, err := openRepo(path)
	if err != nil {
		return nil, err
	}
	a, err := r.resolve(ctx, git, from)
	if err != nil {
		return nil, err
	}
	b, err := r.resolve(ctx, git, to)
	if err != nil {
		return nil, err
	}
	out := &Range{Base: GitSource{Name: path, Path: path, Ref: a}, head: b}
	err = r.withSkeleton(st, a, func(skeleton string) error {
		run := func(doing string, args ...string) (string, error) {
			text, err := output(ctx, git, doing, r.objects(skeleton, sandbox.Command{Args: args}))
			return string(text), err
		}
		base, err := run("find where "+commits+" begins", "merge-base", a, b)
		if err != nil {
			return fmt.Errorf("%w: %s and %s have no common history", err, from, to)
		}
		if strings.TrimSpace(base) != a {
			return fmt.Errorf("-range=%s: %s is no ancestor of %s; give %s..%s, from where they parted",
				commits, from, to, strings.TrimSpace(base)[:12], to)
		}
		merges, err := run("look for merges", "rev-list", "--merges", "--max-count=1", a+".."+b)
		if err != nil {
			return err
		}
		if m := strings.TrimSpace(merges); m != "" {
			return fmt.Errorf("-range=%s holds the merge %s, which is no patch: give a range without merges", commits, m[:12])
		}
		mbox, err := run("write the patches of "+commits, "format-patch", "--stdout", "--no-signature", "--no-attach", "--no-cover-letter",
			"--binary", "--full-index", "--src-prefix=a/", "--dst-prefix=b/", "--no-color", "--no-ext-diff", "--no-textconv", a+".."+b)
		if err != nil {
			return err
		}
		if mbox == "" {
			return fmt.Errorf("-range=%s holds no commit that changes anything", commits)
		}
		out.Patches, err = patch.Read("-range="+commits, []byte(mbox))
		for i := range out.Patches {
			// Nobody has the mbox that the lines would be of.
			p := &out.Patches[i]
			p.Line = 0
			if len(p.Commit) > 12 {
				p.Name = "commit " + p.Commit[:12]
			}
		}
		return err
	})
	return out, err
}
