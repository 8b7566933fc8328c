package oracle

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// corruptForecast predicts a module with two entries that are written wrong: a
// call that is cut, and a load through the GOT that is not there.
func corruptForecast(entries ...loader.Applied) *Forecast {
	ko := &loader.Module{Name: "m", Sections: []loader.Section{{}, {Index: 1, Name: ".text"}, {Index: 2, Name: ".rela.text"}}}
	return &Forecast{Module: "m", Ko: ko, Prediction: loader.Prediction{
		Outcome: outcome.Outcome{Kind: outcome.LoadedCorrupt, Relocation: outcome.NewRelocation(entries[0].Type), Address: "0x160800000"}, Corrupt: entries}}
}

func cutCall() loader.Applied {
	target := uint64(0x60100000)
	return loader.Applied{Entry: loader.Entry{Section: 2, Target: 1, Index: 7, Offset: 0x10, Type: 4, Addend: -4}, Name: "_printk",
		SymbolValue: target, Location: 0x160800010, Value: target - 4 - 0x160800010, PCRelative: true, Width: 4}
}

func throughGOT() loader.Applied {
	target := uint64(0x60100000)
	return loader.Applied{Entry: loader.Entry{Section: 2, Target: 1, Index: 3, Offset: 0x20, Type: 9, Addend: -4}, Name: "_printk",
		SymbolValue: target, Location: 0x64800020, Value: target - 4 - 0x64800020, PCRelative: true, Width: 4}
}

