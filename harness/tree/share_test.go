package tree

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/store"
	"umlab/harness/unpack"
)

// pack is a tree as it goes to another store.
func pack(t *testing.T, st *store.Store, digest string) (*Layer, []byte) {
	t.Helper()
	var b bytes.Buffer
	over, err := Pack(t.Context(), st, digest, &b)
	if err != nil {
		t.Fatal(err)
	}
	return over, b.Bytes()
}

func receive(t *testing.T, st *store.Store, digest string, over *Layer, text []byte) error {
	t.Helper()
	return Receive(t.Context(), st, digest, over, io.NopCloser(bytes.NewReader(text)))
}

// edits makes a tree with a link, and what differs from it in every way.
func edits(t *testing.T, st *store.Store) (whole, edited *Tree) {
	t.Helper()
	dir := t.TempDir()
	lay(t, dir, many())
	if err := os.Symlink("Makefile", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	whole, _ = taken(t, st, dir)
	now := many()
	now["drivers/d1/f1.c"], now["drivers/new/x.c"] = "other", "new"
	delete(now, "drivers/d2/f2.c")
	delete(now, "drivers/d4/f4.c")
	now["drivers/d4/f4.c/inside"] = "a directory for a file"
	other := t.TempDir()
	lay(t, other, now)
	if err := os.Symlink("drivers/d1/f1.c", filepath.Join(other, "link")); err != nil {
		t.Fatal(err)
	}
	edited, _ = taken(t, st, other)
	if len(whole.Layers) != 1 || len(edited.Layers) != 2 {
		t.Fatalf("they are %d and %d layers", len(whole.Layers), len(edited.Layers))
	}
	return whole, edited
}

// contentOf is what a tree consists of.
func contentOf(t *testing.T, st *store.Store, digest string) map[string]string {
	t.Helper()
	d, err := manifest(t.Context(), st, digest)
	if err != nil {
		t.Fatal(err)
	}
	layers, ok := opened(st, digest)
	if !ok {
		t.Fatalf("the store has no tree %s", digest)
	}
	is := newDigest()
	files := (&Tree{Layers: layers, store: st}).FS()
	for name, what := range d.files {
		if strings.HasPrefix(what, "l ") {
			is.files[name] = what
			continue
		}
		f, err := files.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := is.read(name, map[bool]os.FileMode{true: 0o755}[what[0] == 'x'], f.(*os.File)); err != nil {
			t.Fatal(err)
		}
	}
	if is.sum() != digest {
		t.Errorf("its files are not those of the digest")
	}
	return is.files
}

func TestTreesBetweenStores(t *testing.T) {
	here, there := open(t), open(t)
	whole, edited := edits(t, here)
	over, text := pack(t, here, whole.Digest)
	if over != nil {
		t.Fatal("a whole tree lies over something")
	}
	if again, same := pack(t, here, whole.Digest); again != nil || !bytes.Equal(same, text) {
		t.Error("packed again, it is something else")
	}
	top, less := pack(t, here, edited.Digest)
	if top == nil || top.Base != whole.Digest || len(less)*2 > len(text) {
		t.Fatalf("the edited tree takes %d bytes, and the whole one %d", len(less), len(text))
	}
	if err := receive(t, there, edited.Digest, top, less); err == nil || There(there, edited.Digest) {
		t.Errorf("it was taken without what it lies over: %v", err)
	}
	for _, one := range []struct {
		tree *Tree
		over *Layer
		text []byte
	}{{whole, over, text}, {edited, top, less}} {
		if err := receive(t, there, one.tree.Digest, one.over, one.text); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(contentOf(t, here, one.tree.Digest), contentOf(t, there, one.tree.Digest)); diff != "" {
			t.Error(diff)
		}
	}
	layers, _ := opened(there, edited.Digest)
	if len(layers) != 2 {
		t.Errorf("the edited tree is %d layers there", len(layers))
	}
}

// TestWrongTreesAreNotTaken: a tree is held against its own digest, whoever sends it.
func TestWrongTreesAreNotTaken(t *testing.T) {
	here := open(t)
	whole, edited := edits(t, here)
	_, text := pack(t, here, whole.Digest)
	top, less := pack(t, here, edited.Digest)
	changed := func(edit func(files map[string]string)) *Layer {
		l := &Layer{top.Base, maps.Clone(top.Files)}
		edit(l.Files)
		return l
	}
	flip := bytes.Replace(text, []byte("PATCHLEVEL"), []byte("PATCHLEVER"), 1)
	for name, test := range map[string]struct {
		digest string
		over   *Layer
		text   []byte
	}{
		"other content":          {whole.Digest, nil, flip},
		"another tree":           {edited.Digest, nil, text},
		"half of it":             {whole.Digest, nil, text[:len(text)/2]},
		"nothing":                {whole.Digest, nil, nil},
		"a file less":            {edited.Digest, changed(func(f map[string]string) { f["drivers/d9/f9.c"] = "" }), less},
		"a file more":            {edited.Digest, changed(func(f map[string]string) { delete(f, "drivers/new/x.c") }), less},
		"a file with other text": {edited.Digest, top, bytes.Replace(less, []byte("new"), []byte("nEw"), 2)},
	} {
		t.Run(name, func(t *testing.T) {
			there := open(t)
			if test.over != nil {
				if err := receive(t, there, whole.Digest, nil, text); err != nil {
					t.Fatal(err)
				}
			}
			err := receive(t, there, test.digest, test.over, test.text)
			if _, wrong := errors.AsType[*unpack.FormatError](err); !wrong {
				t.Errorf("%v", err)
			}
			if There(there, test.digest) {
				t.Error("it is in the store")
			}
			if left, err := os.ReadDir(filepath.Join(there.Root(), "tmp")); err != nil || len(left) > 0 {
				t.Errorf("%v was left behind: %v", left, err)
			}
		})
	}
}
