package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/shrink"
	"umlab/harness/store"
)

// TestDeletions: patch makes of what there was what is left, by the diff that is printed.
func TestDeletions(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip("no patch")
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "n")
		var lines, kept []string
		var keep []int
		for i := range n {
			lines = append(lines, rapid.SampledFrom([]string{"a", "b", "", "}"}).Draw(rt, "line"))
			if rapid.IntRange(0, 9).Draw(rt, "goes") > 2 {
				keep, kept = append(keep, i), append(kept, lines[i])
			}
		}
		diff := deletions("f", lines, keep)
		if len(keep) == n {
			if diff != "" {
				rt.Fatalf("a diff of nothing:\n%s", diff)
			}
			return
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			rt.Fatal(err)
		}
		c := exec.Command("patch", "-s", "-p1", "-d", dir, "-o", filepath.Join(dir, "out"))
		c.Stdin = strings.NewReader(diff)
		if text, err := c.CombinedOutput(); err != nil {
			rt.Fatalf("%v: %s\n%s", err, text, diff)
		}
		got, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil && len(kept) > 0 {
			rt.Fatal(err)
		}
		want := strings.Join(kept, "\n") + "\n"
		if len(kept) == 0 {
			want = ""
		}
		if string(got) != want {
			rt.Fatalf("%q, not %q\n%s", got, want, diff)
		}
	})
}

// A line that went leaves the others their numbers, until what is blank goes as well.
func TestSourceFile(t *testing.T) {
	f := sourceFile{lines: []string{"a", "", " ", "b", ""}}
	if got := f.text(false); got != "a\n\n \nb\n" {
		t.Errorf("%q", got)
	}
	if got := f.text(true); got != "a\nb\n" {
		t.Errorf("squeezed: %q", got)
	}
}

// What is shown of a source is what is left of it, with its blank lines unless those went, too.
func TestShowSource(t *testing.T) {
	of := func(squeezed bool, lines ...string) subject {
		return subject{files: []sourceFile{{"ext/x", "x.c", lines}}, squeezed: squeezed}
	}
	was := of(false, "a", "", "b", "c", "")
	for _, tt := range []struct {
		left subject
		diff string
	}{
		{was, ""},
		{of(false, "a", "", "", "c", ""), " a\n \n-b\n c\n"},
		{of(true, "a", "", "", "c", ""), " a\n-\n-b\n c\n"},
		{of(true, "", "", "", "", ""), "-a\n-\n-b\n-c\n"},
	} {
		part := &result.MinimisedPart{}
		showSource(part, was, tt.left)
		_, hunk, _ := strings.Cut(part.Diff, "@@\n")
		if hunk != tt.diff || part.Left != tt.left.count() || len(part.Kept) != part.Left {
			t.Errorf("%+v: %q, want %q", part, hunk, tt.diff)
		}
	}
	part := &result.MinimisedPart{}
	showSource(part, of(false, "a", "b"), of(false, "a", ""))
	if _, hunk, _ := strings.Cut(part.Diff, "@@\n"); hunk != " a\n-b\n" {
		t.Errorf("without a newline at its end: %q", hunk)
	}
}

// TestSubjectKey: subjects that differ in anything have other keys.
func TestSubjectKey(t *testing.T) {
	settings := []scenario.Setting{
		{Axis: scenario.Axis{Kind: scenario.OfRustc, Name: "relocation-model", Prefix: "-C"}, Value: "static"},
		{Axis: scenario.Axis{Kind: scenario.OfRustc, Name: "code-model", Prefix: "-C"}, Value: "small"},
	}
	s := func() subject {
		return subject{settings: slices.Clone(settings), steps: []string{"s"}, modules: []string{"m", "n"}, options: []kconfig.Option{{Name: "CONFIG_A", Value: "y"}},
			files: []sourceFile{{"ext/hello", "hello.c", []string{"a", ""}}}}
	}
	whole := s()
	seen := map[string]string{whole.key(): "whole"}
	for name, change := range map[string]func(*subject){
		"settings": func(s *subject) { s.settings = s.settings[:1] }, "steps": func(s *subject) { s.steps = nil },
		"modules": func(s *subject) { s.modules = s.modules[1:] }, "options": func(s *subject) { s.options = nil },
		"lines": func(s *subject) { s.files[0].lines = []string{"", ""} }, "blank lines": func(s *subject) { s.squeezed = true },
	} {
		part := s()
		change(&part)
		if other := seen[part.key()]; other != "" {
			t.Errorf("%s have the key of %s", name, other)
		}
		seen[part.key()] = name
	}
	if again := s(); seen[again.key()] != "whole" {
		t.Error("the same has another key")
	}
}