func TestAgrees(t *testing.T) {
	five, six := 5, 6
	overflow := outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11), Errno: 8, Value: "0x80804010", Section: &five, Index: &six}
	with := func(o outcome.Outcome, change func(*outcome.Outcome)) outcome.Outcome {
		change(&o)
		return o
	}
	loaded := outcome.Outcome{Kind: outcome.Loaded, Address: "0x64804000"}
	unknown := outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(9), Errno: 8}
	corrupt := outcome.Outcome{Kind: outcome.LoadedCorrupt, Relocation: outcome.NewRelocation(4), Address: "0x160800000"}
	const yes, no, open = "agrees", "disagrees", "open"
	for _, tt := range []struct {
		name                string
		predicted, observed outcome.Outcome
		want                string
	}{
		{"overflow", overflow, overflow, yes},
		{"another type", overflow, with(overflow, func(o *outcome.Outcome) { o.Relocation = outcome.NewRelocation(10) }), no},
		{"another value", overflow, with(overflow, func(o *outcome.Outcome) { o.Value = "0x80805010" }), no},
		{"another errno", overflow, with(overflow, func(o *outcome.Outcome) { o.Errno = 22 }), no},
		{"another section", overflow, with(overflow, func(o *outcome.Outcome) { o.Section = &six }), no},
		{"another index", overflow, with(overflow, func(o *outcome.Outcome) { o.Index = &five }), no},
		{"no index in the line", overflow, with(overflow, func(o *outcome.Outcome) { o.Index = nil }), no},
		{"unknown", unknown, unknown, yes},
		{"unknown, but overflow", unknown, overflow, no},
		{"loaded", loaded, loaded, yes},
		{"loaded elsewhere", loaded, with(loaded, func(o *outcome.Outcome) { o.Address = "0x64805000" }), no},
		{"loaded, address hidden", loaded, with(loaded, func(o *outcome.Outcome) { o.Address = "" }), yes},
		{"loaded, but corrupt", loaded, corrupt, no},
		{"loaded against refused", unknown, loaded, no},
		{"refused against loaded", loaded, unknown, no},
		{"init failed", loaded, outcome.Outcome{Kind: outcome.InitFailed, Errno: 19}, yes},
		{"init ran of a refused module", unknown, outcome.Outcome{Kind: outcome.InitFailed, Errno: 19}, no},
		{"cannot be removed", loaded, outcome.Outcome{Kind: outcome.InsmodFailed, Address: "0x64804000"}, yes},
		{"missing symbol", outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 2}, outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 2}, yes},
		{"refused for no known reason", loaded, outcome.Outcome{Kind: outcome.InsmodFailed, Errno: 12}, no},
		{"its own code faults", loaded, outcome.Outcome{Kind: outcome.Oops, Evidence: "Kernel mode fault at addr 0x8, ip 0x64807019"}, open},
		{"a refused module faults", unknown, outcome.Outcome{Kind: outcome.Oops, Evidence: "Kernel mode fault at addr 0x8, ip 0x64807019"}, no},
		{"no boot", loaded, outcome.Outcome{Kind: outcome.BootFailed}, open},
		{"infra", loaded, outcome.Outcome{Kind: outcome.Infra}, open},
		{"hangs in insmod, perhaps in init", loaded, outcome.Outcome{Kind: outcome.Timeout, Stage: "insmod m"}, open},
		{"hangs where it is refused", unknown, outcome.Outcome{Kind: outcome.Timeout, Stage: "insmod m"}, no},
		{"hangs before", loaded, outcome.Outcome{Kind: outcome.Timeout, Stage: "boot"}, open},
		{"corrupt code hangs", corrupt, outcome.Outcome{Kind: outcome.Timeout, Stage: "insmod m"}, open},
		{"corrupt", corrupt, corrupt, yes},
		{"corrupt, but loaded", corrupt, with(loaded, func(o *outcome.Outcome) { o.Address = corrupt.Address }), no},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &Forecast{Prediction: loader.Prediction{Outcome: tt.predicted}}
			agrees, known := f.agrees(&tt.observed)
			got := open
			if known && agrees {
				got = yes
			} else if known {
				got = no
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// An oops agrees with loaded-corrupt where an entry explains it, and the outcome
// says which.
func TestOopsOfACorruptEntry(t *testing.T) {
	call, got := cutCall(), throughGOT()
	if !cut(call) || cut(got) {
		t.Fatalf("cut: call %v, GOT %v", cut(call), cut(got))
	}
	if call.Reached() != 0x160100000 {
		t.Fatalf("the call reaches 0x%x", call.Reached())
	}
	for _, tt := range []struct {
		name, line string
		entries    []loader.Applied
		agrees     bool
		says       []string
	}{
		{"where the call leads", "Kernel tried to access user memory at addr 0x160100000, ip 0x160100000", []loader.Applied{call}, true,
			[]string{".rela.text[7]", "R_X86_64_PLT32", "_printk", "distance -4302307348", "0x160100000"}},
		{"a page beyond", "Kernel mode fault at addr 0x160101000, ip 0x60000000", []loader.Applied{call}, false, nil},
		{"just below", "Kernel mode fault at addr 0x1600fffff, ip 0x60000000", []loader.Applied{call}, true, []string{".rela.text[7]"}},
		{"elsewhere", "Kernel mode fault at addr 0x0, ip 0x602a28ce", []loader.Applied{call}, false, nil},
		{"an address of x86", "BUG: unable to handle page fault for address: 0000000160100000", []loader.Applied{call}, true, []string{"_printk"}},
		{"no address", "Kernel panic - not syncing: something", []loader.Applied{call}, false, nil},
		{"anywhere, by what stands at a symbol", "Kernel mode fault at addr 0x0, ip 0x602a28ce", []loader.Applied{got}, true, []string{".rela.text[3]", "R_X86_64_GOTPCREL", "table entry"}},
		{"the nearest of two", "Kernel mode fault at addr 0x160100008, ip 0x60000000", []loader.Applied{got, call}, true, []string{".rela.text[7]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := outcome.Outcome{Kind: outcome.Oops, Evidence: tt.line}
			agrees, known := corruptForecast(tt.entries...).agrees(&o)
			// What no entry explains proves nothing either way.
			if agrees != tt.agrees || known != tt.agrees {
				t.Errorf("agrees %v, known %v: %q", agrees, known, o.Detail)
			}
			for _, want := range tt.says {
				if !strings.Contains(o.Detail, want) {
					t.Errorf("%q lacks %q", o.Detail, want)
				}
			}
			if !tt.agrees && o.Detail != "" {
				t.Errorf("explained as %q", o.Detail)
			}
		})
	}
}

// TestOopsInsteadOfRejection: the loader was to refuse the module, so that none of
// its code runs.
func TestOopsInsteadOfRejection(t *testing.T) {
	f := corruptForecast(cutCall())
	f.Prediction.Outcome.Kind, f.Prediction.Corrupt = outcome.RelocationUnknown, nil
	o := outcome.Outcome{Kind: outcome.Oops, Evidence: "Kernel mode fault at addr 0x0, ip 0x602a28ce"}
	if agrees, known := f.agrees(&o); agrees || !known {
		t.Errorf("agrees %v, known %v", agrees, known)
	}
}

// What loaded although an entry was cut is loaded-corrupt, with its evidence.
func TestLoadedCorrupt(t *testing.T) {
	f := corruptForecast(cutCall(), throughGOT())
	o := outcome.Outcome{Kind: outcome.Loaded, Address: "0x160800000", Evidence: "m 4096 0 - Live 0x0000000160800000", Offset: 12}
	f.corrupt(&o)
	if o.Kind != outcome.LoadedCorrupt || o.Relocation.Type != 4 || o.Offset != 12 || o.Evidence != "m 4096 0 - Live 0x0000000160800000" {
		t.Errorf("%+v", o)
	}
	for _, want := range []string{".rela.text[7] at .text+0x10", "_printk", "-4302307348", "1 more"} {
		if !strings.Contains(o.Detail, want) {
			t.Errorf("%q lacks %q", o.Detail, want)
		}
	}
	if agrees, known := f.agrees(&o); !agrees || !known {
		t.Error("it was predicted so")
	}
	whole := &Forecast{Prediction: loader.Prediction{Outcome: outcome.Outcome{Kind: outcome.Loaded}}}
	o = outcome.Outcome{Kind: outcome.Loaded, Address: "0x64804000"}
	if whole.corrupt(&o); o.Kind != outcome.Loaded {
		t.Errorf("%+v", o)
	}
}

// A tree that is not as known gives no prediction and says why.
func TestNoPredictions(t *testing.T) {
	_, err := loader.ReadTree(fstest.MapFS{}, "9.9", nil)
	o := &Oracle{err: err}
	run := result.Run{Modules: []result.Module{{Name: "m", Outcome: outcome.Outcome{Kind: outcome.Loaded}}}}
	cell := result.Cell{Placements: []result.Placement{{Runs: []result.Run{run}}}}
	if notes := o.Notes(); err == nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "no predictions: ") || !strings.Contains(notes[0], loader.RulesFile) {
		t.Errorf("%v", notes)
	}
	if m := run.Modules[0]; m.Predicted != nil || m.Agrees != nil || m.Outcome.Kind != outcome.Loaded {
		t.Errorf("%+v", m)
	}
	if list := varying(cell); len(list) != 0 {
		t.Errorf("%v", list)
	}
}

