package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// elfSection and elfSymbol describe a tiny ELF file for the tests; no compiler
// is run, and no binary is committed.
type elfSection struct {
	name  string
	typ   elf.SectionType
	flags elf.SectionFlag
	data  []byte
	size  uint64 // SHT_NOBITS
	align uint64
	addr  uint64
	link  uint32
	info  uint32
}

type elfSymbol struct {
	name    string
	value   uint64
	size    uint64
	section uint16
	bind    elf.SymBind
	typ     elf.SymType
}

type elfRela struct {
	offset uint64
	typ    elf.R_X86_64
	symbol uint32
	addend int64
}

func relas(list ...elfRela) []byte {
	var b bytes.Buffer
	for _, r := range list {
		_ = binary.Write(&b, binary.LittleEndian, []uint64{r.offset, uint64(r.symbol)<<32 | uint64(uint32(r.typ)), uint64(r.addend)})
	}
	return b.Bytes()
}

// writeELF lays out sections 1… as given, then .symtab, .strtab and .shstrtab.
func writeELF(typ elf.Type, sections []elfSection, symbols []elfSymbol, segments []elf.Prog64) []byte {
	var strtab, symtab bytes.Buffer
	strtab.WriteByte(0)
	symtab.Write(make([]byte, elf.Sym64Size))
	for _, s := range symbols {
		sym := elf.Sym64{Info: elf.ST_INFO(s.bind, s.typ), Shndx: s.section, Value: s.value, Size: s.size}
		if s.name != "" {
			sym.Name = uint32(strtab.Len())
			strtab.WriteString(s.name)
			strtab.WriteByte(0)
		}
		_ = binary.Write(&symtab, binary.LittleEndian, sym)
	}
	all := append([]elfSection{{}}, sections...)
	sym := len(all)
	all = append(all,
		elfSection{name: ".symtab", typ: elf.SHT_SYMTAB, data: symtab.Bytes(), align: 8, link: uint32(sym + 1), info: 1},
		elfSection{name: ".strtab", typ: elf.SHT_STRTAB, data: strtab.Bytes(), align: 1},
		elfSection{name: ".shstrtab", typ: elf.SHT_STRTAB, align: 1})
	var names bytes.Buffer
	offsets := make([]uint32, len(all))
	names.WriteByte(0)
	for i, s := range all {
		if s.name != "" {
			offsets[i] = uint32(names.Len())
			names.WriteString(s.name)
			names.WriteByte(0)
		}
	}
	all[len(all)-1].data = names.Bytes()

	var out bytes.Buffer
	out.Write(make([]byte, 64+56*len(segments)))
	headers := make([]elf.Section64, len(all))
	for i, s := range all {
		if i == 0 {
			continue
		}
		for out.Len()%16 != 0 {
			out.WriteByte(0)
		}
		h := elf.Section64{Name: offsets[i], Type: uint32(s.typ), Flags: uint64(s.flags), Addr: s.addr, Off: uint64(out.Len()),
			Size: uint64(len(s.data)), Link: s.link, Info: s.info, Addralign: s.align}
		switch s.typ {
		case elf.SHT_RELA:
			h.Entsize, h.Link = 24, uint32(sym)
		case elf.SHT_SYMTAB:
			h.Entsize = elf.Sym64Size
		case elf.SHT_NOBITS:
			h.Size = s.size
		}
		out.Write(s.data)
		headers[i] = h
	}
	for out.Len()%16 != 0 {
		out.WriteByte(0)
	}
	shoff := out.Len()
	for _, h := range headers {
		_ = binary.Write(&out, binary.LittleEndian, h)
	}
	b := out.Bytes()
	header := elf.Header64{Type: uint16(typ), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: uint64(shoff), Ehsize: 64,
		Shentsize: 64, Shnum: uint16(len(all)), Shstrndx: uint16(len(all) - 1)}
	if len(segments) > 0 {
		header.Phoff, header.Phentsize, header.Phnum = 64, 56, uint16(len(segments))
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var head bytes.Buffer
	_ = binary.Write(&head, binary.LittleEndian, header)
	for _, p := range segments {
		_ = binary.Write(&head, binary.LittleEndian, p)
	}
	copy(b, head.Bytes())
	return b
}

// Sections of moduleELF, by index.
const (
	secText = 1 + iota
	secRelaText
	secRodata
	secRelaRodata
	secInitText
	secRelaInit
	secThis
	secModinfo
	secNote
	secBSS
)

// Symbols of moduleELF, by index.
const (
	symText = 1 + iota
	symRodata
	symInit
	symFunc
	symPrintk
	symWeak
	symExtra
)

// moduleSpec is a test's wish for a module; moduleELF fills in the rest.
type moduleSpec struct {
	name     string
	text     []byte
	rodata   []byte
	relText  []elfRela
	relRo    []elfRela
	relInit  []elfRela
	modinfo  []string
	symbols  []elfSymbol // appended, from symExtra
	noThis   bool
	initSize int
}

func moduleELF(s moduleSpec) []byte {
	if s.name == "" {
		s.name = "tiny"
	}
	if s.text == nil {
		s.text = make([]byte, 64)
	}
	if s.rodata == nil {
		s.rodata = make([]byte, 64)
	}
	if s.modinfo == nil {
		s.modinfo = []string{"license=GPL", "depends=", "name=" + s.name, "vermagic=9.9 mod_unload "}
	}
	var info bytes.Buffer
	for _, f := range s.modinfo {
		info.WriteString(f)
		info.WriteByte(0)
	}
	this := ".gnu.linkonce.this_module"
	if s.noThis {
		this = ".other"
	}
	const a, x, w = elf.SHF_ALLOC, elf.SHF_EXECINSTR, elf.SHF_WRITE
	sections := []elfSection{
		{name: ".text", typ: elf.SHT_PROGBITS, flags: a | x, data: s.text, align: 16},
		{name: ".rela.text", typ: elf.SHT_RELA, data: relas(s.relText...), align: 8, info: secText},
		{name: ".rodata", typ: elf.SHT_PROGBITS, flags: a, data: s.rodata, align: 8},
		{name: ".rela.rodata", typ: elf.SHT_RELA, data: relas(s.relRo...), align: 8, info: secRodata},
		{name: ".init.text", typ: elf.SHT_PROGBITS, flags: a | x, data: make([]byte, 32+s.initSize), align: 16},
		{name: ".rela.init.text", typ: elf.SHT_RELA, data: relas(s.relInit...), align: 8, info: secInitText},
		{name: this, typ: elf.SHT_PROGBITS, flags: a | w, data: make([]byte, 128), align: 64},
		{name: ".modinfo", typ: elf.SHT_PROGBITS, flags: a, data: info.Bytes(), align: 1},
		{name: ".note.gnu.build-id", typ: elf.SHT_NOTE, flags: a, data: []byte("note"), align: 4},
		{name: ".bss", typ: elf.SHT_NOBITS, flags: a | w, size: 16, align: 8},
	}
	symbols := []elfSymbol{
		{section: secText, typ: elf.STT_SECTION},
		{section: secRodata, typ: elf.STT_SECTION},
		{section: secInitText, typ: elf.STT_SECTION},
		{name: "_RNvNtCs1_4tiny3one4main", section: secText, size: 64, typ: elf.STT_FUNC},
		{name: "_printk", bind: elf.STB_GLOBAL},
		{name: "maybe", bind: elf.STB_WEAK},
	}
	return writeELF(elf.ET_REL, sections, append(symbols, s.symbols...), nil)
}

// kernelELF is a kernel at 0x60000000 that exports _printk, a GPL-only symbol
// and one in a namespace. flags writes the table of flags of newer trees
// instead of a second table.
func kernelELF(flags bool) []byte { return kernelOf(x8664, flags) }

func kernelOf(of *machine, flags bool) []byte {
	const base = 0x60000000
	strs := []byte("_printk\x00gpl_only\x00spaced\x00NS\x00")
	const printk, gpl, spaced, ns = 0, 8, 17, 24
	const strAddr, tabAddr, flagAddr, codeAddr = base + 0x2000, base + 0x3000, base + 0x4000, base + 0x1000
	var tab bytes.Buffer
	entry := func(value uint64, name, space uint64) {
		for _, v := range []uint64{value, strAddr + name, space} {
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], v)
			tab.Write(word[:of.word])
		}
	}
	entry(codeAddr+0x10, printk, 0)
	if flags {
		entry(codeAddr+0x20, gpl, 0)
	}
	entry(codeAddr+0x30, spaced, strAddr+ns)
	plain := uint64(tab.Len())
	if !flags {
		entry(codeAddr+0x20, gpl, 0)
	}
	// n_tty_open: mov $0x22b8,%edi; call vzalloc (at codeAddr+0x80)
	code := make([]byte, 0x100)
	copy(code, []byte{0xbf, 0xb8, 0x22, 0, 0, 0xe8, 0x76, 0, 0, 0})
	if of == i386 { // push %esi; movl $0x22b8,(%esp); call vzalloc
		copy(code, []byte{0x56, 0xc7, 0x04, 0x24, 0xb8, 0x22, 0, 0, 0xe8, 0x73, 0, 0, 0})
	}
	data := append(append([]byte{}, strs...), "9.9 mod_unload \x00"...)
	sections := []elfSection{
		{name: ".text", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, data: code, addr: codeAddr, align: 16},
		{name: ".strings", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC, data: data, addr: strAddr, align: 16},
		{name: "__ksymtab", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC, data: tab.Bytes(), addr: tabAddr, align: 8},
		{name: "__kflagstab", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC, data: []byte{0, 1, 0}, addr: flagAddr, align: 1},
	}
	at := func(name string, v uint64) elfSymbol { return elfSymbol{name: name, value: v, section: 1} }
	symbols := []elfSymbol{
		at("__binary_start", base+0x234), at("_end", base+0x5123), at("n_tty_open", codeAddr), at("vzalloc_noprof", codeAddr+0x80),
		at("vermagic", strAddr+uint64(len(strs))), at("__start___ksymtab", tabAddr), at("__stop___ksymtab", tabAddr+plain),
	}
	if flags {
		symbols = append(symbols, at("__start___kflagstab", flagAddr), at("__stop___kflagstab", flagAddr+3))
	} else {
		symbols = append(symbols, at("__start___ksymtab_gpl", tabAddr+plain), at("__stop___ksymtab_gpl", tabAddr+uint64(tab.Len())))
	}
	return writeELF(elf.ET_EXEC, sections, symbols, []elf.Prog64{{Type: uint32(elf.PT_LOAD), Vaddr: base, Memsz: 0x8001}})
}
