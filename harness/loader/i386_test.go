package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"umlab/harness/loader/csrc"
)

// narrow rewrites a file of writeELF for i386: addends go into the fields that are relocated.
func narrow(file []byte) []byte {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		panic(err) // of a file that the tests write themselves
	}
	data := make([][]byte, len(f.Sections))
	for i, s := range f.Sections {
		if s.Type != elf.SHT_NULL && s.Type != elf.SHT_NOBITS {
			data[i], _ = s.Data()
		}
	}
	for i, s := range f.Sections {
		var out bytes.Buffer
		in := bytes.NewReader(data[i])
		switch s.Type {
		case elf.SHT_RELA:
			for r := (elf.Rela64{}); binary.Read(in, binary.LittleEndian, &r) == nil; {
				info := elf.R_INFO32(elf.R_SYM64(r.Info), elf.R_TYPE64(r.Info))
				_ = binary.Write(&out, binary.LittleEndian, elf.Rel32{Off: uint32(r.Off), Info: info})
				binary.LittleEndian.PutUint32(data[s.Info][r.Off:], uint32(r.Addend))
			}
		case elf.SHT_SYMTAB:
			for y := (elf.Sym64{}); binary.Read(in, binary.LittleEndian, &y) == nil; {
				_ = binary.Write(&out, binary.LittleEndian, elf.Sym32{Name: y.Name, Value: uint32(y.Value), Size: uint32(y.Size),
					Info: y.Info, Other: y.Other, Shndx: y.Shndx})
			}
		default:
			continue
		}
		data[i] = out.Bytes()
	}
	var out, headers bytes.Buffer
	out.Write(make([]byte, 52+32*len(f.Progs)))
	for i, s := range f.Sections {
		h := elf.Section32{Name: binary.LittleEndian.Uint32(file[binary.LittleEndian.Uint64(file[40:])+uint64(64*i):]), Type: uint32(s.Type),
			Flags: uint32(s.Flags), Addr: uint32(s.Addr), Off: uint32(out.Len()), Size: uint32(len(data[i])), Link: s.Link, Info: s.Info,
			Addralign: uint32(s.Addralign)}
		switch s.Type {
		case elf.SHT_RELA:
			h.Type, h.Entsize = uint32(elf.SHT_REL), 8
		case elf.SHT_SYMTAB:
			h.Entsize = elf.Sym32Size
		case elf.SHT_NOBITS:
			h.Size = uint32(s.Size)
		}
		_ = binary.Write(&headers, binary.LittleEndian, h)
		out.Write(data[i])
		out.Write(make([]byte, -len(data[i])&15))
	}
	header := elf.Header32{Type: uint16(f.Type), Machine: uint16(elf.EM_386), Version: 1, Shoff: uint32(out.Len()), Ehsize: 52, Shentsize: 40,
		Shnum: uint16(len(data)), Shstrndx: uint16(len(data) - 1), Phoff: 52, Phentsize: 32, Phnum: uint16(len(f.Progs))}
	copy(header.Ident[:], elf.ELFMAG+"\x01\x01\x01")
	out.Write(headers.Bytes())
	var head bytes.Buffer
	_ = binary.Write(&head, binary.LittleEndian, header)
	for _, p := range f.Progs {
		_ = binary.Write(&head, binary.LittleEndian, elf.Prog32{Type: uint32(p.Type), Vaddr: uint32(p.Vaddr), Memsz: uint32(p.Memsz)})
	}
	copy(out.Bytes(), head.Bytes())
	return out.Bytes()
}

// rel is an entry of SHT_REL, with the addend that stands in its field.
func rel(offset uint64, typ elf.R_386, symbol uint32, addend int64) elfRela {
	return elfRela{offset, elf.R_X86_64(typ), symbol, addend}
}

// rel32Source is a loader of 32 bits in the shape of the kernel's.
const rel32Source = `
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#ifdef CONFIG_X86_32
int apply_relocate(Elf32_Shdr *sechdrs, const char *strtab, unsigned int symindex,
		unsigned int relsec, struct module *me)
{
	unsigned int i;
	Elf32_Rel *rel = (void *)sechdrs[relsec].sh_addr;
	Elf32_Sym *sym;
	uint32_t *location;

	for (i = 0; i < sechdrs[relsec].sh_size / sizeof(*rel); i++) {
		location = (void *)sechdrs[sechdrs[relsec].sh_info].sh_addr
			+ rel[i].r_offset;
		sym = (Elf32_Sym *)sechdrs[symindex].sh_addr
			+ ELF32_R_SYM(rel[i].r_info);

		switch (ELF32_R_TYPE(rel[i].r_info)) {
		case R_386_32:
			*location += sym->st_value;
			break;
		case R_386_PC32:
		case R_386_PLT32:
			*location += sym->st_value - (uint32_t)location;
			break;
		default:
			pr_err("%s: no such type: %u\n", me->name, ELF32_R_TYPE(rel[i].r_info));
			return -ENOEXEC;
		}
	}
	return 0;
}
#else
int apply_relocate_add(void) { return 0; }
#endif
`