func TestVaryingAndConfirm(t *testing.T) {
	yes, no := true, false
	loaded, over := outcome.Outcome{Kind: outcome.Loaded}, outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11)}
	run := func(a, b outcome.Outcome, agrees *bool) result.Run {
		return result.Run{Modules: []result.Module{{Name: "a", Outcome: a, Predicted: &a, Agrees: agrees}, {Name: "b", Outcome: b, Predicted: &b, Agrees: agrees}, {Name: "c", Outcome: a}}}
	}
	at := func(runs ...result.Run) result.Placement { return result.Placement{Runs: runs} }
	for _, tt := range []struct {
		name    string
		cell    result.Cell
		want    []string
		modules []string
		probes  []result.Placement
		holds   bool
	}{
		{"one of them", result.Cell{Placements: []result.Placement{at(run(loaded, loaded, &yes)), at(run(over, loaded, &yes))}}, []string{"a"},
			[]string{"a"}, []result.Placement{at(run(loaded, loaded, &yes)), at(run(over, loaded, &yes))}, true},
		{"within a placement", result.Cell{Placements: []result.Placement{at(run(loaded, loaded, &yes), run(over, over, &yes))}}, []string{"a", "b"},
			[]string{"a", "b"}, []result.Placement{at(run(loaded, loaded, &yes)), at(run(over, loaded, &yes))}, false},
		{"neither", result.Cell{Placements: []result.Placement{at(run(loaded, over, &yes), run(loaded, over, &yes))}}, nil,
			[]string{"a"}, []result.Placement{at(run(loaded, loaded, &yes)), at(run(over, loaded, &no))}, false},
		{"no boot", result.Cell{}, nil, []string{"a"}, nil, false},
		{"the same on both sides", result.Cell{}, nil, []string{"a"}, []result.Placement{at(run(over, over, &yes)), at(run(over, over, &yes))}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := varying(tt.cell); !slices.Equal(got, tt.want) {
				t.Errorf("varying %v, want %v", got, tt.want)
			}
			th := result.Threshold{Modules: tt.modules, Probes: tt.probes}
			(&Oracle{}).Confirm(&th)
			if th.Holds != tt.holds {
				t.Errorf("holds %v", th.Holds)
			}
		})
	}
}

// A note is told once, in an order that does not depend on which boot came
// first.
func TestOracleNotes(t *testing.T) {
	o := &Oracle{}
	for _, text := range []string{"b", "a", "b"} {
		o.note(text)
	}
	if got := o.Notes(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v", got)
	}
	if got := (&Oracle{err: errors.New("x")}).Notes(); !slices.Equal(got, []string{"no predictions: x"}) {
		t.Errorf("%v", got)
	}
}
