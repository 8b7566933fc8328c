package loader

import (
	"strings"
	"testing"
	"testing/fstest"
)

// The C below is written for these tests in the shape of the kernel's source;
// it is not taken from it. The real files are read by the real-tree tests.

// switchSource is a loader in the shape of newer trees: size per case, one
// check of the destination and one write behind the switch.
const switchSource = `// comment with a "quote and a { brace
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#if 0
#define DEBUGP(fmt, ...) printk(KERN_DEBUG fmt, ##__VA_ARGS__)
#else
#define DEBUGP(fmt, ...) do { } while (0)
#endif

#ifdef CONFIG_X86_32
int apply_relocate(void) { switch (1) { case R_386_32: break; } return 0; }
#else /* 64 bit */
static int __write_relocate_add(Elf64_Shdr *sechdrs, const char *strtab,
		unsigned int symindex, unsigned int relsec, struct module *me,
		void *(*write)(void *dest, const void *src, size_t len), bool apply)
{
	unsigned int i;
	Elf64_Rela *rel = (void *)sechdrs[relsec].sh_addr;
	Elf64_Sym *sym;
	void *loc;
	u64 val;
	u64 zero = 0ULL;

	DEBUGP("%s section %u\n", apply ? "on" : "off", relsec);
	for (i = 0; i < sechdrs[relsec].sh_size / sizeof(*rel); i++) {
		size_t size;

		loc = (void *)sechdrs[sechdrs[relsec].sh_info].sh_addr
			+ rel[i].r_offset;
		sym = (Elf64_Sym *)sechdrs[symindex].sh_addr
			+ ELF64_R_SYM(rel[i].r_info);
		val = sym->st_value + rel[i].r_addend;

		switch (ELF64_R_TYPE(rel[i].r_info)) {
		case R_X86_64_NONE:
			continue;  /* nothing */
		case R_X86_64_64:
			size = 8;
			break;
		case R_X86_64_32:
			if (val != *(u32 *)&val)
				goto overflow;
			size = 4;
			break;
		case R_X86_64_32S:
			if ((s64)val != *(s32 *)&val)
				goto overflow;
			size = 4;
			break;
		case R_X86_64_PC32:
		case R_X86_64_PLT32:
			val -= (u64)loc;
			size = 4;
			break;
		case R_X86_64_PC64:
			val -= (u64)loc;
			size = 8;
			break;
		default:
			pr_err("%s: no such type: %llu\n",
			       me->name, ELF64_R_TYPE(rel[i].r_info));
			return -ENOEXEC;
		}

		if (apply) {
			if (memcmp(loc, &zero, size)) {
				pr_err("nonzero target for type %d, loc %p, val %Lx\n",
				       (int)ELF64_R_TYPE(rel[i].r_info), loc, val);
				return -ENOEXEC;
			}
			write(loc, &val, size);
		} else {
			if (memcmp(loc, &val, size)) {
				pr_warn("not what was written\n");
				return -ENOEXEC;
			}
			write(loc, &zero, size);
		}
	}
	return 0;

overflow:
	pr_err("too large: type %d val %llx sec %u idx %d\n",
	       (int)ELF64_R_TYPE(rel[i].r_info), val, relsec, i);
	pr_err("wrong code model in %s\n", me->name);
	return -ENOEXEC;
}

static int write_relocate_add(Elf64_Shdr *sechdrs, const char *strtab,
		unsigned int symindex, unsigned int relsec, struct module *me, bool apply)
{
	int ret;
	bool early = me->state == MODULE_STATE_UNFORMED;
	void *(*write)(void *, const void *, size_t) = memcpy;

	if (!early) {
		write = text_poke;
		mutex_lock(&text_mutex);
	}

	ret = __write_relocate_add(sechdrs, strtab, symindex, relsec, me,
				   write, apply);
	if (!early)
		mutex_unlock(&text_mutex);
	return ret;
}

int apply_relocate_add(Elf64_Shdr *sechdrs, const char *strtab, unsigned int symindex,
		unsigned int relsec, struct module *me)
{
	return write_relocate_add(sechdrs, strtab, symindex, relsec, me, true);
}
#endif
`

// directSource is a loader in the shape of older trees: each case looks at its
// destination and writes for itself, and one check is compiled out.
const directSource = `
int apply_relocate_add(Elf64_Shdr *sechdrs, const char *strtab, unsigned int symindex,
		unsigned int relsec, struct module *me)
{
	unsigned int i;
	Elf64_Rela *rel = (void *)sechdrs[relsec].sh_addr;
	Elf64_Sym *sym;
	void *loc;
	u64 val;

	for (i = 0; i < sechdrs[relsec].sh_size / sizeof(*rel); i++) {
		loc = (void *)sechdrs[sechdrs[relsec].sh_info].sh_addr + rel[i].r_offset;
		sym = (Elf64_Sym *)sechdrs[symindex].sh_addr + ELF64_R_SYM(rel[i].r_info);
		val = sym->st_value + rel[i].r_addend;
		switch (ELF64_R_TYPE(rel[i].r_info)) {
		case R_X86_64_NONE:
			break;
		case R_X86_64_64:
			if (*(u64 *)loc != 0)
				goto invalid;
			memcpy(loc, &val, 8);
			break;
		case R_X86_64_32:
			if (*(u32 *)loc != 0)
				goto invalid;
			write(loc, &val, 4);
			if (val != *(u32 *)loc)
				goto overflow;
			break;
		case R_X86_64_PC32:
			if (*(u32 *)loc != 0)
				goto invalid;
			val -= (u64)loc;
			write(loc, &val, 4);
#if 0
			if ((s64)val != *(s32 *)&val)
				goto overflow;
#endif
			break;
		default:
			pr_err("unknown %llu\n", ELF64_R_TYPE(rel[i].r_info));
			return -ENOEXEC;
		}
	}
	return 0;
invalid:
	pr_err("nonzero, loc %lx\n", (unsigned long)loc);
	return -ENOEXEC;
overflow:
	pr_err("overflow %d val %Lx\n", (int)ELF64_R_TYPE(rel[i].r_info), val);
	return -ENOEXEC;
}
`

