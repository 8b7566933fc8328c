package plan

import (
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// What is not the scenario's own choice makes another question, and is named; what does not decide what a cell is makes none.
func TestQuestion(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"hello/Kbuild": "obj-m := hello.o\n", "hello/hello.c": "int a;\n", "my.config": "CONFIG_DEBUG_FS=y\n"})
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	asked := func(f Flags) *result.Question {
		t.Helper()
		p, err := planned(t, f).Snapshot(t.Context(), st, progress.Discard{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Question(&tree.Tree{Name: "t", Layers: []string{dir}})
	}
	usual := asked(Flags{})
	if len(usual.Own) > 0 {
		t.Errorf("the scenario's own: %q", usual.Own)
	}
	on, own := true, filepath.Join(dir, "hello")
	seen := map[string]string{usual.Digest: "the scenario's own"}
	for _, tt := range []struct {
		own string
		f   Flags
	}{
		{"modules rust_print", Flags{Select: scenario.Selection{Modules: []string{"rust_print"}}}},
		{"modules rust_misc_device", Flags{Select: scenario.Selection{Modules: []string{"rust_misc_device"}}}},
		{"modules all", Flags{Select: scenario.Selection{Modules: []string{"all"}}}},
		{"modules hello (as of ", Flags{Select: scenario.Selection{Modules: []string{own}}}},
		{"output ^hi", Flags{Select: scenario.Selection{Modules: []string{own}, Output: "^hi"}}},
		{"output none", Flags{Select: scenario.Selection{Modules: []string{own}, Output: "none"}}},
		{"at low", Flags{Select: scenario.Selection{Placements: []string{"low"}}}},
		{"at 512M", Flags{Select: scenario.Selection{Mem: []string{"512M"}}}},
		{"at low (aslr on), high", Flags{Select: scenario.Selection{ASLR: &on}}},
		{"at low (3 boots), high (3 boots)", Flags{Select: scenario.Selection{Repeat: 3}}},
		{"SUBARCH=i386", Flags{Subarch: "i386"}},
		{"fragment my.config (as of ", Flags{Fragments: []string{filepath.Join(dir, "my.config")}}},
	} {
		q := asked(tt.f)
		if was, ok := seen[q.Digest]; ok {
			t.Errorf("%q is the same question as %q", tt.own, was)
		}
		seen[q.Digest] = tt.own
		if !strings.Contains(strings.Join(q.Own, "; "), tt.own) {
			t.Errorf("%q, want %q", q.Own, tt.own)
		}
		if again := asked(tt.f); again.Digest != q.Digest {
			t.Errorf("%q: asked again it is another question", tt.own)
		}
	}
	planOf := func(f Flags) *Plan {
		t.Helper()
		p, err := planned(t, f).Snapshot(t.Context(), st, progress.Discard{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	hello, fragment := Flags{Select: scenario.Selection{Modules: []string{own}}}, Flags{Fragments: []string{filepath.Join(dir, "my.config")}}
	before, configured := asked(hello), asked(fragment)
	hello0, fragment0 := planOf(hello), planOf(fragment)
	if !hello0.SameContent(planOf(hello)) || !fragment0.SameContent(planOf(fragment)) {
		t.Error("what was not touched changed")
	}
	write(t, dir, map[string]string{"hello/hello.c": "int b;\n", "my.config": "CONFIG_DEBUG_FS=n\n"})
	if asked(hello).Digest == before.Digest || asked(fragment).Digest == configured.Digest {
		t.Error("other content is the same question")
	}
	if hello0.SameContent(planOf(hello)) || fragment0.SameContent(planOf(fragment)) {
		t.Error("what was saved did not change")
	}
	for name, f := range map[string]Flags{
		"cells": {Select: scenario.Selection{Cells: []string{"stock"}}}, "scopes": {Select: scenario.Selection{Scope: []string{"all"}}},
		"tree": {Tree: "debian-7.3"}, "toolchain": {Toolchain: "sid"}, "fresh": {Fresh: true, Jobs: 1},
		"the scenario's modules by name": {Select: scenario.Selection{Modules: []string{"rust_minimal", "rust_print"}}},
		"its placements by name":         {Select: scenario.Selection{Placements: []string{"low", "high"}}},
	} {
		if q := asked(f); q.Digest != usual.Digest || len(q.Own) > 0 {
			t.Errorf("%s: %q", name, q.Own)
		}
	}
	gcc := asked(Flags{Compiler: "gcc"})
	if strings.Join(gcc.Own, "; ") != "compiler gcc" || len(asked(Flags{Compiler: "clang"}).Own) > 0 {
		t.Errorf("an own compiler: %q", gcc.Own)
	}
}
