package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lendable is a store with a directory of which a first Lend has looked at all, and that directory.
func lendable(t *testing.T) (*Store, string) {
	t.Helper()
	s := open(t)
	dir, _, err := s.Dir(t.Context(), "tree", "key", func(_ context.Context, dir string) error {
		err := errors.Join(os.MkdirAll(filepath.Join(dir, "a/deep/empty"), 0o755), os.MkdirAll(filepath.Join(dir, "a-b"), 0o755))
		for _, name := range []string{"top", "a/x", "a/y", "a.c", "a-b/x", "a/deep/x", "a \"b\"\n"} {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o755))
		}
		return errors.Join(err, os.Symlink("x", filepath.Join(dir, "a/link")))
	})
	if err != nil {
		t.Fatal(err)
	}
	s = again(t, s)
	if back, err := s.Lend(t.Context(), dir); err != nil || back(false) != nil || s.listing(&seal{kind: "tree", key: "key"}) == nil {
		t.Fatal("undisturbed:", err)
	}
	return again(t, s), dir
}

// What a program was lent is found wrong where it opened it, whatever it opened where it failed, and where a name is another.
func TestLend(t *testing.T) {
	write := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { flip(t, filepath.Join(dir, name)) }
	}
	read := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if out, err := exec.Command("cat", filepath.Join(dir, name)).CombinedOutput(); err != nil {
				t.Fatalf("%s", out)
			}
		}
	}
	must := func(do func(dir string) error) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := do(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	nothing := func(*testing.T, string) {}
	for name, tc := range map[string]struct {
		before, meanwhile func(t *testing.T, dir string)
		failed            bool
		want              string // of the error; "" for none
	}{
		"nothing":                 {nothing, read("a/deep/x"), false, ""},
		"a failure":               {nothing, read("a/x"), true, ""},
		"a file":                  {write("a/x"), read("a/x"), false, "a/x: its content"},
		"a deep file":             {write("a/deep/x"), read("a/deep/x"), false, "a/deep/x: its content"},
		"a file of the top":       {write("top"), read("top"), false, "top: its content"},
		"a name with quotes":      {write("a \"b\"\n"), read("top"), false, "its content"},
		"one beside it":           {write("a/y"), read("a/link"), false, "a/y: its content"},
		"while it runs":           {nothing, func(t *testing.T, dir string) { write("a/x")(t, dir); read("a/x")(t, dir) }, false, "a/x: its content"},
		"one that nobody opened":  {write("a/x"), read("a-b/x"), false, ""},
		"one that fails":          {write("a/x"), read("a-b/x"), true, "a/x: its content"},
		"one that cannot be read": {must(func(dir string) error { return os.Chmod(filepath.Join(dir, "a/x"), 0) }), nothing, true, "another mode"},
		"a program":               {write("a-b/x"), func(_ *testing.T, dir string) { _ = exec.Command(filepath.Join(dir, "a-b/x")).Run() }, false, "a-b/x: its"},
		"an added name":           {must(func(dir string) error { return os.WriteFile(filepath.Join(dir, "a/new"), nil, 0o644) }), nothing, false, "a/new"},
		"one of the top":          {must(func(dir string) error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o644) }), nothing, false, "new"},
		"one in an empty one":     {must(func(dir string) error { return os.Mkdir(filepath.Join(dir, "a/deep/empty/new"), 0o755) }), nothing, false, "empty/new"},
		"a removed one":           {must(func(dir string) error { return os.Remove(filepath.Join(dir, "a/deep/x")) }), nothing, false, "gone"},
		"a removed directory":     {must(func(dir string) error { return os.Remove(filepath.Join(dir, "a/deep/empty")) }), nothing, false, "gone"},
		"a renamed one":           {must(func(dir string) error { return os.Rename(filepath.Join(dir, "a/x"), filepath.Join(dir, "a/z")) }), nothing, false, "a/"},
		"another link":            {must(func(dir string) error { return relink(filepath.Join(dir, "a/link"), "y") }), nothing, false, "a/link: its content"},
		"a link for a directory":  {must(func(dir string) error { return relink(filepath.Join(dir, "a/deep/empty"), "/") }), nothing, false, "another mode"},
		"a directory and back":    {must(func(dir string) error { return relink(filepath.Join(dir, "a/link"), "x") }), read("a/x"), false, ""},
		"a name that came and went": {must(func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "a/new"), 0o755), os.Remove(filepath.Join(dir, "a/new")))
		}), read("a/x"), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := lendable(t)
			tc.before(t, dir)
			back, err := s.Lend(t.Context(), filepath.Join(dir, "a"))
			if err == nil {
				tc.meanwhile(t, dir)
				err = back(tc.failed)
			}
			if tc.want == "" {
				if err != nil || s.Wrong() != nil {
					t.Error(err)
				}
				return
			}
			if w, ok := errors.AsType[*WrongError](err); !ok || !strings.Contains(w.Error(), tc.want) || s.Wrong() == nil {
				t.Error(err)
			}
			if _, there := s.Lookup("tree", "key"); there {
				t.Error("it is there still")
			}
		})
	}
}

func relink(path, to string) error { return errors.Join(os.Remove(path), os.Symlink(to, path)) }

// Where nobody knows what was opened, all is looked at; a second borrower hears what the first one's return found.
func TestLendLost(t *testing.T) {
	s, dir := lendable(t)
	flip(t, filepath.Join(dir, "a/x"))
	var backs []func(bool) error
	for range 2 {
		back, err := s.Lend(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		backs = append(backs, back)
	}
	s.lending.lose()
	for _, back := range backs {
		if err := back(false); err == nil {
			t.Error("it is believed")
		}
	}
}

// A listing counts for the seal that it was made of.
func TestListingOfAnother(t *testing.T) {
	s, dir := lendable(t)
	known, err := s.seal(t.Context(), "tree", "key")
	if err == nil {
		err = s.saveSeal("tree", "key", known.text) // as an umlab does that knows of no listings
	}
	if err != nil || s.listing(known) != nil {
		t.Fatal("it counts", err)
	}
	if err := s.Whole(t.Context(), dir); err != nil || s.listing(known) == nil {
		t.Error("none was made:", err)
	}
	if err := s.Drop("tree", "key"); err != nil || s.listing(known) != nil {
		t.Error("it is there without its directory", err)
	}
}
