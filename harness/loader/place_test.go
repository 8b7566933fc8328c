package loader

import (
	"bytes"
	"debug/elf"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"umlab/harness/kconfig"
	"umlab/harness/loader/csrc"
	"umlab/harness/outcome"
)

func TestReadSpace(t *testing.T) {
	s := testTree(t).Space
	if s.VmallocOffset != 8<<20 || !s.AddsGap || s.gapMinimum != 1<<20 || s.Reexecs {
		t.Errorf("%+v", s)
	}
	edits := []struct {
		name, file, old, new string
		check                func(*Space) bool // nil: a csrc.Error is wanted
	}{
		{"reexec", osMainFile, "set_stklim();", "ret = personality(PER_LINUX | ADDR_NO_RANDOMIZE);", func(s *Space) bool { return s.Reexecs }},
		{"other hole", pageFile, "8*1024*1024", "16*1024*1024", func(s *Space) bool { return s.VmallocOffset == 16<<20 }},
		{"high_physmem", pgtableFile, "end_iomem", "high_physmem", func(s *Space) bool { return s.VmallocOffset == 8<<20 }},
		{"no gap", umArchFile, "diff = UML_ROUND_UP(brk_start) - UML_ROUND_UP(&_end);\n\tif (diff > 1024 * 1024)", "if (0)", func(s *Space) bool { return !s.AddsGap }},
		{"other start", pgtableFile, "~(VMALLOC_OFFSET-1)", "~(PAGE_SIZE-1)", nil},
		{"modules elsewhere", pgtableFile, "MODULES_VADDR VMALLOC_START", "MODULES_VADDR 0x1000", nil},
		{"not a power of two", pageFile, "8*1024*1024", "3*1024", nil},
		{"no link address", umArchFile, "__binary_start", "_text", nil},
		{"gap of another kind", umArchFile, "diff > 1024 * 1024", "diff > LIMIT", nil},
	}
	for _, e := range edits {
		t.Run(e.name, func(t *testing.T) {
			files := testFiles()
			if !strings.Contains(files[e.file], e.old) {
				t.Fatal("nothing to edit")
			}
			files[e.file] = strings.Replace(files[e.file], e.old, e.new, 1)
			tree, err := ReadTree(asFS(files), "x", []byte(testConfig))
			var se *csrc.Error
			switch {
			case e.check == nil && !errors.As(err, &se):
				t.Errorf("error %v, want a csrc.Error", err)
			case e.check != nil && (err != nil || !e.check(tree.Space)):
				t.Errorf("%v %+v", err, tree)
			}
		})
	}
}

func TestReadTreeRefuses(t *testing.T) {
	for file, edit := range map[string][2]string{
		makeFile:   {"../kernel/module.o", "../kernel/other.o"},
		headerFile: {"MOD_DATA,", "MOD_DATA = 7,"},
		mainFile:   {"{ SHF_WRITE | SHF_ALLOC, ARCH_SHF_SMALL },", ""},
	} {
		files := testFiles()
		files[file] = strings.Replace(files[file], edit[0], edit[1], 1)
		_, err := ReadTree(asFS(files), "x", nil)
		var se *csrc.Error
		if !errors.As(err, &se) || se.File != file || !strings.Contains(err.Error(), "nothing is predicted") {
			t.Errorf("%s edited: %v, want a csrc.Error of it", file, err)
		}
		delete(files, file)
		if _, err := ReadTree(asFS(files), "x", nil); err == nil {
			t.Errorf("%s missing: no error", file)
		}
	}
	files := testFiles()
	files[mainFile] = strings.Replace(files[mainFile], "sym[i].st_value += secbase;", "sym[i].st_value += secbase + kaslr;", 1)
	if _, err := ReadTree(asFS(files), "x", nil); err == nil {
		t.Error("a loader that moves symbols was accepted")
	}
}

