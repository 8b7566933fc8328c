package toolchain

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestLinkTree holds that the copy shares files, and nothing else.
func TestLinkTree(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(from, "usr", "bin"), 0o755),
		os.WriteFile(filepath.Join(from, "usr", "bin", "tool"), []byte("tool"), 0o755),
		os.Symlink("usr/bin", filepath.Join(from, "bin")),
		os.Mkdir(filepath.Join(from, "tmp"), 0o755),
		os.Chmod(filepath.Join(from, "tmp"), 0o755|os.ModeSticky),
		linkTree(context.Background(), from, to),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := os.Stat(filepath.Join(from, "usr", "bin", "tool"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.Stat(filepath.Join(to, "bin", "tool")); err != nil || !os.SameFile(a, b) {
		t.Errorf("the file is not the same: %v", err)
	}
	if info, err := os.Stat(filepath.Join(to, "tmp")); err != nil || info.Mode()&os.ModeSticky == 0 {
		t.Errorf("the mode of a directory: %v, %v", info, err)
	}
	// What is unpacked over the copy must not be seen below it.
	if err := os.Remove(filepath.Join(to, "usr", "bin", "tool")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(from, "usr", "bin", "tool")); err != nil || string(text) != "tool" {
		t.Errorf("%q, %v", text, err)
	}
	if err := linkTree(context.Background(), filepath.Join(from, "none"), filepath.Join(to, "x")); err == nil {
		t.Error("no error for a tree that is not there")
	}
}
