package scenario

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
)

// head is the least that every scenario needs, on one line a key.
const head = `schema = "umlab.scenario/v1"
name = "x"
title = "t"
tree = "debian-6.12"
toolchain = "trixie"
fragments = "a.config"
`

// module is a module for those that refer to one.
const module = `
[[module]]
name = "m"
path = "samples/m.ko"
`

func mustParse(t *testing.T, text string) *Scenario {
	t.Helper()
	s, err := parsed("x.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shipped(t *testing.T) *Scenario {
	t.Helper()
	s, err := Library{Project: os.DirFS("../..")}.Load("unknown-rela-relocation")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parsed is Load without the files that a scenario refers to.
func parsed(file string, data []byte) (*Scenario, error) {
	v := parse(file, data)
	if err := v.err(); err != nil {
		return nil, err
	}
	return v.s, nil
}

func TestMistakes(t *testing.T) {
	const kinds = "loaded, relocation-unknown, relocation-overflow, loaded-corrupt, init-failed, insmod-failed, oops, boot-failed, build-failed, config-dropped, timeout, passed, failed"
	const axes = "\n[axes]\nrelocation-model = [\"pie\", \"static\"]\ncode-model = [\"small\"]\n"
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "x.toml:1:1: the file lacks schema, name, title, tree, toolchain, fragments"},
		{"syntax", "schema = \"umlab.scenario/v1\"\nname = \n", "x.toml:2:8: unexpected character U+000A at start of value"},
		{"syntax and an unknown key before it", "nam = 1\n[axes\n",
			"x.toml:1:1: the file has no key \"nam\": allowed are schema, name, title, description, tree, toolchain, fragments, patches, source, trees, kconfig, axes, exclude, variant, module, step, placement, build, control, expect; did you mean \"name\"?\nx.toml:2:6: expected ']' to close table name"},
		{"key twice", head + "name = \"y\"", "x.toml:7:1: key name is already defined"},
		{"schema", strings.Replace(head, "v1", "v2", 1), `x.toml:1:10: schema "umlab.scenario/v2" is unknown: this umlab reads "umlab.scenario/v1"`},
		{"unknown keys", head + "titel = 1\n[axes]\nscopes = 3",
			"x.toml:7:1: the file has no key \"titel\": allowed are schema, name, title, description, tree, toolchain, fragments, patches, source, trees, kconfig, axes, exclude, variant, module, step, placement, build, control, expect; did you mean \"title\"?\n" +
				`x.toml:9:1: [axes] has no key "scopes": allowed are placement, combine, scope, relocation-model, code-model, CONFIG_X, KCFLAGS, CFLAGS_MODULE, CFLAGS_trap.o, param:NAME, compiler, subarch, fragment; other options of rustc begin with -C or -Z; did you mean "scope"?`},
		{"wrong types, all of them", "schema = 1\nname = [\"x\"]\ntitle = true\ntree = 1.5\ntoolchain = 2026-01-01\nfragments = [\"a.config\", 2]\nmodule = 3\n",
			"x.toml:1:10: schema must be a string, not an integer\n" +
				"x.toml:2:1: name must be a string, not an array\n" +
				"x.toml:3:9: title must be a string, not true or false\n" +
				"x.toml:4:8: tree must be a string, not a float\n" +
				"x.toml:5:13: toolchain must be a string, not a date or time\n" +
				"x.toml:6:26: an element of fragments must be a string, not an integer\n" +
				"x.toml:7:10: module must be tables: write [[module]], not an integer"},
		{"single table", head + "[expect]\noutcome = \"loaded\"", "x.toml:7:2: expect must be tables: write [[expect]], not a table"},
		{"table array", head + "[[axes]]", "x.toml:7:3: axes must be a table: write [axes], not an array"},
		{"scalar in tables", head + "module = [1]", "x.toml:7:11: module must be tables: write [[module]], not an integer"},
		{"bool", head + "[[placement]]\nname=\"low\"\naslr=1\nrepeat=\"2\"", "x.toml:9:6: aslr must be true or false, not an integer\nx.toml:10:8: repeat must be an integer, not a string"},
		{"number out of range", head + "[[placement]]\nname=\"low\"\nrepeat=99999999999999999999", "x.toml:9:8: decimal number is too large to fit in a 64-bit signed integer"},
		{"empty string", strings.Replace(head, `"t"`, `" "`, 1), "x.toml:3:9: title is empty"},
		{"name", strings.Replace(head, `"x"`, `"X_y"`, 1), `x.toml:2:8: name "X_y" is not possible: write lower-case words joined by -`},
		{"empty list", strings.Replace(head, `"a.config"`, "[]", 1), "x.toml:6:1: fragments is an empty list: name at least one, or leave the key out"},
		{"fragment path", strings.Replace(head, "a.config", "../a.config", 1), `x.toml:6:13: fragment "../a.config" is not possible: write the name of a *.config file, without a directory but the scenario's own`},
		{"fragment twice", strings.Replace(head, `"a.config"`, `["a.config", "a.config"]`, 1), `x.toml:6:26: fragment "a.config" is named twice`},
		{"patch", head + `patches = ["a.diff"]`, `x.toml:7:12: patch "a.diff" is not possible: write the name of a *.patch file, without a directory but the scenario's own`},
		{"kconfig", head + "[kconfig]\nRUST = \"y\"\nCONFIG_A = true", "x.toml:8:1: [kconfig] has no key \"RUST\": write the option with its prefix, CONFIG_RUST\nx.toml:9:12: CONFIG_A must be \"y\", \"m\", \"n\", an integer or a string, not true or false"},
		{"models", head + "[axes]\nrelocation-model = [\"pi\", \"pie\", \"pie\"]\ncode-model = \"tiny\"\nscope = \"modul\"",
			"x.toml:8:21: relocation-model \"pi\" is unknown: allowed are static, pic, pie; did you mean \"pic\"?\n" +
				"x.toml:8:34: relocation-model \"pie\" is named twice\n" +
				"x.toml:9:14: code-model \"tiny\" is unknown: allowed are small, kernel, medium, large\n" +
				"x.toml:10:9: scope \"modul\" is unknown: allowed are module, kernel, all; did you mean \"module\"?"},
		{"variant", head + axes + "[[variant]]\n[[variant]]\nrelocation-model = \"pie\"\ncode-model = \"small\"",
			"x.toml:11:3: [[variant]] sets nothing: write an axis, as in [axes]; stock is in every scenario\nx.toml:12:3: variant \"pie-small\" is there already: remove this one, or a value from [axes]"},
		{"module lacks", head + "[[module]]\n[[module]]\nname = \"a-b\"\npath = \"x.o\"\noutput = \"(\"\nparams = \"a b\"",
			"x.toml:7:3: [[module]] lacks name, path\n" +
				"x.toml:9:8: module \"a-b\" is not possible: write it as /proc/modules shows it: letters, digits and _\n" +
				"x.toml:10:8: path \"x.o\" is not possible: write a target of the tree that ends in .ko, as in \"samples/rust/rust_minimal.ko\"\n" +
				"x.toml:11:10: output \"(\" is no regular expression: write Go's syntax: missing closing )\n" +
				"x.toml:12:10: params \"a b\" is not possible: write arguments of insmod without spaces, as in \"name=value\""},
		{"module twice", head + module + module, `x.toml:13:8: module "m" is there already`},
		{"module outside", head + "[[module]]\nname=\"m\"\npath=\"../m.ko\"", `x.toml:9:6: path "../m.ko" is not possible: write a target of the tree that ends in .ko, as in "samples/rust/rust_minimal.ko"`},
		{"placements", head + "[axes]\nplacement = [\"low\", \"hihg\", \"low\"]\n[[placement]]\nname = \"tiny\"\n[[placement]]\nname = \"big\"\nmem = \"4T\"\nrepeat = 0\n[[placement]]\nname = \"big\"",
			"x.toml:8:21: placement \"hihg\" is unknown: allowed are low, high, far, tiny, big; did you mean \"high\"?\n" +
				"x.toml:8:29: placement \"low\" is named twice\n" +
				"x.toml:9:3: [[placement]] lacks mem\n" +
				"x.toml:13:7: \"4T\" is no memory size: write digits and K, M or G, as in \"512M\"\n" +
				"x.toml:14:10: repeat is 0: allowed is 1 to 1000\n" +
				"x.toml:16:8: placement \"big\" is there already"},
		{"control", head + axes + module + "[[control]]\nname = \"c\"\ncell = \"pie-smal\"\nplacement = \"lo\"\nmodule = \"n\"\noutcome = \"laoded\"\n[[control]]\nname = \"c\"\ncell = \"stock@module\"\nplacement = \"low\"\nmodule = \"m\"\n[[control]]\ncell = \"pie-small@modul\"",
			"x.toml:17:8: cell \"pie-smal\" is unknown: this scenario has the variants stock, pie-small, static-small; did you mean \"pie-small\"?\n" +
				"x.toml:18:13: placement \"lo\" is unknown: allowed are low, high, far; did you mean \"low\"?\n" +
				"x.toml:19:10: module \"n\" is unknown: allowed are m\n" +
				"x.toml:20:11: outcome \"laoded\" is unknown: allowed are " + kinds + "; did you mean \"loaded\"?\n" +
				"x.toml:21:3: [[control]] lacks outcome\n" +
				"x.toml:22:8: control \"c\" is there already\n" +
				"x.toml:23:8: cell \"stock@module\" is not possible: stock has no flags, so no scope\n" +
				"x.toml:26:3: [[control]] lacks name, placement, module, outcome\n" +
				"x.toml:27:8: cell \"pie-small@modul\" is not possible: the scopes are module, kernel, all; did you mean \"module\"?"},
		{"infra cannot be expected", head + "[[expect]]\noutcome = \"infra\"", `x.toml:8:11: outcome "infra" is unknown: allowed are ` + kinds},
		{"expect nothing", head + "[[expect]]\ncell = \"stock\"", "x.toml:7:3: [[expect]] lacks outcome"},
		{"expect cells", head + axes + "[[expect]]\ncell = [\"stattic-small\", \"Stock\", \"stock@all\", \"pie-*@user\"]\noutcome = \"loaded\"",
			"x.toml:12:9: cell \"stattic-small\" is no variant: scenario x has stock, pie-small, static-small; static, pic, pie with small, kernel, medium, large is allowed too; scopes are module, kernel, all; did you mean \"static-small\"?\n" +
				"x.toml:12:26: cell \"Stock\" is no variant: scenario x has stock, pie-small, static-small; static, pic, pie with small, kernel, medium, large is allowed too; scopes are module, kernel, all; did you mean \"stock\"?\n" +
				"x.toml:12:35: cell \"stock@all\" is not possible: stock has no flags, so no scope: write \"stock\"\n" +
				"x.toml:12:48: cell \"pie-*@user\" has no such scope: allowed are module, kernel, all"},
		{"relocation elsewhere", head + "[[expect]]\noutcome = \"loaded\"\nrelocation = 9", "x.toml:9:14: relocation goes with outcome relocation-unknown, relocation-overflow or loaded-corrupt only"},
		{"relocation range", head + "[[expect]]\noutcome = \"relocation-unknown\"\nrelocation = [0, 300]", "x.toml:9:15: relocation 0 is not possible: write a type of the x86-64 psABI, 1 to 255\nx.toml:9:18: relocation 300 is not possible: write a type of the x86-64 psABI, 1 to 255"},
		{"errno elsewhere", head + "[[expect]]\noutcome = \"oops\"\nerrno = 22", "x.toml:9:9: errno goes with outcome init-failed or insmod-failed only"},
		{"errno sign", head + "[[expect]]\noutcome = \"init-failed\"\nerrno = -22", "x.toml:9:9: errno -22 is not possible: write a positive errno, 1 to 4095"},
		{"option", head + "[[expect]]\noutcome = \"loaded\"\noption = \"CONFIG_A\"\n[[expect]]\noutcome = \"config-dropped\"\noption = \"A\"\n[[expect]]\noutcome = \"config-dropped\"\ngot = \"n\"",
			"x.toml:9:10: option goes with outcome config-dropped only\nx.toml:12:10: option \"A\" is no Kconfig option: write it with its prefix, CONFIG_RUST\nx.toml:15:7: got is the value that an option resolves to: name it with option"},
		{"kernel", head + "[[expect]]\noutcome = \"loaded\"\nkernel = \"6.12\"", `x.toml:9:10: kernel "6.12" is no range of versions: write bounds such as ">=6.12, <7.2"`},
		{"subarch", head + "[[expect]]\noutcome = \"loaded\"\nsubarch = \"i486\"", `x.toml:9:11: subarch "i486" is unknown: allowed are i386, x86_64; did you mean "i386"?`},
		{"subarch's relocations", head + "[[expect]]\nsubarch = \"i386\"\noutcome = \"relocation-unknown\"\nrelocation = 300", "x.toml:10:14: relocation 300 is not possible: write a type of the i386 psABI, 1 to 255"},
		{"subarch of a control", head + "[[control]]\nname = \"a\"\ncell = \"stock\"\nplacement = \"low\"\nmodule = \"m\"\noutcome = \"loaded\"\nsubarch = \"i386\"", "x.toml:11:10: module \"m\" is unknown: the scenario has none, write a [[module]]\n" +
			`x.toml:13:1: [[control]] has no key "subarch": allowed are name, step, cell, placement, module, patched, outcome, relocation, errno, option, got`},
		{"unpatched", head + "[[control]]\nname = \"a\"\ncell = \"stock\"\nplacement = \"low\"\nmodule = \"m\"\noutcome = \"loaded\"\npatched = false", "x.toml:11:10: module \"m\" is unknown: the scenario has none, write a [[module]]\n" +
			"x.toml:13:11: patched = false, and the scenario has no patches"},
		{"verdict with placement", head + "[[expect]]\nplacement = \"low\"\nverdict = \"loads\"", "x.toml:9:11: verdict is drawn from all placements, modules and steps of a cell: put it in an [[expect]] with none of them"},
		{"verdict nobody wants", head + "[[expect]]\nverdict = \"flaky\"", `x.toml:8:11: verdict "flaky" is unknown: allowed are loads, rejected, address-dependent, mixed, broken, passes, fails`},
		{"verdict against outcome", head + "[[expect]]\noutcome = \"loaded\"\nverdict = \"rejected\"", `x.toml:9:11: verdict "rejected" contradicts the outcome of the same [[expect]], loaded`},
		{"verdict against one outcome", head + "[[expect]]\noutcome = \"loaded\"\nverdict = \"address-dependent\"", `x.toml:9:11: verdict "address-dependent" contradicts the outcome of the same [[expect]], loaded`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parsed("x.toml", []byte(tt.text))
			if err == nil {
				t.Fatal("accepted")
			}
			if d := cmp.Diff(strings.Split(tt.want, "\n"), strings.Split(err.Error(), "\n")); d != "" {
				t.Error(d)
			}
			var m *Mistake
			if !errors.As(err, &m) || m.File != "x.toml" {
				t.Errorf("no *Mistake in %v", err)
			}
		})
	}
}

