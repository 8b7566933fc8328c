package loader

import (
	"debug/elf"
	"fmt"
	"strings"
)

// Layout is where each section of a module lands within its regions, and how
// large these are. See layout_sections and layout_symtab, kernel/module.
type Layout struct {
	Regions []string // names, in the order of allocation
	Sizes   []uint64 // bytes, whole pages; 0: not allocated
	section []int    // region of each section, -1 for none
	offset  []uint64 // of each section in its region, bytes
}

// Layout computes the layout that the tree's kernel gives the module.
// It fails on a module whose layout this package does not know.
func (t *Tree) Layout(m *Module) (*Layout, error) {
	if t.config.On("CONFIG_MEM_ALLOC_PROFILING") {
		return nil, fmt.Errorf("lay out module %s: CONFIG_MEM_ALLOC_PROFILING moves sections to preallocated memory, not predicted", m.Name)
	}
	r := t.regions
	l := &Layout{Regions: r.names, Sizes: make([]uint64, len(r.names)),
		section: make([]int, len(m.Sections)), offset: make([]uint64, len(m.Sections))}
	flags := make([]elf.SectionFlag, len(m.Sections))
	marked := map[string]bool{}
	for i, s := range m.Sections {
		l.section[i] = -1
		if flags[i] = s.flags; dropped(s.Name) {
			flags[i] &^= elf.SHF_ALLOC
		}
		if (s.Name == ".data..ro_after_init" || s.Name == "__jump_table") && flags[i]&elf.SHF_ALLOC != 0 && !marked[s.Name] {
			flags[i] |= shfROAfterInit
			marked[s.Name] = true
		}
		if s.Name == ".data..percpu" && s.size > 0 && t.config.On("CONFIG_SMP") {
			return nil, fmt.Errorf("lay out module %s: per-CPU data is placed at run time, not predicted", m.Name)
		}
	}
	for _, init := range []bool{false, true} {
		regions := r.core
		if init {
			regions = r.init
		}
		for pass, mask := range regionPasses {
			for i, s := range m.Sections {
				if flags[i]&mask[0] != mask[0] || flags[i]&mask[1] != 0 || l.section[i] >= 0 ||
					init != t.initSection(s.Name) || regions[pass] < 0 {
					continue
				}
				if err := l.put(i, regions[pass], s); err != nil {
					return nil, fmt.Errorf("lay out module %s: %w", m.Name, err)
				}
			}
		}
	}
	if t.config.On("CONFIG_KALLSYMS") {
		if err := l.symtab(t, m, flags); err != nil {
			return nil, fmt.Errorf("lay out module %s: %w", m.Name, err)
		}
	}
	for i := range l.Sizes {
		l.Sizes[i] = align(l.Sizes[i], t.Space.PageSize)
	}
	return l, nil
}

// initSection is module_init_layout_section: without unloading, what only
// unloading needs is thrown away with the init code.
func (t *Tree) initSection(name string) bool {
	return strings.HasPrefix(name, ".init") || !t.config.On("CONFIG_MODULE_UNLOAD") && strings.HasPrefix(name, ".exit")
}

// regionLimit bounds a region, so that no sum overflows; the kernel's field is
// an unsigned int.
const regionLimit = 1 << 31

func (l *Layout) put(section, region int, s Section) error {
	if s.size >= regionLimit || s.align >= regionLimit || s.align&(s.align-1) != 0 && s.align != 0 {
		return fmt.Errorf("section %d %s: size 0x%x, alignment 0x%x", section, s.Name, s.size, s.align)
	}
	l.section[section] = region
	l.offset[section] = align(l.Sizes[region], s.align)
	if l.Sizes[region] = l.offset[section] + s.size; l.Sizes[region] >= regionLimit {
		return fmt.Errorf("region %s is larger than %s", l.Regions[region], inUnits(regionLimit))
	}
	return nil
}

// symtab appends the symbol tables, as layout_symtab does with CONFIG_KALLSYMS.
func (l *Layout) symtab(t *Tree, m *Module, flags []elf.SectionFlag) error {
	data, init := t.regions.index("MOD_DATA"), t.regions.index("MOD_INIT_DATA")
	if data < 0 || init < 0 {
		return fmt.Errorf("no region MOD_DATA or MOD_INIT_DATA")
	}
	if l.section[m.symtab] >= 0 || l.section[m.strtab] >= 0 {
		return fmt.Errorf("an allocated symbol table")
	}
	sym, str := m.Sections[m.symtab], m.Sections[m.strtab]
	if err := l.put(m.symtab, init, sym); err != nil {
		return err
	}
	count, strings := uint64(0), uint64(0)
	for i, s := range m.symbols {
		if i == 0 || l.coreSymbol(t, m, flags, s) {
			count++
			strings += uint64(len(s.name)) + 1
		}
	}
	l.Sizes[data] = align(l.Sizes[data], sym.align) + count*m.machine().symbol + strings + count
	if err := l.put(m.strtab, init, str); err != nil {
		return err
	}
	// struct mod_kallsyms, which is not in the tree's text that is read: three pointers, an int and its padding.
	l.Sizes[init] = align(l.Sizes[init], m.machine().word) + 4*m.machine().word + uint64(len(m.symbols))
	return nil
}

// coreSymbol is is_core_symbol, kernel/module/kallsyms.c.
func (l *Layout) coreSymbol(t *Tree, m *Module, flags []elf.SectionFlag, s symbol) bool {
	i := int(s.section)
	if s.section == elf.SHN_UNDEF || i >= len(m.Sections) || s.name == "" || flags[i]&elf.SHF_ALLOC == 0 {
		return false
	}
	if !t.config.On("CONFIG_KALLSYMS_ALL") && flags[i]&elf.SHF_EXECINSTR == 0 {
		return false
	}
	return l.section[i] < 0 || !initRegion(l.Regions[l.section[i]])
}

func align(n, a uint64) uint64 {
	if a == 0 {
		return n
	}
	return (n + a - 1) &^ (a - 1)
}

// Placement is a layout at addresses.
type Placement struct {
	layout *Layout
	base   uint64   // where vmalloc begins, see Space.ModuleBase; 0 where not known
	start  []uint64 // address of each region; 0 for one of no size
}

// address is the address of section i of the module; ok is false for a section
// that is not in its memory.
func (p Placement) address(i int) (address uint64, ok bool) {
	if p.layout == nil || i < 0 || i >= len(p.layout.section) || p.layout.section[i] < 0 || p.layout.section[i] >= len(p.start) {
		return 0, false
	}
	return p.start[p.layout.section[i]] + p.layout.offset[i], true
}

// Text is the address that /proc/modules shows: that of the first region.
func (p Placement) Text() uint64 {
	if len(p.start) == 0 {
		return 0
	}
	return p.start[0]
}

// Shift moves the whole placement by delta bytes.
func (p Placement) Shift(delta uint64) Placement {
	out := Placement{layout: p.layout, base: p.base + delta, start: make([]uint64, len(p.start))}
	for i, a := range p.start {
		if a != 0 {
			out.start[i] = a + delta
		}
	}
	return out
}