func TestModuleBase(t *testing.T) {
	s := &Space{VmallocOffset: 8 << 20, AddsGap: true, gapMinimum: 1 << 20}
	const link = 0x60000000
	for _, test := range []struct {
		mem, gap int64
		want     uint64
	}{
		{32 << 20, 0, 0x62800000}, {384 << 20, 0, 0x78800000}, {512 << 20, 0, 0x80800000}, {503 << 20, 0, 0x7f800000},
		{504 << 20, 0, 0x80000000}, {4 << 30, 0, 0x160800000}, {64 << 20, 1 << 20, 0x64800000}, {64 << 20, 100<<20 + 4096, 0x6a800000},
	} {
		if got := s.ModuleBase(link, test.mem, test.gap); got != test.want {
			t.Errorf("mem %s gap %d: 0x%x, want 0x%x", inUnits(test.mem), test.gap, got, test.want)
		}
	}
	if got := s.explain(link, 512<<20, 0); got != "0x60000000 + 512 MiB, + 8 MiB and rounded down to 8 MiB = 0x80800000" {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(r *rapid.T) {
		base := rapid.Uint64Range(link, 1<<40).Draw(r, "base")
		mem := s.MemFor(link, base, 0)
		if got := s.ModuleBase(link, mem, 0); got < base {
			r.Fatalf("mem %d gives 0x%x, below 0x%x", mem, got, base)
		}
		if mem > 0 && s.ModuleBase(link, mem-1, 0) >= base {
			r.Fatalf("mem %d would do as well", mem-1)
		}
	})
}

func TestLayout(t *testing.T) {
	tree, m := testTree(t), testModule(t, moduleSpec{initSize: 5000})
	l, err := tree.Layout(m)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint64{4096, 4096, 4096, 0, 8192, 4096, 0}; !slices.Equal(l.Sizes, want) {
		t.Errorf("sizes %v, want %v", l.Sizes, want)
	}
	p := l.sequential(lowBase)
	for section, want := range map[int]uint64{secText: 0x64800000, secThis: 0x64802000, secBSS: 0x64802080, secRodata: 0x64804000, secNote: 0x64804040, secInitText: 0x64806000} {
		if got, ok := p.address(section); !ok || got != want {
			t.Errorf("section %d %s at 0x%x, want 0x%x", section, m.Sections[section].Name, got, want)
		}
	}
	if _, ok := p.address(secModinfo); ok {
		t.Error(".modinfo is in the module's memory")
	}
	if _, ok := p.address(99); ok {
		t.Error("a section that is none has an address")
	}
	if got, _ := p.Shift(0x1000).address(secRodata); got != 0x64805000 {
		t.Errorf("shifted: 0x%x", got)
	}
	tree.config = config(t, testConfig+"CONFIG_MEM_ALLOC_PROFILING=y\n")
	if _, err := tree.Layout(m); err == nil {
		t.Error("a layout with CONFIG_MEM_ALLOC_PROFILING")
	}
}

// Without CONFIG_MODULE_UNLOAD, exit sections are laid out with the init ones.
func TestLayoutConfig(t *testing.T) {
	tree := testTree(t)
	if tree.initSection(".exit.text") || !tree.initSection(".init.data") {
		t.Error("with unloading")
	}
	tree.config = config(t, strings.Replace(testConfig, "CONFIG_MODULE_UNLOAD=y\n", "", 1))
	if !tree.initSection(".exit.text") {
		t.Error("without unloading")
	}
	m := testModule(t, moduleSpec{})
	tree.config = kconfig.Config{}
	l, err := tree.Layout(m)
	if err != nil || l.Sizes[l.index("MOD_INIT_DATA")] != 0 {
		t.Errorf("without CONFIG_KALLSYMS the symbol table stays out: %v %v", l.Sizes, err)
	}
}