// TestOtherKinds holds that a bug that is no relocation needs only a file.
func TestOtherKinds(t *testing.T) {
	s := mustParse(t, head+`
[kconfig]
CONFIG_STDIO_CONSOLE = "y"
CONFIG_BASE = 0x10
CONFIG_ADDR = "0x10"
CONFIG_CHAN = "fd:0"
CONFIG_TEXT = "42"
[[module]]
name = "c_module"
path = "lib/c-module.ko"
params = ["fail=1"]
[[expect]]
outcome = "config-dropped"
option = "CONFIG_STDIO_CONSOLE"
got = "n"
kernel = "<7.2"
[[expect]]
outcome = ["init-failed", "insmod-failed"]
errno = [22, 2]
kernel = ">=7.2"
`)
	options, _ := kconfig.Merge(s.Fragments...)
	var text []string
	for _, o := range options {
		text = append(text, o.String())
	}
	if d := cmp.Diff([]string{"CONFIG_STDIO_CONSOLE=y", "CONFIG_BASE=16", "CONFIG_ADDR=0x10", `CONFIG_CHAN="fd:0"`, `CONFIG_TEXT="42"`}, text); d != "" {
		t.Error(d)
	}
	plan, err := s.Select(Selection{})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Cells) != 1 || plan.Cells[0].ID() != Stock || plan.Cells[0].MakeVars() != nil {
		t.Fatalf("cells: %+v", plan.Cells)
	}
	c := plan.Cells[0]
	old := s.Expected(On{Kernel: "6.12.107"}, c, c.Placements[0], "c_module")
	if got := Wanted(old); got != "config-dropped CONFIG_STDIO_CONSOLE to n" {
		t.Errorf("6.12: %s", got)
	}
	dropped := outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: "x.toml:9: CONFIG_STDIO_CONSOLE=y was dropped (resolved: not set)"}
	other := outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: "x.toml:9: CONFIG_STDIO_CONSOLE=y was dropped (resolved: m)"}
	flags := outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: "effective flags differ"}
	if !Met(old, dropped) || Met(old, other) || Met(old, flags) {
		t.Error("config-dropped is not told by its option and value")
	}
	fresh := s.Expected(On{Kernel: "7.3.4"}, c, c.Placements[0], "c_module")
	if got := Wanted(fresh); got != "init-failed errno 22 or init-failed errno 2 or insmod-failed errno 22 or insmod-failed errno 2" {
		t.Errorf("7.3: %s", got)
	}
	if !Met(fresh, outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 2}) || Met(fresh, outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 8}) || Met(fresh, outcome.Outcome{Kind: outcome.Loaded}) {
		t.Error("errno does not decide")
	}
	if !slices.Equal(c.Modules[0].Params, []string{"fail=1"}) || !c.Modules[0].Output.MatchString("c_module: hello") {
		t.Errorf("module: %+v", c.Modules[0])
	}
}

