package loader

import (
	"fmt"
	"maps"
	"slices"
)

// GapRange is how the host places brk: Fixed bytes behind _end, and a random
// number of whole pages in [0, Range) behind that.
type GapRange struct {
	Fixed int64 // bytes
	Range int64 // bytes; 0 where addresses are not randomised
	page  int64 // bytes
}

// brkRanges are the ranges over which x86-64 hosts randomise brk, smallest
// first: 32 MiB, and 1 GiB in newer kernels (arch_randomize_brk,
// arch/x86/kernel/process.c). No file of the host tells which one it uses.
var brkRanges = [...]int64{32 << 20, WidestRange}

// WidestRange is the largest of them, in bytes.
const WidestRange = 1 << 30

// Gap is the fixed part of the gap for this image: memory that the linker put
// behind _end, such as .lbss.
func (k *Kernel) Gap(page uint64) GapRange {
	return GapRange{Fixed: int64(k.brk - align(k.end, page)), page: int64(page)}
}

// Randomised completes the range from gaps that boots reported: the smallest
// range of brkRanges, of least bytes or more, that holds them all.
func (g GapRange) Randomised(observed []int64, least int64) (GapRange, error) {
	for _, r := range brkRanges {
		if r < least {
			continue
		}
		outside := func(o int64) bool { return o < g.Fixed || o >= g.Fixed+r+heapSlack }
		if !slices.ContainsFunc(observed, outside) {
			g.Range = r
			return g, nil
		}
	}
	return g, fmt.Errorf("gaps %v before brk fit no known randomisation of an x86-64 host (%v bytes); give the range, or boot with "+
		"address randomisation off", observed, brkRanges)
}

// heapSlack is what the C library may have taken of brk before linux_main looks.
const heapSlack = 1 << 20

// BaseCount is a start of vmalloc with the share of boots that have it.
type BaseCount struct {
	Base  uint64
	share float64
}

// Bases lists the starts of vmalloc that boots can have at mem bytes of memory,
// each with its share, ascending. The shares add up to 1.
func (s *Space) Bases(link uint64, mem int64, g GapRange) []BaseCount {
	if s.Reexecs || !s.AddsGap || g.Range < g.page || g.page <= 0 {
		return []BaseCount{{Base: s.ModuleBase(link, mem, g.Fixed), share: 1}}
	}
	pages := g.Range / g.page
	count := map[uint64]int64{}
	for i := range pages {
		count[s.ModuleBase(link, mem, g.Fixed+i*g.page)]++
	}
	var out []BaseCount
	for _, base := range slices.Sorted(maps.Keys(count)) {
		out = append(out, BaseCount{Base: base, share: float64(count[base]) / float64(pages)})
	}
	return out
}

// Share adds up the shares of the bases for which holds is true: the
// probability that a boot at a random gap has the property.
func Share(bases []BaseCount, holds func(base uint64) bool) float64 {
	sum := 0.0
	for _, b := range bases {
		if holds(b.Base) {
			sum += b.share
		}
	}
	return min(sum, 1)
}
