package loader

import (
	"fmt"
	"slices"
	"strconv"
)

// Space is how UML of one tree lays out its address space, as far as it decides
// where modules land.
type Space struct {
	PageSize      uint64 // bytes
	VmallocOffset uint64 // bytes; the hole after physical memory, and the rounding of its end
	AddsGap       bool   // the gap between _end and brk is added to physical memory
	GapMinimum    int64  // bytes; only a gap above it is added
	Reexecs       bool   // linux turns its own address randomisation off, so the gap is fixed
	DefaultMem    int64  // bytes, without mem=
}

// vmallocStarts are the known definitions of VMALLOC_START; the end of
// physical memory is named differently, iomem= of older trees is never used.
var vmallocStarts = []string{
	"((end_iomem+VMALLOC_OFFSET)&~(VMALLOC_OFFSET-1))",
	"((high_physmem+VMALLOC_OFFSET)&~(VMALLOC_OFFSET-1))",
}

// ReadSpace reads the address space from the text of arch/um/include/asm/pgtable.h
// and page.h, arch/um/kernel/um_arch.c and arch/um/os-Linux/main.c.
// It returns a *SourceError where one of them is not as known.
func ReadSpace(pgtable, page, umArch, osMain []byte, config Config) (*Space, error) {
	s := &Space{PageSize: 4096}
	pg, err := lexC(pgtableFile, pgtable, config.known)
	if err != nil {
		return nil, err
	}
	for name, want := range map[string][]string{
		"VMALLOC_START": vmallocStarts, "VMALLOC_OFFSET": {"(__va_space)"}, "MODULES_VADDR": {"VMALLOC_START"},
	} {
		d, ok := pg.defines[name]
		if !ok {
			return nil, pg.errorf(0, "none", "a definition of %s", name)
		}
		if got := macro(d); !slices.Contains(want, got) {
			return nil, pg.errorf(d.line, got, "%s defined as %s", name, want[0])
		}
	}
	pa, err := lexC(pageFile, page, config.known)
	if err != nil {
		return nil, err
	}
	d, ok := pa.defines["__va_space"]
	if !ok {
		return nil, pa.errorf(0, "none", "a definition of __va_space")
	}
	n, ok := product(macro(d))
	if !ok || n <= 0 || n&(n-1) != 0 {
		return nil, pa.errorf(d.line, macro(d), "__va_space as a product of numbers, a power of two")
	}
	s.VmallocOffset = uint64(n)
	if d, ok := pa.defines["PAGE_SHIFT"]; ok && macro(d) != "12" && macro(d) != "CONFIG_PAGE_SHIFT" {
		return nil, pa.errorf(d.line, macro(d), "pages of 4096 bytes")
	}
	if err := s.readMain(umArch, config); err != nil {
		return nil, err
	}
	om, err := lexC(osMainFile, osMain, config.known)
	if err != nil {
		return nil, err
	}
	fn, ok, err := om.function("main")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, om.errorf(0, "none", "a definition of main")
	}
	for _, st := range fn.body {
		if st.kind == stmtExpr && text(st.toks) == "ret=personality(PER_LINUX|ADDR_NO_RANDOMIZE)" {
			s.Reexecs = true
		}
	}
	return s, nil
}

// readMain reads linux_main: whether the gap before brk is added to mem=.
func (s *Space) readMain(umArch []byte, config Config) error {
	um, err := lexC(umArchFile, umArch, config.known)
	if err != nil {
		return err
	}
	for i, t := range um.tokens {
		if t.text == "physmem_size" && i+2 < len(um.tokens) && um.tokens[i+1].text == "=" && i > 0 && um.tokens[i-1].text == "long" {
			end := i + 2
			for end < len(um.tokens) && um.tokens[end].text != ";" {
				end++
			}
			if n, ok := product(text(um.tokens[i+2 : end])); ok {
				s.DefaultMem = n
			}
		}
	}
	fn, ok, err := um.function("linux_main")
	if err != nil {
		return err
	}
	if !ok {
		return um.errorf(0, "none", "a definition of linux_main")
	}
	if i := slices.IndexFunc(fn.body, func(st stmt) bool {
		return text(st.toks) == "uml_physmem=(unsigned long)__binary_start&PAGE_MASK"
	}); i < 0 {
		return um.errorf(fn.first, "none", "uml_physmem to be set to the page of __binary_start")
	}
	gap := false
	for _, st := range fn.body {
		switch t := text(st.toks); t {
		case "diff=UML_ROUND_UP(brk_start)-UML_ROUND_UP(&_end)", "diff=PAGE_ALIGN(brk_start)-PAGE_ALIGN((unsigned long)&_end)":
			gap = true
		default:
			if st.kind != stmtIf || !gap || len(st.toks) < 3 || st.toks[0].text != "diff" {
				continue
			}
			n, ok := product(text(st.toks[2:]))
			if !ok || st.toks[1].text != ">" {
				return um.errorf(st.line, t, "the gap to be compared with a number of bytes")
			}
			s.AddsGap, s.GapMinimum = true, n
		}
	}
	if gap != s.AddsGap {
		return um.errorf(fn.first, "none", "a gap that is computed to be added to physical memory")
	}
	return nil
}

// macro is the normal form of a macro's body. A body that is one parenthesised
// name was read as a parameter list and is put back.
func macro(d define) string {
	if len(d.body) == 0 && len(d.params) > 0 {
		out := "("
		for i, p := range d.params {
			if i > 0 {
				out += ","
			}
			out += p
		}
		return out + ")"
	}
	return text(d.body)
}

// product evaluates "8*1024*1024" in parentheses or not.
func product(expr string) (int64, bool) {
	for len(expr) > 1 && expr[0] == '(' && expr[len(expr)-1] == ')' {
		expr = expr[1 : len(expr)-1]
	}
	out, start := int64(1), 0
	for i := 0; i <= len(expr); i++ {
		if i < len(expr) && expr[i] != '*' {
			continue
		}
		n, err := strconv.ParseInt(expr[start:i], 0, 64)
		if err != nil || n < 0 || n != 0 && out > (1<<62)/n {
			return 0, false
		}
		out *= n
		start = i + 1
	}
	return out, true
}

// effective is the part of a gap that is added to physical memory.
func (s *Space) effective(gap int64) int64 {
	if s.AddsGap && gap > s.GapMinimum {
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

// Explain says the arithmetic of ModuleBase in words:
// "0x60000000 + 512 MiB, + 8 MiB and rounded down to 8 MiB = 0x80800000".
func (s *Space) Explain(link uint64, mem, gap int64) string {
	out := fmt.Sprintf("0x%x + %s", link, Bytes(mem))
	if g := s.effective(gap); g > 0 {
		out += fmt.Sprintf(" + %d bytes of gap before brk", g)
	}
	v := Bytes(int64(s.VmallocOffset))
	return out + fmt.Sprintf(", + %s and rounded down to %s = 0x%x", v, v, s.ModuleBase(link, mem, gap))
}

// Bytes renders a number of bytes in its largest whole unit: "512 MiB".
func Bytes(n int64) string {
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
