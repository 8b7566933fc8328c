package loader

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Signature is a hex sha256 of what an ELF file puts into memory: its allocated
// sections without notes (a build ID is a note), and, for a relocatable file,
// their relocations by symbol name. Debug information, symbol tables and file
// layout do not count. Two builds with pinned KBUILD_BUILD_* have the same
// signature exactly where the difference between them has no effect.
func Signature(file io.ReaderAt) (string, error) {
	f, err := elf.NewFile(file)
	if err != nil {
		return "", fmt.Errorf("signature: %w", err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s 0x%x\n", f.Type, f.Machine, f.Entry)
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Type == elf.SHT_NOTE {
			continue
		}
		fmt.Fprintf(h, "%q %s 0x%x 0x%x 0x%x\n", s.Name, s.Type, uint32(s.Flags), s.Addr, s.Size)
		if s.Type == elf.SHT_NOBITS {
			continue
		}
		if s.ReaderAt == nil { // what debug/elf does with compressed sections
			return "", fmt.Errorf("signature: section %s is allocated and compressed", s.Name)
		}
		if _, err := io.Copy(h, io.NewSectionReader(s, 0, int64(min(s.FileSize, 1<<62)))); err != nil {
			return "", fmt.Errorf("signature: section %s: %w", s.Name, err)
		}
	}
	if f.Type == elf.ET_REL && machineFor(f) != nil {
		m, err := Open(file)
		if err != nil {
			return "", fmt.Errorf("signature: %w", err)
		}
		for _, e := range m.relocations() {
			fmt.Fprintln(h, m.key(e))
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// key identifies an entry independently of section and symbol numbers.
func (m *Module) key(e Entry) string {
	name := "?"
	if s, ok := m.symbol(e); ok {
		name = m.title(s)
		// Local labels are numbered by the assembler; their place identifies them.
		if s.section != elf.SHN_UNDEF && int(s.section) < len(m.Sections) && (s.kind == elf.STT_SECTION || strings.HasPrefix(s.name, ".L")) {
			name = fmt.Sprintf("%s+0x%x", m.Sections[s.section].Name, s.value)
		}
	}
	return fmt.Sprintf("%s 0x%x %d %s %d", m.Sections[e.Target].Name, e.Offset, e.Type, name, e.Addend)
}

// SameRelocations reports whether the debug information of one module holds for
// the other: whether their executable sections have the same bytes and the same
// relocations. Constants may lie in another order (their sections are named
// after their content's hash, which debug information changes), so the addend
// of an entry that refers to a data section as such does not count. Where the
// modules differ, the error names the first difference.
func SameRelocations(a, b *Module) error {
	ca, cb := a.code(), b.code()
	if len(ca) != len(cb) {
		return fmt.Errorf("%d executable sections against %d; the debug build is not the same code", len(ca), len(cb))
	}
	for i, x := range ca {
		y := cb[i]
		if x.Name != y.Name || !bytes.Equal(a.withoutAddends(x), b.withoutAddends(y)) {
			return fmt.Errorf("section %s differs from %s; the debug build is not the same code", x.Name, y.Name)
		}
		ra, rb := a.relocationsOf(x.Index), b.relocationsOf(y.Index)
		for j := range min(len(ra), len(rb)) {
			if ka, kb := a.codeKey(ra[j]), b.codeKey(rb[j]); ka != kb {
				return fmt.Errorf("relocation %d of section %s differs: %s against %s; the debug build is not the same code", j, x.Name, ka, kb)
			}
		}
		if len(ra) != len(rb) {
			return fmt.Errorf("section %s has %d relocations against %d; the debug build is not the same code", x.Name, len(ra), len(rb))
		}
	}
	return nil
}

// code lists the executable sections that hold anything, in order.
func (m *Module) code() []Section {
	var out []Section
	for _, s := range m.Sections {
		if m.allocated(s.Index) && s.flags&elf.SHF_EXECINSTR != 0 && s.size > 0 {
			out = append(out, s)
		}
	}
	return out
}

// withoutAddends are the bytes of a section, with zeros where an entry of SHT_REL has its addend.
func (m *Module) withoutAddends(s Section) []byte {
	if m.machine().table != elf.SHT_REL {
		return s.data
	}
	data := bytes.Clone(s.data)
	for _, e := range m.relocationsOf(s.Index) {
		if end := e.Offset + uint64(m.machine().width(e.Type)); e.Offset < end && end <= uint64(len(data)) {
			clear(data[e.Offset:end])
		}
	}
	return data
}

func (m *Module) relocationsOf(section int) []Entry {
	return slices.DeleteFunc(m.relocations(), func(e Entry) bool { return e.Target != section })
}

// codeKey is key without the place of a constant.
func (m *Module) codeKey(e Entry) string {
	s, ok := m.symbol(e)
	if ok && s.section != elf.SHN_UNDEF && int(s.section) < len(m.Sections) && m.Sections[s.section].flags&elf.SHF_EXECINSTR == 0 &&
		(s.kind == elf.STT_SECTION || strings.HasPrefix(s.name, ".L")) {
		return fmt.Sprintf("0x%x %d %s", e.Offset, e.Type, m.Sections[s.section].Name)
	}
	return m.key(e)
}
