package conclude

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"umlab/harness/result"
)

// facts are those of a side by which the tests vary one thing at a time.
func facts(name string, change func(*Facts)) Facts {
	f := Facts{
		Name: name,
		Tree: map[string]string{"name": "debian-7.3", "digest": "d"},
		Toolchain: map[string]string{"rustc": "1.85.1", "rustc-commit": "aaa", "rustc-llvm": "19.1.7", "rust-src": "1.85.1",
			"bindgen": "0.71.1", "libclang": "19.1.7", "gcc": "14.2.0"},
		Flags:    map[string][]string{"samples/rust/rust_print.o": {"-Copt-level=2", "-Crelocation-model=pie"}},
		Target:   map[string]string{"arch": `"x86_64"`, "features": `"-mmx,+soft-float"`},
		Resolved: map[string]string{"relocation_model": "pie", "target_arch": "x86_64"},
		Config:   map[string]string{"CONFIG_RUST": "y", "CONFIG_RUSTC_VERSION": "108501"},
		Modules: map[string]ModuleFacts{"rust_print": {Sum: "1", Symbols: map[string]map[string]int{"_printk": {"R_X86_64_GOTPCREL": 4}, "b": {"R_X86_64_64": 1}},
			Functions: map[string]map[string]int{"init": {"R_X86_64_GOTPCREL": 4}, ".data": {"R_X86_64_64": 1}}}},
	}
	if change != nil {
		change(&f)
	}
	return f
}

func newRustc(f *Facts) {
	f.Toolchain["rustc"], f.Toolchain["rustc-commit"], f.Toolchain["rust-src"] = "1.96.1", "bbb", "1.96.1"
	f.Config["CONFIG_RUSTC_VERSION"] = "109601"
	f.Modules["rust_print"] = ModuleFacts{Sum: "2", Symbols: map[string]map[string]int{"_printk": {"R_X86_64_PLT32": 4}, "b": {"R_X86_64_64": 1}},
		Functions: map[string]map[string]int{"init": {"R_X86_64_PLT32": 4}, ".data": {"R_X86_64_64": 1}}}
}

func newLLVM(f *Facts) { f.Toolchain["rustc-llvm"] = "22.1.8" }

func both(changes ...func(*Facts)) func(*Facts) {
	return func(f *Facts) {
		for _, c := range changes {
			c(f)
		}
	}
}