// tree32 is a tree configured for i386; edits change its loader.
func tree32(edits ...string) (*Tree, error) {
	files := testFiles()
	files[RulesFile] = strings.NewReplacer(edits...).Replace(rel32Source)
	files[mainFile] = strings.Replace(files[mainFile], "SHT_RELA)", "SHT_REL)", 1)
	return ReadTree(asFS(files), "9.9", []byte(testConfig+"CONFIG_X86_32=y\n# CONFIG_64BIT is not set\n"))
}

func fixture32(t testing.TB, s moduleSpec, edits ...string) (*Tree, *Kernel, *Module) {
	t.Helper()
	tree, err := tree32(edits...)
	k, kerr := OpenKernel(bytes.NewReader(narrow(kernelOf(i386, true))))
	m, merr := Open(bytes.NewReader(narrow(moduleELF(s))))
	if err := errors.Join(err, kerr, merr); err != nil {
		t.Fatal(err)
	}
	return tree, k, m
}

func TestReadRules32(t *testing.T) {
	rules, err := readRules([]byte(rel32Source), i386)
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint32]string{1: "4 bytes, never checked for overflow", 2: "4 bytes, PC-relative, never checked for overflow",
		4: "4 bytes, PC-relative, never checked for overflow"}
	for typ, text := range want {
		if rule, ok := rules.types[typ]; !ok || inWords(rule) != text {
			t.Errorf("type %d: %q, want %q", typ, inWords(rule), text)
		}
	}
	if len(rules.types) != len(want) || rules.Function != "apply_relocate" || rules.unknown.Errno != 8 {
		t.Errorf("%+v", rules)
	}
	for _, tt := range []struct{ old, new, want string }{
		{"case R_386_32:", "case R_X86_64_32:", "a relocation type of the i386 psABI"},
		{"*location += sym->st_value;", "*location |= sym->st_value;", "a write"},
		{"ELF32_R_TYPE(rel[i].r_info))", "ELF64_R_TYPE(rel[i].r_info))", "a switch of ELF32_R_TYPE"},
		{"sechdrs[relsec].sh_addr;", "sechdrs[symindex].sh_addr;", "a declaration or the loop"},
	} {
		_, err := readRules([]byte(strings.Replace(rel32Source, tt.old, tt.new, 1)), i386)
		if _, ok := errors.AsType[*csrc.Error](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.new, err, tt.want)
		}
	}
}

func TestPredict32(t *testing.T) {
	absolute := rel(5, elf.R_386_32, symRodata, 0x10)
	call := rel(20, elf.R_386_PLT32, symPrintk, -4)
	got := rel(32, elf.R_386_GOTPC, symPrintk, 2)
	takesGOT := []string{"case R_386_PC32:", "case R_386_GOTPC:\n\t\tcase R_386_PC32:"}
	for _, tt := range []struct {
		name  string
		edits []string
		spec  moduleSpec
		base  uint64
		want  string
		line  string
	}{
		{"loads", nil, moduleSpec{relText: []elfRela{call, absolute}}, lowBase, "loaded", ""},
		{"fits anywhere", nil, moduleSpec{relText: []elfRela{call, absolute}}, 0xf0800000, "loaded", ""},
		{"unknown", nil, moduleSpec{relText: []elfRela{call, got}}, lowBase, "relocation-unknown 10 GOTPC", "subarch: tiny: no such type: 10"},
		{"sections in order", nil, moduleSpec{relText: []elfRela{absolute}, relRo: []elfRela{rel(0, elf.R_386_GOTOFF, symText, 0)}},
			lowBase, "relocation-unknown 9 GOTOFF", ""},
		{"there is no case for NONE", nil, moduleSpec{relText: []elfRela{rel(0, elf.R_386_NONE, 0, 0)}}, lowBase,
			"relocation-unknown 0 NONE", ""},
		{"taken for PC32", takesGOT, moduleSpec{relText: []elfRela{got}}, lowBase, "loaded-corrupt 10 GOTPC", ""},
		{"missing", nil, moduleSpec{symbols: []elfSymbol{{name: "nowhere", bind: elf.STB_GLOBAL}}}, lowBase,
			"insmod-failed errno 2", "tiny: Unknown symbol nowhere (err -2)"},
		{"GPL symbol, other module", nil, moduleSpec{symbols: []elfSymbol{{name: "gpl_only", bind: elf.STB_GLOBAL}},
			modinfo: []string{"license=Proprietary", "name=tiny", "vermagic=9.9 mod_unload "}}, lowBase, "insmod-failed errno 2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, k, m := fixture32(t, tt.spec, tt.edits...)
			p, err := Predict(tree, k, m, placed(t, tree, m, tt.base))
			if err != nil {
				t.Fatal(err)
			}
			if p.Outcome.String() != tt.want || tt.line != "" && p.firstLine != tt.line {
				t.Errorf("%s %q, want %s %q", p.Outcome, p.firstLine, tt.want, tt.line)
			}
			if at, found, err := Threshold(tree, k, m, p.Placement, 8<<20, 1<<32); found || err != nil {
				t.Errorf("changes at 0x%x: %v", at, err)
			}
		})
	}
}

