package harness

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKeepBelow: after a flow, what was used least recently goes, but nothing that the flow used.
func TestKeepBelow(t *testing.T) {
	home := t.TempDir()
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	run := func(keep string, flow func(*Lab) error) {
		t.Helper()
		env := map[string]string{"UMLAB_HOME": home, "UMLAB_KEEP": keep}
		o := Options{Project: os.DirFS(".."), Getenv: func(k string) string { return env[k] }, Stdout: stderr, Stderr: stderr}
		if err := Run(o, flow); err != nil {
			t.Fatal(err)
		}
	}
	put := func(l *Lab, key string) error {
		_, _, err := l.store.Dir(t.Context(), "tree", key, func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "f"), make([]byte, 200_000), 0o600)
		})
		return err
	}
	run("", func(l *Lab) error { return put(l, "old") })
	old := filepath.Join(home, "v1", "dirs", "tree", "old")
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	run("300kB", func(l *Lab) error {
		other, err := Open(l.options)
		if err != nil {
			return err
		}
		l.keepBelow(t.Context(), 1)
		other.Close()
		if _, err := os.Stat(old); err != nil {
			t.Error("it was removed beside another umlab")
		}
		return put(l, "new")
	})
	if _, err := os.Stat(old); err == nil {
		t.Error("the old tree is still there")
	}
	run("1kB", func(l *Lab) error { return put(l, "new") })
	text, err := os.ReadFile(stderr.Name())
	for _, want := range []string{"kB freed (1 tree), 2", "are above the limit of 1.0 kB: this run uses them"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q lacks %q (%v)", text, want, err)
		}
	}
}