func TestConclusionOfDeltas(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Facts)
		says   []string
		not    []string
	}{
		{"nothing", nil, []string{"rustc and its LLVM are the same.", "byte for byte, so that they do not explain the change.", "Nothing that was compared differs."}, []string{"leaves"}},
		{"rustc and LLVM", both(newRustc, newLLVM), []string{"rustc (1.85.1 → 1.96.1) and its LLVM (19.1.7 → 22.1.8) both changed.",
			"What rustc was told is equal: flags and target.json, and rustc resolves them to the same (rustc --print cfg).",
			"the change is in code generation, by rustc with its core library or by LLVM; the deltas do not tell which."}, []string{"default", "leaves"}},
		{"rustc alone", newRustc, []string{"rustc changed (1.85.1 → 1.96.1), on the same LLVM.", "which leaves rustc with its core library."}, []string{"or by LLVM"}},
		{"a commit alone", func(f *Facts) { f.Toolchain["rustc-commit"] = "ccc" }, []string{"rustc changed (aaa → ccc), on the same LLVM."}, nil},
		{"LLVM alone", newLLVM, []string{"LLVM changed (19.1.7 → 22.1.8) under the same rustc.", "which leaves LLVM."}, []string{"core library"}},
		{"the flags' model", both(newRustc, func(f *Facts) {
			f.Flags["samples/rust/rust_print.o"] = []string{"-Copt-level=2", "-Crelocation-model=static"}
		}),
			[]string{"The flags of samples/rust/rust_print.o changed: -Crelocation-model=pie → -Crelocation-model=static.", "target.json is equal, flags differ",
				"The change comes from rustc with its core library or the flags, or several of them"}, []string{"code generation"}},
		{"another flag", func(f *Facts) {
			f.Flags["samples/rust/rust_print.o"] = []string{"-Copt-level=3", "-Crelocation-model=pie"}
		},
			[]string{"target.json is equal, flags differ, and rustc resolves them to the same", "which leaves the flags."}, []string{"The flags of"}},
		{"target.json's model", both(newRustc, func(f *Facts) { f.Target["relocation-model"] = `"static"` }),
			[]string{`target.json's relocation-model changed: not there → "static".`, "The flags are equal, target.json differs in relocation-model"}, []string{"code generation", "own default"}},
		{"rustc's default", both(newRustc, func(f *Facts) { f.Resolved["relocation_model"] = "static" }),
			[]string{"rustc's own default changed: its relocation_model is another (pie → static), and neither flags nor target.json ask for it."}, []string{"resolves them to the same"}},
		{"another cfg", both(newRustc, func(f *Facts) { f.Resolved["target_has_reliable_f16"] = "set" }),
			[]string{"and rustc resolves them to the same relocation model"}, []string{"own default"}},
		{"target.json otherwise", both(newRustc, newLLVM, func(f *Facts) { f.Target["rustc-abi"] = `"softfloat"`; f.Target["target-pointer-width"] = "64" }),
			[]string{"target.json differs in rustc-abi, target-pointer-width", "comes from rustc with its core library, LLVM or target.json, or several"}, []string{"is in code generation"}},
		{"an option", both(newRustc, newLLVM, func(f *Facts) { f.Config["CONFIG_RUSTC_HAS_X"] = "y" }),
			[]string{".config (CONFIG_RUSTC_HAS_X)"}, []string{"CONFIG_RUSTC_VERSION", "is in code generation"}},
		{"the C side too", both(newRustc, func(f *Facts) { f.Toolchain["gcc"] = "16" }), []string{"rustc with its core library or the other tools (gcc)"}, []string{"leaves"}},
		{"the tree", func(f *Facts) { f.Tree["digest"] = "e" }, []string{"rustc and its LLVM are the same.", "which leaves the tree."}, nil},
		{"other bytes, same relocations", both(newLLVM, func(f *Facts) { m := f.Modules["rust_print"]; m.Sum = "2"; f.Modules["rust_print"] = m }),
			[]string{"The relocations of the modules are equal, so that they do not explain the change."}, []string{"byte for byte"}},
		{"a module of one side only", func(f *Facts) { f.Modules["other"] = ModuleFacts{} }, []string{"Not compared: relocations of other."}, []string{"do not explain"}},
		{"modules differ by themselves", func(f *Facts) { old := maps.Clone(f.Toolchain); newRustc(f); f.Toolchain = old },
			[]string{"Nothing that could have made them differ"}, []string{"leaves"}},
		{"no target.json is known", both(newRustc, newLLVM, func(f *Facts) { f.Target = nil; f.Missing = map[string]string{result.AspectTarget: "gone"} }),
			[]string{"Not compared: target.json."}, []string{"What rustc was told", "own default"}},
		{"nothing was built", both(newRustc, func(f *Facts) { f.Target, f.Flags, f.Resolved, f.Config, f.Modules = nil, nil, nil, nil, nil }),
			[]string{"rustc changed", "Not compared: target.json, rustc --print cfg, .config, flags, relocations."}, []string{"equal", "do not explain"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Delta("stock", facts("good", nil), facts("bad", tt.change))
			for _, s := range tt.says {
				if !strings.Contains(d.Conclusion, s) {
					t.Errorf("does not say %q:\n%s", s, d.Conclusion)
				}
			}
			for _, s := range tt.not {
				if strings.Contains(d.Conclusion, s) {
					t.Errorf("says %q:\n%s", s, d.Conclusion)
				}
			}
			if text, err := json.Marshal(d); err != nil || strings.Contains(string(text), "null") {
				t.Errorf("null in %s, %v", text, err)
			}
		})
	}
}

func TestDelta(t *testing.T) {
	d := Delta("stock", facts("a", nil), facts("b", both(newRustc, newLLVM, func(f *Facts) {
		f.Config["CONFIG_ZZ"] = "y"
		delete(f.Target, "features")
		f.Flags["samples/rust/rust_print.o"] = []string{"-Copt-level=2"}
		f.Modules["other"] = ModuleFacts{}
	})))
	if diff := cmp.Diff(changed("rustc", "1.85.1", "1.96.1", "rustc-commit", "aaa", "bbb",
		"rustc-llvm", "19.1.7", "22.1.8", "rust-src", "1.85.1", "1.96.1"), d.Toolchain); diff != "" {
		t.Error(diff)
	}
	// What only records a version comes last.
	if diff := cmp.Diff(changed("CONFIG_ZZ", "", "y", "CONFIG_RUSTC_VERSION", "108501", "109601"), d.Config); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(changed("features", `"-mmx,+soft-float"`, ""), d.Target); diff != "" {
		t.Error(diff)
	}
	object := result.FlagsDelta{Object: "samples/rust/rust_print.o", Good: []string{"-Crelocation-model=pie"}, Bad: []string{}}
	if diff := cmp.Diff([]result.FlagsDelta{object}, d.Flags); diff != "" {
		t.Error(diff)
	}
	types := []result.CountChange{{Type: "R_X86_64_GOTPCREL", Good: 4}, {Type: "R_X86_64_PLT32", Bad: 4}}
	want := []result.ModuleDelta{{Module: "rust_print",
		Types:     types,
		Symbols:   []result.CountsOfChange{{Name: "_printk", Types: types}},
		Functions: []result.CountsOfChange{{Name: "init", Types: types}}}}
	if diff := cmp.Diff(want, d.Modules); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]result.Gap{{Aspect: "relocations of other", Reason: "it was not built on both sides"}}, d.Unknown); diff != "" {
		t.Error(diff)
	}
}