func config(t *testing.T, text string) kconfig.Config {
	t.Helper()
	c, err := kconfig.ParseConfig(".config", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sequential places the regions one behind the other from base, each followed
// by vmalloc's guard page: what a kernel does that has nothing else allocated.
func (l *Layout) sequential(base uint64) Placement {
	p := Placement{layout: l, base: base, start: make([]uint64, len(l.Sizes))}
	for i, size := range l.Sizes {
		if size > 0 {
			p.start[i] = base
			base += size + guardPage
		}
	}
	return p
}

func (l *Layout) index(name string) int { return slices.Index(l.Regions, name) }

// The sequence is that of boots of 7.3.4, where busybox tries each module with
// two system calls: the copy of a refused attempt stays until the next purge,
// and its hole is filled first.
func TestArena(t *testing.T) {
	a := NewArena(0x80800000)
	a.Alloc(0x22a8)
	l := func(sizes ...uint64) *Layout {
		return &Layout{Regions: []string{"MOD_TEXT", "MOD_DATA", "MOD_RODATA", "MOD_RO_AFTER_INIT", "MOD_INIT_TEXT", "MOD_INIT_DATA", "MOD_INIT_RODATA"}, Sizes: sizes}
	}
	minimal, print := l(4096, 4096, 4096, 0, 4096, 8192, 4096), l(8192, 4096, 4096, 0, 4096, 8192, 4096)
	var text []uint64
	for _, try := range []struct {
		layout *Layout
		file   int64
	}{{minimal, 13000}, {minimal, 13000}, {print, 18000}, {print, 18000}} {
		at := a.Attempt(try.layout, try.file)
		text = append(text, at.Placement.Text())
		at.Refused()
	}
	if want := []uint64{0x80809000, 0x8080e000, 0x80804000, 0x8080a000}; !slices.Equal(text, want) {
		t.Errorf("text at %x, want %x", text, want)
	}
	// A loaded and unloaded module leaves nothing behind but its file's copy.
	b := NewArena(0x10000)
	at := b.Attempt(minimal, 100)
	at.Loaded()
	if again := b.Clone().Attempt(minimal, 100).Placement.Text(); again == at.Placement.Text() {
		t.Error("a module lies where another is still loaded")
	}
	at.Unloaded()
	if again := b.Attempt(minimal, 100).Placement.Text(); again != at.Placement.Text() {
		t.Errorf("0x%x after an unload, want 0x%x", again, at.Placement.Text())
	}
}

// No two allocations overlap, whatever is allocated and freed.
func TestArenaDisjoint(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := NewArena(0x10000)
		live := map[uint64]uint64{}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			switch rapid.IntRange(0, 2).Draw(r, "step") {
			case 0:
				size := rapid.Uint64Range(1, 5*4096).Draw(r, "size")
				at := a.Alloc(size)
				for other, n := range live {
					if at < other+n && other < at+size {
						r.Fatalf("0x%x+%d overlaps 0x%x+%d", at, size, other, n)
					}
				}
				live[at] = size
			case 1:
				for at := range live {
					a.Free(at)
					delete(live, at)
					break
				}
			case 2:
				a.purge()
			}
		}
	})
}

