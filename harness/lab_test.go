package harness

import (
	"os"
	"reflect"
	"testing"

	"umlab/harness/store"
)

// TestAnotherStore: what builds in another store, as bench -cold does, keeps to
// the limits of configs/limits.toml there, and fetches into no other.
func TestAnotherStore(t *testing.T) {
	home := t.TempDir()
	l, err := Open(Options{Project: os.DirFS(".."), Stdout: os.Stdout, Stderr: os.Stderr, Getenv: func(name string) string {
		if name == "UMLAB_HOME" {
			return home
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	before := l.store
	other := l.in(st)
	limits := reflect.ValueOf(other.builder.Limits)
	for i := range limits.NumField() {
		if limits.Field(i).IsZero() {
			t.Errorf("no limit of %s", limits.Type().Field(i).Name)
		}
	}
	if other.builder.Limits != l.builder.Limits {
		t.Errorf("limits are %+v, and of the first store %+v", other.builder.Limits, l.builder.Limits)
	}
	for _, at := range []any{other.store, other.builder.Store, other.archive.Store, other.archive.Client.Files} {
		if at != any(st) {
			t.Errorf("%T is not the other store", at)
		}
	}
	if l.store != before || l.builder.Store != before || l.archive.Store != before || l.archive.Client.Files != any(before) {
		t.Error("the first lab has lost its store")
	}
}
