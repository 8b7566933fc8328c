package loader

import (
	"debug/elf"
	"fmt"
	"io"
)

// export is a symbol that modules may use.
type export struct {
	value     uint64 // address
	gpl       bool   // only for modules of a compatible license
	namespace string // that the module must import; "" for none
}

// Kernel is a built vmlinux (or the linux that UML runs), as far as modules
// see it.
type Kernel struct {
	Link     uint64 // first page of the image, uml_physmem
	end      uint64 // of the symbol _end
	brk      uint64 // where the host puts brk without randomisation: end of the image's memory, whole pages
	vermagic string // "" where the image does not tell
	NTTY     uint64 // bytes that each opened terminal takes of vmalloc space first; 0 where the code does not tell
	exports  map[string]export
	machine  *machine
}

// image reads the memory of an executable at its linked addresses.
type image struct {
	f       *elf.File
	names   map[string]elf.Symbol
	machine *machine
}

// OpenKernel reads vmlinux: an x86-64 or i386 executable with its symbol table. The
// exported symbols come from the table that the kernel itself searches
// (__ksymtab), so that a static function of the same name is not mistaken.
func OpenKernel(vmlinux io.ReaderAt) (*Kernel, error) {
	f, err := elf.NewFile(vmlinux)
	if err != nil {
		return nil, fmt.Errorf("read kernel: %w", err)
	}
	of := machineFor(f)
	if f.Type != elf.ET_EXEC || of == nil {
		return nil, fmt.Errorf("read kernel: %s %s %s, not an x86-64 or i386 executable at a fixed address; give the linux of ARCH=um",
			f.Class, f.Machine, f.Type)
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read kernel: symbols: %w; was it stripped?", err)
	}
	im := &image{f: f, names: make(map[string]elf.Symbol, len(syms)), machine: of}
	for _, s := range syms {
		if _, dup := im.names[s.Name]; !dup || elf.ST_BIND(s.Info) == elf.STB_GLOBAL {
			im.names[s.Name] = s
		}
	}
	k := &Kernel{exports: map[string]export{}, machine: of}
	start, ok := im.names["__binary_start"]
	end, ok2 := im.names["_end"]
	if !ok || !ok2 {
		return nil, fmt.Errorf("read kernel: no symbol __binary_start or _end; is this the linux of ARCH=um?")
	}
	k.Link, k.end = start.Value&^(guardPage-1), end.Value
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Vaddr+p.Memsz > k.brk {
			k.brk = align(p.Vaddr+p.Memsz, guardPage)
		}
	}
	if s, ok := im.names["vermagic"]; ok {
		k.vermagic, _ = im.text(s.Value)
	}
	k.NTTY = im.nttySize()
	if err := k.readExports(im); err != nil {
		return nil, fmt.Errorf("read kernel: %w", err)
	}
	return k, nil
}

// readExports walks the __ksymtab tables. A tree since 7.x keeps one table and
// flags beside it (__kflagstab); older trees keep a second table for GPL-only.
func (k *Kernel) readExports(im *image) error {
	if _, ok := im.names["__start___ksymtab_gpl"]; ok {
		every := func(gpl bool) func(int) (bool, error) { return func(int) (bool, error) { return gpl, nil } }
		if err := k.readTable(im, "__ksymtab", every(false)); err != nil {
			return err
		}
		return k.readTable(im, "__ksymtab_gpl", every(true))
	}
	flags, ok := im.names["__start___kflagstab"]
	if !ok {
		return fmt.Errorf("neither __ksymtab_gpl nor __kflagstab: the license of exported symbols cannot be told")
	}
	data := im.at(flags.Value)
	return k.readTable(im, "__ksymtab", func(i int) (bool, error) {
		if i >= len(data) {
			return false, fmt.Errorf("__kflagstab is shorter than __ksymtab")
		}
		return data[i]&1 != 0, nil // KSYM_FLAG_GPL_ONLY, include/linux/module_symbol.h
	})
}

// readTable reads the exports of one table; gpl says whether its i-th is GPL-only.
func (k *Kernel) readTable(im *image, table string, gpl func(i int) (bool, error)) error {
	a, ok := im.names["__start_"+table]
	z, ok2 := im.names["__stop_"+table]
	if !ok || !ok2 || z.Value < a.Value {
		return fmt.Errorf("no table %s; is CONFIG_MODULES on?", table)
	}
	// struct kernel_symbol holds three pointers on UML, which does not select HAVE_ARCH_PREL32_RELOCATIONS.
	word := im.machine.word
	entry := 3 * word
	size, data := z.Value-a.Value, im.at(a.Value)
	if size%entry != 0 || uint64(len(data)) < size {
		return fmt.Errorf("table %s: %d bytes are not whole entries of %d", table, size, entry)
	}
	data = data[:size]
	for i := 0; len(data) > 0; i, data = i+1, data[entry:] {
		e := export{value: im.machine.address(data)}
		name, ok := im.text(im.machine.address(data[word:]))
		if !ok || name == "" {
			return fmt.Errorf("table %s: an entry without a name", table)
		}
		if ns := im.machine.address(data[2*word:]); ns != 0 {
			e.namespace, _ = im.text(ns)
		}
		var err error
		if e.gpl, err = gpl(i); err != nil {
			return err
		}
		k.exports[name] = e
	}
	return nil
}

// holding finds the section that holds an address in the file, and the offset
// in it; nil where none does.
func (im *image) holding(address uint64) (*elf.Section, uint64) {
	for _, s := range im.f.Sections {
		// debug/elf leaves compressed sections without a ReaderAt.
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS && s.ReaderAt != nil && address >= s.Addr && address-s.Addr < s.Size {
			return s, address - s.Addr
		}
	}
	return nil, 0
}

// at returns the image's bytes from address to the end of its section; nil
// where the file has none.
func (im *image) at(address uint64) []byte {
	s, off := im.holding(address)
	if s == nil || s.Size > 1<<62 {
		return nil
	}
	data, err := io.ReadAll(io.NewSectionReader(s, int64(off), int64(s.Size-off)))
	if err != nil {
		return nil
	}
	return data
}

// text reads the string at an address.
func (im *image) text(address uint64) (string, bool) {
	s, off := im.holding(address)
	if s == nil || off > 1<<62 {
		return "", false
	}
	const longest = 4096 // a v0 mangled name can be long
	buf := make([]byte, min(longest, s.Size-off))
	n, err := s.ReadAt(buf, int64(off))
	if err != nil && n == 0 {
		return "", false
	}
	return cString(buf[:n], 0), true
}
