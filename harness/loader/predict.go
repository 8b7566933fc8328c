package loader

import (
	"debug/elf"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"umlab/harness/outcome"
)

// Applied is one entry with the values that the loader computes for it.
type Applied struct {
	Entry
	Name        string // as in the file, mangled; a section's name for a section symbol
	SymbolValue uint64 // S
	Location    uint64 // P
	Value       uint64 // S + A, less P where the rule is PC-relative; as val of the loader's messages
	PCRelative  bool
	Width       int   // bytes that are written
	narrow      bool  // addresses have 32 bits
	inModule    bool  // the symbol lies in the module, so it moves with it
	Fault       Fault // why Rejected lists it; "" elsewhere
}

// Fault says what is wrong with an entry, in the words of the outcome that it
// leads to: "relocation-unknown", "relocation-overflow", "loaded-corrupt", or
// "insmod-failed" for a destination that is not zero.
type Fault outcome.Kind

// Distance is the value as a signed number: for a PC-relative entry how far the
// target lies from the location.
func (a Applied) Distance() int64 { return int64(a.Value) }

// Reached is the address that the code really gets at where the field was cut:
// for a PC-relative entry the location plus what is left of the distance. A
// fault at it, or near it, is that entry's doing.
func (a Applied) Reached() uint64 {
	v := a.Value
	if a.Width > 0 && a.Width < 8 {
		shift := 64 - 8*uint(a.Width)
		if lo, _ := x8664.abiRange(a.Type, a.PCRelative, a.Width); lo < 0 {
			v = uint64(int64(v<<shift) >> shift)
		} else {
			v = v << shift >> shift
		}
	}
	if a.PCRelative {
		v += a.Location - uint64(a.Addend)
	}
	if a.narrow {
		return uint64(uint32(v))
	}
	return v
}

// Prediction is what the loader will do with a module at one placement.
type Prediction struct {
	Outcome    outcome.Outcome // kind, relocation, errno, value, section and index; Evidence is firstLine
	firstLine  string          // the first that the loader prints about a refusal, with "…" for a hashed pointer; "" for none
	Entry      *Applied        // that decides, nil where none does
	line       int             // of RulesFile, that decides; 0 for none
	Corrupt    []Applied       // written, but not what the code needs
	Conditions []string        // what the prediction rests on, or does not cover
	Placement  Placement
}

// NotPredictedError says why the oracle keeps silent about a module.
type NotPredictedError struct {
	Module string
	Reason string
}

// Error names the module and the reason.
func (e *NotPredictedError) Error() string {
	return fmt.Sprintf("predict module %s: %s: not predicted", e.Module, e.Reason)
}

// walk is one walk over a module, as load_module does it.
type walk struct {
	tree    *Tree
	kernel  *Kernel
	module  *Module
	place   Placement
	symbols []resolved
	out     Prediction
	written map[target]byte // destinations that earlier entries wrote
}

type target struct {
	section int
	offset  uint64
}

// resolved is a symbol after simplify_symbols.
type resolved struct {
	value  uint64
	inside bool   // in the module's own memory
	reason string // why an entry that uses it is not predicted; "" where it is
}

// Predict walks the module as load_module of the tree does, up to the end of its
// relocations. It returns a *NotPredictedError where the module holds something
// whose fate this package does not know.
func Predict(t *Tree, k *Kernel, m *Module, p Placement) (Prediction, error) {
	o, err := newWalk(t, k, m, p)
	if err != nil {
		return o.out, err
	}
	if done, err := o.before(); done || err != nil {
		return o.out, err
	}
	if done, err := o.resolve(); done || err != nil {
		return o.out, err
	}
	return o.out, o.apply()
}

func newWalk(t *Tree, k *Kernel, m *Module, p Placement) (*walk, error) {
	o := &walk{tree: t, kernel: k, module: m, place: p, written: map[target]byte{}}
	o.out.Placement = p
	if p.layout == nil || len(p.layout.section) != len(m.Sections) {
		return o, o.silent("the placement is of another module")
	}
	return o, nil
}

func (o *walk) silent(format string, args ...any) error {
	return &NotPredictedError{Module: o.module.Name, Reason: fmt.Sprintf(format, args...)}
}

func (o *walk) refuse(kind outcome.Kind, errno int, line string) {
	o.out.firstLine = line
	o.out.Outcome = outcome.Outcome{Kind: kind, Errno: errno, Evidence: line}
}

