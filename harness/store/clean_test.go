package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// now is the clock of these tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// TestApply holds what goes, and in which order, with entries that were used so many days ago.
func TestApply(t *testing.T) {
	type spec struct {
		name string
		days int
		size int64
		on   string // names
		held bool
		file uint64 // that it has one name of, of 100 bytes
	}
	for _, tc := range []struct {
		about   string
		entries []spec
		rule    Rule
		gone    string
		freed   int64
	}{
		{"nothing is old", []spec{{name: "a", days: 29, size: 1}}, Rule{Unused: 30 * day}, "", 0},
		{"age", []spec{{name: "a", days: 29, size: 1}, {name: "b", days: 31, size: 2}}, Rule{Unused: 30 * day}, "b", 2},
		{"all, what is held too", []spec{{name: "a", days: 0, size: 1, held: true}, {name: "b", days: 3, size: 2}}, Rule{}, "b a", 3},
		{"a base is as young as what stands on it",
			[]spec{{name: "base", days: 90, size: 100}, {name: "layer", days: 1, size: 1, on: "base"}}, Rule{Unused: 30 * day}, "", 0},
		{"a base goes after what stands on it", []spec{
			{name: "base", days: 90, size: 100}, {name: "mid", days: 95, size: 10, on: "base"}, {name: "top", days: 60, size: 1, on: "mid"},
		}, Rule{Unused: 30 * day}, "top mid base", 111},
		{"least recently used first", []spec{{name: "a", days: 1, size: 10}, {name: "b", days: 3, size: 10}, {name: "c", days: 2, size: 10}},
			Rule{Unused: Forever, Keep: 15}, "b c", 20},
		{"below the limit", []spec{{name: "a", days: 1, size: 10}}, Rule{Unused: Forever, Keep: 10}, "", 0},
		{"what is held stays, with what it stands on", []spec{
			{name: "base", days: 90, size: 100}, {name: "layer", days: 80, size: 1, on: "base", held: true}, {name: "c", days: 0, size: 10},
		}, Rule{Unused: Forever, Keep: 5}, "c", 10},
		{"age, then the limit", []spec{{name: "a", days: 40, size: 10}, {name: "b", days: 3, size: 10}, {name: "c", days: 2, size: 10}},
			Rule{Unused: 30 * day, Keep: 10}, "a b", 20},
		{"a file with two names is freed with the last",
			[]spec{{name: "a", days: 3, size: 1, file: 7}, {name: "b", days: 2, size: 1, file: 7}, {name: "c", days: 1, size: 1}},
			Rule{Unused: Forever, Keep: 1}, "a b", 102},
		{"and not before",
			[]spec{{name: "a", days: 3, size: 1, file: 7}, {name: "b", days: 2, size: 1, file: 7}},
			Rule{Unused: 60 * time.Hour}, "a", 1},
		{"a circle ends", []spec{{name: "a", days: 40, size: 1, on: "b"}, {name: "b", days: 1, size: 1, on: "a"}}, Rule{Unused: 30 * day}, "", 0},
	} {
		var list []*entry
		byName := map[string]*entry{}
		for _, sp := range tc.entries {
			e := &entry{top: "dirs", kind: "k", key: sp.name, last: now.Add(-time.Duration(sp.days) * day), held: sp.held}
			e.size.Own = sp.size
			if sp.file != 0 {
				e.size.Shared = []shared{{Inode: sp.file, Bytes: 100, Names: 1, Links: 2}}
			}
			list, byName[sp.name] = append(list, e), e
		}
		for _, sp := range tc.entries {
			for _, on := range strings.Fields(sp.on) {
				byName[sp.name].on = append(byName[sp.name].on, byName[on])
			}
		}
		c, gone := tc.rule.apply(list, now)
		var names []string
		for _, e := range gone {
			names = append(names, e.key)
		}
		if got := strings.Join(names, " "); got != tc.gone || c.Freed != tc.freed {
			t.Errorf("%s: %q went and %d bytes, want %q and %d", tc.about, got, c.Freed, tc.gone, tc.freed)
		}
	}
}

