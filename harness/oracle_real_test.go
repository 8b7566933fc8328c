package harness_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// foretold checks that everything was predicted and went so, and returns the
// modules of all runs.
func foretold(t *testing.T, r *result.Results) []result.Module {
	t.Helper()
	var all []result.Module
	for _, c := range r.Cells {
		for _, p := range c.Booted() {
			for _, run := range p.Runs {
				for _, m := range run.Modules {
					all = append(all, m)
					switch {
					case m.Predicted == nil || m.Agrees == nil:
						t.Errorf("%s:%s %s: %s was not predicted", c.ID, p.Name, m.Name, m.Outcome)
					case !*m.Agrees:
						t.Errorf("%s:%s %s: predicted %+v, observed %+v", c.ID, p.Name, m.Name, *m.Predicted, m.Outcome)
					}
				}
			}
		}
	}
	if len(all) == 0 || r.Totals.Loads != len(all) || r.Totals.Predicted != len(all) || r.Totals.Disagreeing != 0 {
		t.Errorf("%d modules, totals %+v", len(all), r.Totals)
	}
	return all
}

// foretell runs the default matrix at all placements of a tree.
func foretell(t *testing.T, tree string) *result.Results {
	l, out := real(t)
	r := matrix(t, l, harness.MatrixOptions{Tree: tree, Select: scenario.Selection{Placements: []string{"low", "high", "far"}}})
	check(t, r)
	foretold(t, r)
	if r.Exit != result.ExitExpected {
		t.Errorf("exit %d", r.Exit)
	}
	var dependent int
	for _, c := range r.Cells {
		if c.Verdict != result.AddressDependent {
			if len(c.Thresholds) > 0 {
				t.Errorf("%s is %s, but has thresholds %+v", c.ID, c.Verdict, c.Thresholds)
			}
			continue
		}
		dependent++
		if len(c.Thresholds) == 0 {
			t.Errorf("%s: no threshold", c.ID)
		}
		for _, th := range c.Thresholds {
			if !th.Holds || len(th.Probes) != 2 || len(th.Probes[0].Runs) != 1 || len(th.Probes[1].Runs) != 1 {
				t.Fatalf("%s: threshold %+v does not hold", c.ID, th)
			}
			below, at := th.Probes[0].Runs[0].Modules[0].Outcome, th.Probes[1].Runs[0].Modules[0].Outcome
			if below.Kind != outcome.Loaded || at.Kind != outcome.RelocationOverflow {
				t.Errorf("%s: below the threshold %s, at it %s", c.ID, below, at)
			}
			if !strings.Contains(c.Reason, "fails from mem="+th.Mem+" on ("+th.Base+"); booted "+th.Probes[0].Mem+": loaded, "+th.Mem+": "+at.String()) {
				t.Errorf("%s: the reason lacks the threshold: %s", c.ID, c.Reason)
			}
		}
	}
	if dependent == 0 {
		t.Error("no cell depends on the address")
	}
	text, err := os.ReadFile(out.Name())
	if err != nil || !strings.Contains(string(text), "fails from mem=") {
		t.Errorf("the table lacks the threshold (%v):\n%s", err, text)
	}
	return r
}

// TestOracle predicts every load of the default matrix, at all placements.
func TestOracle(t *testing.T) {
	foretell(t, "debian-6.12")
}

// TestOracle73 does so on the tree whose loader names the very entry that
// overflows.
func TestOracle73(t *testing.T) {
	long(t)
	r := foretell(t, "debian-7.3")
	named := 0
	for _, m := range foretold(t, r) {
		if m.Outcome.Kind == outcome.RelocationOverflow && m.Outcome.Section != nil && m.Outcome.Index != nil {
			named++
		}
	}
	if named == 0 {
		t.Error("no overflow names its section and index")
	}
}

// TestAddresses computes where modules land at eight sizes of memory, and with
// random addresses at one.
func TestAddresses(t *testing.T) {
	for _, tree := range []string{"debian-6.12", "debian-7.3"} {
		t.Run(tree, func(t *testing.T) {
			if tree != "debian-6.12" {
				long(t)
			}
			l, _ := real(t)
			for _, aslr := range []bool{false, true} {
				sizes := []string{"32M", "64M", "100M", "256M", "500M", "768M", "1G", "3G"}
				if aslr {
					sizes = []string{"72M"}
				}
				r := matrix(t, l, harness.MatrixOptions{Tree: tree, Select: scenario.Selection{Cells: []string{"static-large"}, Mem: sizes, ASLR: &aslr}})
				seen := map[string]bool{}
				for _, m := range foretold(t, r) {
					if m.Outcome.Address == "" || m.Predicted.Address != m.Outcome.Address {
						t.Errorf("%s: computed %q, /proc/modules says %q", m.Name, m.Predicted.Address, m.Outcome.Address)
					}
					seen[m.Outcome.Address] = true
				}
				if len(seen) != 2*len(sizes) {
					t.Errorf("%d addresses of 2 modules at %d sizes", len(seen), len(sizes))
				}
			}
		})
	}
}

