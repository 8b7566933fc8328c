package tree

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
)

// kindPatched is the store's kind of patched trees. They are kept by base and
// patches, not by digest: that untouched files have the base's own times is what
// lets a fork of the base's build stay valid, and the same content may also have
// come from elsewhere.
const kindPatched = "tree-patched"

// patchVersion is raised when the same patches would give another tree.
const patchVersion = "1"

// gitSource is where git sees a tree in the sandbox.
const gitSource = "/src"

// Patched returns base with the patches applied in their order. The base is not
// written to, files that no patch touches are the base's own (hard links, with
// their times), and the result's Digest is that of any tree with the same
// content. Where a patch does not apply the error is an *patch.ApplyError and nothing
// is left in the store.
func Patched(ctx context.Context, st *store.Store, sink progress.Sink, base *Tree, patches []patch.Patch, git Git) (*Tree, error) {
	if len(patches) == 0 {
		return base, nil
	}
	key := []string{"patched", patchVersion, base.Digest}
	t := *base
	t.Notes = slices.Clone(base.Notes)
	t.Patches = slices.Clone(base.Patches)
	for _, p := range patches {
		key = append(key, p.Sum)
		t.Patches = append(t.Patches, p.Sum)
	}
	name := store.Key(key...)
	var rec treeRecord
	find := func() (ok bool) {
		if !st.Get("patched", name, &rec) {
			return false
		}
		t.Dir, ok = st.Lookup(kindPatched, name)
		t.Digest, t.Version = rec.Digest, rec.Version
		return ok
	}
	if find() {
		return &t, nil
	}
	task := sink.Start("patch tree "+base.Name, progress.None, 0)
	_, _, err := st.Dir(ctx, kindPatched, name, func(ctx context.Context, dir string) error {
		if err := os.Remove(dir); err != nil {
			return err
		}
		made, err := apply(ctx, st, dir, base, patches, git, task)
		if err != nil {
			return err
		}
		return st.Put("patched", name, made)
	})
	if err == nil && !find() {
		// The directory is there and its record is not: it was removed by hand.
		if err = st.Drop(kindPatched, name); err == nil {
			err = fmt.Errorf("the store lost the record of %s: run again", store.Short(name))
		}
	}
	task.Done(err)
	if err != nil {
		return nil, fmt.Errorf("patch tree %s: %w", base.Name, err)
	}
	return &t, nil
}

// apply makes dir, which is missing, a copy of base with the patches applied.
func apply(ctx context.Context, st *store.Store, dir string, base *Tree, patches []patch.Patch, git Git,
	task progress.Task) (rec treeRecord, err error) {
	d, err := manifest(ctx, st, base)
	if err != nil {
		return rec, err
	}
	led, err := escaping(base.Dir, d)
	if err != nil {
		return rec, err
	}
	touched := map[string]bool{}
	for _, name := range patch.Touched(patches) {
		touched[name] = true
	}
	task.Status("link its files")
	copied, err := farm(ctx, base.Dir, dir, touched)
	if err != nil {
		return rec, err
	}
	for i, p := range patches {
		task.Status(p.Title())
		said := new(bytes.Buffer)
		status, err := git(ctx, sandbox.Command{
			Args:   []string{"apply", "--whitespace=nowarn", "-p1", "-"},
			Dir:    gitSource,
			Mounts: []sandbox.Mount{{Source: dir, Target: gitSource}},
			Stdin:  bytes.NewReader(p.Data), Stderr: said,
		})
		if err != nil {
			return rec, fmt.Errorf("git apply %s: %w", p.Name, err)
		}
		if status != 0 {
			e := patch.Misfit(dir, p, d.files)
			e.Tree, e.Version, e.Index, e.Of = base.Name, base.Version, i+1, len(patches)
			e.Said = patch.OneLine(strings.ReplaceAll(said.String(), "<stdin>", p.Name))
			return rec, e
		}
		// The next patch is judged against what this one left.
		if err := rereadAll(dir, d, patch.Touched(patches[i:i+1])); err != nil {
			return rec, err
		}
	}
	if err := audit(ctx, dir, d, touched, copied); err != nil {
		return rec, fmt.Errorf("the patch was not understood: %w", err)
	}
	leads, err := escaping(dir, d)
	if err != nil {
		return rec, err
	}
	for name := range leads {
		if !led[name] {
			return rec, &patch.Error{Name: patches[len(patches)-1].Name,
				Why: fmt.Sprintf("makes %s a symbolic link that leads out of the tree", name)}
		}
	}
	if rec.Version, err = Version(dir); err != nil {
		return rec, err
	}
	rec.Digest = d.sum()
	return rec, nil
}

func rereadAll(dir string, d *digest, paths []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, p := range paths {
		if err := d.reread(root, p); err != nil {
			return err
		}
	}
	return nil
}
