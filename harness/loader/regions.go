package loader

import (
	"debug/elf"
	"errors"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/loader/csrc"
)

// regions is how the tree divides a module's sections among the regions of its
// memory: which sections go into which, and in which order the regions are
// allocated. See __layout_sections, kernel/module/main.c.
type regions struct {
	names []string // in the order of allocation, "MOD_TEXT" first
	core  []int    // region of each pass over the sections; -1 for none
	init  []int    // the same for the init sections
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
	{"simplify_symbols", "i=1;i<symsec->sh_size/sizeof(Elf_Sym);i++"},
	{"simplify_symbols", "sym[i].st_value=kernel_symbol_value(ksym)"},
	{"simplify_symbols", "sym[i].st_value+=secbase"},
	{"simplify_symbols", `pr_warn("%s: Unknown symbol %s (err %d)` + "\n" + `",mod->name,name,ret)`},
}

// readRegions reads the division from the text of kernel/module/main.c and
// include/linux/module.h. It returns a *csrc.Error where they are not as known.
func readRegions(mainC, moduleH []byte, config kconfig.Config) (*regions, error) {
	header, err := csrc.Lex(headerFile, moduleH, defined(config))
	if err != nil {
		return nil, err
	}
	r := &regions{}
	if r.names, err = memTypes(header); err != nil {
		return nil, err
	}
	src, err := csrc.Lex(mainFile, mainC, defined(config))
	if err != nil {
		return nil, err
	}
	fn, err := src.Function("__layout_sections")
	if err != nil {
		return nil, err
	}
	passes := false
	for _, s := range fn.Body {
		t := strings.ReplaceAll(s.Text(), ",}", "}")
		passes = passes || t == passesText
		if list, ok := strings.CutPrefix(t, "static const int core_m_to_mem_type[]="); ok {
			r.core, err = r.regionsOf(src, s.Line, list)
		} else if list, ok := strings.CutPrefix(t, "static const int init_m_to_mem_type[]="); ok {
			r.init, err = r.regionsOf(src, s.Line, list)
		}
		if err != nil {
			return nil, err
		}
	}
	if !passes || r.core == nil || r.init == nil {
		return nil, src.Errorf(fn.First, "other passes", "the five known passes over the sections, with their regions")
	}
	applies := "info->sechdrs[i].sh_type==SHT_RELA"
	if machineOf(config).table == elf.SHT_REL {
		applies = "info->sechdrs[i].sh_type==SHT_REL"
	}
	if fn, err = src.Function("apply_relocations"); err == nil && !holds(fn.Body, applies) {
		err = src.Errorf(fn.First, "none", "%q in apply_relocations", applies)
	}
	return r, errors.Join(err, needsOf(src))
}

// needsOf checks the statements of mainNeeds.
func needsOf(src *csrc.Source) error {
	for _, n := range mainNeeds {
		fn, err := src.Function(n.function)
		if err != nil {
			return err
		}
		if !holds(fn.Body, n.need) {
			return src.Errorf(fn.First, "none", "%q in %s", n.need, n.function)
		}
	}
	return nil
}

// holds reports whether a statement of the normal form need is anywhere in body.
func holds(body []csrc.Stmt, need string) bool {
	return slices.ContainsFunc(body, func(s csrc.Stmt) bool {
		return s.Text() == need || holds(s.Body, need) || holds(s.Else, need)
	})
}

// memTypes reads enum mod_mem_type: the order in which regions are allocated.
func memTypes(src *csrc.Source) ([]string, error) {
	for i := 0; i+2 < len(src.Tokens); i++ {
		if src.Tokens[i].Text != "enum" || src.Tokens[i+1].Text != "mod_mem_type" || src.Tokens[i+2].Text != "{" {
			continue
		}
		var names []string
		for _, t := range src.Tokens[i+3:] {
			switch {
			case t.Text == "MOD_MEM_NUM_TYPES":
				return names, nil
			case t.Kind == csrc.Ident && strings.HasPrefix(t.Text, "MOD_"):
				names = append(names, t.Text)
			case t.Text == ",", t.Text == "=" && len(names) == 1, t.Text == "0" && len(names) == 1:
			default:
				return nil, src.Errorf(t.Line, t.String(), "the next region of enum mod_mem_type")
			}
		}
	}
	return nil, src.Errorf(0, "none", "enum mod_mem_type (module memory in regions, since 6.4)")
}

func (r *regions) regionsOf(src *csrc.Source, line int, list string) ([]int, error) {
	names := strings.Split(strings.Trim(list, "{}"), ",")
	if len(names) != len(regionPasses) {
		return nil, src.Errorf(line, list, "a region for each of %d passes", len(regionPasses))
	}
	out := make([]int, len(names))
	for i, name := range names {
		out[i] = r.index(name)
		if out[i] < 0 && name != "MOD_INVALID" {
			return nil, src.Errorf(line, name, "a region of enum mod_mem_type")
		}
	}
	return out, nil
}

// index is the position of a region in the order of allocation, -1 for none.
func (r *regions) index(name string) int { return slices.Index(r.names, name) }
