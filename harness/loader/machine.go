package loader

import (
	"debug/elf"
	"encoding/binary"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
)

// machine is what differs between the modules, and the loaders, of x86-64 and of i386, beside what the tree's source says.
type machine struct {
	elf    elf.Machine
	class  elf.Class
	title  string // "x86-64"
	bits   int    // of an address, and of the instructions
	word   uint64 // bytes of an address
	symbol uint64 // sizeof(Elf_Sym)
	table  elf.SectionType
	names  string // prefix of the relocation types' names
	types  uint32 // that the psABI has assigned, rounded up
	dialect
}

// dialect is how arch/x86/kernel/module.c writes the function that applies relocations.
type dialect struct {
	function  string // that kernel/module/main.c calls
	decls     []string
	relDecl   string
	loopNeeds []string // statements in front of the switch
	operand   string   // of the switch
}

var x8664 = &machine{elf: elf.EM_X86_64, class: elf.ELFCLASS64, title: "x86-64", bits: 64, word: 8, symbol: elf.Sym64Size,
	table: elf.SHT_RELA, names: "R_X86_64_", types: 64,
	dialect: dialect{
		function: "apply_relocate_add",
		decls:    []string{"unsigned int i", "Elf64_Sym*sym", "void*loc", "u64 val", "u64 zero=0ULL", "size_t size"},
		relDecl:  "Elf64_Rela*rel=(void*)sechdrs[relsec].sh_addr",
		loopNeeds: []string{
			"loc=(void*)sechdrs[sechdrs[relsec].sh_info].sh_addr+rel[i].r_offset",
			"sym=(Elf64_Sym*)sechdrs[symindex].sh_addr+ELF64_R_SYM(rel[i].r_info)",
			"val=sym->st_value+rel[i].r_addend",
		},
		operand: "ELF64_R_TYPE(rel[i].r_info)",
	}}

var i386 = &machine{elf: elf.EM_386, class: elf.ELFCLASS32, title: "i386", bits: 32, word: 4, symbol: elf.Sym32Size,
	table: elf.SHT_REL, names: "R_386_", types: 64,
	dialect: dialect{
		function: "apply_relocate",
		decls:    []string{"unsigned int i", "Elf32_Sym*sym", "uint32_t*location"},
		relDecl:  "Elf32_Rel*rel=(void*)sechdrs[relsec].sh_addr",
		loopNeeds: []string{
			"location=(void*)sechdrs[sechdrs[relsec].sh_info].sh_addr+rel[i].r_offset",
			"sym=(Elf32_Sym*)sechdrs[symindex].sh_addr+ELF32_R_SYM(rel[i].r_info)",
		},
		operand: "ELF32_R_TYPE(rel[i].r_info)",
	}}

// machineOf is the machine of a kernel of that configuration.
func machineOf(config kconfig.Config) *machine {
	if config.On("CONFIG_X86_32") {
		return i386
	}
	return x8664
}

// machineFor is the machine that a file is of; nil for another one.
func machineFor(f *elf.File) *machine {
	for _, m := range []*machine{x8664, i386} {
		if f.Machine == m.elf && f.Class == m.class && f.Data == elf.ELFDATA2LSB {
			return m
		}
	}
	return nil
}

// relocation names a type.
func (m *machine) relocation(t uint32) *outcome.Relocation { return outcome.RelocationOf(m.elf, t) }

// typeOf is the number of a type by its name.
func (m *machine) typeOf(name string) (uint32, bool) {
	if !strings.HasPrefix(name, m.names) {
		return 0, false
	}
	for t := range m.types {
		if m.relocation(t).Name == name {
			return t, true
		}
	}
	return 0, false
}

// sizeRel is sizeof(Elf32_Rel) and Elf64_Rela.
func (m *machine) sizeRel() int {
	if m.table == elf.SHT_REL {
		return 8
	}
	return 24
}

// entry reads an entry, without where it stands; the addend of one of SHT_REL is in the field that it relocates.
func (m *machine) entry(d []byte) Entry {
	if m.table == elf.SHT_REL {
		info := binary.LittleEndian.Uint32(d[4:])
		return Entry{Offset: uint64(binary.LittleEndian.Uint32(d)), Type: elf.R_TYPE32(info), symbol: elf.R_SYM32(info)}
	}
	info := binary.LittleEndian.Uint64(d[8:])
	return Entry{Offset: binary.LittleEndian.Uint64(d), Type: elf.R_TYPE64(info), symbol: elf.R_SYM64(info),
		Addend: int64(binary.LittleEndian.Uint64(d[16:]))}
}

// readSymbol reads an entry of a symbol table, without its name.
func (m *machine) readSymbol(d []byte) (name uint32, s symbol) {
	info, section := d[4], d[6:]
	if m.bits == 32 {
		info, section = d[12], d[14:]
		s.value, s.size = m.address(d[4:]), m.address(d[8:])
	} else {
		s.value, s.size = m.address(d[8:]), m.address(d[16:])
	}
	s.section, s.kind, s.bind = elf.SectionIndex(binary.LittleEndian.Uint16(section)), elf.ST_TYPE(info), elf.ST_BIND(info)
	return binary.LittleEndian.Uint32(d), s
}

// address reads one.
func (m *machine) address(d []byte) uint64 {
	if m.bits == 32 {
		return uint64(binary.LittleEndian.Uint32(d))
	}
	return binary.LittleEndian.Uint64(d)
}

// wrap is v as the machine computes it: an address, or a distance with its sign.
func (m *machine) wrap(v uint64, distance bool) uint64 {
	switch {
	case m.bits == 64:
		return v
	case distance:
		return uint64(int64(int32(v)))
	}
	return uint64(uint32(v))
}
