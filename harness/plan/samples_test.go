package plan

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/kconfig"
	"umlab/harness/sample"
	"umlab/harness/scenario"
)

// fakeKconfig takes the options that are there, but those that lack what they
// need; what a taken one selects is on.
type fakeKconfig struct {
	absent  []string
	needs   map[string]string
	selects map[string]string
}

func (k fakeKconfig) resolve(t *testing.T) func([]kconfig.Option) (kconfig.Config, error) {
	return func(options []kconfig.Option) (kconfig.Config, error) {
		t.Helper()
		on := map[string]string{}
		for _, o := range options {
			if o.Value != kconfig.Unset && !slices.Contains(k.absent, o.Name) {
				on[o.Name] = o.Value
			}
		}
		for name, need := range k.needs {
			if on[need] == "" {
				delete(on, name)
			}
		}
		for name, selected := range k.selects {
			if on[name] != "" {
				on[selected] = "y"
			}
		}
		var text strings.Builder
		for name, value := range on {
			text.WriteString(name + "=" + value + "\n")
		}
		return kconfig.ParseConfig(".config", []byte(text.String()))
	}
}

func fakeSample(name string, needs ...string) sample.Module {
	own := "CONFIG_" + strings.ToUpper(name)
	s := sample.Module{Name: name, Target: "samples/rust/" + name + ".ko", Option: own, Options: []kconfig.Option{{Name: "CONFIG_RUST", Value: "y", File: "Kconfig", Line: 1}}}
	for _, n := range append(needs, own) {
		s.Options = append(s.Options, kconfig.Option{Name: n, Value: "y", File: "Kconfig", Line: 2})
	}
	s.Options[len(s.Options)-1].Value = "m"
	return s
}

