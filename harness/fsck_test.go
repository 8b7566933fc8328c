package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"umlab/harness/store"
)

// A flow that finds that the store does not hold what was stored begins again, without it, and publishes nothing before: also
// where it made something else of what it found.
func TestRunBeginsAgain(t *testing.T) {
	home := t.TempDir()
	o := Options{Project: os.DirFS(".."), Stdout: os.Stdout, Stderr: os.Stderr, Quiet: true, Forget: true, Getenv: func(name string) string {
		if name == "UMLAB_HOME" {
			return home
		}
		return ""
	}}
	var made, runs int
	flow := func(l *Lab) error {
		runs++
		ctx := t.Context()
		dir, _, err := l.store.Dir(ctx, "tree", "key", func(_ context.Context, dir string) error {
			made++
			return os.WriteFile(filepath.Join(dir, "module.c"), []byte("case R_X86_64_32S:"), 0o644)
		})
		if err != nil {
			return err
		}
		if l.store.Check(ctx, filepath.Join(dir, "module.c")) != nil {
			return errors.New("nothing is predicted")
		}
		return nil
	}
	if err := Run(o, flow); err != nil || made != 1 || runs != 1 {
		t.Fatal(err, made, runs)
	}
	if err := os.WriteFile(filepath.Join(home, "v1/dirs/tree/key/module.c"), []byte("case R_X86_64_32:"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Run(o, flow); err != nil || made != 2 || runs != 3 {
		t.Fatal(err, made, runs)
	}
	// What cannot be mended ends, and says why.
	err := Run(o, func(l *Lab) error {
		runs++
		path := filepath.Join(home, "v1/dirs/tree/key/module.c")
		if err := flow(l); err != nil {
			return err
		}
		return errors.Join(os.WriteFile(path, []byte("again"), 0o644), l.store.Check(t.Context(), path))
	})
	if _, wrong := errors.AsType[*store.WrongError](err); !wrong || runs != 3+2*mostWrong {
		t.Error(err, runs)
	}
}
