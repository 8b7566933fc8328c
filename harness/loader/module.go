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
	kind  elf.SectionType
	flags elf.SectionFlag // as in the file
	size  uint64          // bytes
	align uint64          // bytes
	link  uint32
	info  uint32
	data  []byte // nil for SHT_NOBITS
}

// symbol is a symbol of a .ko.
type symbol struct {
	index   int
	name    string
	section elf.SectionIndex
	value   uint64 // offset in its section
	size    uint64 // bytes
	kind    elf.SymType
	bind    elf.SymBind
}

// Entry is one RELA entry.
type Entry struct {
	Section int    // index of the RELA section, "sec" in the loader's messages
	Target  int    // index of the section that is relocated
	Index   int    // in the RELA section, "idx"
	Offset  uint64 // in the target section
	Type    uint32
	symbol  uint32 // index
	Addend  int64
}

// Module is a .ko as the loader sees it.
type Module struct {
	Name     string // of .modinfo
	FileSize int64  // bytes; 0 where the reader could not tell
	Sections []Section
	symbols  []symbol
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
		sec := Section{Index: i, Name: s.Name, kind: s.Type, flags: s.Flags, size: s.Size, align: s.Addralign, link: s.Link, info: s.Info}
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
		if s.kind != elf.SHT_SYMTAB {
			continue
		}
		if m.symtab != 0 {
			return fmt.Errorf("symbol tables in sections %d and %d, the loader takes one", m.symtab, s.Index)
		}
		m.symtab, m.strtab = s.Index, int(s.link)
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
		m.symbols = append(m.symbols, symbol{
			index:   i,
			name:    cString(strs, binary.LittleEndian.Uint32(data)),
			section: elf.SectionIndex(binary.LittleEndian.Uint16(data[6:])),
			value:   binary.LittleEndian.Uint64(data[8:]),
			size:    binary.LittleEndian.Uint64(data[16:]),
			kind:    elf.ST_TYPE(info),
			bind:    elf.ST_BIND(info),
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
	return i >= 0 && i < len(m.Sections) && m.Sections[i].flags&elf.SHF_ALLOC != 0 && !dropped(m.Sections[i].Name)
}

// relocations lists the entries in the order in which the kernel applies them:
// RELA sections by ascending index, those of unallocated sections left out.
// See apply_relocations, kernel/module/main.c.
func (m *Module) relocations() []Entry {
	var out []Entry
	for _, s := range m.Sections {
		if s.Index == 0 || !m.allocated(int(s.info)) {
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
		if s.kind != elf.SHT_RELA {
			return
		}
		for i, d := 0, s.data; len(d) >= size; i, d = i+1, d[size:] {
			info := binary.LittleEndian.Uint64(d[8:])
			if !yield(Entry{Section: s.Index, Target: int(s.info), Index: i,
				Offset: binary.LittleEndian.Uint64(d), Type: elf.R_TYPE64(info), symbol: elf.R_SYM64(info),
				Addend: int64(binary.LittleEndian.Uint64(d[16:]))}) {
				return
			}
		}
	}
}

// symbol returns the symbol of an entry; ok is false where its index is out of range.
func (m *Module) symbol(e Entry) (symbol, bool) {
	if uint64(e.symbol) >= uint64(len(m.symbols)) {
		return symbol{}, false
	}
	return m.symbols[e.symbol], true
}

// title names a symbol for a reader: its name, or its section's for a section symbol.
func (m *Module) title(s symbol) string {
	if s.name != "" {
		return s.name
	}
	if int(s.section) < len(m.Sections) && s.section != elf.SHN_UNDEF {
		return m.Sections[s.section].Name
	}
	return fmt.Sprintf("symbol %d", s.index)
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