func TestPlacements(t *testing.T) {
	s := mustParse(t, head+`
[axes]
placement = ["tiny", "low", "far"]
[[placement]]
name = "low"
aslr = true
repeat = 3
[[placement]]
name = "tiny"
mem = "32M"
`)
	want := []Placement{
		{Name: "tiny", Mem: 32 << 20, MemText: "32M", Repeat: 1},
		{Name: "low", Mem: 64 << 20, MemText: "64M", ASLR: true, Repeat: 3},
		{Name: "far", Mem: 4 << 30, MemText: "4G", ASLR: true, Repeat: 1},
	}
	if d := cmp.Diff(want, s.placements); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"low", "high", "far", "tiny"}, names(s.known)); d != "" {
		t.Error(d)
	}
}

func TestShipped(t *testing.T) {
	s := shipped(t)
	plan, err := s.Select(Selection{Placements: []string{"low", "high", "far"}})
	if err != nil {
		t.Fatal(err)
	}
	expects := func(s *Scenario) map[string]string {
		got := map[string]string{}
		for _, c := range plan.Cells {
			var line []string
			for _, p := range c.Placements {
				for _, m := range c.Modules {
					line = append(line, Wanted(s.Expected(On{Kernel: "6.12.107"}, c, p, m.Name)))
				}
			}
			got[c.ID()] = strings.Join(slices.Compact(line), "; ") + ": " + s.ExpectedVerdict(On{Kernel: "6.12.107"}, c)
		}
		return got
	}
	const (
		gotpcrel = "relocation-unknown 9 GOTPCREL: rejected"
		address  = "loaded; relocation-overflow 10 32 or relocation-overflow 11 32S: address-dependent"
	)
	if d := cmp.Diff(map[string]string{
		"stock": gotpcrel, "pie-small@module": gotpcrel, "pie-kernel@module": gotpcrel,
		"pie-large@module":    "relocation-unknown 29 GOTPC64: rejected",
		"static-small@module": address, "static-kernel@module": address,
		"static-large@module": "loaded: loads",
	}, expects(s)); d != "" {
		t.Error(d)
	}
	const gotpc = "relocation-unknown 10 GOTPC: rejected"
	if d := cmp.Diff(map[string]string{
		"stock": gotpc, "pie-small@module": gotpc, "pie-kernel@module": gotpc, "pie-large@module": "relocation-unknown 3 GOT32: rejected",
		"static-small@module": "loaded: loads", "static-kernel@module": "loaded: loads", "static-large@module": "loaded: loads",
	}, expects(s.For("i386"))); d != "" {
		t.Error(d)
	}
	for _, c := range plan.Controls {
		if !c.Selected {
			t.Errorf("control %s is not in the full plan", c.Name)
		}
	}
	for _, m := range s.Modules {
		if m.Output.MatchString(m.Name + ": Rust sample (exit)") {
			t.Errorf("%s: what exit prints passes for init", m.Name)
		}
	}
	options, notes := kconfig.Merge(s.Fragments...)
	if len(options) == 0 || len(notes) != 0 {
		t.Errorf("%d options, notes %v", len(options), notes)
	}
}