const mainSource = `
#define pr_debug(...) do { } while (0)
static int module_memory_alloc(struct module *mod, enum mod_mem_type type)
{
	unsigned int size = PAGE_ALIGN(mod->mem[type].size);
	return size;
}
static int simplify_symbols(struct module *mod, const struct load_info *info)
{
	for (i = 1; i < symsec->sh_size / sizeof(Elf_Sym); i++) {
		switch (sym[i].st_shndx) {
		case SHN_UNDEF:
			sym[i].st_value = kernel_symbol_value(ksym);
			pr_warn("%s: Unknown symbol %s (err %d)\n", mod->name, name, ret);
			break;
		default:
			sym[i].st_value += secbase;
		}
	}
	return ret;
}
static int apply_relocations(struct module *mod, const struct load_info *info)
{
	for (i = 1; i < info->hdr->e_shnum; i++) {
		if (infosec >= info->hdr->e_shnum)
			continue;
		if (info->sechdrs[i].sh_type == SHT_RELA)
			err = 0;
	}
	return err;
}
static void __layout_sections(struct module *mod, struct load_info *info, bool is_init)
{
	unsigned int m, i;
	static const unsigned long masks[][2] = {
		{ SHF_EXECINSTR | SHF_ALLOC, ARCH_SHF_SMALL },
		{ SHF_ALLOC, SHF_WRITE | ARCH_SHF_SMALL },
		{ SHF_RO_AFTER_INIT | SHF_ALLOC, ARCH_SHF_SMALL },
		{ SHF_WRITE | SHF_ALLOC, ARCH_SHF_SMALL },
		{ ARCH_SHF_SMALL | SHF_ALLOC, 0 }
	};
	static const int core_m_to_mem_type[] = { MOD_TEXT, MOD_RODATA, MOD_RO_AFTER_INIT, MOD_DATA, MOD_DATA, };
	static const int init_m_to_mem_type[] = { MOD_INIT_TEXT, MOD_INIT_RODATA, MOD_INVALID, MOD_INIT_DATA, MOD_INIT_DATA, };
}
`

const moduleHeader = `
enum mod_mem_type {
	MOD_TEXT = 0,
	MOD_DATA,
	MOD_RODATA,
	MOD_RO_AFTER_INIT,
	MOD_INIT_TEXT,
	MOD_INIT_DATA,
	MOD_INIT_RODATA,
	MOD_MEM_NUM_TYPES,
	MOD_INVALID = -1,
};
`

const umArchSource = `
long long physmem_size = 64 * 1024 * 1024;
int linux_main(int argc, char **argv)
{
	brk_start = (unsigned long) sbrk(0);
	diff = UML_ROUND_UP(brk_start) - UML_ROUND_UP(&_end);
	if (diff > 1024 * 1024) {
		os_info("Adding %ld bytes\n", diff);
		physmem_size += UML_ROUND_UP(brk_start) - UML_ROUND_UP(&_end);
	}
	uml_physmem = (unsigned long) __binary_start & PAGE_MASK;
	return 0;
}
`

const testConfig = `CONFIG_MODULES=y
CONFIG_MODULE_UNLOAD=y
CONFIG_KALLSYMS=y
# CONFIG_SMP is not set
CONFIG_LOCALVERSION=""
`

// testFiles is a kernel tree of the files that ReadTree reads.
func testFiles() map[string]string {
	return map[string]string{
		RulesFile:   switchSource,
		makeFile:    "obj-y = bugs.o \\\n\tsubarch.o\nsubarch-$(CONFIG_MODULES) += ../kernel/module.o\n",
		mainFile:    mainSource,
		headerFile:  moduleHeader,
		pgtableFile: "#define VMALLOC_OFFSET\t(__va_space)\n#define VMALLOC_START ((end_iomem + VMALLOC_OFFSET) & ~(VMALLOC_OFFSET-1))\n#define MODULES_VADDR VMALLOC_START\n",
		pageFile:    "#define __va_space (8*1024*1024)\n",
		umArchFile:  umArchSource,
		osMainFile:  "int main(int argc, char **argv, char **envp)\n{\n\tint ret;\n\tset_stklim();\n\treturn ret;\n}\n",
	}
}

func asFS(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func testTree(t testing.TB, edits ...string) *Tree {
	t.Helper()
	files := testFiles()
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(files[RulesFile], edits[i]) {
			t.Fatalf("the source has no %q to edit", edits[i])
		}
		files[RulesFile] = strings.Replace(files[RulesFile], edits[i], edits[i+1], 1)
	}
	tree, err := ReadTree(asFS(files), "9.9", []byte(testConfig))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
