package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness/outcome"
	"umlab/harness/usage"
)

const stepModules = "\n[[module]]\nname = \"m\"\npath = \"a/m.ko\"\n[[module]]\nname = \"n\"\npath = \"a/n.ko\"\n"

func TestStepMistakes(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "[[step]]\n", "x.toml:7:3: [[step]] does nothing: write one of run, c, read, write, mount, insmod, rmmod, kunit, boot\nx.toml:7:3: [[step]] lacks name"},
		{"two actions", "[[step]]\nname = \"a\"\nrun = \"x\"\nread = \"/y\"\n", "x.toml:7:3: [[step]] has run, read: a step does one thing, so make them steps of their own"},
		{"name", "[[step]]\nname = \"a b\"\nrun = \"x\"\n", `x.toml:8:8: step "a b" is not possible: write a word of letters, digits, _ and -, 61 at most`},
		{"twice", "[[step]]\nname = \"a\"\nrun = \"x\"\n[[step]]\nname = \"a\"\nboot = true\n", `x.toml:11:8: step "a" is there already`},
		{"unknown key", "[[step]]\nname = \"a\"\nrun = \"x\"\nouput = \"y\"\n",
			`x.toml:10:1: [[step]] has no key "ouput": allowed are name, run, c, read, write, mount, insmod, rmmod, kunit, boot, args, status, output, kernel, within; did you mean "output"?`},
		{"empty", "[[step]]\nname = \"a\"\nrun = \" \"\n", "x.toml:9:7: run is empty"},
		{"type", "[[step]]\nname = \"a\"\nrun = 3\n", "x.toml:9:7: run must be a string, not an integer"},
		{"program", "[[step]]\nname = \"a\"\nc = \"../x.c\"\n", `x.toml:9:5: c "../x.c" is not possible: write the name of a *.c file in the directory x beside the scenario`},
		{"args of a command", "[[step]]\nname = \"a\"\nrun = \"x\"\nargs = [\"y\"]\n", "x.toml:7:3: args are those of a program: they go with c only"},
		{"path", "[[step]]\nname = \"a\"\nread = \"proc\"\n", `x.toml:9:8: read "proc" is not possible: write an absolute path in the guest`},
		{"text", "[[step]]\nname = \"a\"\nwrite = { path = \"/x\" }\n", "x.toml:9:1: [write] lacks text"},
		{"key of write", "[[step]]\nname = \"a\"\nwrite = { path = \"/x\", text = \"\", mode = 1 }\n", `x.toml:9:35: [write] has no key "mode": allowed are path, text`},
		{"mount", "[[step]]\nname = \"a\"\nmount = { target = \"/x\" }\n", "x.toml:9:1: [mount] lacks type"},
		{"module", "[[step]]\nname = \"a\"\ninsmod = \"z\"\n" + stepModules, `x.toml:9:10: module "z" is unknown: allowed are m, n`},
		{"module of none", "[[step]]\nname = \"a\"\ninsmod = \"z\"\n", `x.toml:9:10: module "z" is unknown: the scenario has none, write a [[module]]`},
		{"loaded of a step", "[[step]]\nname = \"a\"\ninsmod = \"m\"\n" + stepModules + "[[expect]]\nstep = \"a\"\noutcome = \"loaded\"\n",
			`x.toml:19:11: outcome "loaded" is of a module that no step loads: a step that loads one is passed`},
		{"insmod's of a command", "[[step]]\nname = \"a\"\nrun = \"x\"\n[[control]]\nname = \"c\"\ncell = \"stock\"\nplacement = \"low\"\nstep = \"a\"\noutcome = \"init-failed\"\n",
			`x.toml:15:11: outcome "init-failed" is what insmod shows: none of the steps that are named inserts a module`},
		{"a step's of a module", stepModules + "[[expect]]\nmodule = \"m\"\noutcome = [\"loaded\", \"passed\"]\n",
			`x.toml:16:22: outcome "passed" is a step's: of a module it is loaded, or how it was not`},
		{"boot", "[[step]]\nname = \"a\"\nboot = false\n", "x.toml:9:8: boot = false does nothing: leave the step out"},
		{"status of none", "[[step]]\nname = \"a\"\nboot = true\nstatus = 1\n", "x.toml:10:10: status is a command's: boot has none; name the outcome that you expect in an [[expect]]"},
		{"status", "[[step]]\nname = \"a\"\nrun = \"x\"\nstatus = 256\n", "x.toml:10:10: status 256 is not possible: allowed are 0 to 255"},
		{"output of none", "[[step]]\nname = \"a\"\ninsmod = \"m\"\noutput = \"x\"\n" + stepModules, "x.toml:10:10: output is what a command prints: insmod has no command"},
		{"expression", "[[step]]\nname = \"a\"\nrun = \"x\"\nkernel = \"(\"\n", `x.toml:10:10: kernel "(" is no regular expression: write Go's syntax: missing closing )`},
		{"deadline", "[[step]]\nname = \"a\"\nrun = \"x\"\nwithin = \"5\"\n", `x.toml:10:10: within "5" is not possible: write a time up to "1h", as in "5s" or "500ms"`},
		{"pattern", "[[step]]\nname = \"a\"\nkunit = \"[\"\n", `x.toml:9:9: kunit "[" is no pattern: write a suite's name, or one with *`},
		{"expect of none", "[[step]]\nname = \"a\"\nrun = \"x\"\n[[expect]]\nstep = \"b\"\noutcome = \"passed\"\n",
			`x.toml:11:8: step "b" is unknown: allowed are a, and "suite/test*" for tests of a kunit step`},
		{"expect of a test without kunit", "[[step]]\nname = \"a\"\nrun = \"x\"\n[[expect]]\nstep = \"s/*\"\noutcome = \"passed\"\n", `x.toml:11:8: step "s/*" is unknown`},
		{"expect of both", "[[step]]\nname = \"a\"\nrun = \"x\"\n" + stepModules + "[[expect]]\nstep = \"a\"\nmodule = \"m\"\noutcome = \"oops\"\n",
			"x.toml:18:8: an [[expect]] is of modules or of steps: make two of it"},
		{"verdict of a step", "[[step]]\nname = \"a\"\nrun = \"x\"\n[[expect]]\nstep = \"a\"\nverdict = \"passes\"\n",
			"x.toml:12:11: verdict is drawn from all placements, modules and steps of a cell: put it in an [[expect]] with none of them"},
		{"verdict and outcome", "[[step]]\nname = \"a\"\nrun = \"x\"\n[[expect]]\noutcome = \"passed\"\nverdict = \"fails\"\n",
			`x.toml:12:11: verdict "fails" contradicts the outcome of the same [[expect]], passed`},
		{"control of nothing", "[[control]]\nname = \"c\"\ncell = \"stock\"\nplacement = \"low\"\noutcome = \"passed\"\n", "x.toml:7:3: [[control]] lacks module"},
		{"control of both", "[[step]]\nname = \"a\"\nrun = \"x\"\n" + stepModules + "[[control]]\nname = \"c\"\ncell = \"stock\"\nplacement = \"low\"\nmodule = \"m\"\nstep = \"a\"\noutcome = \"oops\"\n",
			"x.toml:22:8: a control is of a module or of a step: write one of the two"},
		{"control of a step's module", "[[step]]\nname = \"a\"\ninsmod = \"m\"\n" + stepModules + "[[control]]\nname = \"c\"\ncell = \"stock\"\nplacement = \"low\"\nmodule = \"m\"\noutcome = \"oops\"\n",
			`x.toml:21:10: module "m" is a step's: name that step instead`},
		{"control of several", "[[step]]\nname = \"a\"\nrun = \"x\"\n[[control]]\nname = \"c\"\ncell = \"stock\"\nplacement = \"low\"\nstep = \"*\"\noutcome = \"passed\"\n",
			`x.toml:14:8: step "*" is a pattern: a control is of one step, or of one test`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parsed("x.toml", []byte(strings.Replace(head, `"y"`, `"x"`, 1)+tt.text))
			if err == nil || err.Error() != tt.want && !strings.HasPrefix(err.Error(), tt.want+":") {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// stepped is a project with a scenario of steps.
func stepped(text string, more map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{"scenarios/x.toml": {Data: []byte(head + text)}, "configs/a.config": {Data: []byte("CONFIG_A=y\n")},
		"rootfs/manifest": {Data: []byte("dir proc 0555\nlink bin/ls busybox\n")}}
	for name, text := range more {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestStepFiles(t *testing.T) {
	const text = "[[step]]\nname = \"a\"\nc = \"a.c\"\nargs = [\"it's\"]\n"
	s, err := Library{Project: stepped(text, map[string]string{"scenarios/x/a.c": "int main;", "scenarios/x/manifest": "link bin/ls busybox\nfile etc/a 0644 a.txt\ndir mnt 0755\n",
		"scenarios/x/a.txt": "A"})}.Load("x")
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Steps[0]; a.Source != "int main;" || a.File != "scenarios/x/a.c" || a.Shown != `c a.c 'it'\''s'` {
		t.Errorf("%+v", a)
	}
	if g := s.Guest; len(g.Entries) != 2 || string(g.Files["a.txt"]) != "A" {
		t.Errorf("%+v", g)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no program", nil, `scenarios/x.toml:9:5: c "a.c" is not in the directory scenarios/x: file does not exist`},
		{"a manifest's mistakes", map[string]string{"scenarios/x/a.c": "", "scenarios/x/manifest": "disk a 0755\n"},
			`scenarios/x/manifest:1: kind "disk"; allowed are dir, file, busybox and link`},
		{"a file that is not there", map[string]string{"scenarios/x/a.c": "", "scenarios/x/manifest": "file a 0755 b\n"},
			`scenarios/x/manifest:1: source "b": file does not exist`},
		{"what every guest has, otherwise", map[string]string{"scenarios/x/a.c": "", "scenarios/x/manifest": "\nlink bin/ls toybox\n"},
			`scenarios/x/manifest:2: path "bin/ls" stands in rootfs/manifest already, and otherwise: choose another`},
		{"hidden", map[string]string{"scenarios/x/a.c": "", "scenarios/x/manifest": "dir proc/a 0755\ndir processes 0755\n"},
			`scenarios/x/manifest:1: path "proc/a" is hidden by what is mounted on /proc in every guest: choose another`},
		{"umlab's own", map[string]string{"scenarios/x/a.c": "", "scenarios/x/manifest": "dir steps 0755\ndir modules/x 0755\n"},
			"scenarios/x/manifest:1: path \"steps\" is umlab's own: choose another\nscenarios/x/manifest:2: path \"modules/x\" is umlab's own: choose another"},
	} {
		_, err := Library{Project: stepped(text, tt.files)}.Load("x")
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if !errors.As(err, new(*Mistake)) && !errors.As(err, new(*usage.Error)) {
			t.Errorf("%s is nobody's mistake", tt.name)
		}
	}
	if _, err := (Library{Project: stepped("", map[string]string{"scenarios/x/manifest": "dir a 0755\n"})}).Load("x"); err == nil || !strings.Contains(err.Error(), "has no [[step]] that could use it") {
		t.Errorf("a manifest for nobody: %v", err)
	}
	// What a step brings is part of the question.
	key := func(files map[string]string) string {
		s, err := Library{Project: stepped(text, files)}.Load("x")
		if err != nil {
			t.Fatal(err)
		}
		return s.Steps[0].Source + s.Guest.Digest
	}
	files := map[string]string{"scenarios/x/a.c": "1", "scenarios/x/manifest": "file a 0755 b\n", "scenarios/x/b": "1"}
	was := key(files)
	if files["scenarios/x/b"] = "2"; key(files) == was {
		t.Error("another file, the same guest")
	}
}

func TestStepsOfACell(t *testing.T) {
	const text = stepModules + "[[step]]\nname = \"in\"\ninsmod = \"n\"\n[[step]]\nname = \"k\"\nkunit = \"list*\"\n" +
		"[[expect]]\noutcome = \"loaded\"\n[[expect]]\noutcome = \"passed\"\n[[expect]]\nstep = \"list/slow*\"\noutcome = \"failed\"\n[[expect]]\nstep = \"in\"\nplacement = \"high\"\noutcome = [\"oops\", \"passed\"]\n"
	s, err := Library{Project: stepped(text, nil)}.Load("x")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Select(Selection{Modules: []string{"m"}})
	if err != nil {
		t.Fatal(err)
	}
	c := plan.Cells[0]
	if got := names(c.Modules); !slices.Equal(got, []string{"m", "n"}) || !slices.Equal(names(c.Tried()), []string{"m"}) || len(c.Steps) != 2 {
		t.Errorf("modules %v, tried %v, steps %v", got, names(c.Tried()), names(c.Steps))
	}
	foreign := c
	foreign.Variant.Settings = []Setting{{Axis: Axis{OfRustc, "plt", "-Z"}, Value: "no"}}
	low, high, on := c.Placements[0], c.Placements[1], On{Kernel: "6.12"}
	for _, tt := range []struct{ got, want string }{
		{Wanted(s.Expected(on, c, low, "m")), "loaded"},
		{Wanted(s.ExpectedStep(on, c, low, "in", "")), "passed"},
		{Wanted(s.ExpectedStep(on, c, high, "in", "")), "oops or passed"},
		{Wanted(s.ExpectedStep(on, c, low, "k", "")), "passed"},
		{Wanted(s.ExpectedStep(on, c, low, "k", "list/fast")), "passed"},
		{Wanted(s.ExpectedStep(on, c, low, "k", "list/slow_one")), "failed"},
		{Wanted(s.ExpectedStep(on, foreign, low, "k", "")), Wanted(nil)},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
	if !Met(s.ExpectedStep(on, c, low, "in", ""), outcome.Outcome{Kind: outcome.Passed}) {
		t.Error("passed is not met")
	}
	twice, err := Library{Project: stepped(strings.Replace(text, `name = "k"`, `name = "m"`, 1), nil)}.Load("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := twice.Select(Selection{}); err == nil || err.Error() != "scenario x has a step and a module that are called m: give the step another name" {
		t.Error(err)
	}
}
