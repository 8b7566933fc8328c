package loader

import "debug/elf"

// form is the calculation that the psABI asks for.
type form uint8

const (
	formPlain form = iota // S + A
	formPC                // S + A - P
	formTable             // needs a GOT, PLT or TLS block, which a module has not
)

// abiForm is the calculation of a type after the x86-64 psABI, table 4.9. The
// PLT is optional where the target is reachable, so PLT32 is PC-relative.
func abiForm(t uint32) form {
	switch elf.R_X86_64(t) {
	case elf.R_X86_64_NONE, elf.R_X86_64_64, elf.R_X86_64_32, elf.R_X86_64_32S, elf.R_X86_64_16, elf.R_X86_64_8:
		return formPlain
	case elf.R_X86_64_PC32, elf.R_X86_64_PC64, elf.R_X86_64_PC16, elf.R_X86_64_PC8, elf.R_X86_64_PLT32:
		return formPC
	}
	return formTable
}

// abiRange is the range of values that the written bytes can stand for: what a
// reader of the field sees must be the value that was meant.
func abiRange(t uint32, pcRelative bool, width int) (lo, hi int64) {
	if width <= 0 || width >= 8 {
		return -1 << 63, 1<<63 - 1
	}
	bits := uint(8 * width)
	lo, hi = -1<<(bits-1), 1<<(bits-1)-1
	switch {
	case elf.R_X86_64(t) == elf.R_X86_64_32:
		return 0, 1<<bits - 1
	case !pcRelative && width < 4:
		return lo, 1<<bits - 1 // read as signed or unsigned
	}
	return lo, hi
}

// checkRange is what a check of the loader lets pass.
func checkRange(c check) (lo, hi int64) {
	if c == checkZero {
		return 0, 1<<32 - 1
	}
	return -1 << 31, 1<<31 - 1
}
