// Package loader predicts what a kernel's module loader will do with a .ko, from
// the relocations of that .ko (RELA of x86-64, REL of i386) and the switch of this
// very tree's apply_relocate_add or apply_relocate, and attributes each relocation
// to symbol, function, source line and instruction.
//
// It may import loader/csrc, outcome and kconfig. It is pure: readers and bytes
// in, values out. It never boots, never runs a compiler, and never guesses: where
// the source or the module is not what it knows, it returns a typed error and
// predicts nothing.
//
// The parts, in the order in which they are used:
//
//	ReadTree     what this tree's loader does: the switch (Rules), the regions
//	             of a module (regions), the address space (Space), the Config
//	OpenKernel   exported symbols, link address and brk of a built vmlinux
//	Open         sections, symbols and relocations of a .ko
//	Arena        where vmalloc puts what is allocated, first fit
//	Predict      the first line that the loader will print, or that it loads
//	Threshold    the smallest address at which the prediction changes
//	Attribute    which source put the relocations there that decide
//	Output       what the init of a module prints when all is well
package loader