// TestOverriddenPlacement holds that an expectation of a named placement says
// nothing once randomisation is switched on or the memory is another.
func TestOverriddenPlacement(t *testing.T) {
	s := shipped(t)
	on := true
	plan, err := s.Select(Selection{Cells: []string{"static-small", "static-large"}, Placements: []string{"low"}, Mem: []string{"512M"}, ASLR: &on})
	if err != nil {
		t.Fatal(err)
	}
	small, large := plan.Cells[0], plan.Cells[1]
	for _, p := range small.Placements {
		if w := s.Expected(On{Kernel: "7.3.4"}, small, p, "rust_print"); len(w) != 0 {
			t.Errorf("%s at %s: expects %s", small.ID(), p.Name, Wanted(w))
		}
		if w := s.Expected(On{Kernel: "7.3.4"}, large, p, "rust_print"); Wanted(w) != "loaded" {
			t.Errorf("%s at %s: expects %q", large.ID(), p.Name, Wanted(w))
		}
	}
	if v := s.ExpectedVerdict(On{Kernel: "7.3.4"}, small); v != "" {
		t.Errorf("verdict %s of other placements than the scenario's", v)
	}
	for _, c := range plan.Controls {
		if c.Selected {
			t.Errorf("control %s would be shown by a placement that is not its own", c.Name)
		}
		if c.Shown.Placements[0].ASLR {
			t.Errorf("control %s follows the override", c.Name)
		}
	}
	if !Met(nil, outcome.Outcome{Kind: outcome.Oops}) {
		t.Error("nothing expected is not met")
	}
}