// put makes the directory kind/key with one file, last used so long ago.
func put(t *testing.T, s *Store, kind, key string, ago time.Duration, on ...Entry) string {
	t.Helper()
	if err := s.Needs(kind, key, on...); err != nil {
		t.Fatal(err)
	}
	dir, _, err := s.Dir(t.Context(), kind, key, func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "f"), make([]byte, 100_000), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	usedAt(t, dir, ago)
	return dir
}

func usedAt(t *testing.T, path string, ago time.Duration) {
	t.Helper()
	if err := os.Chtimes(path, now.Add(-ago), now.Add(-ago)); err != nil {
		t.Fatal(err)
	}
}

// again opens the store as a later process does, which has used nothing yet.
func again(t *testing.T, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(filepath.Dir(s.Root()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func removed(c *Cleaned) (said []string) {
	for _, u := range c.Kinds {
		if u.Removed > 0 {
			said = append(said, fmt.Sprintf("%s:%d", u.Kind, u.Removed))
		}
	}
	return said
}

func there(s *Store, kind, key string) bool {
	_, err := os.Stat(filepath.Join(s.Root(), "dirs", kind, key))
	return err == nil
}

func TestClean(t *testing.T) {
	s, ctx := open(t), t.Context()
	put(t, s, "kind", "old", 50*day)
	put(t, s, "kind", "new", 50*day)
	put(t, s, "tree", "base", 80*day)
	put(t, s, "layer", "over", 50*day, Entry{"tree", "base"})
	if err := s.Put("layer", "over", "base"); err != nil {
		t.Fatal(err)
	}
	usedAt(t, filepath.Join(s.Root(), "records", "layer", "over"), 50*day)
	path, err := s.Bytes(ctx, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	usedAt(t, s.stampPath(filepath.Base(path)), 50*day)
	s = again(t, s)
	for _, e := range []Entry{{"kind", "new"}, {"layer", "over"}} { // which uses them
		if _, ok := s.Lookup(e.Kind, e.Key); !ok {
			t.Fatalf("%v is gone", e)
		}
	}
	rule := Rule{Unused: 30 * day}
	for _, dry := range []bool{true, false} {
		c, err := s.cleanAt(ctx, now, rule, dry)
		if err != nil || !slices.Equal(removed(c), []string{"files:1", "kind:1"}) || c.Freed < 100_000 || c.Bytes < 400_000 {
			t.Fatalf("dry %t: %+v, %v", dry, c, err)
		}
		if there(s, "kind", "old") != dry {
			t.Errorf("dry %t: the old one is there: %t", dry, !dry)
		}
	}
	var over string
	if !there(s, "kind", "new") || !there(s, "layer", "over") || !there(s, "tree", "base") || !s.Get("layer", "over", &over) {
		t.Error("what was used, what that stands on, or its record is gone")
	}
	other, err := Open(filepath.Dir(s.Root()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clean(ctx, Rule{}, false); !InUse(err) {
		t.Errorf("Clean beside another user: %v", err)
	}
	// It is a user still: a lock that cannot be changed must not be lost.
	if _, err := other.Clean(ctx, Rule{}, false); !InUse(err) {
		t.Errorf("Clean of the other one: %v", err)
	}
	other.Close()
	if _, err := s.Clean(ctx, Rule{}, false); err != nil {
		t.Fatal(err)
	}
	for _, top := range []string{"dirs", "files", "records", "needs"} {
		if left, err := filepath.Glob(filepath.Join(s.Root(), top, "*", "*")); err != nil || len(left) > 0 {
			t.Errorf("Clean of everything left %v, %v", left, err)
		}
	}
	if left := tmp(t, s); len(left) > 0 {
		t.Errorf("left in tmp: %v", left)
	}
}

func TestKeepBelow(t *testing.T) {
	s, ctx := open(t), t.Context()
	put(t, s, "tree", "base", 9*day)
	put(t, s, "layer", "a", 3*day, Entry{"tree", "base"})
	put(t, s, "layer", "b", 2*day, Entry{"tree", "base"})
	put(t, s, "kind", "young", 1*day)
	s = again(t, s)
	if _, ok := s.Lookup("layer", "a"); !ok {
		t.Fatal("a is gone")
	}
	for _, tc := range []struct {
		keep int64
		want []string
	}{
		{1_000_000, nil}, {350_000, []string{"layer:1"}}, {1, []string{"kind:1"}},
	} {
		c, err := s.cleanAt(ctx, now, Rule{Unused: Forever, Keep: tc.keep}, false)
		if err != nil || !slices.Equal(removed(c), tc.want) {
			t.Errorf("keep %d: %+v, %v; want %v", tc.keep, c, err, tc.want)
		}
	}
	if !there(s, "layer", "a") || !there(s, "tree", "base") {
		t.Error("what this process uses is gone")
	}
}

// TestSizesCountLinksOnce: entries share files, also with one that was measured when it was alone.
func TestSizesCountLinksOnce(t *testing.T) {
	s, ctx := open(t), t.Context()
	from := put(t, s, "tree", "whole", 9*day)
	total := func() int64 {
		t.Helper()
		c, err := s.cleanAt(ctx, now, Rule{Unused: Forever}, true)
		if err != nil {
			t.Fatal(err)
		}
		return c.Bytes
	}
	alone := total()
	_, _, err := s.Dir(ctx, "tree", "farm", func(_ context.Context, dir string) error {
		return errors.Join(os.Link(filepath.Join(from, "f"), filepath.Join(dir, "f")), os.Link(filepath.Join(from, "f"), filepath.Join(dir, "g")))
	})
	if err != nil {
		t.Fatal(err)
	}
	if with := total(); with-alone >= 100_000 || with <= alone {
		t.Errorf("%d bytes, with a farm of links %d", alone, with)
	}
	if again := total(); again-alone >= 100_000 { // as remembered
		t.Errorf("%d bytes the second time, alone %d", again, alone)
	}
	c, err := s.cleanAt(ctx, now, Rule{Unused: 8 * day}, true)
	if err != nil || c.Freed >= 100_000 {
		t.Errorf("the whole tree frees %+v, %v: its file has other names", c, err)
	}
	if n := Allocated(filepath.Join(s.Root(), "dirs", "tree", "farm")); n < 100_000 || n >= 200_000 {
		t.Errorf("the farm alone takes %d", n)
	}
}

// TestKilledClean kills processes that clean: whatever has a name is whole, and has what it stands on.
func TestKilledClean(t *testing.T) {
	root := t.TempDir()
	for round := range 4 {
		s, err := Open(root)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			base, layer := fmt.Sprint("b", i), fmt.Sprint("l", i)
			put(t, s, "tree", base, 90*day)
			put(t, s, "layer", layer, 90*day, Entry{"tree", base})
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestCleanVictim$", "-test.v")
		cmd.Env = append(os.Environ(), "UMLAB_TEST_CLEANS="+root)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The kill lands wherever the victim is by then.
		for n := 20; n > 19-round*4; {
			left, _ := filepath.Glob(filepath.Join(root, "v1", "dirs", "*", "*"))
			n = len(left)
		}
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if s, err = Open(root); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			base, layer := fmt.Sprint("b", i), fmt.Sprint("l", i)
			if there(s, "layer", layer) && !there(s, "tree", base) {
				t.Errorf("round %d: layer %d is left without its base", round, i)
			}
			for kind, key := range map[string]string{"tree": base, "layer": layer} {
				if info, err := os.Stat(filepath.Join(s.Root(), "dirs", kind, key, "f")); there(s, kind, key) && (err != nil || info.Size() != 100_000) {
					t.Errorf("round %d: half of %s/%s is left", round, kind, key)
				}
			}
		}
		if left := tmp(t, s); len(left) > 0 {
			t.Errorf("round %d: left in tmp: %v", round, left)
		}
		s.Close()
	}
}

func TestCleanVictim(t *testing.T) {
	root := os.Getenv("UMLAB_TEST_CLEANS")
	if root == "" {
		t.Skip("runs as a child of TestKilledClean")
	}
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clean(t.Context(), Rule{Unused: 30 * day}, false); err != nil {
		t.Fatal(err)
	}
}
