package tree

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"umlab/harness/store"
)

// Change is one file in which two trees differ.
type Change struct {
	Path string // relative, with slashes
	Kind ChangeKind
	Link bool // it is, or was, a symbolic link
}

// ChangeKind is how the second of two trees differs from the first.
type ChangeKind string

// The kinds. A file that is renamed is removed and added.
const (
	Added    ChangeKind = "added"
	Removed  ChangeKind = "removed"
	Modified ChangeKind = "modified" // in its content, or in whether it is executable
)

// Changes returns a function that lists how the tree of the digest to differs from another one, by path. Neither need be in
// the store any more, but the lists of their files: ok is false where one is not. It may be asked of many, one at a time.
func Changes(ctx context.Context, st *store.Store, to string) func(from string) (list []Change, ok bool, err error) {
	here := sync.OnceValues(func() (*digest, error) { return manifest(ctx, st, to) })
	over := func(sum string) (l Layer) {
		if _, whole := st.Peek(kindTree, sum); whole || !st.Get(kindLayer, sum, &l) {
			return Layer{Base: sum}
		}
		return l
	}
	top := over(to)
	base := sync.OnceValues(func() ([]byte, error) {
		kept, err := list(ctx, st, top.Base)
		if err != nil {
			return nil, err
		}
		return os.ReadFile(kept)
	})
	compare := func(from string) ([]Change, error) {
		bottom := over(from)
		if bottom.Base != top.Base {
			is, err := here()
			if err != nil {
				return nil, err
			}
			was, err := manifest(ctx, st, from)
			if err != nil {
				return nil, err
			}
			return was.changes(is), nil
		}
		// Both are the same but for what is listed of them.
		was := newDigest()
		for _, listed := range []Layer{bottom, top} {
			maps.Copy(was.files, listed.Files)
		}
		text, err := base()
		if err == nil {
			err = was.restore(text)
		}
		if err != nil {
			return nil, err
		}
		is := &digest{files: maps.Clone(was.files)}
		was.apply(bottom.Files)
		is.apply(top.Files)
		none := func(_, what string) bool { return what == "" }
		maps.DeleteFunc(was.files, none)
		maps.DeleteFunc(is.files, none)
		return was.changes(is), nil
	}
	return func(from string) ([]Change, bool, error) {
		list, err := compare(from)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		return list, err == nil, err
	}
}

// changes lists how to differs from d.
func (d *digest) changes(to *digest) []Change {
	var list []Change
	for name, is := range d.delta(to) {
		was, there := d.files[name]
		c := Change{name, Modified, strings.HasPrefix(was, "l ") || strings.HasPrefix(is, "l ")}
		switch {
		case !there:
			c.Kind = Added
		case is == "":
			c.Kind = Removed
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return list
}
