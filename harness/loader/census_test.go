package loader

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCensus(t *testing.T) {
	m, err := Open(bytes.NewReader(moduleELF(moduleSpec{
		relText: []elfRela{{5, elf.R_X86_64_32S, symRodata, 0x10}, {9, elf.R_X86_64_GOTPCREL, symPrintk, -4},
			{20, elf.R_X86_64_GOTPCREL, symPrintk, -4}, {25, elf.R_X86_64(200), symPrintk, 0}},
		relRo: []elfRela{{0, elf.R_X86_64_64, symFunc, 0}}})))
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{"R_X86_64_32S": 1, "R_X86_64_GOTPCREL": 2, "R_X86_64_64": 1, "R_X86_64_<200>": 1}
	if d := cmp.Diff(want, m.Census()); d != "" {
		t.Error(d)
	}
	symbols, functions := m.References()
	for name, got := range map[string]map[string]Counts{"symbols": symbols, "functions": functions} {
		sum := Counts{}
		for _, counts := range got {
			for typ, n := range counts {
				sum[typ] += n
			}
		}
		if d := cmp.Diff(want, sum); d != "" {
			t.Errorf("%s do not add up to the census:\n%s", name, d)
		}
	}
	if n := symbols["_printk"]["R_X86_64_GOTPCREL"]; n != 2 {
		t.Errorf("_printk has %d GOTPCREL: %v", n, symbols)
	}
	if functions[".rodata"]["R_X86_64_64"] != 1 {
		t.Errorf("an entry of data does not stand in its section: %v", functions)
	}
	none, err := Open(bytes.NewReader(moduleELF(moduleSpec{})))
	if err != nil {
		t.Fatal(err)
	}
	if c := none.Census(); c == nil || len(c) != 0 {
		t.Errorf("a module without relocations: %v", c)
	}
}

// Names that no demangler reads differ by nothing that another compiler chose.
func TestNamesAlike(t *testing.T) {
	const placeholder = "_RNvNCNCNvMs0_NtCs%s_6kernel6serdevINtBb_7AdapterpE14probe_callback0s0_05CLASS"
	a, b := alike(strings.Replace(placeholder, "%s", "dJ13ReMSUMg", 1)), alike(strings.Replace(placeholder, "%s", "e297zByDW5v", 1))
	if a != b || !strings.Contains(a, "6serdev") {
		t.Errorf("%s\n%s", a, b)
	}
	for in, want := range map[string]string{"_printk": "_printk", "Cs1_x": "Cs1_x", "_RNvCs1234_7mycrate3foo": "mycrate::foo"} {
		if got := alike(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// A label that a compiler numbered counts under its section, so that another
// numbering is no difference.
func TestReferencesOfLabels(t *testing.T) {
	m, err := Open(bytes.NewReader(moduleELF(moduleSpec{
		relText: []elfRela{{5, elf.R_X86_64_PC32, symExtra, 0}, {9, elf.R_X86_64_PC32, symRodata, 4}},
		symbols: []elfSymbol{{name: ".Lanon.b9cf.1", section: secRodata}}})))
	if err != nil {
		t.Fatal(err)
	}
	symbols, _ := m.References()
	if d := cmp.Diff(map[string]Counts{".rodata": {"R_X86_64_PC32": 2}}, symbols); d != "" {
		t.Error(d)
	}
}