// TestDeltaProperties: a side differs in nothing from itself; turned round, the
// deltas are turned round; and the sums of what differs by symbol, by function and
// in all are the same.
func TestDeltaProperties(t *testing.T) {
	types := rapid.SampledFrom([]string{"R_X86_64_64", "R_X86_64_PC32", "R_X86_64_GOTPCREL"})
	counts := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.MapOfN(types, rapid.IntRange(1, 9), 0, 3), 0, 3)
	texts := rapid.MapOf(rapid.SampledFrom([]string{"rustc", "rustc-llvm", "gcc", "relocation-model"}), rapid.SampledFrom([]string{"1", "2"}))
	draw := func(rt *rapid.T, name string) Facts {
		f := Facts{Name: name, Tree: texts.Draw(rt, "tree"), Toolchain: texts.Draw(rt, "toolchain"), Target: texts.Draw(rt, "target"),
			Config: texts.Draw(rt, "config"), Resolved: texts.Draw(rt, "resolved"),
			Flags:   rapid.MapOf(rapid.SampledFrom([]string{"x.o", "y.o"}), rapid.SliceOfDistinct(rapid.SampledFrom([]string{"-Ca", "-Crelocation-model=pie"}), rapid.ID)).Draw(rt, "flags"),
			Modules: map[string]ModuleFacts{"m": {Sum: rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "sum"), Symbols: counts.Draw(rt, "symbols")}}}
		if rapid.IntRange(0, 5).Draw(rt, "known") == 0 {
			f.Target, f.Modules = nil, nil
		}
		return f
	}
	rapid.Check(t, func(rt *rapid.T) {
		a, b := draw(rt, "a"), draw(rt, "b")
		if d := Delta("stock", a, a); !empty(d) {
			rt.Fatalf("a side differs from itself: %+v", d)
		}
		d, turned := Delta("stock", a, b), Delta("stock", b, a)
		if empty(d) != empty(turned) || len(d.Config) != len(turned.Config) || len(d.Flags) != len(turned.Flags) || len(d.Modules) != len(turned.Modules) {
			rt.Fatalf("turned round: %+v\n%+v", d, turned)
		}
		for i, c := range d.Toolchain {
			if turned.Toolchain[i] != (result.Change{Name: c.Name, Good: c.Bad, Bad: c.Good}) {
				rt.Fatalf("%v turned round is %v", c, turned.Toolchain[i])
			}
		}
		for _, m := range d.Modules {
			total := map[string]int{}
			for _, s := range m.Symbols {
				for _, c := range s.Types {
					total[c.Type] += c.Bad - c.Good
				}
			}
			for _, c := range m.Types {
				if total[c.Type] != c.Bad-c.Good {
					rt.Fatalf("%s: %v by symbol, %v in all", c.Type, m.Symbols, m.Types)
				}
			}
		}
		if d.Conclusion == "" || strings.Contains(d.Conclusion, "  ") || strings.Contains(d.Conclusion, "..") {
			rt.Fatalf("%q", d.Conclusion)
		}
	})
}

// changed are changes from names, each with its good and its bad value.
func changed(texts ...string) (list []result.Change) {
	for c := range slices.Chunk(texts, 3) {
		list = append(list, result.Change{Name: c[0], Good: c[1], Bad: c[2]})
	}
	return list
}

// empty reports whether nothing that was compared differs.
func empty(d *result.Delta) bool {
	return len(d.Tree)+len(d.Toolchain)+len(d.Flags)+len(d.Target)+len(d.Resolved)+len(d.Config) == 0 && !recompiled(d)
}
