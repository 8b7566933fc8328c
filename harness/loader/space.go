package loader

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/loader/csrc"
)

// Space is how UML of one tree lays out its address space, as far as it decides
// where modules land.
type Space struct {
	PageSize      uint64 // bytes
	VmallocOffset uint64 // bytes; the hole after physical memory, and the rounding of its end
	AddsGap       bool   // the gap between _end and brk is added to physical memory
	gapMinimum    int64  // bytes; only a gap above it is added
	Reexecs       bool   // linux turns its own address randomisation off, so the gap is fixed
}

// vmallocStarts are the known definitions of VMALLOC_START; the end of
// physical memory is named differently, iomem= of older trees is never used.
var vmallocStarts = []string{
	"((end_iomem+VMALLOC_OFFSET)&~(VMALLOC_OFFSET-1))",
	"((high_physmem+VMALLOC_OFFSET)&~(VMALLOC_OFFSET-1))",
}

// readSpace reads the address space from the text of arch/um/include/asm/pgtable.h
// and page.h, arch/um/kernel/um_arch.c and arch/um/os-Linux/main.c.
// It returns a *csrc.Error where one of them is not as known.
func readSpace(pgtable, page, umArch, osMain []byte, config kconfig.Config) (*Space, error) {
	s := &Space{PageSize: 4096}
	pg, err := csrc.Lex(pgtableFile, pgtable, defined(config))
	if err != nil {
		return nil, err
	}
	for name, want := range map[string][]string{
		"VMALLOC_START": vmallocStarts, "VMALLOC_OFFSET": {"(__va_space)"}, "MODULES_VADDR": {"VMALLOC_START"},
	} {
		d, ok := pg.Defines[name]
		if !ok {
			return nil, pg.Errorf(0, "none", "a definition of %s", name)
		}
		if got := d.Text(); !slices.Contains(want, got) {
			return nil, pg.Errorf(d.Line, got, "%s defined as %s", name, want[0])
		}
	}
	pa, err := csrc.Lex(pageFile, page, defined(config))
	if err != nil {
		return nil, err
	}
	d, ok := pa.Defines["__va_space"]
	if !ok {
		return nil, pa.Errorf(0, "none", "a definition of __va_space")
	}
	n, ok := product(d.Text())
	if !ok || n <= 0 || n&(n-1) != 0 {
		return nil, pa.Errorf(d.Line, d.Text(), "__va_space as a product of numbers, a power of two")
	}
	s.VmallocOffset = uint64(n)
	if d, ok := pa.Defines["PAGE_SHIFT"]; ok && d.Text() != "12" && d.Text() != "CONFIG_PAGE_SHIFT" {
		return nil, pa.Errorf(d.Line, d.Text(), "pages of 4096 bytes")
	}
	if err := s.readMain(umArch, config); err != nil {
		return nil, err
	}
	om, err := csrc.Lex(osMainFile, osMain, defined(config))
	if err != nil {
		return nil, err
	}
	fn, err := om.Function("main")
	if err != nil {
		return nil, err
	}
	for _, st := range fn.Body {
		if st.Kind == csrc.Expr && st.Text() == "ret=personality(PER_LINUX|ADDR_NO_RANDOMIZE)" {
			s.Reexecs = true
		}
	}
	return s, nil
}

// readMain reads linux_main: whether the gap before brk is added to mem=.
func (s *Space) readMain(umArch []byte, config kconfig.Config) error {
	um, err := csrc.Lex(umArchFile, umArch, defined(config))
	if err != nil {
		return err
	}
	fn, err := um.Function("linux_main")
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(fn.Body, func(st csrc.Stmt) bool {
		return st.Text() == "uml_physmem=(unsigned long)__binary_start&PAGE_MASK"
	}); i < 0 {
		return um.Errorf(fn.First, "none", "uml_physmem to be set to the page of __binary_start")
	}
	gap := false
	for _, st := range fn.Body {
		switch t := st.Text(); t {
		case "diff=UML_ROUND_UP(brk_start)-UML_ROUND_UP(&_end)", "diff=PAGE_ALIGN(brk_start)-PAGE_ALIGN((unsigned long)&_end)":
			gap = true
		default:
			if st.Kind != csrc.If || !gap || len(st.Toks) < 3 || st.Toks[0].Text != "diff" {
				continue
			}
			n, ok := product(csrc.Text(st.Toks[2:]))
			if !ok || st.Toks[1].Text != ">" {
				return um.Errorf(st.Line, t, "the gap to be compared with a number of bytes")
			}
			s.AddsGap, s.gapMinimum = true, n
		}
	}
	if gap != s.AddsGap {
		return um.Errorf(fn.First, "none", "a gap that is computed to be added to physical memory")
	}
	return nil
}

// product evaluates "8*1024*1024" in parentheses or not.
func product(expr string) (int64, bool) {
	out := int64(1)
	for factor := range strings.SplitSeq(strings.Trim(expr, "()"), "*") {
		n, err := strconv.ParseInt(factor, 0, 64)
		if err != nil || n < 0 || n != 0 && out > (1<<62)/n {
			return 0, false
		}
		out *= n
	}
	return out, true
}

// effective is the part of a gap that is added to physical memory.
func (s *Space) effective(gap int64) int64 {
	if s.AddsGap && gap > s.gapMinimum {
		return gap
	}
	return 0
}

// ModuleBase is the address where vmalloc begins, and with it the modules.
// link is the first address of linux (uml_physmem), mem the bytes of mem=, gap
// the bytes between the end of linux and its brk, as the boot log reports them
// ("Adding N bytes to physical memory"); 0 where it reports none.
// See VMALLOC_START, arch/um/include/asm/pgtable.h.
func (s *Space) ModuleBase(link uint64, mem, gap int64) uint64 {
	return (link + uint64(mem) + uint64(s.effective(gap)) + s.VmallocOffset) &^ (s.VmallocOffset - 1)
}

// MemFor is the smallest mem=, in bytes, for which ModuleBase is at least
// base; 0 where every size is enough.
func (s *Space) MemFor(link, base uint64, gap int64) int64 {
	up := (base + s.VmallocOffset - 1) &^ (s.VmallocOffset - 1)
	need := int64(up - s.VmallocOffset - link - uint64(s.effective(gap)))
	return max(need, 0)
}

// explain says the arithmetic of ModuleBase in words:
// "0x60000000 + 512 MiB, + 8 MiB and rounded down to 8 MiB = 0x80800000".
func (s *Space) explain(link uint64, mem, gap int64) string {
	out := fmt.Sprintf("0x%x + %s", link, inUnits(mem))
	if g := s.effective(gap); g > 0 {
		out += fmt.Sprintf(" + %d bytes of gap before brk", g)
	}
	v := inUnits(int64(s.VmallocOffset))
	return out + fmt.Sprintf(", + %s and rounded down to %s = 0x%x", v, v, s.ModuleBase(link, mem, gap))
}

// inUnits renders a number of bytes in its largest whole unit: "512 MiB".
func inUnits(n int64) string {
	switch {
	case n != 0 && n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + " GiB"
	case n != 0 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n != 0 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
