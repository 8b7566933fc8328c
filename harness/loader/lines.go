package loader

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// position is a place in source.
type position struct {
	file string // as the compiler named it, cut to the part inside the tree where that can be told
	line int
}

// String is "samples/rust/rust_print.rs:44"; "" for none.
func (p position) String() string {
	if p.file == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.file, p.line)
}

// Lines maps places of a module, as section name and offset, to source. All
// sections of an ET_REL begin at address 0, so each is given a range of its own
// before its debug information is relocated.
type Lines struct {
	module *Module
	rows   []lineRow
	calls  []inlinedCall
}

type lineRow struct {
	addr uint64
	pos  position
	end  bool
}

// inlinedCall is code that was inlined: the place of the call is where it
// stands in the function that holds it.
type inlinedCall struct {
	low, high uint64
	depth     int
	call      position
}

// stride keeps the made-up ranges of the sections apart; addresses of 32 bits have room for less.
func (m *Module) stride() uint64 {
	if m.machine().bits == 64 {
		return 1 << 32
	}
	return 1 << 32 / uint64(len(m.Sections)+2)
}

func (m *Module) madeUp(section int) uint64 { return uint64(section+1) * m.stride() }

// errNoDWARF says that a module was built without debug information.
var errNoDWARF = errors.New("no debug information; build the object with -Cdebuginfo=2 (Rust) or -g (C)")

// ReadLines reads the debug information of a module that was built with it.
// Check first with SameRelocations that it is the same code.
func ReadLines(debug *Module) (*Lines, error) {
	d, err := debug.dwarf()
	if err != nil {
		return nil, fmt.Errorf("source lines of module %s: %w", debug.Name, err)
	}
	l := &Lines{module: debug}
	if err := l.read(d); err != nil {
		return nil, fmt.Errorf("source lines of module %s: %w", debug.Name, err)
	}
	sort.SliceStable(l.rows, func(i, j int) bool { return l.rows[i].addr < l.rows[j].addr })
	return l, nil
}

// dwarf relocates the debug sections and hands them to debug/dwarf.
func (m *Module) dwarf() (d *dwarf.Data, err error) {
	sections := map[string][]byte{}
	for i, s := range m.elf.Sections {
		name, ok := strings.CutPrefix(s.Name, ".debug_")
		if !ok || s.Type != elf.SHT_PROGBITS {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("section %s: %w", s.Name, err)
		}
		m.relocateDebug(i, data)
		sections[name] = data
	}
	if len(sections["info"]) == 0 || len(sections["line"]) == 0 {
		return nil, errNoDWARF
	}
	// debug/dwarf is not hardened as debug/elf is.
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("malformed debug information: %v", r)
		}
	}()
	d, err = dwarf.New(sections["abbrev"], nil, nil, sections["info"], sections["line"], nil, sections["ranges"], sections["str"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"addr", "line_str", "str_offsets", "rnglists", "loclists"} {
		if b, ok := sections[name]; ok {
			if err := d.AddSection(".debug_"+name, b); err != nil {
				return nil, fmt.Errorf("section .debug_%s: %w", name, err)
			}
		}
	}
	return d, nil
}

// relocateDebug applies the relocations of debug section i to data.
func (m *Module) relocateDebug(i int, data []byte) {
	for _, s := range m.Sections {
		if int(s.info) != i {
			continue
		}
		for e := range m.entries(s) {
			sym, ok := m.symbol(e)
			if !ok {
				continue
			}
			v := sym.value + uint64(e.Addend)
			if m.allocated(int(sym.section)) {
				v += m.madeUp(int(sym.section))
			}
			width, of := uint64(0), m.machine()
			switch {
			case of == x8664 && elf.R_X86_64(e.Type) == elf.R_X86_64_64:
				width = 8
			case of == x8664 && elf.R_X86_64(e.Type) == elf.R_X86_64_32, of == i386 && elf.R_386(e.Type) == elf.R_386_32:
				width = 4
			}
			if size := uint64(len(data)); e.Offset > size || size-e.Offset < width {
				continue
			}
			if width > 0 && s.kind == elf.SHT_REL { // the addend of what is not allocated is not known otherwise
				v += uint64(binary.LittleEndian.Uint32(data[e.Offset:]))
			}
			var field [8]byte
			binary.LittleEndian.PutUint64(field[:], v)
			copy(data[e.Offset:], field[:width])
		}
	}
}

