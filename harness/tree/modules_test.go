package tree

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/progress"
	"umlab/harness/store"
)

func TestFromModules(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("Kbuild", "obj-m := a.o")
	write("a.c", "int a;")
	write("sub/b.h", "int b;")
	take := func() (string, string) {
		t.Helper()
		kept, digest, err := FromModules(context.Background(), st, progress.Discard{}, dir)
		if err != nil {
			t.Fatal(err)
		}
		return kept, digest
	}
	kept, first := take()
	// Products of an earlier build and git's own files are no part of it.
	for _, name := range []string{"a.o", "a.ko", "a.mod", "a.mod.c", ".a.o.cmd", "Module.symvers", "modules.order", ".git/HEAD"} {
		write(name, "x")
	}
	again, same := take()
	if again != kept || same != first {
		t.Errorf("with products: %s %s, without %s %s", again, same, kept, first)
	}
	var names []string
	filepath.WalkDir(kept, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(kept, p)
			names = append(names, rel)
		}
		return err
	})
	if !slices.Equal(names, []string{"Kbuild", "a.c", "sub/b.h"}) {
		t.Errorf("the snapshot holds %v", names)
	}
	write("a.c", "int c;")
	if other, edited := take(); edited == first || other == kept {
		t.Error("an edit does not change the digest")
	}
	if err := os.Truncate(filepath.Join(dir, "a.c"), mostModuleBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := FromModules(context.Background(), st, progress.Discard{}, dir); err == nil || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("more than a module holds: %v", err)
	}
}
