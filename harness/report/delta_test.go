package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/conclude"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// deltas are what the golden files render: another rustc, as debian-6.12 shows
// it; another relocation model, with all that can be cut, missing or hostile; and
// two sides that are the same.
func deltas() map[string]*result.Delta {
	counts := func(typ string, n int) map[string]int { return map[string]int{"R_X86_64_" + typ: n} }
	side := func(name, rustc, commit, llvm string) conclude.Facts {
		return conclude.Facts{Name: name, Tree: map[string]string{"name": "debian-6.12", "version": "6.12.107"},
			Toolchain: map[string]string{"rustc": rustc, "rustc-commit": commit, "rustc-llvm": llvm, "rust-src": rustc, "clang": "19.1.7"},
			Flags:     map[string][]string{"samples/rust/rust_print.o": {"-Copt-level=2", "-Crelocation-model=pie", "-Zunstable-options"}},
			Target:    map[string]string{"llvm-target": `"x86_64-linux-gnu"`, "target-pointer-width": `"64"`},
			Resolved:  map[string]string{"relocation_model": "pie", "panic": "abort"},
			Config:    map[string]string{"CONFIG_RUSTC_VERSION": rustc, "CONFIG_RUSTC_VERSION_TEXT": `"rustc ` + rustc + ` (built from a source tarball, which is a long text)"`},
			Modules: map[string]conclude.ModuleFacts{
				"rust_print": {Sum: rustc, Symbols: map[string]map[string]int{".rodata": counts("64", 22), "kernel::print::format_strings::WARNING": counts("GOTPCREL", 2)},
					Functions: map[string]map[string]int{".data.rel.ro": counts("64", 22), "<rust_print::RustPrint as kernel::Module>::init": counts("GOTPCREL", 2)}},
				"rust_same":  {Sum: "1", Symbols: map[string]map[string]int{"_printk": counts("PLT32", 1)}, Functions: map[string]map[string]int{"init_module": counts("PLT32", 1)}},
				"rust_alike": {Sum: rustc, Symbols: map[string]map[string]int{"_printk": counts("PLT32", 1)}, Functions: map[string]map[string]int{"init_module": counts("PLT32", 1)}},
			}}
	}
	good := side("debian-rustc:1.85.1", "1.85.1", "4eb161250e340c8f48f66e2b929ef4a5bed7c181", "19.1.7")
	rustc := side("debian-rustc:1.96.1", "1.96.1", "31fca3adb283cc9dfd56b49cdee9a96eb9c96ffd", "22.1.8")
	rustc.Target["target-pointer-width"] = "64"
	rustc.Target["rustc-abi"] = `"softfloat"`
	rustc.Config["CONFIG_RUSTC_HAS_UNNECESSARY_TRANSMUTES"] = "y"
	rustc.Modules["rust_print"] = conclude.ModuleFacts{Sum: "2",
		Symbols:   map[string]map[string]int{".rodata": counts("PC32", 18), "kernel::print::format_strings::WARNING": counts("GOTPCREL", 1)},
		Functions: map[string]map[string]int{"<rust_print::RustPrint as kernel::Module>::init": {"R_X86_64_PC32": 18, "R_X86_64_GOTPCREL": 1}}}
	model := side("evil \x1b[2J `side` | <b>", "1.85.1", "4eb161250e340c8f48f66e2b929ef4a5bed7c181", "19.1.7")
	model.Flags["samples/rust/rust_print.o"] = []string{"-Copt-level=2", "-Crelocation-model=static", "-Zunstable-options"}
	model.Tree["digest"] = strings.Repeat("0123456789abcdef", 4)
	model.Resolved, model.Missing = nil, map[string]string{result.AspectResolved: "rustc --print cfg: exit status 1"}
	many := map[string]map[string]int{}
	for i := range 30 {
		model.Config[fmt.Sprintf("CONFIG_OPTION_%02d", i)] = "y"
		many[fmt.Sprintf("core::<evil\x07 as T%02d>::f", i)] = counts("32S", i+1)
	}
	model.Modules["rust_print"] = conclude.ModuleFacts{Sum: "3", Symbols: many, Functions: many}
	delete(model.Modules, "rust_same")
	return map[string]*result.Delta{
		"rustc": conclude.Delta("stock", good, rustc), "model": conclude.Delta("static-small@module", good, model), "same": conclude.Delta("stock", good, good),
	}
}

// deltaDocument is d alone; it is always a part of a bisection.
func deltaDocument(d *result.Delta) *doc.Document {
	return &doc.Document{Blocks: []doc.Block{deltaSection(d, d.Cell)}}
}

func TestDeltaGolden(t *testing.T) {
	for name, d := range deltas() {
		for ext, render := range map[string]func(io.Writer, *result.Delta) error{
			"80.txt": Form(deltaDocument, onTerminal(doc.Options{Width: 80})), "md": Form(deltaDocument, doc.Markdown),
		} {
			t.Run(name+"."+ext, func(t *testing.T) {
				var out bytes.Buffer
				if err := render(&out, d); err != nil {
					t.Fatal(err)
				}
				for l := range strings.SplitSeq(out.String(), "\n") {
					if ext == "80.txt" && text.StringWidth(l) > 80 {
						t.Errorf("wider than 80 columns: %s", l)
					}
				}
				if strings.ContainsAny(out.String(), "\x1b\x07") || ext == "md" && strings.Contains(out.String(), "<b>") {
					t.Error("what a name holds reached the format")
				}
				golden(t, "delta."+name+"."+ext, out.Bytes())
			})
		}
	}
}

// Values stand in one column, but for those of a name that is longer than half
// a line; where relocations stand is said by what the list holds.
func TestDeltaLines(t *testing.T) {
	long := "CONFIG_" + strings.Repeat("LONG_", 9)
	of := func(n int) []result.CountsOfChange {
		places := []result.CountsOfChange{{Name: "init_module"}, {Name: ".data"}}
		for i := range places {
			places[i].Types = []result.CountChange{{Type: "R_X86_64_64", Good: 1, Bad: 2}}
		}
		return places[:n]
	}
	d := &result.Delta{Cell: "stock", Good: "a", Bad: "b", Config: []result.Change{{Name: "CONFIG_A", Bad: "y"}, {Name: "CONFIG_" + strings.Repeat("B", 33), Good: "m", Bad: "y"}, {Name: long, Good: "1"}},
		Modules: []result.ModuleDelta{{Module: "one", Functions: of(1)}, {Module: "two", Functions: of(2)}}}
	out := string(written(t, Form(deltaDocument, onTerminal(doc.Options{Width: 100})), d))
	for _, want := range []string{
		"    CONFIG_A" + strings.Repeat(" ", 34) + "not set → y\n", "B  m → y\n", "    " + long + "\n      1 → not set\n",
		"  one: the same numbers of each type\n    by function\n", "  two: the same numbers of each type\n    by place\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestDeltaJSON(t *testing.T) {
	for name, d := range deltas() {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(d, roundTrip(t, result.DeltaSchema, JSON, d)); diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
		})
	}
	if err := published(result.DeltaSchema, []byte(`{"schema":"umlab.delta/v2"}`)); err == nil {
		t.Error("another schema is valid")
	}
}