func TestLoadMistakes(t *testing.T) {
	good := strings.Replace(head, `"a.config"`, `["a.config", "b.config"]`, 1) + "patches = \"p.patch\"\n"
	files := func(more map[string]string) fstest.MapFS {
		fsys := fstest.MapFS{"configs/a.config": {Data: []byte("CONFIG_A=y\n")}}
		for name, data := range more {
			fsys[name] = &fstest.MapFile{Data: []byte(data)}
		}
		return fsys
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		load  string
		want  string
	}{
		{"unknown", map[string]string{"scenarios/x.toml": head, "scenarios/zzzz.toml": head, "scenarios/p.patch": ""}, "y",
			`scenario "y" is unknown: there are x, zzzz`},
		{"a path of nothing", map[string]string{"scenarios/x.toml": head}, "../scenarios/x.toml", `-scenario=../scenarios/x.toml: no such file or directory`},
		{"no directory", nil, "x", `load scenario "x": list scenarios: file does not exist`},
		{"everything", map[string]string{"scenarios/y.toml": good + "nmae = 1\n", "configs/a.config": "CONFIG_A\n", "configs/bb.config": ""}, "y",
			"scenarios/y.toml:2:8: name is \"x\": it must be that of the file, \"y\"\n" +
				"scenarios/y.toml:6:26: fragment \"b.config\" is neither in configs nor beside the scenario: configs has a.config, bb.config; did you mean \"a.config\"?\n" +
				"scenarios/y.toml:7:11: patch \"p.patch\" is not beside the scenario: file does not exist\n" +
				"scenarios/y.toml:8:1: the file has no key \"nmae\": allowed are schema, name, title, description, tree, toolchain, fragments, patches, source, trees, kconfig, axes, exclude, variant, module, step, placement, build, control, expect; did you mean \"name\"?\n" +
				`configs/a.config:1: "CONFIG_A" is no option: write CONFIG_NAME=value, "# CONFIG_NAME is not set", or a comment after #`},
		{"two places", map[string]string{"scenarios/x.toml": head, "scenarios/a.config": ""}, "x",
			`scenarios/x.toml:6:13: fragment "a.config" is both scenarios/a.config and configs/a.config: rename one`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Library{Project: files(tt.files)}.Load(tt.load)
			if err == nil {
				t.Fatal("accepted")
			}
			if d := cmp.Diff(strings.Split(tt.want, "\n"), strings.Split(err.Error(), "\n")); d != "" {
				t.Error(d)
			}
		})
	}
	s, err := Library{Project: files(map[string]string{"scenarios/x.toml": good + "[kconfig]\nCONFIG_A = \"n\"\n", "scenarios/b.config": "CONFIG_B=m\n", "scenarios/p.patch": ""})}.Load("x")
	if err != nil {
		t.Fatal(err)
	}
	options, notes := kconfig.Merge(s.Fragments...)
	if len(options) != 2 || len(notes) != 1 || notes[0].String() != "scenarios/x.toml:9: CONFIG_A=n overrides CONFIG_A=y of configs/a.config:1" {
		t.Errorf("options %v, notes %v", options, notes)
	}
	if d := cmp.Diff([]Patch{{File: "scenarios/p.patch", Text: []byte{}}}, s.Patches); d != "" {
		t.Error(d)
	}
}

