package scenario

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOwn: the user's scenarios stand beside umlab's, before one of the same name; a path names any file, with what lies
// beside it.
func TestOwn(t *testing.T) {
	own, elsewhere := t.TempDir(), t.TempDir()
	umlabs, err := os.ReadFile("../../scenarios/unknown-rela-relocation.toml")
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.Replace(string(umlabs), "fragments = [", "fragments = [\"mine.config\", ", 1)
	named := func(name string) string {
		return strings.Replace(text, `name = "unknown-rela-relocation"`, `name = "`+name+`"`, 1)
	}
	replaces, other := filepath.Join(own, "scenarios/unknown-rela-relocation.toml"), filepath.Join(elsewhere, "my.toml")
	write(replaces, text)
	write(filepath.Join(own, "scenarios/mine.config"), "CONFIG_MINE=y\n")
	write(other, named("my"))
	write(filepath.Join(elsewhere, "mine.config"), "CONFIG_OTHER=y\n")
	l := Library{Project: os.DirFS("../.."), Own: own}
	for name, want := range map[string]string{
		"unknown-rela-relocation": replaces + " CONFIG_MINE", other: other + " CONFIG_OTHER", "test-ida-inverted-result": "",
	} {
		s, err := l.Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := s.OwnFile
		if got != "" {
			got += " " + s.Fragments[0].Options[0].Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	shipped, err := Library{Project: l.Project}.Names()
	if err != nil {
		t.Fatal(err)
	}
	if names, err := l.Names(); err != nil || !slices.Equal(names, shipped) { // the user's has the name of one
		t.Errorf("%v, %v", names, err)
	}
	write(other, named("other"))
	for name, want := range map[string]string{
		other:     other + `:5:`,
		elsewhere: "give a name, or the path of a file NAME.toml",
		"my.toml": "-scenario=my.toml: no such file or directory",
	} {
		if _, err := l.Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
