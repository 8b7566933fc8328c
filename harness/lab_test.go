package harness

import (
	"os"
	"reflect"
	"strings"
	"testing"
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
	home2 := t.TempDir()
	other, err := Open(elsewhere(l.options, home2))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	limits := reflect.ValueOf(other.builder.Limits)
	for i := range limits.NumField() {
		if limits.Field(i).IsZero() {
			t.Errorf("no limit of %s", limits.Type().Field(i).Name)
		}
	}
	if other.builder.Limits != l.builder.Limits {
		t.Errorf("limits are %+v, and of the first store %+v", other.builder.Limits, l.builder.Limits)
	}
	for _, at := range []any{other.builder.Store, other.sources.Store, other.sources.Archive.Store, other.sources.Archive.Client.Files} {
		if at != any(other.store) {
			t.Errorf("%T is not the other store", at)
		}
	}
	if !strings.HasPrefix(l.store.Root(), home) || !strings.HasPrefix(other.store.Root(), home2) {
		t.Errorf("stores %s and %s", l.store.Root(), other.store.Root())
	}
}
