package loader

import (
	"bytes"
	"debug/elf"
	"errors"
	"strings"
	"testing"

	"umlab/harness/outcome"
)

const (
	lowBase  = 0x64800000
	highBase = 0x80800000
	farBase  = 0x160800000
)

func testKernel(t testing.TB) *Kernel {
	t.Helper()
	k, err := OpenKernel(bytes.NewReader(kernelELF(true)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testModule(t testing.TB, s moduleSpec) *Module {
	t.Helper()
	m, err := Open(bytes.NewReader(moduleELF(s)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func placed(t testing.TB, tree *Tree, m *Module, base uint64) Placement {
	t.Helper()
	l, err := tree.Layout(m)
	if err != nil {
		t.Fatal(err)
	}
	return l.sequential(base)
}

func TestPredict(t *testing.T) {
	const noCheck = "\t\t\tif ((s64)val != *(s32 *)&val)\n\t\t\t\tgoto overflow;\n"
	entry32S := elfRela{5, elf.R_X86_64_32S, symRodata, 0x10}
	entry32 := elfRela{9, elf.R_X86_64_32, symText, 0x20}
	call := elfRela{20, elf.R_X86_64_PLT32, symPrintk, -4}
	got := elfRela{32, elf.R_X86_64_GOTPCREL, symPrintk, -4}
	dirty := make([]byte, 64)
	dirty[7] = 1
	tests := []struct {
		name  string
		edits []string
		spec  moduleSpec
		base  uint64
		want  string // Outcome.String()
		line  string
	}{
		{"loads", nil, moduleSpec{relText: []elfRela{call, entry32S, entry32}}, lowBase, "loaded", ""},
		{"unknown anywhere", nil, moduleSpec{relText: []elfRela{call, got}}, lowBase, "relocation-unknown 9 GOTPCREL", "subarch: tiny: no such type: 9"},
		{"overflow of 32S", nil, moduleSpec{relText: []elfRela{call, entry32S}}, highBase, "relocation-overflow 11 32S", "subarch: too large: type 11 val 80804010 sec 2 idx 1"},
		{"32 holds what 32S does not", nil, moduleSpec{relText: []elfRela{entry32}}, highBase, "loaded", ""},
		{"overflow of 32", nil, moduleSpec{relText: []elfRela{entry32}}, farBase, "relocation-overflow 10 32", "subarch: too large: type 10 val 160800020 sec 2 idx 0"},
		{"overflow before unknown", nil, moduleSpec{relText: []elfRela{entry32S, got}}, highBase, "relocation-overflow 11 32S", ""},
		{"unknown before overflow", nil, moduleSpec{relText: []elfRela{got, entry32S}}, highBase, "relocation-unknown 9 GOTPCREL", ""},
		{"sections in order", nil, moduleSpec{relText: []elfRela{entry32S}, relRo: []elfRela{got}}, lowBase, "relocation-unknown 9 GOTPCREL", ""},
		{"PLT32 out of reach", nil, moduleSpec{relText: []elfRela{call}}, farBase, "loaded-corrupt 4 PLT32", ""},
		{"GOTPCREL taken for PC32", []string{"case R_X86_64_PC32:", "case R_X86_64_GOTPCREL:\n\t\tcase R_X86_64_PC32:"}, moduleSpec{relText: []elfRela{got}}, lowBase, "loaded-corrupt 9 GOTPCREL", ""},
		{"32S unchecked", []string{noCheck, ""}, moduleSpec{relText: []elfRela{entry32S}}, highBase, "loaded-corrupt 11 32S", ""},
		{"32S unchecked, low", []string{noCheck, ""}, moduleSpec{relText: []elfRela{entry32S}}, lowBase, "loaded", ""},
		{"nonzero destination", nil, moduleSpec{text: dirty, relText: []elfRela{entry32S}}, lowBase, "insmod-failed errno 8", "subarch: nonzero target for type 11, loc …, val 64804010"},
		{"written twice", nil, moduleSpec{relText: []elfRela{entry32S, entry32S}}, lowBase, "insmod-failed errno 8", "subarch: nonzero target for type 11, loc …, val 64804010"},
		{"NONE of anything", nil, moduleSpec{relText: []elfRela{{0, elf.R_X86_64_NONE, 0, 0}}}, lowBase, "loaded", ""},
		{"weak and missing", nil, moduleSpec{relText: []elfRela{{8, elf.R_X86_64_64, symWeak, 0}}}, lowBase, "loaded", ""},
		{"missing", nil, moduleSpec{symbols: []elfSymbol{{name: "nowhere", bind: elf.STB_GLOBAL}}, relText: []elfRela{got}}, lowBase, "insmod-failed errno 2", "tiny: Unknown symbol nowhere (err -2)"},
		{"GOT symbol is ignored", nil, moduleSpec{symbols: []elfSymbol{{name: "_GLOBAL_OFFSET_TABLE_", bind: elf.STB_GLOBAL}}}, lowBase, "loaded", ""},
		{"GPL symbol, GPL module", nil, moduleSpec{symbols: []elfSymbol{{name: "gpl_only", bind: elf.STB_GLOBAL}}}, lowBase, "loaded", ""},
		{"GPL symbol, other module", nil, moduleSpec{modinfo: []string{"license=Proprietary", "name=tiny", "vermagic=9.9 mod_unload "}, symbols: []elfSymbol{{name: "gpl_only", bind: elf.STB_GLOBAL}}}, lowBase, "insmod-failed errno 2", "tiny: Unknown symbol gpl_only (err -2)"},
		{"another kernel's", nil, moduleSpec{modinfo: []string{"license=GPL", "name=tiny", "vermagic=9.8 "}}, lowBase, "insmod-failed errno 8", "tiny: version magic '9.8 ' should be '9.9 mod_unload '"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree, m := testTree(t, test.edits...), testModule(t, test.spec)
			p, err := Predict(tree, testKernel(t), m, placed(t, tree, m, test.base))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Outcome.String(); got != test.want {
				t.Fatalf("%s, want %s (%+v)", got, test.want, p.Outcome)
			}
			if test.line != "" && p.firstLine != test.line {
				t.Errorf("line %q, want %q", p.firstLine, test.line)
			}
			if p.Outcome.Evidence != p.firstLine {
				t.Errorf("evidence %q, first line %q", p.Outcome.Evidence, p.firstLine)
			}
			if p.Outcome.Kind == outcome.RelocationOverflow && (p.Outcome.Section == nil || p.Outcome.Index == nil || *p.Outcome.Section != p.Entry.Section || *p.Outcome.Index != p.Entry.Index) {
				t.Errorf("section and index %v %v, entry %+v", p.Outcome.Section, p.Outcome.Index, p.Entry)
			}
			if (p.Outcome.Kind == outcome.LoadedCorrupt) != (len(p.Corrupt) > 0) {
				t.Errorf("%d corrupt entries with %s", len(p.Corrupt), p.Outcome)
			}
		})
	}
}

// Where the tree's message has no section and index, neither has the outcome.
func TestPredictWithoutSection(t *testing.T) {
	tree := testTree(t, `val %llx sec %u idx %d\n",`, `val %llx\n",`, "val, relsec, i);", "val);")
	m := testModule(t, moduleSpec{relText: []elfRela{{5, elf.R_X86_64_32S, symRodata, 0x10}}})
	p, err := Predict(tree, testKernel(t), m, placed(t, tree, m, highBase))
	if err != nil {
		t.Fatal(err)
	}
	if p.Outcome.Section != nil || p.Outcome.Index != nil || p.Outcome.Value != "0x80804010" || p.Entry.Section != secRelaText {
		t.Errorf("%+v, entry %+v", p.Outcome, p.Entry)
	}
}

func TestPredictKeepsSilent(t *testing.T) {
	tests := []struct {
		name string
		spec moduleSpec
		want string
	}{
		{"common symbol", moduleSpec{symbols: []elfSymbol{{name: "c", section: uint16(elf.SHN_COMMON), bind: elf.STB_GLOBAL}}}, "common symbol"},
		{"no such section", moduleSpec{symbols: []elfSymbol{{name: "c", section: 0x7000}}}, "which is none"},
		{"outside its section", moduleSpec{relText: []elfRela{{62, elf.R_X86_64_32, symText, 0}}}, "outside its section"},
		{"offset wraps", moduleSpec{relText: []elfRela{{^uint64(1), elf.R_X86_64_32, symText, 0}}}, "outside its section"},
		{"symbol out of range", moduleSpec{relText: []elfRela{{0, elf.R_X86_64_32, 999, 0}}}, "out of range"},
		{"not a module", moduleSpec{noThis: true}, "link it as a module"},
		{"depends on another", moduleSpec{modinfo: []string{"name=tiny", "license=GPL", "depends=other", "vermagic=9.9 mod_unload "}, symbols: []elfSymbol{{name: "theirs", bind: elf.STB_GLOBAL}}}, "depends on other"},
		{"namespace", moduleSpec{symbols: []elfSymbol{{name: "spaced", bind: elf.STB_GLOBAL}}}, "namespace NS"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree, m := testTree(t), testModule(t, test.spec)
			_, err := Predict(tree, testKernel(t), m, placed(t, tree, m, lowBase))
			var silent *NotPredictedError
			if !errors.As(err, &silent) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want a NotPredictedError with %q", err, test.want)
			}
		})
	}
	tree, m := testTree(t), testModule(t, moduleSpec{})
	if _, err := Predict(tree, testKernel(t), m, Placement{}); err == nil {
		t.Error("a prediction without a placement")
	}
}

func TestRejectedAndGroups(t *testing.T) {
	tree := testTree(t)
	m := testModule(t, moduleSpec{
		text: append([]byte{0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0xc3}, make([]byte, 44)...),
		relText: []elfRela{{3, elf.R_X86_64_GOTPCREL, symPrintk, -4}, {8, elf.R_X86_64_PLT32, symPrintk, -4},
			{15, elf.R_X86_64_32S, symRodata, 0}},
		relRo: []elfRela{{0, elf.R_X86_64_64, symText, 0}, {8, elf.R_X86_64_GOTPCREL, symPrintk, 0}},
	})
	rejected, err := Rejected(tree, testKernel(t), m, placed(t, tree, m, farBase))
	if err != nil {
		t.Fatal(err)
	}
	list := Attribute(m, rejected, nil)
	var got []string
	for _, a := range list {
		got = append(got, strings.Join([]string{a.Relocation.Name, a.Section, a.Symbol, a.Function, a.Instruction}, "|"))
	}
	want := []string{
		"R_X86_64_GOTPCREL|.text|_printk|tiny::one::main|mov (%rip),%rax",
		"R_X86_64_PLT32|.text|_printk|tiny::one::main|callq 0xc",
		"R_X86_64_32S|.text|.rodata|tiny::one::main|mov $0x0,%rax",
		"R_X86_64_GOTPCREL|.rodata|_printk||",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(list[1].Detail, "does not fit 32 bits") || list[0].Detail != "" {
		t.Errorf("details %q, %q", list[0].Detail, list[1].Detail)
	}
	groups := Groups(list)
	if len(groups) != 3 || groups[0].String() != "2 GOTPCREL to 1 symbol, first in tiny::one::main" {
		t.Errorf("groups %v", groups)
	}
	low, err := Rejected(tree, testKernel(t), m, placed(t, tree, m, lowBase))
	if err != nil || len(low) != 2 {
		t.Errorf("low: %d rejected, %v; want the two GOTPCREL", len(low), err)
	}
}

func TestGroupPath(t *testing.T) {
	var list []Attribution
	for _, s := range []string{"kernel::print::format_strings::INFO", "kernel::print::format_strings::EMERG", "<str as core::fmt::Debug>::fmt", "kernel::print::call_printk"} {
		list = append(list, Attribution{Relocation: outcome.NewRelocation(9), Symbol: s, Function: "RustPrint::init", Source: "samples/rust/rust_print.rs:44"})
	}
	const want = "4 GOTPCREL to 4 symbols, 2 in kernel::print::format_strings, first in RustPrint::init, samples/rust/rust_print.rs:44"
	if got := Groups(list)[0].String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDemangle(t *testing.T) {
	for in, want := range map[string]string{
		"_RNvNtCsb5MLIFMWygY_6kernel5print11call_printk":    "kernel::print::call_printk",
		"_ZN6kernel5print11call_printk17h0123456789abcdefE": "kernel::print::call_printk",
		"_printk":                        "_printk",
		".rodata":                        ".rodata",
		"_R" + strings.Repeat("N", 9000): "_R" + strings.Repeat("N", 9000),
	} {
		if got := demangled(in); got != want {
			t.Errorf("Demangle(%.60q) = %.60q, want %.60q", in, got, want)
		}
	}
}

func TestOpenKernel(t *testing.T) {
	for _, flags := range []bool{true, false} {
		k, err := OpenKernel(bytes.NewReader(kernelELF(flags)))
		if err != nil {
			t.Fatal(err)
		}
		if k.Link != 0x60000000 || k.brk != 0x60009000 || k.vermagic != "9.9 mod_unload " || k.NTTY != 0x22b8 || len(k.exports) != 3 {
			t.Errorf("flags %v: %+v", flags, k)
		}
		for name, want := range map[string]export{"_printk": {value: 0x60001010}, "gpl_only": {value: 0x60001020, gpl: true}, "spaced": {value: 0x60001030, namespace: "NS"}} {
			if e, ok := k.exports[name]; !ok || e != want {
				t.Errorf("flags %v: %s is %+v, want %+v", flags, name, e, want)
			}
		}
		if _, ok := k.exports["n_tty_open"]; ok {
			t.Error("a symbol that is not exported is")
		}
		if g := k.Gap(4096); g.Fixed != 0x3000 {
			t.Errorf("fixed gap 0x%x", g.Fixed)
		}
	}
	if _, err := OpenKernel(bytes.NewReader(moduleELF(moduleSpec{}))); err == nil {
		t.Error("a module was read as a kernel")
	}
	if _, err := Open(bytes.NewReader(kernelELF(true))); err == nil {
		t.Error("a kernel was read as a module")
	}
}

// The numbers are those of boots of 7.3.4: the fault addresses that the panics
// of cut relocations named.
func TestReached(t *testing.T) {
	for _, test := range []struct {
		a    Applied
		want uint64
	}{
		{Applied{Entry: Entry{Type: 11}, Width: 4, Value: 0x8080d0c0}, 0xffffffff8080d0c0},
		{Applied{Entry: Entry{Type: 10}, Width: 4, Value: 0x16080d070}, 0x6080d070},
		{Applied{Entry: Entry{Type: 4, Addend: -4}, Width: 4, PCRelative: true, SymbolValue: 0x6022e9e0, Location: 0x16080913b, Value: 0xfffffffeffa258a1}, 0x16022e9e0},
		{Applied{Entry: Entry{Type: 4, Addend: -4}, Width: 4, PCRelative: true, SymbolValue: 0x6022e9e0, Location: 0x64809000, Value: 0xfffffffffba259dc}, 0x6022e9e0},
		{Applied{Entry: Entry{Type: 1}, Width: 8, Value: 0x16080d070}, 0x16080d070},
	} {
		if got := test.a.Reached(); got != test.want {
			t.Errorf("%+v reaches 0x%x, want 0x%x", test.a, got, test.want)
		}
	}
}