// TestChance boots a module that depends on its address twenty times at random
// ones: the rate must be one that the computed probability can show. A correct
// program fails here less than once in a million runs.
func TestChance(t *testing.T) {
	const boots, tail = 20, 2e-7 // each side, each module
	l, _ := real(t)
	on := true
	r := matrix(t, l, harness.MatrixOptions{Tree: "debian-6.12", Select: scenario.Selection{Cells: []string{"static-small@module"}, ASLR: &on, Repeat: boots, Placements: []string{"low"}}})
	modules := foretold(t, r)
	if len(modules) < 2*boots {
		t.Fatalf("%d loads", len(modules))
	}
	p := r.Cells[0].Placements[0]
	if len(p.Chances) != 2 {
		t.Fatalf("chances %+v", p.Chances)
	}
	gaps := map[int64]bool{}
	for _, run := range p.Runs {
		if run.Gap != nil {
			gaps[*run.Gap] = true
		}
	}
	if len(gaps) < 2 {
		t.Fatalf("addresses are not random: gaps %v", gaps)
	}
	for _, c := range p.Chances {
		low, high := plausible(c.Computed, boots, tail)
		if c.Runs != boots || c.Loaded < low || c.Loaded > high || c.Computed <= 0 || c.Computed >= 1 {
			t.Errorf("%+v: %d–%d boots of %d are plausible", c, low, high, boots)
		}
		if c.Holds != (c.Low <= c.Computed && c.Computed <= c.High) {
			t.Errorf("%+v: Holds", c)
		}
	}
	if r.Cells[0].Verdict == result.Flaky {
		t.Errorf("flaky: %s", r.Cells[0].Reason)
	}
}

// TestEditedLoader boots a tree whose loader takes GOTPCREL for PC32 and does
// not check 32S: predictions and observations change alike.
func TestEditedLoader(t *testing.T) {
	long(t)
	l, _ := real(t)
	o := harness.MatrixOptions{Tree: "debian-7.3", Select: scenario.Selection{Cells: []string{"stock", "static-small"}, Placements: []string{"low", "high", "far"}}}
	before := matrix(t, l, o)
	store, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "linux")
	if err := os.CopyFS(own, os.DirFS(filepath.Join(store, "v1", "dirs", "tree", before.Tree.Digest))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(own, filepath.FromSlash(loader.RulesFile))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edited := string(text)
	for _, e := range [][2]string{
		{"\t\tcase R_X86_64_PC32:\n", "\t\tcase R_X86_64_GOTPCREL:\n\t\tcase R_X86_64_PC32:\n"},
		{"\t\t\tif ((s64)val != *(s32 *)&val)\n\t\t\t\tgoto overflow;\n", ""},
	} {
		if strings.Count(edited, e[0]) != 1 {
			t.Fatalf("%s does not hold %q once", file, e[0])
		}
		edited = strings.Replace(edited, e[0], e[1], 1)
	}
	if err := os.WriteFile(file, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Tree = own
	after := matrix(t, l, o)
	foretold(t, after)
	if after.Exit == result.ExitExpected || after.Infra == "" {
		t.Errorf("exit %d, infra %q: the control that is known to be rejected is not", after.Exit, after.Infra)
	}
	was, is := predictions(before), predictions(after)
	for cell, want := range map[string][2]string{
		"stock:low":                {"relocation-unknown 9 GOTPCREL", "loaded-corrupt 9 GOTPCREL"},
		"stock:far":                {"relocation-unknown 9 GOTPCREL", "loaded-corrupt"},
		"static-small@module:low":  {"loaded", "loaded"},
		"static-small@module:high": {"relocation-overflow 11 32S", "loaded-corrupt 11 32S"},
	} {
		for _, m := range []string{"rust_minimal", "rust_print"} {
			if k := cell + ":" + m; was[k] != want[0] || !strings.HasPrefix(is[k], want[1]) {
				t.Errorf("%s: predicted %q, and %q with the edited loader; want %q and %q", k, was[k], is[k], want[0], want[1])
			}
		}
	}
	seen := outcomes(after)
	for k, o := range seen {
		corrupt := slices.Contains([]string{string(outcome.Oops), string(outcome.LoadedCorrupt)}, strings.Fields(o)[0])
		if strings.HasPrefix(is[k], string(outcome.LoadedCorrupt)) && !corrupt {
			t.Errorf("%s: predicted %q, observed %q", k, is[k], o)
		}
	}
	for _, m := range foretold(t, after) {
		if m.Outcome.Kind == outcome.Oops && !strings.Contains(m.Outcome.Detail, ".rela") {
			t.Errorf("%s: the oops is not explained by an entry: %+v", m.Name, m.Outcome)
		}
		t.Logf("%s: predicted %s, observed %s: %s %s", m.Name, m.Predicted, m.Outcome, m.Outcome.Evidence, m.Outcome.Detail)
	}
}

// predictions is outcomes of what was predicted.
func predictions(r *result.Results) map[string]string {
	m := map[string]string{}
	for _, c := range r.Cells {
		for _, p := range c.Placements {
			for _, run := range p.Runs {
				for _, mod := range run.Modules {
					if mod.Predicted != nil {
						m[c.ID+":"+p.Name+":"+mod.Name] = mod.Predicted.String()
					}
				}
			}
		}
	}
	return m
}
