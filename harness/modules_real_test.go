package harness_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/usage"
)

func own(name string) string { return "testdata/modules/" + name }

// low narrows a run to one placement, to be quick.
func low(modules string, cells ...string) harness.MatrixOptions {
	return harness.MatrixOptions{Select: scenario.Selection{Modules: strings.Split(modules, ","), Cells: cells, Placements: []string{"low"}}}
}

// outcomeOf finds the outcome of a module that was booted once.
func outcomeOf(t *testing.T, r *result.Results, cell, module string) outcome.Outcome {
	t.Helper()
	for _, c := range r.Cells {
		if c.ID != cell {
			continue
		}
		for _, p := range c.Placements {
			for _, run := range p.Runs {
				for _, m := range run.Modules {
					if m.Name == module {
						return m.Outcome
					}
				}
			}
		}
	}
	t.Errorf("%s has no outcome of %s", cell, module)
	return outcome.Outcome{}
}

// TestOwnModules loads modules from directories of the user's: Rust in the
// variants that decide the default scenario, with the flags that they ask for,
// and C, which no flag of rustc reaches. Nothing is written beside the sources.
func TestOwnModules(t *testing.T) {
	l, out := real(t)
	before := files(t, own("."))
	o := low(own("rust_hello")+","+own("c-hello"), "stock", "static-small", "static-large")
	o.Select.Placements, o.Fresh = []string{"low", "high"}, true
	r := matrix(t, l, o)
	check(t, r)
	if r.Exit != result.ExitExpected {
		t.Errorf("exit %d", r.Exit)
	}
	got := outcomes(r)
	for cell, want := range map[string]string{
		"stock:low":                "relocation-unknown 9 GOTPCREL",
		"stock:high":               "relocation-unknown 9 GOTPCREL",
		"static-small@module:low":  "loaded",
		"static-small@module:high": "relocation-overflow 11 32S",
		"static-large@module:low":  "loaded",
		"static-large@module:high": "loaded",
	} {
		if o := got[cell+":rust_hello"]; o != want {
			t.Errorf("%s: rust_hello is %q, want %q", cell, o, want)
		}
		if o := got[cell+":c_hello"]; o != "loaded" {
			t.Errorf("%s: c_hello is %q, want loaded", cell, o)
		}
	}
	for _, c := range r.Cells[1:] {
		const object = "ext/rust_hello/rust_hello.o"
		for _, flag := range c.Build.Flags {
			if !slices.Contains(c.Build.Effective[object], flag) {
				t.Errorf("%s: %s was built with %v, which lacks %s", c.ID, object, c.Build.Effective[object], flag)
			}
		}
		if !strings.Contains(c.Build.Command, " M=") {
			t.Errorf("%s: %q does not build the directories", c.ID, c.Build.Command)
		}
	}
	if after := files(t, own(".")); !slices.Equal(before, after) {
		t.Errorf("the directories were written to: %v, before %v", after, before)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"rust_hello", "c_hello", "unknown 9 GOTPCREL"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

// TestOwnModuleChanges builds again what was edited, and only then.
func TestOwnModuleChanges(t *testing.T) {
	l, _ := real(t)
	dir := filepath.Join(t.TempDir(), "changing")
	if err := os.CopyFS(dir, os.DirFS(own("c-hello"))); err != nil {
		t.Fatal(err)
	}
	o := low(dir, "stock")
	first := matrix(t, l, o)
	if again := matrix(t, l, o); again.Totals.Cached != again.Totals.Boots {
		t.Errorf("nothing changed, and %d of %d boots were cached", again.Totals.Cached, again.Totals.Boots)
	}
	file := filepath.Join(dir, "c-hello.c")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), "return 0;", "return -ENODEV;", 1)
	if err := os.WriteFile(file, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	second := matrix(t, l, o)
	if k := outcomeOf(t, first, "stock", "c_hello"); k.Kind != outcome.Loaded {
		t.Errorf("before: %s", k)
	}
	if k := outcomeOf(t, second, "stock", "c_hello"); k.Kind != outcome.InitFailed || k.Errno != 19 {
		t.Errorf("after its init was made to fail with ENODEV: %s", k)
	}
}

// TestOwnModulesOfOneDirectory: the modules of a directory come in an order in
// which each finds what it needs. The first is silent unless something is wrong, so
// that no output of it is asked for; the second needs a symbol of the first, which
// is loaded for it again.
func TestOwnModulesOfOneDirectory(t *testing.T) {
	l, _ := real(t)
	r := matrix(t, l, low(own("pair"), "stock"))
	check(t, r)
	var order []string
	for _, m := range r.Cells[0].Placements[0].Runs[0].Modules {
		order = append(order, m.Name)
	}
	if !slices.Equal(order, []string{"pair_first", "pair_second"}) {
		t.Errorf("loaded %v", order)
	}
	if o := outcomeOf(t, r, "stock", "pair_first"); o.Kind != outcome.Loaded {
		t.Errorf("pair_first: %s: %s", o, o.Detail)
	}
	if o := outcomeOf(t, r, "stock", "pair_second"); o.Kind != outcome.Loaded {
		t.Errorf("pair_second: %s: %s", o, o.Evidence)
	}
}

// TestOwnModulesFromOutside: directories as people have them, see their Makefiles.
func TestOwnModulesFromOutside(t *testing.T) {
	l, out := real(t)
	for dir, want := range map[string][]string{
		"pwd-include": {"acme: loaded"}, "obj-y-and-m": {"outer: loaded", "inner: loaded"}, "err-level": {"lvl: loaded", "nonl: loaded", "cont: loaded", "dump: loaded"},
		"permanent": {"perm: loaded, cannot be removed"},
	} {
		r := matrix(t, l, low(own(dir), "stock"))
		check(t, r)
		var got []string
		if len(r.Cells[0].Placements) > 0 {
			for _, m := range r.Cells[0].Placements[0].Runs[0].Modules {
				got = append(got, m.Name+": "+m.Outcome.String())
			}
		}
		if !slices.Equal(got, want) || r.Exit != result.ExitExpected {
			t.Errorf("%s: %q and exit %d, want %q", dir, got, r.Exit, want)
		}
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"it has no exit", "rests on Live", "builtin.o is in obj-y"} {
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

// TestOwnModulesThatDoNotBuild: the first line that says why is the evidence.
func TestOwnModulesThatDoNotBuild(t *testing.T) {
	l, _ := real(t)
	for name, want := range map[string]string{
		"broken":   "broken.c:7:9: error: use of undeclared identifier 'no_such_variable'",
		"unlinked": `ERROR: modpost: "no_such_function" [/ext/unlinked/unlinked.ko] undefined!`,
	} {
		r := matrix(t, l, low(own(name), "stock"))
		o := r.Cells[0].Build.Outcome
		if o == nil || o.Kind != outcome.BuildFailed || !strings.Contains(o.Evidence, want) {
			t.Errorf("%s: %+v, want build-failed with %q", name, o, want)
		}
		if r.Exit != result.ExitDiffers {
			t.Errorf("%s: exit %d", name, r.Exit)
		}
	}
}

// TestUnknownSample names what the tree has.
func TestUnknownSample(t *testing.T) {
	l, _ := real(t)
	_, err := l.Matrix(t.Context(), low("rust_minimall", "stock"), harness.Outputs{})
	var usage *usage.Error
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "rust_minimal, rust_print") {
		t.Errorf("%v", err)
	}
}

// TestSamples loads samples of other trees by name: the configuration that they
// need is made from the scenario's baseline.
func TestSamples(t *testing.T) {
	long(t)
	l, _ := real(t)
	o := low("rust_misc_device,rust_driver_faux,kobject_example", "stock", "static-large")
	o.Tree = "debian-7.3"
	r := matrix(t, l, o)
	check(t, r)
	for module, want := range map[string]outcome.Kind{
		"rust_misc_device": outcome.RelocationUnknown, "rust_driver_faux": outcome.RelocationUnknown, "kobject_example": outcome.Loaded,
	} {
		if got := outcomeOf(t, r, "stock", module); got.Kind != want {
			t.Errorf("stock: %s: %s, want %s", module, got, want)
		}
		if got := outcomeOf(t, r, "static-large@module", module); got.Kind != outcome.Loaded {
			t.Errorf("static-large: %s: %s: %s", module, got, got.Detail)
		}
	}
}

// TestOwnModulesElsewhere builds the same sources for the other tree.
func TestOwnModulesElsewhere(t *testing.T) {
	long(t)
	l, _ := real(t)
	o := low(own("rust_hello")+","+own("c-hello"), "stock", "static-large")
	o.Tree = "debian-7.3"
	r := matrix(t, l, o)
	check(t, r)
	if got := outcomeOf(t, r, "static-large@module", "rust_hello"); got.Kind != outcome.Loaded {
		t.Errorf("static-large: rust_hello: %s", got)
	}
}

// TestOtherScenario is a bug of another kind, in a kernel without Rust: nothing
// but its TOML file knows of it.
func TestOtherScenario(t *testing.T) {
	l, out := real(t)
	r := matrix(t, l, harness.MatrixOptions{Scenario: "test-ida-inverted-result"})
	check(t, r)
	if r.Exit != result.ExitExpected || len(r.Cells) != 1 || len(r.Controls) != 2 {
		t.Errorf("exit %d, %d cells, %d controls", r.Exit, len(r.Cells), len(r.Controls))
	}
	if o := outcomeOf(t, r, "stock", "test_ida"); o.Kind != outcome.InitFailed || o.Errno != 22 {
		t.Errorf("test_ida: %s", o)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"test_ida: init-failed 22 EINVAL", "test_xarray: loaded", "1 variant"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		names = append(names, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
