package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
)

// Section is a section of a .ko.
type Section struct {
	Index int
	Name  string
	Type  elf.SectionType
	Flags elf.SectionFlag // as in the file
	Size  uint64          // bytes
	Align uint64          // bytes
	Link  uint32
	Info  uint32
	data  []byte // nil for SHT_NOBITS
}

// Symbol is a symbol of a .ko.
type Symbol struct {
	Index   int
	Name    string
	Section elf.SectionIndex
	Value   uint64 // offset in its section
	Size    uint64 // bytes
	Type    elf.SymType
	Bind    elf.SymBind
}

// Entry is one RELA entry.
type Entry struct {
	Section int    // index of the RELA section, "sec" in the loader's messages
	Target  int    // index of the section that is relocated
	Index   int    // in the RELA section, "idx"
	Offset  uint64 // in the target section
	Type    uint32
	Symbol  uint32 // index
	Addend  int64
}

// Module is a .ko as the loader sees it.
type Module struct {
	Name     string // of .modinfo
	FileSize int64  // bytes; 0 where the reader could not tell
	Sections []Section
	Symbols  []Symbol
	Info     map[string][]string // .modinfo: key to values
	symtab   int
	strtab   int
	elf      *elf.File
}

// maxEntries bounds what is read of one file; the largest module of a kernel
// has some 300,000 relocations.
const maxEntries = 8 << 20

// OpenFile is Open of the file at path.
func OpenFile(path string) (*Module, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Open(bytes.NewReader(text))
}

// Open reads a .ko: an ELF ET_REL for x86-64 with one symbol table. It fails on
// anything that the kernel would refuse before it looks at relocations.
func Open(ko io.ReaderAt) (*Module, error) {
	f, err := elf.NewFile(ko)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	if f.Type != elf.ET_REL || f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("read module: %s %s %s, not a relocatable x86-64 object; give a .ko of ARCH=um on x86-64",
			f.Class, f.Machine, f.Type)
	}
	m := &Module{FileSize: sizeOf(ko), Info: map[string][]string{}, elf: f}
	for i, s := range f.Sections {
		sec := Section{Index: i, Name: s.Name, Type: s.Type, Flags: s.Flags, Size: s.Size, Align: s.Addralign, Link: s.Link, Info: s.Info}
		if s.Flags&elf.SHF_COMPRESSED != 0 && s.Flags&elf.SHF_ALLOC != 0 {
			return nil, fmt.Errorf("read module: section %d %s is allocated and compressed", i, s.Name)
		}
		needed := s.Flags&elf.SHF_ALLOC != 0 || s.Type == elf.SHT_SYMTAB || s.Type == elf.SHT_STRTAB || s.Type == elf.SHT_RELA
		if needed && s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL {
			if sec.data, err = s.Data(); err != nil {
				return nil, fmt.Errorf("read module: section %d %s: %w", i, s.Name, err)
			}
		}
		m.Sections = append(m.Sections, sec)
	}
	if err := m.readSymbols(); err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	for _, s := range m.Sections {
		if s.Name == ".modinfo" {
			for field := range bytes.SplitSeq(s.data, []byte{0}) {
				if k, v, ok := strings.Cut(string(field), "="); ok {
					m.Info[k] = append(m.Info[k], v)
				}
			}
		}
	}
	if names := m.Info["name"]; len(names) > 0 {
		m.Name = names[0]
	}
	return m, nil
}

// sizeOf asks the usual readers for the size of what they read.
func sizeOf(r io.ReaderAt) int64 {
	switch r := r.(type) {
	case interface{ Size() int64 }:
		return r.Size()
	case interface{ Stat() (fs.FileInfo, error) }:
		if fi, err := r.Stat(); err == nil {
			return fi.Size()
		}
	}
	return 0
}

