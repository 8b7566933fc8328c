package kbuild

import (
	"os"
	"path/filepath"
	"testing"

	"umlab/harness/kmake"
	"umlab/harness/store"
)

// TestForget holds that a baseline gives its disk back, but not while another umlab may be at work with it.
func TestForget(t *testing.T) {
	root := t.TempDir()
	open := func() *store.Store {
		s, err := store.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	b := &Builder{Runner: kmake.Runner{Store: open()}}
	defer b.Store.Close()
	bl := &Baseline{Key: store.Key("a baseline")}
	dir := filepath.Join(t.TempDir(), "baseline")
	if err := os.MkdirAll(filepath.Join(dir, "build"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.Store.Install(dir, kindBaseline, bl.Key); err != nil {
		t.Fatal(err)
	}
	other := open()
	for _, there := range []bool{true, false} {
		if err := b.Forget(bl); err != nil {
			t.Fatal(err)
		}
		if _, ok := b.Store.Lookup(kindBaseline, bl.Key); ok != there {
			t.Errorf("beside another umlab %v: it is there: %v", there, ok)
		}
		if there {
			other.Close()
		}
	}
}