// read walks all units.
func (l *Lines) read(d *dwarf.Data) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed debug information: %v", r)
		}
	}()
	r := d.Reader()
	var files []*dwarf.LineFile
	depth := 0
	for {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		switch e.Tag {
		case 0:
			depth--
			continue
		case dwarf.TagCompileUnit:
			depth = 0
			if files, err = l.unit(d, e); err != nil {
				return err
			}
		case dwarf.TagInlinedSubroutine:
			l.inlined(d, e, files, depth)
		}
		if e.Children {
			depth++
		}
		if len(l.rows) > maxEntries || len(l.calls) > maxEntries {
			return fmt.Errorf("more than %d rows", maxEntries)
		}
	}
}

func (l *Lines) unit(d *dwarf.Data, e *dwarf.Entry) ([]*dwarf.LineFile, error) {
	lr, err := d.LineReader(e)
	if err != nil || lr == nil {
		return nil, err
	}
	dir, _ := e.Val(dwarf.AttrCompDir).(string)
	var row dwarf.LineEntry
	for {
		if err := lr.Next(&row); err == io.EOF {
			return lr.Files(), nil
		} else if err != nil {
			return nil, err
		}
		out := lineRow{addr: row.Address, end: row.EndSequence}
		if row.File != nil {
			out.pos = position{file: inTree(row.File.Name, dir), line: row.Line}
		}
		if l.rows = append(l.rows, out); len(l.rows) > maxEntries {
			return nil, fmt.Errorf("more than %d rows", maxEntries)
		}
	}
}

func (l *Lines) inlined(d *dwarf.Data, e *dwarf.Entry, files []*dwarf.LineFile, depth int) {
	ranges, err := d.Ranges(e)
	file, ok := e.Val(dwarf.AttrCallFile).(int64)
	line, ok2 := e.Val(dwarf.AttrCallLine).(int64)
	if err != nil || !ok || !ok2 || file < 0 || file >= int64(len(files)) || files[file] == nil {
		return
	}
	pos := position{file: inTree(files[file].Name, ""), line: int(line)}
	for _, r := range ranges {
		l.calls = append(l.calls, inlinedCall{low: r[0], high: r[1], depth: depth, call: pos})
	}
}

// treeRoots are the directories of a kernel tree that hold code of modules.
var treeRoots = regexp.MustCompile(`/(?:samples|rust|drivers|include|kernel|arch|fs|lib|mm|net|sound|crypto|block)/`)

// inTree cuts a path to the part inside the kernel tree: builds in a sandbox
// name the tree by a path that means nothing outside. What lies outside, such
// as Rust's own library, stays absolute.
func inTree(name, dir string) string {
	if dir != "" {
		name = strings.TrimPrefix(name, dir+"/")
	}
	for strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		_, name, _ = strings.Cut(name, "/")
	}
	if !strings.HasPrefix(name, "/") || strings.Contains(name, "/rustlib/") || strings.Contains(name, "/library/") {
		return name
	}
	if at := treeRoots.FindStringIndex(name); at != nil {
		return name[at[0]+1:]
	}
	return name
}

// at returns where the code of a place stands: at is the outermost position
// that lies inside the kernel tree, which for code that was inlined is the call
// in the function that holds it, and inner the position of the code itself.
func (l *Lines) at(section string, offset uint64) (at, inner position) {
	if l == nil {
		return at, inner
	}
	in := slices.IndexFunc(l.module.Sections, func(s Section) bool {
		return s.Name == section && l.module.allocated(s.Index) && offset < s.size && offset < l.module.stride()
	})
	if in < 0 {
		return at, inner
	}
	addr := l.module.madeUp(in) + offset
	var chain []inlinedCall
	for _, c := range l.calls {
		if addr >= c.low && addr < c.high {
			chain = append(chain, c)
		}
	}
	slices.SortStableFunc(chain, func(a, b inlinedCall) int { return a.depth - b.depth })
	i := sort.Search(len(l.rows), func(i int) bool { return l.rows[i].addr > addr })
	if i > 0 && !l.rows[i-1].end {
		inner = l.rows[i-1].pos
	}
	for _, c := range append(chain, inlinedCall{call: inner}) {
		if p := c.call; at.file == "" || strings.HasPrefix(at.file, "/") && p.file != "" && !strings.HasPrefix(p.file, "/") {
			at = p
		}
	}
	return at, inner
}