func TestThreshold(t *testing.T) {
	tree, k := testTree(t), testKernel(t)
	tests := []struct {
		name  string
		rel   elfRela
		base  uint64 // exact, pages
		after string
	}{
		// .rodata lies 0x4000 above the base, so base+0x4010 reaches 2^31 a page later
		{"32S", elfRela{5, elf.R_X86_64_32S, symRodata, 0x10}, 0x7fffc000, "relocation-overflow 11 32S"},
		{"32", elfRela{5, elf.R_X86_64_32, symRodata, 0x10}, 0xffffc000, "relocation-overflow 10 32"},
		{"PLT32", elfRela{4, elf.R_X86_64_PLT32, symPrintk, -4}, 0xe0002000, "loaded-corrupt 4 PLT32"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := testModule(t, moduleSpec{relText: []elfRela{test.rel}})
			base, found, err := Threshold(tree, k, m, placed(t, tree, m, lowBase), 4096, 1<<40)
			if err != nil || !found || base != test.base {
				t.Fatalf("0x%x %v %v, want 0x%x", base, found, err, test.base)
			}
			before, err := Predict(tree, k, m, placed(t, tree, m, base-4096))
			if err != nil || before.Outcome.Kind != outcome.Loaded {
				t.Errorf("just below: %s %v", before.Outcome, err)
			}
			after, err := Predict(tree, k, m, placed(t, tree, m, base))
			if err != nil || after.Outcome.String() != test.after {
				t.Errorf("at the threshold: %s %v, want %s", after.Outcome, err, test.after)
			}
			wide, _, err := Threshold(tree, k, m, placed(t, tree, m, lowBase), 8<<20, 1<<40)
			if want := (test.base + 8<<20 - 1) &^ (8<<20 - 1); err != nil || wide != want {
				t.Errorf("in steps of 8 MiB 0x%x, want 0x%x (%v)", wide, want, err)
			}
		})
	}
	m := testModule(t, moduleSpec{relText: []elfRela{{4, elf.R_X86_64_64, symPrintk, 0}}})
	if _, found, err := Threshold(tree, k, m, placed(t, tree, m, lowBase), 4096, 1<<40); found || err != nil {
		t.Errorf("64-bit relocations have a threshold (%v)", err)
	}
}

// Threshold agrees with Predict on both sides, at any base.
func TestThresholdProperty(t *testing.T) {
	tree, k := testTree(t), testKernel(t)
	types := []elf.R_X86_64{elf.R_X86_64_32, elf.R_X86_64_32S, elf.R_X86_64_PC32, elf.R_X86_64_PLT32, elf.R_X86_64_64}
	rapid.Check(t, func(r *rapid.T) {
		var rel []elfRela
		for i := range rapid.IntRange(1, 6).Draw(r, "entries") {
			rel = append(rel, elfRela{uint64(8 * i), rapid.SampledFrom(types).Draw(r, "type"), uint32(rapid.IntRange(symText, symPrintk).Draw(r, "symbol")), int64(rapid.IntRange(-64, 1<<20).Draw(r, "addend"))})
		}
		m := testModule(t, moduleSpec{relText: rel})
		p := placed(t, tree, m, lowBase)
		change, found, err := Threshold(tree, k, m, p, 4096, 1<<36)
		if err != nil {
			r.Fatal(err)
		}
		now, err := Predict(tree, k, m, p)
		if err != nil {
			r.Fatal(err)
		}
		limit := uint64(1 << 36)
		if found {
			limit = change
			after, err := Predict(tree, k, m, p.Shift(change-p.base))
			if err != nil || after.Outcome.Same(now.Outcome) {
				r.Fatalf("at the threshold %s, as at %s (%v)", after.Outcome, now.Outcome, err)
			}
		}
		base := lowBase + rapid.Uint64Range(0, (limit-lowBase)/4096-1).Draw(r, "pages")*4096
		at, err := Predict(tree, k, m, p.Shift(base-p.base))
		if err != nil || !at.Outcome.Same(now.Outcome) {
			r.Fatalf("at 0x%x, below the threshold 0x%x: %s, not %s (%v)", base, limit, at.Outcome, now.Outcome, err)
		}
	})
}