// The first module that is not loaded decides, where none is named; what is named decides.
func TestDeciding(t *testing.T) {
	module := func(name string, k outcome.Kind) result.Module {
		return result.Module{Name: name, Outcome: outcome.Outcome{Kind: k}}
	}
	place := func(name string, list ...result.Module) result.Placement {
		return result.Placement{Name: name, Runs: []result.Run{{Modules: list}}}
	}
	cell := result.Cell{ID: "stock", Placements: []result.Placement{
		place("low", module("a", outcome.Loaded), module("b", outcome.Loaded)), place("high", module("a", outcome.Loaded), module("b", outcome.RelocationOverflow))}}
	good := result.Cell{ID: "stock", Placements: cell.Placements[:1]}
	failed := result.Cell{ID: "stock", Build: result.Build{Outcome: &outcome.Outcome{Kind: outcome.BuildFailed}}}
	for _, tt := range []struct {
		cell       result.Cell
		name, want string
	}{
		{cell, "stock", "stock:high:b"}, {cell, "stock:low", "stock:low:a"}, {cell, "stock::a", "stock:low:a"}, {cell, "stock:high:a", "stock:high:a"},
		{good, "stock", "stock:low:a"}, {good, "stock:low:b", "stock:low:b"}, {failed, "stock:low:b", "stock"}, {result.Cell{ID: "stock"}, "stock", ""},
	} {
		target, err := predicate.ParseTarget(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := deciding(&ran{Results: &result.Results{Cells: []result.Cell{tt.cell}}}, target)
		if (err == nil) != (tt.want != "") || err == nil && got.String() != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

// The journal keeps what was answered, in the store and in a file; what was cut off or is of something else is not taken.
func TestMinimiseJournal(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{store: st}
	file := filepath.Join(t.TempDir(), "log")
	open := func(question string, fresh bool) (*minimiseJournal, error) {
		return l.openMinimiseJournal(question, file, fresh)
	}
	j, err := open("q", false)
	if err != nil {
		t.Fatal(err)
	}
	for asked, a := range map[string]shrink.Answer{"one": shrink.Holds, "two": shrink.Not, "three": shrink.Unknown} {
		if err := j.put(asked, a, "seen"); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	known := func(j *minimiseJournal) (s string) {
		for _, asked := range []string{"one", "two", "three"} {
			if a, ok := j.get(asked); ok {
				s += asked + "=" + string(a.Answer) + " "
			}
		}
		return s
	}
	const both = "one=holds two=not "
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"question":"q","asked":"thr`)
	}
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	if j, err = open("q", true); err != nil || known(j) != both {
		t.Fatalf("by the file: %v", err)
	}
	if err := j.put("three", shrink.Not, ""); err != nil {
		t.Fatal(err)
	}
	j.close()
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != 4 || strings.Contains(string(text), `"thr{`) {
		t.Errorf("%v:\n%s", err, text)
	}
	if _, err := open("other", false); ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), file+":1: it has answers of another question") {
		t.Errorf("%v", err)
	}
	for _, tt := range []struct {
		question, want string
		fresh          bool
	}{{"q", both + "three=not ", false}, {"q", "", true}, {"other", "", false}} {
		j, err := l.openMinimiseJournal(tt.question, "", tt.fresh)
		if err != nil || known(j) != tt.want {
			t.Errorf("by the store, %+v: %v", tt, err)
		}
	}
	if err := os.WriteFile(file, []byte("{\"question\":\"q\"}\n{\"question\":\"q\",\"asked\":\"one\",\"answer\":\"maybe\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := open("q", false); ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), file+":2: ") {
		t.Errorf("%v", err)
	}
}

func minimisation() *result.Minimisation {
	return &result.Minimisation{Schema: result.MinimisationSchema, Command: "umlab minimise stock -html=x.html", Started: time.Unix(1, 0).UTC(), Seconds: 12.5,
		Tree: result.Tree{Name: "debian-6.12", Version: "6.12.107", Patches: []string{}}, Toolchain: result.Toolchain{Name: "trixie", Compiler: "clang"},
		Target: "stock:low:hello", Seen: "init-failed errno 22", Evidence: "\xff <b>", Cell: "stock", Conclusion: result.Smaller, Reason: "the time is over", Exit: 1,
		Parts: []result.MinimisedPart{
			{Name: "source", Was: 4, Left: 1, Tried: 9, Known: 1, Minimal: true, Kept: []string{"<b>\x1b[2J"}, Diff: "--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,1 @@\n-\x1b[2J<i>\n <b>\n"},
			{Name: "kconfig", Was: 2, Left: 2, Tried: 3, Unknown: 1, Kept: []string{"CONFIG_A=y", "# CONFIG_B is not set"}}}}
}
