package loader

import (
	"bytes"
	"cmp"
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

// Entry is one entry of a section of relocations: of RELA on x86-64, of REL on i386.
type Entry struct {
	Section int    // index of the section of relocations, "sec" in the loader's messages
	Target  int    // index of the section that is relocated
	Index   int    // in the section of relocations, "idx"
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
	of       *machine // see machine
}

// machine is what m is built for.
func (m *Module) machine() *machine { return cmp.Or(m.of, x8664) }

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

// Open reads a .ko: an ELF ET_REL for x86-64 or i386 with one symbol table. It fails on
// anything that the kernel would refuse before it looks at relocations.
func Open(ko io.ReaderAt) (*Module, error) {
	f, err := elf.NewFile(ko)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	of := machineFor(f)
	if f.Type != elf.ET_REL || of == nil {
		return nil, fmt.Errorf("read module: %s %s %s, not a relocatable x86-64 or i386 object; give a .ko of ARCH=um on x86",
			f.Class, f.Machine, f.Type)
	}
	m := &Module{FileSize: sizeOf(ko), Info: map[string][]string{}, elf: f, of: of}
	for i, s := range f.Sections {
		sec := Section{Index: i, Name: s.Name, kind: s.Type, flags: s.Flags, size: s.Size, align: s.Addralign, link: s.Link, info: s.Info}
		if s.Flags&elf.SHF_COMPRESSED != 0 && s.Flags&elf.SHF_ALLOC != 0 {
			return nil, fmt.Errorf("read module: section %d %s is allocated and compressed", i, s.Name)
		}
		needed := s.Flags&elf.SHF_ALLOC != 0 || s.Type == elf.SHT_SYMTAB || s.Type == elf.SHT_STRTAB || s.Type == of.table
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
	size := int(m.machine().symbol)
	if len(data)/size > maxEntries {
		return fmt.Errorf("%d symbols, more than %d", len(data)/size, maxEntries)
	}
	for i := 0; len(data) >= size; i, data = i+1, data[size:] {
		name, s := m.machine().readSymbol(data)
		s.index, s.name = i, cString(strs, name)
		m.symbols = append(m.symbols, s)
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
// their sections by ascending index, those of unallocated sections left out.
// See apply_relocations, kernel/module/main.c.
func (m *Module) relocations() []Entry {
	var out []Entry
	for _, s := range m.Sections {
		if s.Index == 0 || !m.allocated(int(s.info)) {
			continue
		}
		for e := range m.entries(s) {
			if len(out) == maxEntries {
				return out
			}
			out = append(out, e)
		}
	}
	return out
}

// entries yields the entries of a section of relocations; another one has none.
func (m *Module) entries(s Section) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		size := m.machine().sizeRel()
		if s.kind != m.machine().table {
			return
		}
		for i, d := 0, s.data; len(d) >= size; i, d = i+1, d[size:] {
			e := m.machine().entry(d)
			e.Section, e.Target, e.Index = s.Index, int(s.info), i
			if s.kind == elf.SHT_REL {
				e.Addend = m.implicit(e)
			}
			if !yield(e) {
				return
			}
		}
	}
}

// implicit is the addend that stands in the field that an entry of SHT_REL relocates; 0 where the file has no such field.
func (m *Module) implicit(e Entry) int64 {
	if e.Target < 0 || e.Target >= len(m.Sections) {
		return 0
	}
	data := m.Sections[e.Target].data
	switch width := uint64(m.machine().width(e.Type)); {
	case e.Offset > uint64(len(data)) || uint64(len(data))-e.Offset < width:
		return 0
	case width == 1:
		return int64(int8(data[e.Offset]))
	case width == 2:
		return int64(int16(binary.LittleEndian.Uint16(data[e.Offset:])))
	default:
		return int64(int32(binary.LittleEndian.Uint32(data[e.Offset:])))
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
