package scenario

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"umlab/harness/tree/patch"
)

// TestShippedWhole holds each scenario that umlab ships to what a reader counts on: something known beforehand, what is
// expected of the stock cell, where a patched one comes from, and that its fix is what makes the difference.
func TestShippedWhole(t *testing.T) {
	project := os.DirFS("../..")
	all, err := Library{Project: project}.Names()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, name := range all {
		t.Run(name, func(t *testing.T) {
			s, err := Library{Project: project}.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			text, err := fs.ReadFile(project, "scenarios/"+name+".toml")
			if err != nil {
				t.Fatal(err)
			}
			if s.description == "" || strings.HasSuffix(s.Title, ".") {
				t.Error("it wants a description, and a title that is no sentence")
			}
			if len(s.controls) == 0 {
				t.Error("nothing of it is known beforehand: write a [[control]]")
			}
			if !slices.ContainsFunc(s.expectations, func(e expectation) bool { return e.verdict != "" && e.cell(Cell{Variant: s.Stock()}) }) {
				t.Error("no [[expect]] says what the verdict of stock is")
			}
			for _, e := range s.expectations {
				for _, w := range e.wants {
					if s.BuildOnly() && w.String() == "build-failed" {
						t.Error("a build that fails is expected whatever the message: another error would be taken for it")
					}
				}
			}
			if len(s.Source) == 0 {
				t.Error("it does not say where the bug is known from: write source")
			}
			if len(s.Patches) == 0 {
				return
			}
			if len(s.trees) == 0 {
				t.Error("a scenario with patches says which kernels it is for")
			}
			if !slices.ContainsFunc(s.controls, func(c Control) bool { return c.Unpatched }) {
				t.Error("no control is on the tree without the patches, so that nothing shows that it is they")
			}
			for _, p := range s.Patches {
				used[p.File] = true
				list, err := patch.Read(p.File, p.Text)
				if err != nil || len(list) == 0 {
					t.Errorf("%s: %d patches, %v", p.File, len(list), err)
				}
				if m := regexp.MustCompile(`^revert-([0-9a-f]{12,})\.patch$`).FindStringSubmatch(path.Base(p.File)); m != nil &&
					!slices.ContainsFunc(s.Source, func(source string) bool { return strings.HasPrefix(source, m[1]) }) {
					t.Errorf("%s reverts a commit that is not among source", p.File)
				}
			}
			if !strings.Contains(string(text), "harness/scenario/doc.go") {
				t.Error("its head does not say where the keys are described")
			}
		})
	}
	files, err := fs.Glob(project, "scenarios/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		dir := path.Base(path.Dir(f))
		switch cases := "scenarios/" + dir + "/patches.toml"; {
		case !slices.Contains(all, dir):
			t.Errorf("%s is of no scenario", f)
		case path.Ext(f) == ".patch" && !used[f] && !slices.Contains(files, cases):
			t.Errorf("%s is used by nothing", f)
		}
	}
}
