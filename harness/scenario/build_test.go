package scenario

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness/outcome"
)

const buildHead = `schema = "umlab.scenario/v1"
name = "x"
title = "t"
tree = "debian-6.12"
toolchain = "trixie"
fragments = ["a.config"]
patches = ["x/revert.patch"]
source = ["8851e27d2cb947ea8bbbe8e812068f7bf5cbd00b", "https://lore.kernel.org/r/1"]
trees = ">=6.12, <7.0"
[build]
goal = "rust/core.o"
`

func loadBuild(t *testing.T, rest string) (*Scenario, error) {
	t.Helper()
	return Library{Project: fstest.MapFS{
		"scenarios/x.toml":         {Data: []byte(buildHead + rest)},
		"scenarios/x/revert.patch": {Data: []byte("diff")},
		"configs/a.config":         {Data: []byte("CONFIG_RUST=y\n")},
	}}.Load("x")
}

func TestBuildMistakes(t *testing.T) {
	for name, tt := range map[string]struct{ rest, want string }{
		"module":           {"[[module]]\nname = \"m\"\npath = \"a/m.ko\"\n", `x.toml:11:8: a scenario with [build] boots nothing: leave out [[module]]`},
		"placement":        {"[axes]\nplacement = [\"low\"]\n", `boots nothing: leave placement out of [axes]`},
		"loaded":           {"[[expect]]\noutcome = \"loaded\"\n", `outcome "loaded" is unknown: allowed are built, build-failed, config-dropped`},
		"rejected":         {"[[expect]]\nverdict = \"rejected\"\n", `verdict "rejected" is unknown: allowed are builds, broken`},
		"message of built": {"[[expect]]\noutcome = \"built\"\nmessage = \"x\"\n", `x.toml:14:11: message goes with outcome build-failed only`},
		"place of built":   {"[[expect]]\noutcome = \"built\"\nplace = \"x\"\n", `x.toml:14:9: place goes with outcome build-failed only`},
		"tool of neither":  {"[[expect]]\noutcome = \"config-dropped\"\nwarning = \"x\"\ntool = \"ld\"\n", `x.toml:15:8: tool goes with outcome build-failed or built only`},
		"warning of error": {"[[expect]]\noutcome = \"build-failed\"\nwarning = \"x\"\n", `x.toml:14:11: warning goes with outcome built only`},
		"no warning":       {"[[expect]]\noutcome = \"build-failed\"\nno-warning = \"x\"\n", `x.toml:14:14: no-warning goes with outcome built only`},
		"differs":          {"[[expect]]\noutcome = \"build-failed\"\ndiffers = [\"x\"]\n", `x.toml:14:1: differs goes with outcome built only`},
		"differs, control": {"[[control]]\nname = \"c\"\npatched = false\noutcome = \"built\"\ndiffers = [\"x\"]\n", `[[control]] has no key "differs": allowed are `},
		"message":          {"[[expect]]\noutcome = \"build-failed\"\nmessage = \"(\"\n", `message "(" is no regular expression`},
		"rustc":            {"[[expect]]\nrustc = \"new\"\noutcome = \"built\"\n", `rustc "new" is no range of versions`},
		"gcc":              {"[[expect]]\ngcc = \"16\"\noutcome = \"built\"\n", `gcc "16" is no range of versions`},
		"same":             {"[[control]]\nname = \"c\"\noutcome = \"built\"\n", `is what the scenario shows itself: name another toolchain, patched = false, or a cell`},
		"contradiction":    {"[[expect]]\noutcome = \"build-failed\"\nverdict = \"builds\"\n", `verdict "builds" contradicts the outcome`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadBuild(t, tt.rest)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestOutOfTree holds what a goal of modules of a directory is made of, and what goes with it alone.
func TestOutOfTree(t *testing.T) {
	load := func(build string, files ...string) (*Scenario, error) {
		project := fstest.MapFS{"scenarios/x.toml": {Data: []byte(strings.Replace(buildHead, "goal = \"rust/core.o\"\n", build, 1))},
			"scenarios/x/revert.patch": {Data: []byte("diff")}, "configs/a.config": {Data: []byte("CONFIG_RUST=y\n")}}
		for _, name := range files {
			project["scenarios/x/"+name] = &fstest.MapFile{Data: []byte(name)}
		}
		return Library{Project: project}.Load("x")
	}
	s, err := load("goal = \"M=hello\"\nkernel = \"trixie\"\n", "hello/Kbuild", "hello/src/a.c", "other/b.c")
	if err != nil {
		t.Fatal(err)
	}
	o := s.OutOfTree
	if o == nil || o.Kernel != "trixie" || o.Dir != "scenarios/x/hello" || len(o.Files) != 2 || string(o.Files["src/a.c"]) != "hello/src/a.c" {
		t.Errorf("%+v", o)
	}
	more, err := load("goal = \"M=hello\"\n", "hello/Kbuild", "hello/src/b.c")
	if err != nil || more.OutOfTree.Digest == o.Digest || !more.BuildOnly() {
		t.Errorf("%v, %+v", err, more)
	}
	for build, want := range map[string]string{
		"goal = \"M=hello\"\n":                          `x.toml:11:8: goal "M=hello": the directory scenarios/x/hello: `,
		"goal = \"M=../hello\"\n":                       `goal "M=../hello" is not possible: write a target of make`,
		"goal = \"rust/core.o\"\nkernel = \"trixie\"\n": `x.toml:12:10: kernel is that of modules of a directory: it goes with goal = "M=DIRECTORY"`,
	} {
		if _, err := load(build, "other/b.c"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", build, err, want)
		}
	}
}

func TestCheckTree(t *testing.T) {
	s, err := loadBuild(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckTree("a", "6.12.117"); err != nil {
		t.Error(err)
	}
	err = s.CheckTree("b", "7.3.4")
	if want := "scenario x is not for tree b (7.3.4): it is for kernels >=6.12, <7.0"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	misfit := &TreeError{Scenario: "x", Tree: "b", Version: "6.1", Err: errors.New("p.patch:3 does not apply to b (6.1)\n  a.c, hunk 1 of 1, @@ -1 +1 @@: no\n  it wants")}
	if got, want := misfit.Brief(), "scenario x is not for tree b (6.1): one of its patches does not fit: p.patch:3 does not apply to b (6.1): "+
		"a.c, hunk 1 of 1, @@ -1 +1 @@: no"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestKnown holds that another error is never the one that a scenario describes.
func TestKnown(t *testing.T) {
	s, err := loadBuild(t, `
[[expect]]
outcome = "built"
no-warning = "unused"
[[expect]]
rustc = ">=1.91"
outcome = "build-failed"
message = '^error loading target specification: .*invalid type'
place = "scripts/target.json"
tool = "rustc"
`)
	if err != nil {
		t.Fatal(err)
	}
	failed := func(tool, place, message string) outcome.Outcome {
		return outcome.Outcome{Kind: outcome.BuildFailed, Diagnostic: &outcome.Diagnostic{Tool: tool, Place: place, Message: message}}
	}
	const spec = "error loading target specification: target-pointer-width: invalid type: string"
	for _, tt := range []struct {
		o         outcome.Outcome
		is, other bool
	}{
		{failed("rustc", "scripts/target.json", spec), true, false},
		{failed("rustc", "scripts/target.json", "custom targets are unstable"), false, true},
		{failed("rustc", "rust/target.json", spec), false, true},
		{failed("clang", "scripts/target.json", spec), false, true},
		{outcome.Outcome{Kind: outcome.BuildFailed, Evidence: spec}, false, true},
		{outcome.Outcome{Kind: outcome.Built}, true, false},
		{outcome.Outcome{Kind: outcome.Built, Warnings: []outcome.Diagnostic{{Message: "unused variable"}}}, false, true},
		{outcome.Outcome{Kind: outcome.ConfigDropped}, false, false},
	} {
		known, described := s.Known(Cell{Variant: s.Stock()}, tt.o)
		if (known != "") != tt.is || (described && known == "") != tt.other {
			t.Errorf("%+v: known %q, described %v", tt.o, known, described)
		}
	}
	// What is expected depends on the rustc, what is known does not.
	for rustc, want := range map[string]string{"1.85.1": "built", "1.96.0": "build-failed"} {
		if got := Wanted(s.Expected(On{Kernel: "6.12.117", Rustc: rustc}, Cell{Variant: s.Stock()}, Placement{}, "")); !strings.HasPrefix(got, want) {
			t.Errorf("of rustc %s %q is expected", rustc, got)
		}
	}
}

func TestAtPlace(t *testing.T) {
	for _, tt := range []struct {
		pattern, place string
		want           bool
	}{
		{"scripts/target.json", "scripts/target.json", true},
		{"target.json", "scripts/target.json", true},
		{"rust/kernel/lib.rs:12", "rust/kernel/lib.rs:12:5", true},
		{"rust/kernel/lib.rs:12", "rust/kernel/lib.rs:123:5", false},
		{"rust/kernel/lib.rs", "rust/kernel/lib.rs:123:5", true},
		{"library/core/src/*", "/usr/lib/rustlib/src/rust/library/core/src/any.rs:847:16", true},
		{"library/core/src/*", "/usr/lib/rustlib/src/rust/library/core/src/num/mod.rs:1:1", false},
		{"kernel/*", "kernel", false},
	} {
		if got := atPlace(tt.pattern, tt.place); got != tt.want {
			t.Errorf("atPlace(%q, %q) = %v", tt.pattern, tt.place, got)
		}
	}
}

// TestBuildSelect holds that nothing is chosen of what is not booted.
func TestBuildSelect(t *testing.T) {
	s, err := loadBuild(t, "[[control]]\nname = \"c\"\ntoolchain = \"sid\"\noutcome = \"built\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Select(Selection{Placements: []string{"low"}}); err == nil || !strings.Contains(err.Error(), "nothing is booted") {
		t.Errorf("placements: %v", err)
	}
	p, err := s.Select(Selection{})
	if err != nil || len(p.Cells) != 1 || len(p.Cells[0].Placements) != 0 || p.Controls[0].Selected || p.Controls[0].At() != "stock, by sid" {
		t.Errorf("%+v, %v", p, err)
	}
}
