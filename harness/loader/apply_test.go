package loader

import (
	"debug/elf"
	"testing"
)

// A symbol is named as in its source once: what that name is in its turn a
// mangled form of is another symbol's.
func TestCorruptionNamesTheSymbol(t *testing.T) {
	const mangled = "_ZN8_ZN3fooEE" // of the symbol that its source calls _ZN3fooE
	plain := Applied{Entry: Entry{Type: uint32(elf.R_X86_64_32)}, Name: mangled, Value: 1 << 32, Width: 4}
	relative := Applied{Entry: Entry{Type: uint32(elf.R_X86_64_PC32)}, Name: mangled, Value: 1 << 32, Width: 4, PCRelative: true}
	for _, tt := range []struct {
		entry Applied
		want  string
	}{
		{plain, "R_X86_64_32 of _ZN3fooE: 0x100000000 does not fit 32 bits and is cut without a check"},
		{relative, "R_X86_64_PC32 of _ZN3fooE: +0x100000000 from 0x0 does not fit 32 bits and is cut without a check"},
	} {
		if got := x8664.corruption(tt.entry); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
