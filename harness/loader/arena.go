package loader

import (
	"slices"
	"strings"
)

// guardPage follows each vmalloc allocation; see __get_vm_area_node, mm/vmalloc.c.
const guardPage = 4096

// Arena is the kernel's vmalloc space as first fit fills it, so that the
// address of the next module can be computed. Each allocation is rounded to
// pages and followed by a guard page. What is freed stays unusable until a
// purge; freeing a module's region purges, since execmem sets
// VM_FLUSH_RESET_PERMS. See alloc_vmap_area and vfree, mm/vmalloc.c.
//
// It holds for one CPU: with more, freed areas wait in per-CPU pools.
type Arena struct {
	base uint64
	used []area // by address
}

type area struct {
	start, end uint64 // with the guard page
	lazy       bool
}

// NewArena begins an empty vmalloc space at base, see Space.ModuleBase.
func NewArena(base uint64) *Arena { return &Arena{base: base} }

// Clone copies the arena, to try what may or may not happen.
func (a *Arena) Clone() *Arena { return &Arena{base: a.base, used: slices.Clone(a.used)} }

// Alloc places size bytes and returns their address.
func (a *Arena) Alloc(size uint64) uint64 {
	size = align(size, guardPage) + guardPage
	at, i := a.base, 0
	for ; i < len(a.used) && a.used[i].start-at < size; i++ {
		at = a.used[i].end
	}
	a.used = slices.Insert(a.used, i, area{start: at, end: at + size})
	return at
}

// Free marks the allocation at address as free; it can be used again only after
// a purge. An address that is not allocated is ignored.
func (a *Arena) Free(address uint64) {
	for i := range a.used {
		if a.used[i].start == address {
			a.used[i].lazy = true
		}
	}
}

// purge makes all freed allocations usable again.
func (a *Arena) purge() {
	a.used = slices.DeleteFunc(a.used, func(x area) bool { return x.lazy })
}

// Attempt places a module as one finit_module or init_module system call does:
// the copy of the file first, then the regions in order. The result frees them.
func (a *Arena) Attempt(l *Layout, fileSize int64) *Attempt {
	t := &Attempt{arena: a}
	if fileSize > 0 {
		t.copy = a.Alloc(uint64(fileSize))
	}
	t.Placement = Placement{layout: l, base: a.base, start: make([]uint64, len(l.Sizes))}
	for i, size := range l.Sizes {
		if size > 0 {
			t.Placement.start[i] = a.Alloc(size)
		}
	}
	return t
}

// Attempt is one try to load a module.
type Attempt struct {
	Placement Placement
	arena     *Arena
	copy      uint64
}

// Refused frees everything as a refused load does: the regions, each with a
// purge, and the copy of the file last, which stays unusable until the next purge.
func (t *Attempt) Refused() {
	t.freeRegions(func(string) bool { return true })
	t.arena.Free(t.copy)
}

// Loaded frees what a successful load needs no more: the copy of the file, and
// the init regions when the kernel's worker comes to it.
func (t *Attempt) Loaded() {
	t.arena.Free(t.copy)
	t.freeRegions(initRegion)
}

// Unloaded frees what is left, as rmmod does.
func (t *Attempt) Unloaded() {
	t.freeRegions(func(region string) bool { return !initRegion(region) })
}

// initRegion tells the regions that the kernel frees once a module's init is done.
func initRegion(name string) bool { return strings.HasPrefix(name, "MOD_INIT_") }

func (t *Attempt) freeRegions(which func(region string) bool) {
	for i, at := range t.Placement.start {
		if at != 0 && which(t.Placement.layout.Regions[i]) {
			t.arena.Free(at)
			t.arena.purge()
		}
	}
}
