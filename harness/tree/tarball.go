package tree

import (
	"context"
	"fmt"
	"io"

	"umlab/harness/fetch"
	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/unpack"
)

// Tarball is a source archive that is no package of a distribution.
type Tarball struct {
	Name string // the tree's name, for people
	Path string // of a local file; or
	URL  string // https or http
	Sum  string // sha256 that it must have, hex; "" of a local file that is taken as it is
}

// FromTarball fetches the tarball where it is not at hand, holds it against its
// sha256, and unpacks it into the store. xz, which may be nil, decompresses what
// is packed by xz.
func FromTarball(ctx context.Context, st *store.Store, sink progress.Sink, t Tarball, xz unpack.Decompress,
	client *fetch.Client) (*Tree, error) {
	fail := func(err error) (*Tree, error) { return nil, fmt.Errorf("tree %s: %w", t.Name, err) }
	a := Archive{Name: t.Name, Package: "sha256 " + t.Sum}
	var notes []string
	switch {
	case t.Sum != "":
		sum, err := fetch.Sum(t.Sum)
		if err != nil {
			return fail(err)
		}
		a.Sum = sum
	case t.Path == "":
		return fail(fmt.Errorf("%s has no sha256, and nothing else would say that it is what it should be: add #sha256=…", t.URL))
	default:
		_, sum, err := st.Keep(ctx, t.Path)
		if err != nil {
			return fail(err)
		}
		a.Sum = sum
		notes = append(notes, fmt.Sprintf("%s was taken as it is: no sha256 was given for it (it is %s)", t.Path, sum))
	}
	a.Package = "sha256 " + store.Short(a.Sum)
	a.Open = func(ctx context.Context) (io.ReadCloser, error) {
		path, err := client.Into(ctx, st, fetch.Tarball("tree "+t.Name, t.Path+t.URL, a.Sum, sink))
		if err != nil {
			return nil, err
		}
		return unpack.Open(ctx, path, xz)
	}
	tr, err := FromArchive(ctx, st, sink, a)
	if err != nil {
		return nil, err
	}
	tr.Origin, tr.Notes = "tarball "+a.Sum, append(tr.Notes, notes...)
	return tr, nil
}
