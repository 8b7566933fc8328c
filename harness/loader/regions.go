package loader

import (
	"debug/elf"
	"slices"
	"strings"
)

// Regions is how the tree divides a module's sections among the regions of its
// memory: which sections go into which, and in which order the regions are
// allocated. See __layout_sections, kernel/module/main.c.
type Regions struct {
	Names []string // in the order of allocation, "MOD_TEXT" first
	Core  []int    // region of each pass over the sections; -1 for none
	Init  []int    // the same for the init sections
}

// regionPasses are the flags that each pass of __layout_sections wants and
// refuses; ARCH_SHF_SMALL is 0 on x86.
var regionPasses = [...][2]elf.SectionFlag{
	{elf.SHF_EXECINSTR | elf.SHF_ALLOC, 0},
	{elf.SHF_ALLOC, elf.SHF_WRITE},
	{shfROAfterInit | elf.SHF_ALLOC, 0},
	{elf.SHF_WRITE | elf.SHF_ALLOC, 0},
	{elf.SHF_ALLOC, 0},
}

const (
	shfROAfterInit   elf.SectionFlag = 0x00200000 // SHF_RO_AFTER_INIT, include/uapi/linux/elf.h
	shfRelaLivepatch elf.SectionFlag = 0x00100000 // SHF_RELA_LIVEPATCH
)

const passesText = "static const unsigned long masks[][2]={{SHF_EXECINSTR|SHF_ALLOC,ARCH_SHF_SMALL}," +
	"{SHF_ALLOC,SHF_WRITE|ARCH_SHF_SMALL},{SHF_RO_AFTER_INIT|SHF_ALLOC,ARCH_SHF_SMALL}," +
	"{SHF_WRITE|SHF_ALLOC,ARCH_SHF_SMALL},{ARCH_SHF_SMALL|SHF_ALLOC,0}}"

// Statements of kernel/module/main.c that decide about relocations and
// addresses, by function; each must be there.
var mainNeeds = []struct{ function, need string }{
	{"module_memory_alloc", "unsigned int size=PAGE_ALIGN(mod->mem[type].size)"},
	{"apply_relocations", "i=1;i<info->hdr->e_shnum;i++"},
	{"apply_relocations", "infosec>=info->hdr->e_shnum"},
	{"apply_relocations", "info->sechdrs[i].sh_type==SHT_RELA"},
	{"simplify_symbols", "i=1;i<symsec->sh_size/sizeof(Elf_Sym);i++"},
	{"simplify_symbols", "sym[i].st_value=kernel_symbol_value(ksym)"},
	{"simplify_symbols", "sym[i].st_value+=secbase"},
	{"simplify_symbols", `pr_warn("%s: Unknown symbol %s (err %d)` + "\n" + `",mod->name,name,ret)`},
}

// ReadRegions reads the division from the text of kernel/module/main.c and
// include/linux/module.h. It returns a *SourceError where they are not as known.
func ReadRegions(mainC, moduleH []byte, config Config) (*Regions, error) {
	header, err := lexC(headerFile, moduleH, config.known)
	if err != nil {
		return nil, err
	}
	r := &Regions{}
	if r.Names, err = memTypes(header); err != nil {
		return nil, err
	}
	src, err := lexC(mainFile, mainC, config.known)
	if err != nil {
		return nil, err
	}
	fn, ok, err := src.function("__layout_sections")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, src.errorf(0, "none", "a definition of __layout_sections")
	}
	passes := false
	for _, s := range fn.body {
		t := strings.ReplaceAll(text(s.toks), ",}", "}")
		passes = passes || t == passesText
		if list, ok := strings.CutPrefix(t, "static const int core_m_to_mem_type[]="); ok {
			r.Core, err = r.list(src, s.line, list)
		} else if list, ok := strings.CutPrefix(t, "static const int init_m_to_mem_type[]="); ok {
			r.Init, err = r.list(src, s.line, list)
		}
		if err != nil {
			return nil, err
		}
	}
	if !passes || r.Core == nil || r.Init == nil {
		return nil, src.errorf(fn.first, "other passes", "the five known passes over the sections, with their regions")
	}
	return r, needsOf(src)
}

// needsOf checks the statements of mainNeeds.
func needsOf(src *cSource) error {
	for _, n := range mainNeeds {
		fn, ok, err := src.function(n.function)
		if err != nil {
			return err
		}
		if !ok {
			return src.errorf(0, "none", "a definition of %s", n.function)
		}
		if !holds(fn.body, n.need) {
			return src.errorf(fn.first, "none", "%q in %s", n.need, n.function)
		}
	}
	return nil
}

// holds reports whether a statement of the normal form need is anywhere in body.
func holds(body []stmt, need string) bool {
	return slices.ContainsFunc(body, func(s stmt) bool {
		return text(s.toks) == need || holds(s.body, need) || holds(s.els, need)
	})
}

// memTypes reads enum mod_mem_type: the order in which regions are allocated.
func memTypes(src *cSource) ([]string, error) {
	for i := 0; i+2 < len(src.tokens); i++ {
		if src.tokens[i].text != "enum" || src.tokens[i+1].text != "mod_mem_type" || src.tokens[i+2].text != "{" {
			continue
		}
		var names []string
		for _, t := range src.tokens[i+3:] {
			switch {
			case t.text == "MOD_MEM_NUM_TYPES":
				return names, nil
			case t.kind == tokIdent && strings.HasPrefix(t.text, "MOD_"):
				names = append(names, t.text)
			case t.text == ",", t.text == "=" && len(names) == 1, t.text == "0" && len(names) == 1:
			default:
				return nil, src.errorf(t.line, quoteToken(t), "the next region of enum mod_mem_type")
			}
		}
	}
	return nil, src.errorf(0, "none", "enum mod_mem_type (module memory in regions, since 6.4)")
}

func (r *Regions) list(src *cSource, line int, list string) ([]int, error) {
	names := strings.Split(strings.Trim(list, "{}"), ",")
	if len(names) != len(regionPasses) {
		return nil, src.errorf(line, list, "a region for each of %d passes", len(regionPasses))
	}
	out := make([]int, len(names))
	for i, name := range names {
		out[i] = r.Index(name)
		if out[i] < 0 && name != "MOD_INVALID" {
			return nil, src.errorf(line, name, "a region of enum mod_mem_type")
		}
	}
	return out, nil
}

// Index is the position of a region in the order of allocation, -1 for none.
func (r *Regions) Index(name string) int { return slices.Index(r.Names, name) }