// before is what load_module checks first: the version magic. Other tests of
// the file (signature, size of struct module) need what no file tells.
func (o *walk) before() (done bool, err error) {
	m := o.module
	if m.Name == "" {
		return false, o.silent("no name in .modinfo; link it as a module (.ko)")
	}
	if of := o.tree.Rules.machine; m.machine() != of || o.kernel.machine != of {
		return false, o.silent("the module is of %s, linux of %s, and the loader of %s", m.machine().title, o.kernel.machine.title, of.title)
	}
	this := slices.IndexFunc(m.Sections, func(s Section) bool { return s.Name == ".gnu.linkonce.this_module" })
	if this < 0 || !m.allocated(this) {
		return false, o.silent("no section .gnu.linkonce.this_module; link it as a module (.ko)")
	}
	magic := m.Info["vermagic"]
	if len(magic) == 0 {
		return false, o.silent("no vermagic in .modinfo")
	}
	switch {
	case o.kernel.vermagic == "":
		o.out.Conditions = append(o.out.Conditions, "the kernel's version magic is not known; it is taken to be the module's")
	case o.tree.config.On("CONFIG_MODVERSIONS"):
		o.out.Conditions = append(o.out.Conditions, "CONFIG_MODVERSIONS: the CRCs of symbols are taken to match")
	case magic[0] != o.kernel.vermagic:
		o.refuse(outcome.InsmodFailed, int(syscall.ENOEXEC),
			fmt.Sprintf("%s: version magic '%s' should be '%s'", m.Name, magic[0], o.kernel.vermagic))
		return true, nil
	}
	if o.tree.config.On("CONFIG_MODULE_SIG_FORCE") {
		return false, o.silent("CONFIG_MODULE_SIG_FORCE: signatures are not looked at")
	}
	for _, s := range m.Sections {
		switch {
		case (s.kind == elf.SHT_REL || s.kind == elf.SHT_RELA) && s.kind != m.machine().table && m.allocated(int(s.info)):
			return false, o.silent("section %d %s is %s, not %s", s.Index, s.Name, s.kind, m.machine().table)
		case s.flags&shfRelaLivepatch != 0:
			return false, o.silent("section %d %s is applied by livepatch", s.Index, s.Name)
		}
	}
	return false, nil
}

// resolve is simplify_symbols: all undefined symbols are reported, the last
// error is returned.
func (o *walk) resolve() (done bool, err error) {
	m := o.module
	o.symbols = make([]resolved, len(m.symbols))
	errno, first := 0, ""
	for i, s := range m.symbols {
		if i == 0 {
			continue
		}
		r := &o.symbols[i]
		r.value = s.value
		switch {
		case s.section == elf.SHN_COMMON:
			if strings.HasPrefix(s.name, "__gnu_lto") {
				break
			}
			return false, o.silent("common symbol %s (compile with -fno-common)", s.name)
		case s.section == elf.SHN_ABS:
		case s.section == elf.SHN_UNDEF:
			line, e, err := o.undefined(s, r)
			if err != nil {
				return false, err
			}
			if e != 0 {
				errno = e
				if first == "" {
					first = line
				}
			}
		case int(s.section) >= len(m.Sections) || s.section >= elf.SHN_LORESERVE:
			return false, o.silent("symbol %s in section 0x%x, which is none", m.title(s), int(s.section))
		default:
			base, ok := o.place.address(int(s.section))
			r.value, r.inside = s.value+base, true
			if !ok {
				r.reason = fmt.Sprintf("it lies in section %d %s, which is not in the module's memory", s.section, m.Sections[s.section].Name)
			}
		}
	}
	if errno != 0 {
		o.refuse(outcome.InsmodFailed, errno, first)
		return true, nil
	}
	return false, nil
}

// undefined resolves one undefined symbol against the kernel; errno is 0 where
// the loader goes on.
func (o *walk) undefined(s symbol, r *resolved) (line string, errno int, err error) {
	m := o.module
	e, ok := o.kernel.exports[s.name]
	if ok && e.gpl && !gplCompatible(m.Info["license"]) {
		ok = false
	}
	if !ok {
		if s.bind == elf.STB_WEAK || s.name == "_GLOBAL_OFFSET_TABLE_" {
			return "", 0, nil
		}
		if d := m.Info["depends"]; len(d) > 0 && d[0] != "" {
			return "", 0, o.silent("symbol %s is not the kernel's, and the module depends on %s", s.name, d[0])
		}
		return fmt.Sprintf("%s: Unknown symbol %s (err %d)", m.Name, s.name, -int(syscall.ENOENT)), int(syscall.ENOENT), nil
	}
	if e.namespace != "" && !slices.Contains(m.Info["import_ns"], e.namespace) {
		return "", 0, o.silent("symbol %s is of namespace %s, which the module does not import", s.name, e.namespace)
	}
	if e.value == 0 {
		r.reason = "its address is filled in when linux starts"
	}
	r.value = e.value
	return "", 0, nil
}

// gplCompatible is license_is_gpl_compatible, include/linux/license.h; without
// a license a module is proprietary.
func gplCompatible(license []string) bool {
	return len(license) > 0 && slices.Contains([]string{"GPL", "GPL v2", "GPL and additional rights",
		"Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}, license[0])
}

// hexNumber is a number as outcomes carry it: "0x80804010".
func hexNumber(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }
