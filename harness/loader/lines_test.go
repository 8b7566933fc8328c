package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"
)

// debugELF is a module with two executable sections, which both begin at 0, and
// hand-written DWARF 4: .text is samples/rust/tiny.rs from line 10, with bytes
// 8..15 inlined from Rust's library at line 12, .init.text is line 40.
func debugELF() []byte {
	const (
		attrName, attrStmt, attrLow, attrHigh, attrDir = 0x03, 0x10, 0x11, 0x12, 0x1b
		attrCallFile, attrCallLine                     = 0x58, 0x59
		formAddr, formData1, formData4, formStr, form8 = 0x01, 0x0b, 0x06, 0x08, 0x17
	)
	abbrev := []byte{
		1, 0x11, 1, attrName, formStr, attrDir, formStr, attrStmt, form8, 0, 0, // compile unit
		2, 0x1d, 0, attrLow, formAddr, attrHigh, formData4, attrCallFile, formData1, attrCallLine, formData1, 0, 0, // inlined
		0,
	}
	var info bytes.Buffer
	info.Write([]byte{0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 8}) // length, version, abbrev offset, address size
	info.WriteByte(1)
	info.WriteString("samples/rust/tiny.rs\x00/src\x00")
	info.Write(make([]byte, 4)) // statement list at 0
	info.WriteByte(2)
	low := info.Len()
	info.Write(make([]byte, 8))
	info.Write([]byte{8, 0, 0, 0, 1, 12}) // 8 bytes, called from file 1, line 12
	info.WriteByte(0)
	binary.LittleEndian.PutUint32(info.Bytes(), uint32(info.Len()-4))

	var program bytes.Buffer
	var sets []int                          // offsets of the addresses to relocate
	header := []byte{1, 1, 1, 0xfb, 14, 10} // min inst, max ops, default is_stmt, line base -5, range 14, opcode base 10
	header = append(header, 0, 1, 1, 1, 1, 0, 0, 0, 1)
	header = append(header, 0) // no directories
	header = append(header, "/src/samples/rust/tiny.rs\x00\x00\x00\x00/usr/lib/rustlib/src/rust/library/core/fmt.rs\x00\x00\x00\x00\x00"...)
	start := func() {
		program.Write([]byte{0, 9, 2})
		sets = append(sets, program.Len())
		program.Write(make([]byte, 8))
	}
	row := func(advance, file, line byte) {
		program.Write([]byte{2, advance, 4, file, 3, line, 1}) // advance_pc, set_file, advance_line, copy
	}
	end := func(advance byte) { program.Write([]byte{2, advance, 0, 1, 1}) }
	start()
	row(0, 1, 9)     // 0: line 10
	row(8, 2, 90-64) // 8: library, line 36
	row(8, 1, 0x69)  // -23: line 13
	end(48)
	start()
	row(0, 1, 39) // .init.text: line 40
	end(32)

	var line bytes.Buffer
	line.Write(make([]byte, 4))
	line.Write([]byte{4, 0})
	_ = binary.Write(&line, binary.LittleEndian, uint32(len(header)))
	line.Write(header)
	base := line.Len()
	line.Write(program.Bytes())
	binary.LittleEndian.PutUint32(line.Bytes(), uint32(line.Len()-4))

	const a, x = elf.SHF_ALLOC, elf.SHF_EXECINSTR
	sections := []elfSection{
		{name: ".text", typ: elf.SHT_PROGBITS, flags: a | x, data: make([]byte, 64), align: 16},
		{name: ".init.text", typ: elf.SHT_PROGBITS, flags: a | x, data: make([]byte, 32), align: 16},
		{name: ".debug_abbrev", typ: elf.SHT_PROGBITS, data: abbrev},
		{name: ".debug_info", typ: elf.SHT_PROGBITS, data: info.Bytes()},
		{name: ".rela.debug_info", typ: elf.SHT_RELA, info: 4, data: relas(elfRela{uint64(low), elf.R_X86_64_64, 1, 8})},
		{name: ".debug_line", typ: elf.SHT_PROGBITS, data: line.Bytes()},
		{name: ".rela.debug_line", typ: elf.SHT_RELA, info: 6, data: relas(
			elfRela{uint64(base + sets[0]), elf.R_X86_64_64, 1, 0}, elfRela{uint64(base + sets[1]), elf.R_X86_64_64, 2, 0})},
	}
	return writeELF(elf.ET_REL, sections, []elfSymbol{{section: 1, typ: elf.STT_SECTION}, {section: 2, typ: elf.STT_SECTION}}, nil)
}

func TestLines(t *testing.T) {
	m, err := Open(bytes.NewReader(debugELF()))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ReadLines(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		section   string
		offset    uint64
		at, inner string
	}{
		{".text", 0, "samples/rust/tiny.rs:10", "samples/rust/tiny.rs:10"},
		{".text", 7, "samples/rust/tiny.rs:10", "samples/rust/tiny.rs:10"},
		{".text", 8, "samples/rust/tiny.rs:12", "/usr/lib/rustlib/src/rust/library/core/fmt.rs:36"},
		{".text", 15, "samples/rust/tiny.rs:12", "/usr/lib/rustlib/src/rust/library/core/fmt.rs:36"},
		{".init.text", 0, "samples/rust/tiny.rs:40", "samples/rust/tiny.rs:40"},
		{".init.text", 31, "samples/rust/tiny.rs:40", "samples/rust/tiny.rs:40"},
		{".text", 64, "", ""},
		{".rodata", 0, "", ""},
	} {
		at, inner := l.at(test.section, test.offset)
		if at.String() != test.at || inner.String() != test.inner {
			t.Errorf("%s+%d: %q and %q, want %q and %q", test.section, test.offset, at, inner, test.at, test.inner)
		}
	}
	plain, err := Open(bytes.NewReader(moduleELF(moduleSpec{})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLines(plain); err == nil {
		t.Error("lines of a module without debug information")
	}
}

func TestInTree(t *testing.T) {
	for _, test := range []struct{ name, dir, want string }{
		{"/src/samples/rust/a.rs", "/out", "samples/rust/a.rs"},
		{"/home/me/linux/rust/kernel/print.rs", "", "rust/kernel/print.rs"},
		{"/usr/lib/rustlib/src/rust/library/core/src/fmt/mod.rs", "", "/usr/lib/rustlib/src/rust/library/core/src/fmt/mod.rs"},
		{"/usr/src/rustc-1.85/library/core/src/fmt/mod.rs", "", "/usr/src/rustc-1.85/library/core/src/fmt/mod.rs"},
		{"/src/drivers/x.c", "/src", "drivers/x.c"},
		{"../rust/kernel/fmt.rs", "/out", "rust/kernel/fmt.rs"},
		{"/home/me/mine.rs", "", "/home/me/mine.rs"},
	} {
		if got := inTree(test.name, test.dir); got != test.want {
			t.Errorf("inTree(%q, %q) = %q, want %q", test.name, test.dir, got, test.want)
		}
	}
}
