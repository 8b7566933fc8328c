package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"umlab/harness/kbuild"
	"umlab/harness/settings"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// fitting is sources for a build: where the toolchain cannot build Rust for the
// tree, the error is an *UnfitError that names the nearest that would. What the
// archive's lists tell already is told before the toolchain is fetched.
func (l *Lab) fitting(ctx context.Context, j *job) (*tree.Tree, *toolchain.Toolchain, error) {
	if dir, ok := l.unpacked(ctx, j.Tree); ok {
		if err := l.refuse(ctx, j, &tree.Tree{Name: j.Tree, Dir: dir}, nil); err != nil {
			return nil, nil, err
		}
	}
	t, tc, err := l.sources(ctx, j.Tree, j.Toolchain)
	var unfit *toolchain.UnfitError
	if errors.As(err, &unfit) {
		if dir, ok := l.unpacked(ctx, j.Tree); ok {
			told := *unfit // what wraps it has its text already
			l.suggest(ctx, j, &tree.Tree{Name: j.Tree, Dir: dir}, &told)
			err = fmt.Errorf("toolchain %s: %w", j.Toolchain, &told)
		}
	}
	if err == nil {
		err = l.refuse(ctx, j, t, tc)
	}
	return t, tc, err
}

// refuse returns the *UnfitError, if there is a reason for one. Without tc, it
// goes by what is known before the toolchain is there, and knowing nothing is no
// error.
func (l *Lab) refuse(ctx context.Context, j *job, t *tree.Tree, tc *toolchain.Toolchain) error {
	if !kbuild.RequestsRust(j.options) {
		return nil
	}
	least, err := tree.MinTools(t.Dir)
	if err != nil {
		return fmt.Errorf("tree %s: %w", t.Name, err)
	}
	compiler := j.compiler(l, t)
	var reasons []string
	var rustc string
	if tc != nil {
		reasons, rustc = toolchain.Fit(tc.Identity, least, compiler), tc.Identity["rustc"]
	} else if spec, err := l.spec(ctx, j.Toolchain); err == nil {
		if id, err := l.provider().Foretell(ctx, spec); err == nil {
			reasons, rustc = toolchain.TooOld(id, least, compiler), id["rustc"]
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	unfit := &toolchain.UnfitError{Toolchain: j.Toolchain, Tree: j.Tree, Rustc: rustc, Reasons: reasons}
	l.suggest(ctx, j, t, unfit)
	return fmt.Errorf("toolchain %s: %w", j.Toolchain, unfit)
}

// suggest names the nearest toolchain that would do, among Debian's and the
// members of the default series; where nobody knows how new the refused one's
// rustc is, the default toolchain comes first. Where the archive cannot be asked,
// it names none.
func (l *Lab) suggest(ctx context.Context, j *job, t *tree.Tree, unfit *toolchain.UnfitError) {
	least, err := tree.MinTools(t.Dir)
	if err != nil {
		return
	}
	var from []toolchain.Candidate
	for _, name := range slices.Sorted(maps.Keys(l.settings.Toolchains)) {
		spec := l.settings.Toolchains[name]
		if id, err := l.provider().Foretell(ctx, spec); err == nil && name != j.Toolchain {
			from = append(from, toolchain.Candidate{Name: name, Identity: id})
		}
	}
	if s, ok := l.settings.Series[l.settings.DefaultSeries]; ok && s.Varies == settings.VariesRustc {
		members, _, err := l.provider().Series(ctx, l.settings.DefaultSeries, s, l.settings.Toolchains)
		rest, resterr := l.provider().Foretell(ctx, l.settings.Toolchains[s.C])
		if err == nil && resterr == nil {
			for _, m := range members {
				id := maps.Clone(rest)
				id["rustc"] = m.Version
				from = append(from, toolchain.Candidate{Name: m.Name, Identity: id})
			}
		}
	}
	unfit.Nearest = nearest(unfit.Rustc, l.settings.DefaultToolchain, least, j.compiler(l, t), from)
}

// nearest is toolchain.Nearest, and where rustc is not known that one of from, if
// it will do.
func nearest(rustc, otherwise string, least map[string]string, compiler string, from []toolchain.Candidate) string {
	if rustc == "" {
		only := slices.DeleteFunc(slices.Clone(from), func(c toolchain.Candidate) bool { return c.Name != otherwise })
		if name := toolchain.Nearest("", least, compiler, only); name != "" {
			return name
		}
	}
	return toolchain.Nearest(rustc, least, compiler, from)
}

// unpacked is where the tree's source lies, if it is on this machine.
func (l *Lab) unpacked(ctx context.Context, name string) (dir string, ok bool) {
	src, err := l.source(name)
	switch {
	case err != nil:
		return "", false
	case src.Directory != "":
		return src.Directory, true
	}
	sum, err := l.sourceDigest(ctx, name)
	if err != nil || sum == "" {
		return "", false
	}
	return tree.Unpacked(l.store, sum)
}
