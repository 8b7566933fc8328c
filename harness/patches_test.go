package harness_test

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"umlab/harness/parcel"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/settings"
)

// patchCase is a patch that a scenario carries, with what verify must conclude.
type patchCase struct {
	File       string            `toml:"file"`       // beside patches.toml
	Trees      []string          `toml:"trees"`      // names of configs/trees.toml, or globs of them
	Conclusion result.Conclusion `toml:"conclusion"` // any but infra
	Why        string            `toml:"why"`        // what it teaches
}

func (c patchCase) applies(tree string) bool {
	return slices.ContainsFunc(c.Trees, func(glob string) bool {
		ok, err := path.Match(glob, tree)
		return ok && err == nil
	})
}

// patchCases reads the patches.toml of the scenario that ships, and holds that it
// is whole: no key that nobody reads, and no patch beside it that it does not
// name.
func patchCases(t *testing.T) []patchCase {
	t.Helper()
	dir := filepath.Join("../scenarios", plan.DefaultScenario)
	text, err := os.ReadFile(filepath.Join(dir, "patches.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Patch []patchCase `toml:"patch"`
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&doc); err != nil {
		t.Fatalf("patches.toml: %v", err)
	}
	beside, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range doc.Patch {
		file := filepath.Join(dir, c.File)
		if !slices.Contains(beside, file) {
			t.Errorf("patch %d: there is no file %q beside it, or it is named twice", i+1, c.File)
		}
		beside = slices.DeleteFunc(beside, func(f string) bool { return f == file })
		if c.Conclusion == result.NoConclusion || !slices.Contains(result.Conclusions(), c.Conclusion) {
			t.Errorf("patch %s: conclusion %q", c.File, c.Conclusion)
		}
		if len(c.Trees) == 0 || c.Why == "" {
			t.Errorf("patch %s: it lacks trees or why", c.File)
		}
		for _, g := range c.Trees {
			if _, err := path.Match(g, ""); err != nil {
				t.Errorf("patch %s: trees: %q: %v", c.File, g, err)
			}
		}
	}
	if len(beside) > 0 {
		t.Errorf("patches.toml does not name %v", beside)
	}
	return doc.Patch
}

// TestShippedPatches holds that the scenario that ships has a fix for each tree,
// and patches that only seem to be one.
func TestShippedPatches(t *testing.T) {
	cases := patchCases(t)
	s, err := settings.Load(os.DirFS("../configs"), parcel.Machine, "")
	if err != nil {
		t.Fatal(err)
	}
	for tree := range s.Trees {
		got := map[result.Conclusion]int{}
		for _, c := range cases {
			if c.applies(tree) {
				got[c.Conclusion]++
			}
		}
		if got[result.Fixed] < 1 || got[result.PartlyFixed] < 1 || got[result.NoEffect] < 1 || got[result.Regressed] < 1 {
			t.Errorf("tree %s: %v", tree, got)
		}
	}
}
