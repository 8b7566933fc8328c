package loader

import "debug/elf"

// form is the calculation that the psABI asks for.
type form uint8

const (
	formPlain form = iota // S + A
	formPC                // S + A - P
	formTable             // needs a GOT, PLT or TLS block, which a module has not
)

// abiForm is the calculation of a type after the x86-64 psABI, table 4.9, or the i386 psABI, table 2.10. The
// PLT is optional where the target is reachable, so PLT32 is PC-relative.
func (m *machine) abiForm(t uint32) form {
	if m == i386 {
		switch elf.R_386(t) {
		case elf.R_386_NONE, elf.R_386_32, elf.R_386_16, elf.R_386_8:
			return formPlain
		case elf.R_386_PC32, elf.R_386_PLT32, elf.R_386_PC16, elf.R_386_PC8:
			return formPC
		}
		return formTable
	}
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
func (m *machine) abiRange(t uint32, pcRelative bool, width int) (lo, hi int64) {
	if width <= 0 || uint64(width) >= m.word {
		return -1 << 63, 1<<63 - 1
	}
	bits := uint(8 * width)
	lo, hi = -1<<(bits-1), 1<<(bits-1)-1
	switch {
	case m == x8664 && elf.R_X86_64(t) == elf.R_X86_64_32:
		return 0, 1<<bits - 1
	case !pcRelative && width < 4:
		return lo, 1<<bits - 1 // read as signed or unsigned
	}
	return lo, hi
}

// width is how many bytes an entry of a type relocates, where the addend stands in them.
func (m *machine) width(t uint32) int {
	switch {
	case m == i386 && (elf.R_386(t) == elf.R_386_8 || elf.R_386(t) == elf.R_386_PC8):
		return 1
	case m == i386 && (elf.R_386(t) == elf.R_386_16 || elf.R_386(t) == elf.R_386_PC16):
		return 2
	}
	return 4
}

// checkRange is what a check of the loader lets pass.
func checkRange(c check) (lo, hi int64) {
	if c == checkZero {
		return 0, 1<<32 - 1
	}
	return -1 << 31, 1<<31 - 1
}
