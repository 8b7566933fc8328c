package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness/parcel"
)

// owned loads umlab's configuration with the user's files over it.
func owned(t *testing.T, files map[string]string) (dir string, s *Settings, err error) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err = Load(os.DirFS("../../configs"), parcel.Machine, dir)
	return dir, s, err
}

// TestOwn: what is the user's adds to umlab's and replaces it, and is told of what rests on it.
func TestOwn(t *testing.T) {
	dir, s, err := owned(t, map[string]string{
		"toolchains.toml": "[toolchain.mine]\nsuites = [\"trixie\"]\n[toolchain.sid]\nsuites = [\"stale\"]\n" +
			"[toolchain.both]\nrust = \"sid\"\nc = \"trixie\"\n[series.old]\nvaries = \"llvm\"\ntoolchain = \"mine\"\nsuites = [\"trixie\"]\n",
		"trees.toml":  "[tree.linux]\nurl = \"/src/linux\"\nref = \"master\"\n",
		"suites.toml": "[suite.stale]\nallow-frozen = true\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.DefaultTree != "debian-6.12" || s.DefaultToolchain != "trixie" || s.Trees["linux"].Ref != "master" || len(s.Toolchains) < 8 {
		t.Errorf("default tree %s, default toolchain %s, tree %+v", s.DefaultTree, s.DefaultToolchain, s.Trees["linux"])
	}
	if got := s.Toolchains["sid"].Suites; len(got) != 1 || got[0] != "stale" {
		t.Errorf("sid is of %v", got)
	}
	for _, c := range []struct{ tree, toolchain, want string }{
		{"debian-6.12", "trixie", ""},
		{"linux", "trixie", "tree linux of DIR/trees.toml"},
		{"debian-6.12", "mine", "toolchain mine of DIR/toolchains.toml"},
		{"debian-6.12", "both", "suite stale of DIR/suites.toml, toolchain both of DIR/toolchains.toml, toolchain sid of DIR/toolchains.toml"},
		{"debian-6.12", "old:19.1.7", "series old of DIR/toolchains.toml, toolchain mine of DIR/toolchains.toml"},
		{"/src/linux", "debian-rustc:1.85.1", "suite stale of DIR/suites.toml"}, // one of those that are asked
	} {
		got := strings.ReplaceAll(strings.Trim(strings.ReplaceAll(sprint(s.OwnOf(c.tree, c.toolchain, "")), dir, "DIR"), "[]"), "] [", ", ")
		if got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.tree, c.toolchain, got, c.want)
		}
	}
	dir, s, err = owned(t, map[string]string{"limits.toml": "[boot]\nseconds = 5\n"})
	if err != nil || s.Limits.Boot.Seconds != 5 || s.Limits.Build.Minutes == 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	if o := s.OwnOf("debian-6.12", "trixie", ""); len(o) != 1 || !o[0].Limits() || o[0].String() != "limits of "+dir+"/limits.toml" {
		t.Errorf("%v", o)
	}
}

func sprint(list []Own) string {
	var all []string
	for _, o := range list {
		all = append(all, o.String())
	}
	return strings.Join(all, ", ")
}

// TestOwnMistakes: each has its file, line and column.
func TestOwnMistakes(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"toolchains.toml", "\n  [toolchain.mine]\nsuites = [\"trixy\"]\n", "toolchains.toml:2:3: toolchain mine: unknown suite \"trixy\""},
		{"toolchains.toml", "[toolchain.mine]\nsuite = [\"trixie\"]\n", "toolchains.toml:2:1: unknown key toolchain.mine.suite"},
		{"toolchains.toml", "[series.\"s\"]\nvaries = \"weather\"\n", "toolchains.toml:1:1: series s: varies"},
		{"toolchains.toml", "default = \"none\"\n", "toolchains.toml:1:1: default = \"none\" names no toolchain"},
		{"trees.toml", "[tree.\"debian-6.12\"]\nurl = \"ssh://x\"\n", "trees.toml:1:1: tree debian-6.12 has url, but no ref"},
		{"trees.toml", "[tree.x\n", "trees.toml:1:8: "},
		{"suites.toml", "[suite.x]\nsnapshot = \"now\"\n", "suites.toml:1:1: suite x: snapshot"},
		{"limits.toml", "[build]\n  minutes = 0\n", "limits.toml:2:3: build.minutes = 0"},
		{"toolchain.toml", "", "toolchain.toml: nothing reads this file; what is read there is suites.toml, trees.toml, toolchains.toml, limits.toml, " +
			"and scenarios/*.toml; did you mean \"toolchains.toml\"?"},
	} {
		dir, _, err := owned(t, map[string]string{c.file: c.text})
		if want := fmt.Sprintf("%s/%s", dir, c.want); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", c.text, err, want)
		}
	}
}
