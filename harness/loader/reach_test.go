package loader

import (
	"debug/elf"
	"testing"
)

// TestReach: what is told of a reference that does not reach is what decides, and where nothing fails
// for being too far, nothing is told.
func TestReach(t *testing.T) {
	call := elfRela{20, elf.R_X86_64_PLT32, symPrintk, -4}
	entry32S := elfRela{5, elf.R_X86_64_32S, symRodata, 0x10}
	got := elfRela{32, elf.R_X86_64_GOTPCREL, symPrintk, -4}
	k := testKernel(t)
	printk := k.exports["_printk"].value
	for _, tt := range []struct {
		name string
		spec moduleSpec
		base uint64
		want *Reach
	}{
		{"loads", moduleSpec{relText: []elfRela{call, entry32S}}, lowBase, nil},
		{"no case at any address", moduleSpec{relText: []elfRela{got}}, highBase, nil},
		{"missing", moduleSpec{symbols: []elfSymbol{{name: "nowhere", bind: elf.STB_GLOBAL}}}, highBase, nil},
		{"an address above 2 GiB", moduleSpec{relText: []elfRela{call, entry32S}}, highBase,
			&Reach{To: 0x80804010, Lowest: -1 << 31, Highest: 1<<31 - 1}},
		{"a distance of more than 2 GiB", moduleSpec{relText: []elfRela{call}}, farBase, &Reach{PCRelative: true, From: farBase + 20, To: printk - 4,
			Lowest: farBase + 20 - 1<<31, Highest: farBase + 20 + 1<<31 - 1}},
	} {
		tree, m := testTree(t), testModule(t, tt.spec)
		p, err := Predict(tree, k, m, placed(t, tree, m, tt.base))
		if err != nil {
			t.Fatal(err)
		}
		r, ok := tree.Reach(p)
		if ok != (tt.want != nil) {
			t.Errorf("%s: %v %+v", tt.name, ok, r)
			continue
		}
		if !ok {
			continue
		}
		// Cut to 32 bits, a distance is one of another multiple of 4 GiB.
		if r.PCRelative && (r.Reached-printk)%(1<<32) != 0 || !r.PCRelative && r.Reached != 0 {
			t.Errorf("%s: the code is said to get to 0x%x", tt.name, r.Reached)
		}
		if r.Reached = 0; r != *tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, r, *tt.want)
		}
		if to := int64(r.To); to >= r.Lowest && to <= r.Highest {
			t.Errorf("%s: it reaches", tt.name)
		}
	}
}

func TestMap(t *testing.T) {
	k := testKernel(t)
	s := &Space{PageSize: 4096, VmallocOffset: 8 << 20, AddsGap: true, gapMinimum: 1 << 20}
	for _, tt := range []struct{ gap, added int64 }{{0, 0}, {1 << 20, 0}, {3 << 20, 3 << 20}} {
		m := s.Map(k, 1<<30, tt.gap)
		if m.Kernel != k.Link || m.KernelEnd <= m.Kernel || m.Physical != k.Link+1<<30 || m.Gap != m.Physical+uint64(tt.added) ||
			m.Modules != s.ModuleBase(k.Link, 1<<30, tt.gap) || m.Modules < m.Gap {
			t.Errorf("gap of %d: %+v", tt.gap, m)
		}
	}
}