func TestBuildable(t *testing.T) {
	boolean := fakeSample("boolean")
	boolean.Options[len(boolean.Options)-1].Value = "y"
	plain := sample.Module{Name: "plain", Target: "samples/rust/plain.ko", Options: fakeSample("x").Options[:1]}
	for name, tt := range map[string]struct {
		options []kconfig.Option
		samples []sample.Module
		kconfig fakeKconfig
		kept    []string
		with    string   // an option of the result
		without string   // none of the result
		notes   []string // some of it, in order
	}{
		"all": {
			samples: []sample.Module{fakeSample("b", "CONFIG_FS"), fakeSample("a"), plain},
			kconfig: fakeKconfig{needs: map[string]string{"CONFIG_B": "CONFIG_FS"}},
			kept:    []string{"b", "a", "plain"}, with: "CONFIG_FS=y",
			notes: []string{"module b: CONFIG_FS=y is added, for Kconfig:2"},
		},
		"what UML lacks": {
			samples: []sample.Module{fakeSample("a"), fakeSample("b", "CONFIG_HELPS", "CONFIG_PCI"), fakeSample("c")},
			kconfig: fakeKconfig{absent: []string{"CONFIG_PCI"}, needs: map[string]string{"CONFIG_B": "CONFIG_PCI"}},
			kept:    []string{"a", "c"}, with: "CONFIG_C=m", without: "CONFIG_HELPS=y",
			notes: []string{"module b is left out of -modules=all: Kconfig:2: CONFIG_PCI=y was dropped (resolved: not set); Kconfig:2: CONFIG_B=m was dropped (resolved: not set)"},
		},
		"lives on what another needed": {
			samples: []sample.Module{fakeSample("a"), fakeSample("b", "CONFIG_BUS", "CONFIG_PCI"), fakeSample("c")},
			kconfig: fakeKconfig{absent: []string{"CONFIG_PCI"}, needs: map[string]string{"CONFIG_B": "CONFIG_PCI", "CONFIG_C": "CONFIG_BUS"}},
			kept:    []string{"a"},
			notes:   []string{"module b is left out", "module c is left out"},
		},
		"no tristate": {
			samples: []sample.Module{boolean, fakeSample("a")}, kept: []string{"a"},
			notes: []string{"module boolean is left out of -modules=all: Kconfig:2: CONFIG_BOOLEAN is no tristate"},
		},
		"built in by the user": {
			options: []kconfig.Option{{Name: "CONFIG_A", Value: "y", File: "mine", Line: 3}},
			samples: []sample.Module{fakeSample("a"), fakeSample("b")}, kept: []string{"b"}, with: "CONFIG_A=y",
			notes: []string{"module a is left out of -modules=all: Kconfig:2: CONFIG_A=m was dropped (resolved: y)"},
		},
		"spoils what was asked for": {
			options: []kconfig.Option{{Name: "CONFIG_OFF", Value: kconfig.Unset, File: "base", Line: 3}},
			samples: []sample.Module{fakeSample("a"), fakeSample("b"), fakeSample("c")},
			kconfig: fakeKconfig{selects: map[string]string{"CONFIG_B": "CONFIG_OFF"}},
			kept:    []string{"a", "c"}, without: "CONFIG_B=m",
			notes: []string{"module b is left out of -modules=all: base:3: CONFIG_OFF=n was dropped (resolved: y)"},
		},
		"none": {samples: []sample.Module{fakeSample("a")}, kconfig: fakeKconfig{absent: []string{"CONFIG_RUST"}, needs: map[string]string{"CONFIG_A": "CONFIG_RUST"}},
			notes: []string{"CONFIG_RUST=y was dropped"}},
	} {
		t.Run(name, func(t *testing.T) {
			kept, with, notes, err := buildable(tt.options, tt.samples, tt.kconfig.resolve(t))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.kept, each(kept, func(s sample.Module) string { return s.Name })); d != "" {
				t.Error(d)
			}
			text := kconfig.Text(with)
			if tt.with != "" && !strings.Contains(text, tt.with+"\n") || tt.without != "" && strings.Contains(text, tt.without+"\n") {
				t.Errorf("with %q, without %q:\n%s", tt.with, tt.without, text)
			}
			all := strings.Join(notes, "\n")
			for _, want := range tt.notes {
				_, after, found := strings.Cut(all, want)
				if !found {
					t.Errorf("no note %q in\n%s", want, strings.Join(notes, "\n"))
				}
				all = after
			}
		})
	}
	failure := errors.New("make is gone")
	if _, _, _, err := buildable(nil, []sample.Module{fakeSample("a")}, func([]kconfig.Option) (kconfig.Config, error) { return kconfig.Config{}, failure }); !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
}

// TestExpand: what the scenario knows of a sample holds, what stands beside all
// stays where it is, and the user's -output= is of the others.
func TestExpand(t *testing.T) {
	s, err := scenario.Library{Project: os.DirFS("../..")}.Load(DefaultScenario)
	if err != nil {
		t.Fatal(err)
	}
	selected, err := s.Select(scenario.Selection{Modules: []string{"samples/rust/rust_c.ko", "all", "./own"}, Cells: []string{"pie-small", "static-large"}, Output: "^hi"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range selected.Controls {
		if c.Selected {
			t.Errorf("control %s: nobody knows yet", c.Name)
		}
	}
	p := &Plan{Scenario: s, Plan: *selected}
	q := p.expanded([]sample.Module{
		{Name: "rust_a", Target: "samples/rust/rust_a.ko"}, {Name: "rust_minimal", Target: "samples/rust/rust_minimal.ko"}, {Name: "rust_c", Target: "samples/rust/rust_c.ko"},
	})
	hi := regexp.MustCompile("^hi").String()
	for _, c := range q.Cells {
		var got []string
		for _, m := range c.Modules {
			got = append(got, m.Name)
			if own := m.Name == "rust_minimal"; (m.Output.String() == hi) == own {
				t.Errorf("%s: prints %s", m.Name, m.Output)
			}
		}
		if d := cmp.Diff([]string{"rust_c", "rust_a", "rust_minimal", "own"}, got); d != "" {
			t.Error(d)
		}
	}
	for _, c := range q.Controls {
		if !c.Selected {
			t.Errorf("control %s is in the plan, and would be booted twice", c.Name)
		}
	}
}
