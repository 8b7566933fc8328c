package tree

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

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

// Changes lists how the tree of the digest to differs from that of from, by path. Neither need be in the store any more,
// but the lists of their files: ok is false where one is not.
func Changes(ctx context.Context, st *store.Store, from, to string) (list []Change, ok bool, err error) {
	was, err := manifest(ctx, st, from)
	if err == nil {
		var is *digest
		if is, err = manifest(ctx, st, to); err == nil {
			return was.changes(is), true, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return nil, false, err
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