func (m *Module) readSymbols() error {
	for _, s := range m.Sections {
		if s.Type != elf.SHT_SYMTAB {
			continue
		}
		if m.symtab != 0 {
			return fmt.Errorf("symbol tables in sections %d and %d, the loader takes one", m.symtab, s.Index)
		}
		m.symtab, m.strtab = s.Index, int(s.Link)
	}
	if m.symtab == 0 {
		return fmt.Errorf("no symbol table; was it stripped?")
	}
	if m.strtab <= 0 || m.strtab >= len(m.Sections) {
		return fmt.Errorf("symbol table in section %d: link %d is no section", m.symtab, m.strtab)
	}
	data, strs := m.Sections[m.symtab].data, m.Sections[m.strtab].data
	if len(data)/elf.Sym64Size > maxEntries {
		return fmt.Errorf("%d symbols, more than %d", len(data)/elf.Sym64Size, maxEntries)
	}
	for i := 0; len(data) >= elf.Sym64Size; i, data = i+1, data[elf.Sym64Size:] {
		info := data[4]
		m.Symbols = append(m.Symbols, Symbol{
			Index:   i,
			Name:    cString(strs, binary.LittleEndian.Uint32(data)),
			Section: elf.SectionIndex(binary.LittleEndian.Uint16(data[6:])),
			Value:   binary.LittleEndian.Uint64(data[8:]),
			Size:    binary.LittleEndian.Uint64(data[16:]),
			Type:    elf.ST_TYPE(info),
			Bind:    elf.ST_BIND(info),
		})
	}
	return nil
}

func cString(b []byte, off uint32) string {
	if uint64(off) >= uint64(len(b)) {
		return ""
	}
	b = b[off:]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// dropped are the sections that the kernel reads from the file and keeps out of
// the module's memory; see rewrite_section_headers, kernel/module/main.c.
func dropped(name string) bool {
	switch name {
	case "__versions", "__version_ext_crcs", "__version_ext_names", ".modinfo":
		return true
	}
	return false
}

// allocated reports whether section i lands in the module's memory.
func (m *Module) allocated(i int) bool {
	return i >= 0 && i < len(m.Sections) && m.Sections[i].Flags&elf.SHF_ALLOC != 0 && !dropped(m.Sections[i].Name)
}

// relocations lists the entries in the order in which the kernel applies them:
// RELA sections by ascending index, those of unallocated sections left out.
// See apply_relocations, kernel/module/main.c.
func (m *Module) relocations() []Entry {
	var out []Entry
	for _, s := range m.Sections {
		if s.Index == 0 || !m.allocated(int(s.Info)) {
			continue
		}
		for e := range s.entries() {
			if len(out) == maxEntries {
				return out
			}
			out = append(out, e)
		}
	}
	return out
}

// entries yields the entries of a RELA section; another one has none.
func (s Section) entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		const size = 24 // sizeof(Elf64_Rela)
		if s.Type != elf.SHT_RELA {
			return
		}
		for i, d := 0, s.data; len(d) >= size; i, d = i+1, d[size:] {
			info := binary.LittleEndian.Uint64(d[8:])
			if !yield(Entry{Section: s.Index, Target: int(s.Info), Index: i,
				Offset: binary.LittleEndian.Uint64(d), Type: elf.R_TYPE64(info), Symbol: elf.R_SYM64(info),
				Addend: int64(binary.LittleEndian.Uint64(d[16:]))}) {
				return
			}
		}
	}
}

// symbol returns the symbol of an entry; ok is false where its index is out of range.
func (m *Module) symbol(e Entry) (Symbol, bool) {
	if uint64(e.Symbol) >= uint64(len(m.Symbols)) {
		return Symbol{}, false
	}
	return m.Symbols[e.Symbol], true
}

// title names a symbol for a reader: its name, or its section's for a section symbol.
func (m *Module) title(s Symbol) string {
	if s.Name != "" {
		return s.Name
	}
	if int(s.Section) < len(m.Sections) && s.Section != elf.SHN_UNDEF {
		return m.Sections[s.Section].Name
	}
	return fmt.Sprintf("symbol %d", s.Index)
}

// place names the place of an entry: ".rela.text[18]: .text+0x5f".
func (m *Module) place(e Entry) string {
	rel, target := fmt.Sprintf("section %d", e.Section), fmt.Sprintf("section %d", e.Target)
	if e.Section >= 0 && e.Section < len(m.Sections) {
		rel = m.Sections[e.Section].Name
	}
	if e.Target >= 0 && e.Target < len(m.Sections) {
		target = m.Sections[e.Target].Name
	}
	return fmt.Sprintf("%s[%d] at %s+0x%x", rel, e.Index, target, e.Offset)
}