func TestGap(t *testing.T) {
	s := &Space{VmallocOffset: 8 << 20, AddsGap: true, gapMinimum: 1 << 20}
	g, err := GapRange{Fixed: 0x45000, page: 4096}.Randomised([]int64{500 << 20, 20 << 20}, 0)
	if err != nil || g.Range != 1<<30 {
		t.Fatalf("%+v %v", g, err)
	}
	if small, err := (GapRange{page: 4096}).Randomised([]int64{20 << 20}, 0); err != nil || small.Range != 32<<20 {
		t.Errorf("%+v %v", small, err)
	}
	if wide, err := (GapRange{page: 4096}).Randomised([]int64{20 << 20}, WidestRange); err != nil || wide.Range != WidestRange {
		t.Errorf("%+v, %v", wide, err)
	}
	if _, err := (GapRange{page: 4096}).Randomised([]int64{2 << 30}, 0); err == nil {
		t.Error("a gap of 2 GiB fits a known range")
	}
	loads := func(base uint64) bool { return base < 0x80000000 }
	for mem, want := range map[int64]float64{32: 0.461, 64: 0.429, 128: 0.367, 256: 0.242, 512: 0} {
		bases := s.Bases(0x60000000, mem<<20, g)
		sum := 0.0
		for _, b := range bases {
			sum += b.share
		}
		if got := Share(bases, loads); math.Abs(got-want) > 0.001 || math.Abs(sum-1) > 1e-9 {
			t.Errorf("mem=%dM: %.4f of %.4f, want %.3f", mem, got, sum, want)
		}
	}
	s.Reexecs = true
	if b := s.Bases(0x60000000, 64<<20, g); len(b) != 1 || b[0].Base != 0x64800000 {
		t.Errorf("without randomisation: %v", b)
	}
}

func TestSignature(t *testing.T) {
	sign := func(s moduleSpec) string {
		t.Helper()
		sig, err := Signature(bytes.NewReader(moduleELF(s)))
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	plain := sign(moduleSpec{relText: []elfRela{{4, elf.R_X86_64_PC32, symPrintk, -4}}})
	if plain == sign(moduleSpec{relText: []elfRela{{4, elf.R_X86_64_PLT32, symPrintk, -4}}}) {
		t.Error("another relocation type has the same signature")
	}
	if plain == sign(moduleSpec{}) {
		t.Error("no relocation has the same signature")
	}
	note := moduleELF(moduleSpec{relText: []elfRela{{4, elf.R_X86_64_PC32, symPrintk, -4}}})
	note = bytes.Replace(note, []byte("note"), []byte("NOTE"), 2)
	if sig, err := Signature(bytes.NewReader(note)); err != nil || sig == "" {
		t.Error(err)
	}
	a, b := testModule(t, moduleSpec{relText: []elfRela{{4, elf.R_X86_64_PC32, symRodata, 8}}}), testModule(t, moduleSpec{relText: []elfRela{{4, elf.R_X86_64_PC32, symRodata, 24}}})
	if err := SameRelocations(a, b); err != nil {
		t.Errorf("constants in another order: %v", err)
	}
	for name, other := range map[string]moduleSpec{
		"type":   {relText: []elfRela{{4, elf.R_X86_64_32, symRodata, 8}}},
		"symbol": {relText: []elfRela{{4, elf.R_X86_64_PC32, symPrintk, 8}}},
		"fewer":  {},
		"code":   {text: bytes.Repeat([]byte{0x90}, 64), relText: []elfRela{{4, elf.R_X86_64_PC32, symRodata, 8}}},
	} {
		if SameRelocations(a, testModule(t, other)) == nil {
			t.Errorf("another %s is taken for the same", name)
		}
	}
}

func TestExplain(t *testing.T) {
	tree, k := testTree(t), testKernel(t)
	m := testModule(t, moduleSpec{relText: []elfRela{{5, elf.R_X86_64_32S, symRodata, 0x10}}})
	p, err := Predict(tree, k, m, placed(t, tree, m, tree.Space.ModuleBase(k.Link, 512<<20, 0)))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(Explain(tree, k, m, p, 512<<20, 0), "\n")
	for _, want := range []string{
		"0x60000000 + 512 MiB, + 8 MiB and rounded down to 8 MiB = 0x80800000; tiny lands at 0x80800000",
		".rela.text[0] at .text+0x5, R_X86_64_32S to .rodata: 0x80804000 + 0x10 = 0x80804010, which is not below 2^31, so R_X86_64_32S (sign-extended) cannot hold it",
		"subarch: too large: type 11 val 80804010 sec 2 idx 0",
		"arch/x86/kernel/module.c:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
