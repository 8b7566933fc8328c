package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// many is a tree of which a few files are a small part.
func many() map[string]string {
	m := files()
	for i := range 600 {
		m[fmt.Sprintf("drivers/d%d/f%d.c", i%30, i)] = fmt.Sprint(i)
	}
	return m
}

// taken is the tree that the directory holds, as its FS shows it.
func taken(t *testing.T, st *store.Store, dir string) (*Tree, map[string]string) {
	t.Helper()
	tr, err := FromDirectory(context.Background(), st, progress.Discard{}, dir, noClean)
	if err := errors.Join(err, st.Wrong()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err = fs.WalkDir(tr.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tr.FS(), p)
		if d.Type()&fs.ModeSymlink == 0 {
			got[p] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr, got
}

// An edited directory is stored as what differs, and shows what the directory holds: whatever was edited, added,
// removed, or turned from a file into a directory and back.
func TestLayers(t *testing.T) {
	st, dir := open(t), t.TempDir()
	lay(t, dir, many())
	first, got := taken(t, st, dir)
	if diff := cmp.Diff(many(), got); diff != "" || len(first.Layers) != 1 {
		t.Fatalf("%d layers, (-want +got)\n%s", len(first.Layers), diff)
	}
	digests := map[string]bool{first.Digest: true}
	now := many()
	without := func(dir string) { maps.DeleteFunc(now, func(p, _ string) bool { return strings.HasPrefix(p, dir) }) }
	for _, e := range []struct {
		name string
		do   func()
	}{
		{"edited", func() { now["drivers/d1/f1.c"] = "other" }},
		{"added", func() { now["drivers/new/deep/x.c"] = "new" }},
		{"removed", func() { delete(now, "drivers/d2/f2.c") }},
		{"a directory gone", func() { without("drivers/d3/") }},
		{"a file for a new directory", func() { without("drivers/new/"); now["drivers/new"] = "a file" }},
		{"a file for a directory", func() { without("drivers/d5/"); now["drivers/d5"] = "a file" }},
		{"a directory for a file", func() { delete(now, "drivers/d4/f4.c"); now["drivers/d4/f4.c/inside"] = "x" }},
	} {
		name := e.name
		e.do()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		lay(t, dir, now)
		tr, got := taken(t, st, dir)
		if diff := cmp.Diff(now, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if len(tr.Layers) != 2 || tr.Layers[1] != first.Layers[0] {
			t.Errorf("%s: %d layers, not one over the first tree", name, len(tr.Layers))
		}
		digests[tr.Digest] = true
		d, err := manifest(t.Context(), st, tr.Digest)
		if err != nil || d.sum() != tr.Digest {
			t.Errorf("%s: the list of its files is another's: %v", name, err)
		}
		if size := store.Allocated(tr.Layers[0]); size > 1<<20 {
			t.Errorf("%s: the layer takes %d bytes", name, size)
		}
		if e.name != "a directory for a file" { // the last one has been through all
			continue
		}
		if err := fstest.TestFS(tr.FS(), slices.Sorted(maps.Keys(now))...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(digests) != 8 {
		t.Errorf("%d digests of 8 trees", len(digests))
	}
	for to := range digests {
		compare := Changes(t.Context(), st, to)
		is, err := manifest(t.Context(), st, to)
		if err != nil {
			t.Fatal(err)
		}
		for from := range digests {
			was, err := manifest(t.Context(), st, from)
			if err != nil {
				t.Fatal(err)
			}
			got, ok, err := compare(from)
			if diff := cmp.Diff(was.changes(is), got); diff != "" || !ok || err != nil {
				t.Errorf("from %s to %s: %v, %v, (-want +got)\n%s", from, to, ok, err, diff)
			}
		}
	}
	// Without what it lies over, a layer is none.
	if err := st.Drop(kindTree, first.Digest); err != nil {
		t.Fatal(err)
	}
	for digest := range digests {
		if _, ok := opened(st, digest); ok {
			t.Errorf("%s is there without its base", digest)
		}
	}
	if tr, got := taken(t, st, dir); len(tr.Layers) != 1 || !maps.Equal(got, now) {
		t.Errorf("made again: %d layers", len(tr.Layers))
	}
}

// A link is followed within the tree, whatever layer it leads to, and never out of it.
func TestLayeredLinks(t *testing.T) {
	top, base, outside := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "secret")
	lay(t, top, map[string]string{"dir/changed": "new"})
	lay(t, base, map[string]string{"dir/changed": "old"})
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "dir/changed", "out": outside, "up": "../" + filepath.Base(filepath.Dir(outside)) + "/secret", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(base, link)); err != nil {
			t.Fatal(err)
		}
	}
	files := layered{dirs: []string{top, base}}
	if text, err := fs.ReadFile(files, "link"); err != nil || string(text) != "new" {
		t.Errorf("link: %q, %v", text, err)
	}
	if to, err := files.ReadLink("link"); err != nil || to != "dir/changed" {
		t.Errorf("link leads to %q, %v", to, err)
	}
	if err := os.CopyFS(filepath.Join(t.TempDir(), "copy"), layered{dirs: []string{top, base}}); err != nil {
		t.Errorf("copy: %v", err)
	}
	for _, name := range []string{"out", "up", "loop"} {
		if text, err := fs.ReadFile(files, name); err == nil {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// What looks as it did is not read again, what may have been written again within the clock's tick is.
func TestMemory(t *testing.T) {
	st, dir := open(t), t.TempDir()
	lay(t, dir, many())
	old := time.Now().Add(-time.Hour)
	age := func() { // by which the clock moved on; a ctime cannot be set
		var m memory
		key := memoryKey(dir)
		if !st.Load(kindMemory, key, &m) {
			t.Fatal("nothing is remembered")
		}
		files, err := look(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		d, err := manifest(t.Context(), st, m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		m.Files, m.What = files, nil
		for _, f := range files {
			m.What = append(m.What, d.files[f.Path])
		}
		if err := st.Save(kindMemory, key, m); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := taken(t, st, dir)
	// The same size, time and inode, at once.
	at := filepath.Join(dir, "drivers/d1/f1.c")
	if err := os.Chtimes(at, old, old); err != nil {
		t.Fatal(err)
	}
	second, _ := taken(t, st, dir)
	if err := os.WriteFile(at, []byte("X"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(at, old, old); err != nil {
		t.Fatal(err)
	}
	third, _ := taken(t, st, dir)
	if second.Digest != first.Digest || third.Digest == first.Digest {
		t.Error("an edit within the clock's tick was not seen")
	}
	age()
	if err := os.Chmod(at, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(at, 0o644)
	if os.Geteuid() != 0 {
		if _, err := FromDirectory(t.Context(), st, progress.Discard{}, dir, noClean); err == nil {
			t.Error("a file that cannot be read and looks otherwise was not read")
		}
	}
	if err := os.Chmod(at, 0o644); err != nil {
		t.Fatal(err)
	}
	age()
	same, _ := taken(t, st, dir)
	if same.Digest != third.Digest {
		t.Error("an unchanged directory is another tree")
	}
}

// Who writes to a directory while it is read is told, and nothing is remembered of it.
func TestChangedWhileRead(t *testing.T) {
	st, dir := open(t), t.TempDir()
	lay(t, dir, many())
	lay(t, dir, map[string]string{".config": "CONFIG_UML=y\n"}) // so that what was built there is looked for
	_, err := FromDirectory(t.Context(), st, progress.Discard{}, dir, func(context.Context, string) error {
		return os.WriteFile(filepath.Join(dir, "drivers/d1/f1.c"), []byte("another"), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, done := st.Sure(t.Context())
	defer done()
	<-ctx.Done()
	for _, err := range []error{st.Wrong(), context.Cause(ctx)} {
		if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Error(err)
		}
	}
	if st.Load(kindMemory, memoryKey(dir), &memory{}) {
		t.Error("it is remembered")
	}
}
