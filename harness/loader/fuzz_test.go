package loader

import (
	"bytes"
	"debug/elf"
	"testing"

	"umlab/harness/outcome"
)

// seeds are modules of every kind that the tests build.
func seeds() [][]byte {
	return [][]byte{
		moduleELF(moduleSpec{}),
		moduleELF(moduleSpec{relText: []elfRela{{5, elf.R_X86_64_32S, symRodata, 0x10}, {9, elf.R_X86_64_32, symText, 0x20},
			{20, elf.R_X86_64_PLT32, symPrintk, -4}}, relRo: []elfRela{{0, elf.R_X86_64_64, symFunc, 0}}}),
		moduleELF(moduleSpec{relText: []elfRela{{32, elf.R_X86_64_GOTPCREL, symPrintk, -4}}, symbols: []elfSymbol{{name: "nowhere", bind: elf.STB_GLOBAL}}}),
		debugELF(),
		narrow(moduleELF(moduleSpec{relText: []elfRela{rel(5, elf.R_386_32, symRodata, 0x10), rel(20, elf.R_386_PLT32, symPrintk, -4),
			rel(32, elf.R_386_GOTPC, symPrintk, 2)}, relRo: []elfRela{rel(0, elf.R_386_16, symFunc, 1)}})),
		narrow(kernelOf(i386, true)),
		kernelELF(true),
	}
}

// FuzzOpen walks a hostile file through everything that reads a module.
func FuzzOpen(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s, uint64(lowBase))
		f.Add(s, uint64(farBase))
	}
	wide, k64 := testTree(f), testKernel(f)
	small, k32, _ := fixture32(f, moduleSpec{})
	f.Fuzz(func(t *testing.T, file []byte, base uint64) {
		tree, k := wide, k64
		_, _ = Signature(bytes.NewReader(file))
		m, err := Open(bytes.NewReader(file))
		if err != nil {
			return
		}
		if m.machine() == i386 {
			tree, k = small, k32
		}
		lines, _ := ReadLines(m)
		_ = SameRelocations(m, m)
		l, err := tree.Layout(m)
		if err != nil {
			return
		}
		p := l.sequential(base)
		pred, err := Predict(tree, k, m, p)
		if err == nil {
			if pred.Outcome.Kind == "" {
				t.Fatal("a prediction of nothing")
			}
			if pred.Outcome.Kind != outcome.Loaded && pred.Outcome.Kind != outcome.LoadedCorrupt && pred.firstLine == "" {
				t.Fatalf("%s without a line", pred.Outcome)
			}
			if len(Explain(tree, k, m, pred, 64<<20, 0)) == 0 {
				t.Fatal("nothing explained")
			}
			if again, err := Predict(tree, k, m, p); err != nil || again.firstLine != pred.firstLine {
				t.Fatalf("not the same twice: %q %q", pred.firstLine, again.firstLine)
			}
			if len(m.relocations()) < 100 {
				_, _, _ = Threshold(tree, k, m, p, 8<<20, base+1<<33)
			}
		}
		if rejected, err := Rejected(tree, k, m, p); err == nil {
			for _, g := range Groups(Attribute(m, rejected, lines)) {
				if g.Count < g.Symbols || g.String() == "" {
					t.Fatalf("group %+v", g)
				}
			}
		}
	})
}

func FuzzOpenKernel(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Add(kernelELF(false))
	f.Fuzz(func(t *testing.T, file []byte) {
		k, err := OpenKernel(bytes.NewReader(file))
		if err == nil && k.Link%4096 != 0 {
			t.Fatalf("link address 0x%x", k.Link)
		}
	})
}