// FuzzParse holds that no bytes panic, that every mistake starts with the
// file's name, and that what is accepted can be planned and judged.
func FuzzParse(f *testing.F) {
	whole, err := os.ReadFile("../../scenarios/unknown-rela-relocation.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for _, s := range []string{"", head, head + module, "a.b = {c = [1, {d = 2}]}\n[a]\n[[a.b]]", "[[x]]\n[x.y]\n[[x.y]]", "x = [1]\n[[x]]", "\"\\u0000\" = nan", "a = 1979-05-27T07:32:00Z", "[[module]]\nname=", "[a.b.c]\n[a]\nb.d=1", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parsed("some.toml", data)
		if err != nil {
			var m *Mistake
			if !errors.As(err, &m) || m.File != "some.toml" || !strings.HasPrefix(err.Error(), "some.toml:") {
				t.Fatalf("message without its file: %v", err)
			}
			return
		}
		plan, err := s.Select(Selection{})
		if err != nil {
			t.Fatalf("its own choice is refused: %v", err)
		}
		if len(plan.Cells) == 0 || plan.Cells[0].ID() != Stock {
			t.Fatalf("no stock cell: %+v", plan.Cells)
		}
		for _, c := range plan.Cells {
			for _, p := range c.Placements {
				if p.Mem < leastMem || p.Repeat < 1 {
					t.Fatalf("placement %+v", p)
				}
				Wanted(s.Expected(On{Kernel: "6.12.107"}, c, p, "m"))
			}
			s.ExpectedVerdict(On{Kernel: "6.12.107"}, c)
		}
	})
}
