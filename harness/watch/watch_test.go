package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// world is a directory with a tree, a patch beside it, and a watcher of both.
func world(t *testing.T) (dir string, w *Watcher) {
	t.Helper()
	dir = actual(t.TempDir())
	for _, sub := range []string{"tree/arch/um", "tree/.git", "tree/out"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	save(t, dir, "tree/Makefile")
	w, err := Open(Files{
		Directories: []string{filepath.Join(dir, "tree")}, Files: []string{filepath.Join(dir, "fix.patch")},
		Writes: []string{filepath.Join(dir, "tree", "r.json"), filepath.Join(dir, "tree", "out")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return dir, w
}

func save(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSaves holds what the kernel tells of real files: what does not count is written before what does, in one burst.
func TestSaves(t *testing.T) {
	at := func(dir string, names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	for _, tc := range []struct {
		about string
		do    func(dir string) error
		want  []string
	}{
		{"nothing that counts", func(dir string) error {
			for _, n := range []string{"tree/.git/index", "tree/.Makefile.swp", "other.patch", "tree/r.json", "tree/.r.json123", "tree/out/x"} {
				save(t, dir, n)
			}
			return nil
		}, nil},
		{"a file deep below", func(dir string) error { save(t, dir, "tree/arch/um/Makefile"); return nil }, []string{"tree/arch/um/Makefile"}},
		{"an editor that renames", func(dir string) error {
			save(t, dir, "tree/Makefile~")
			return os.Rename(filepath.Join(dir, "tree/Makefile~"), filepath.Join(dir, "tree/Makefile"))
		}, []string{"tree/Makefile"}},
		{"a tool that writes elsewhere and renames", func(dir string) error { // sed -i
			save(t, dir, "tree/arch/sedA1b2C3")
			return os.Rename(filepath.Join(dir, "tree/arch/sedA1b2C3"), filepath.Join(dir, "tree/Makefile"))
		}, []string{"tree/Makefile"}},
		{"what came and went", func(dir string) error {
			save(t, dir, "tree/arch/conftest.c")
			return os.Remove(filepath.Join(dir, "tree/arch/conftest.c"))
		}, nil},
		{"a mode", func(dir string) error { return os.Chmod(filepath.Join(dir, "tree/Makefile"), 0o755) }, []string{"tree/Makefile"}},
		{"removed", func(dir string) error { return os.Remove(filepath.Join(dir, "tree/Makefile")) }, []string{"tree/Makefile"}},
		{"the patch, which was not there", func(dir string) error { save(t, dir, "fix.patch"); return nil }, []string{"fix.patch"}},
		{"the patch, moved there", func(dir string) error {
			save(t, dir, "tmp.patch")
			return os.Rename(filepath.Join(dir, "tmp.patch"), filepath.Join(dir, "fix.patch"))
		}, []string{"fix.patch"}},
	} {
		t.Run(tc.about, func(t *testing.T) {
			dir, w := world(t)
			if err := tc.do(dir); err != nil {
				t.Fatal(err)
			}
			save(t, dir, "tree/last")
			got, err := w.Next(t.Context())
			want := at(dir, append(tc.want, "tree/last")...)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, %v; want %v", got, err, want)
			}
		})
	}
}

// TestPassing: where nothing is left of a burst there was none.
func TestPassing(t *testing.T) {
	dir, w := world(t)
	save(t, dir, "tree/arch/conftest.c")
	if err := os.Remove(filepath.Join(dir, "tree/arch/conftest.c")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*quiet)
	defer cancel()
	if got, err := w.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", got, err)
	}
	save(t, dir, "tree/last")
	if got, err := w.Next(t.Context()); err != nil || !slices.Equal(got, []string{filepath.Join(dir, "tree/last")}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestNewDirectories: what comes is watched, and a tree that goes and comes again, too.
func TestNewDirectories(t *testing.T) {
	dir, w := world(t)
	next := func(want string) {
		t.Helper()
		got, err := w.Next(t.Context())
		if err != nil || !slices.Contains(got, filepath.Join(dir, want)) {
			t.Fatalf("%v, %v; want %s", got, err, want)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "tree/new/deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	next("tree/new")
	save(t, dir, "tree/new/deep/x.c")
	next("tree/new/deep/x.c")
	if err := os.Rename(filepath.Join(dir, "tree"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	next("tree")
	if err := os.MkdirAll(filepath.Join(dir, "tree/arch"), 0o755); err != nil {
		t.Fatal(err)
	}
	next("tree")
	save(t, dir, "tree/arch/y.c")
	next("tree/arch/y.c")
}

func TestNextEnds(t *testing.T) {
	_, w := world(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := w.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", got, err)
	}
}