// What stands in the field counts, also where an earlier entry left it.
func TestAddendInPlace(t *testing.T) {
	tree, k, m := fixture32(t, moduleSpec{relText: []elfRela{rel(8, elf.R_386_32, symRodata, -8), rel(8, elf.R_386_PC32, symPrintk, -8)}})
	o, err := newWalk(tree, k, m, placed(t, tree, m, lowBase))
	if err != nil {
		t.Fatal(err)
	}
	if done, err := o.resolve(); done || err != nil {
		t.Fatal(done, err)
	}
	if err := o.apply(); err != nil {
		t.Fatal(err)
	}
	rodata, _ := o.place.address(secRodata)
	text, _ := o.place.address(secText)
	want := uint32(rodata) - 8 + 0x60001010 - uint32(text+8)
	var field [4]byte
	for i := range field {
		field[i] = o.written[target{secText, 8 + uint64(i)}]
	}
	if got := binary.LittleEndian.Uint32(field[:]); got != want {
		t.Errorf("0x%x, want 0x%x", got, want)
	}
}

// A module of one machine on the kernel of another is no case of the loader's.
func TestMachinesApart(t *testing.T) {
	tree, k, m := fixture32(t, moduleSpec{})
	other := testModule(t, moduleSpec{})
	var silent *NotPredictedError
	if _, err := Predict(tree, k, other, placed(t, tree, other, lowBase)); !errors.As(err, &silent) || !strings.Contains(silent.Reason, "x86-64") {
		t.Errorf("%v", err)
	}
	if _, err := Predict(tree, testKernel(t), m, placed(t, tree, m, lowBase)); !errors.As(err, &silent) || !strings.Contains(silent.Reason, "i386") {
		t.Errorf("%v", err)
	}
}

func TestKernel32(t *testing.T) {
	k, err := OpenKernel(bytes.NewReader(narrow(kernelOf(i386, true))))
	if err != nil {
		t.Fatal(err)
	}
	if k.NTTY != 0x22b8 || k.exports["_printk"].value != 0x60001010 || k.exports["spaced"].namespace != "NS" || k.vermagic != "9.9 mod_unload " {
		t.Errorf("%+v", k)
	}
}

func TestAttribute32(t *testing.T) {
	text := make([]byte, 64)
	copy(text[16:], []byte{0x81, 0xc3, 2, 0, 0, 0}) // add $_GLOBAL_OFFSET_TABLE_, %ebx
	tree, k, m := fixture32(t, moduleSpec{text: text, relText: []elfRela{rel(18, elf.R_386_GOTPC, symPrintk, 2)}})
	rejected, err := Rejected(tree, k, m, placed(t, tree, m, lowBase))
	if err != nil || len(rejected) != 1 {
		t.Fatal(rejected, err)
	}
	a := Attribute(m, rejected, nil)[0]
	if a.Relocation.Name != "R_386_GOTPC" || a.Symbol != "_printk" || a.Instruction != "add $0x2,%ebx" || a.Entry != ".rela.text[0] at .text+0x12" {
		t.Errorf("%+v", a)
	}
	if c := m.Census(); c["R_386_GOTPC"] != 1 || len(c) != 1 {
		t.Errorf("%v", c)
	}
}
