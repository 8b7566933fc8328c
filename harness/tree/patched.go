package tree

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
)

// patchVersion is raised when the same patches would give another tree.
const patchVersion = "1"

// gitSource is where git sees a tree in the sandbox.
const gitSource = "/src"

// Patched returns base with the patches applied in their order. The base is not written to, and the result's Digest is
// that of any tree with the same content. Where a patch does not apply the error is a *patch.ApplyError and nothing is
// left in the store.
func Patched(ctx context.Context, st *store.Store, sink progress.Sink, base *Tree, patches []patch.Patch, git Git) (*Tree, error) {
	if len(patches) == 0 {
		return base, nil
	}
	key := []string{"patched", patchVersion, base.Digest}
	t := *base
	t.Before = base
	t.Notes = slices.Clone(base.Notes)
	t.Patches = slices.Clone(base.Patches)
	for _, p := range patches {
		key = append(key, p.Sum)
		t.Patches = append(t.Patches, p.Sum)
	}
	name := store.Key(key...)
	err := once(ctx, st, &t, name, false, func() error {
		task := sink.Start("patch tree "+base.Name, progress.None, 0)
		rec, err := apply(ctx, st, base, patches, git, task)
		if err == nil {
			err = st.Put(KindOf, name, rec)
		}
		task.Done(err)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("patch tree %s: %w", base.Name, err)
	}
	return &t, nil
}

// apply keeps base with the patches applied. Git works on the files that they name, and on nothing else.
func apply(
	ctx context.Context, st *store.Store, base *Tree, patches []patch.Patch, git Git, task progress.Task,
) (rec treeRecord, err error) {
	d, err := manifest(ctx, st, base.Digest)
	if err != nil {
		return rec, err
	}
	led := d.escaping()
	tmp, remove, err := st.Scratch("patch")
	if err != nil {
		return rec, err
	}
	defer remove()
	dir := filepath.Join(tmp, "tree")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return rec, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return rec, err
	}
	defer root.Close()
	seen := reached(d, patch.Touched(patches))
	files := map[string]string{}
	for name := range seen {
		if what, ok := d.files[name]; ok {
			files[name] = what
		}
	}
	if err := placeAll(ctx, dir, files, base.place(d)); err != nil {
		return rec, err
	}
	for i, p := range patches {
		task.Status(p.Title())
		said := new(bytes.Buffer)
		refuse := func() error {
			e := patch.Misfit(dir, p, d.files)
			e.Tree, e.Version, e.Index, e.Of = base.Name, base.Version, i+1, len(patches)
			e.Said = patch.OneLine(strings.ReplaceAll(said.String(), "<stdin>", p.Name))
			return e
		}
		args := []string{"apply", "--whitespace=nowarn", "-p1"}
		if p.Bare() {
			if patch.Misfit(dir, p, d.files).Why != "" {
				return rec, refuse()
			}
			args = append(args, "--unidiff-zero")
		}
		status, err := git(ctx, sandbox.Command{
			Args:   append(args, "-"),
			Dir:    gitSource,
			Mounts: []sandbox.Mount{{Source: dir, Target: gitSource}},
			Stdin:  bytes.NewReader(p.Data), Stderr: said,
		})
		if err != nil {
			return rec, fmt.Errorf("git apply %s: %w", p.Name, err)
		}
		if status != 0 {
			return rec, refuse()
		}
		// The next patch is judged against what this one left.
		for _, name := range patch.Touched(patches[i : i+1]) {
			if err := d.reread(root, name); err != nil {
				return rec, err
			}
		}
	}
	if err := audit(dir, seen); err != nil {
		return rec, fmt.Errorf("the patch was not understood: %w", err)
	}
	for name := range d.escaping() {
		if !led[name] {
			return rec, &patch.Error{Name: patches[len(patches)-1].Name,
				Why: fmt.Sprintf("makes %s a symbolic link that leads out of the tree", name)}
		}
	}
	rest := base.place(d)
	rec.Digest, err = keep(ctx, st, d, "", content{place: func(ctx context.Context, name, dst string) error {
		if seen[name] {
			return os.Rename(filepath.Join(dir, filepath.FromSlash(name)), dst)
		}
		return rest(ctx, name, dst)
	}})
	if err != nil {
		return rec, err
	}
	layers, ok := opened(st, rec.Digest)
	if !ok {
		return rec, errLost
	}
	rec.Version, err = version(layered{layers, st}, base.Name+" with the patches")
	return rec, err
}

// reached are the files that patches touch, and the links of d that a path of theirs leads through.
func reached(d *digest, touched []string) map[string]bool {
	seen := map[string]bool{}
	for _, name := range touched {
		seen[name] = true
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := d.files[dir]; ok {
				seen[dir] = true
			}
		}
	}
	return seen
}

// audit holds what git made in dir against what the patches name: it is what makes the digest true even where git
// understood a patch to change more than was read from it.
func audit(dir string, touched map[string]bool) error {
	return filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err == nil && !touched[filepath.ToSlash(rel)] {
			err = fmt.Errorf("git made %s, which the patch does not name", rel)
		}
		return err
	})
}

// place copies files of t, which consists of d.
func (t *Tree) place(d *digest) func(ctx context.Context, name, dst string) error {
	files := t.FS()
	return func(_ context.Context, name, dst string) error {
		return put(d.files[name], dst, func() (fs.File, error) { return files.Open(name) })
	}
}
