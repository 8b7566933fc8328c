package settings

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestShippedPatches holds what the issue asks of the scenario that ships: a fix
// for each tree, and at least three patches that only seem to be one.
func TestShippedPatches(t *testing.T) {
	cases, err := Patches(os.DirFS("../../scenarios"), "unknown-rela-relocation")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(os.DirFS("../../configs"))
	if err != nil {
		t.Fatal(err)
	}
	for tree := range s.Trees {
		got := map[string]int{}
		for _, c := range cases {
			if c.Applies(tree) {
				got[c.Conclusion]++
			}
		}
		if got["fixed"] < 1 || got["partly-fixed"] < 1 || got["no-effect"] < 1 || got["regressed"] < 1 {
			t.Errorf("tree %s: %v", tree, got)
		}
	}
}

func TestMistakesInPatches(t *testing.T) {
	good := "[[patch]]\nfile = \"a.patch\"\ntrees = [\"x-*\"]\nconclusion = \"fixed\"\nwhy = \"y\"\n"
	read := func(text string) ([]PatchCase, error) {
		return Patches(fstest.MapFS{"s/a.patch": &fstest.MapFile{}, "s/patches.toml": &fstest.MapFile{Data: []byte(text)}}, "s")
	}
	got, err := read(good)
	if err != nil || len(got) != 1 || !got[0].Applies("x-1") || got[0].Applies("y-1") {
		t.Fatalf("%v, %v", got, err)
	}
	for text, says := range map[string][]string{
		"":                                     {"a.patch lies beside it and is not named"},
		"[[patch]]\nfile = \"b.patch\"\n":      {"there is no file \"b.patch\"", "trees is missing", "conclusion \"\" is none of fixed, ", "why is missing"},
		strings.Replace(good, "x-*", "x-[", 1): {"trees: \"x-[\""},
		good + "who = 1\n":                     {"scenarios/s/patches.toml:6:1: unknown key"},
		"[[patch":                              {"scenarios/s/patches.toml:1:"},
	} {
		_, err := read(text)
		if missing := slices.IndexFunc(says, func(s string) bool { return err == nil || !strings.Contains(err.Error(), s) }); missing >= 0 {
			t.Errorf("%q: error %v lacks %q", text, err, says[missing])
		}
	}
}
