package loader

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"

	"umlab/harness/outcome"
)

// apply is apply_relocations: entry by entry, until one is refused.
func (o *walk) apply() error {
	for _, e := range o.module.relocations() {
		a, rule, err := o.compute(e)
		if err != nil {
			return err
		}
		refused, err := o.step(a, rule)
		if refused || err != nil {
			return err
		}
	}
	o.accept()
	return nil
}

// compute finds the values of an entry. rule is nil where the loader has none.
func (o *walk) compute(e Entry) (Applied, *rule, error) {
	m := o.module
	s, ok := m.symbol(e)
	a := Applied{Entry: e}
	if !ok {
		return a, nil, o.silent("%s: symbol %d is out of range", m.place(e), e.symbol)
	}
	a.Name = m.title(s)
	base, ok := o.place.address(e.Target)
	if !ok {
		return a, nil, o.silent("%s: the section is not in the module's memory", m.place(e))
	}
	r := o.symbols[e.symbol]
	a.SymbolValue, a.inModule, a.Location = r.value, r.inside, base+e.Offset
	of := m.machine()
	if of.table == elf.SHT_REL {
		a.Addend = o.inPlace(e)
	}
	a.Value = of.wrap(a.SymbolValue+uint64(a.Addend), false)
	rule, found := o.tree.Rules.types[e.Type]
	if !found {
		return a, nil, nil // refused before the symbol matters
	}
	if rule.Skip || rule.Refuse != nil {
		return a, &rule, nil
	}
	if r.reason != "" {
		return a, nil, o.silent("%s: symbol %s: %s", m.place(e), a.Name, r.reason)
	}
	a.PCRelative, a.Width = rule.PCRelative, rule.Width
	a.narrow = of.bits == 32
	size := m.Sections[e.Target].size
	if e.Offset > size || size-e.Offset < uint64(rule.Width) {
		return a, nil, o.silent("%s: the location is outside its section", m.place(e))
	}
	if rule.PCRelative {
		a.Value = of.wrap(a.Value-a.Location, true)
	}
	return a, &rule, nil
}

// step runs a rule on an entry.
func (o *walk) step(a Applied, rule *rule) (refused bool, err error) {
	switch {
	case rule == nil:
		return true, o.refuseEntry(outcome.RelocationUnknown, a, o.tree.Rules.unknown, a.Value)
	case rule.Refuse != nil:
		return true, o.refuseEntry(outcome.RelocationUnknown, a, *rule.Refuse, a.Value)
	case rule.Skip:
		return false, nil
	}
	of := o.module.machine()
	val := of.wrap(a.SymbolValue+uint64(a.Addend), false)
	for _, s := range rule.Steps {
		switch s.Op {
		case opSubtract:
			val = of.wrap(val-a.Location, true)
		case opWrite:
			for i := range s.Width {
				o.written[target{a.Target, a.Offset + uint64(i)}] = byte(val >> (8 * i))
			}
		case opCheck:
			if s.Check == checkClear {
				if !o.clear(a, s.Width) {
					return true, o.refuseEntry(outcome.InsmodFailed, a, s.Fail, val)
				}
				continue
			}
			if lo, hi := checkRange(s.Check); int64(val) < lo || int64(val) > hi {
				return true, o.refuseEntry(outcome.RelocationOverflow, a, s.Fail, val)
			}
		}
	}
	lo, hi := of.abiRange(a.Type, rule.PCRelative, rule.Width)
	form := of.abiForm(a.Type)
	if form == formTable || (form == formPC) != rule.PCRelative || int64(val) < lo || int64(val) > hi {
		o.out.Corrupt = append(o.out.Corrupt, a)
	}
	return false, nil
}

// inPlace is the addend that stands in the field of an entry of SHT_REL when its turn comes.
func (o *walk) inPlace(e Entry) int64 {
	field := [4]byte{}
	binary.LittleEndian.PutUint32(field[:], uint32(e.Addend))
	for i := range field {
		if b, ok := o.written[target{e.Target, e.Offset + uint64(i)}]; ok {
			field[i] = b
		}
	}
	return int64(int32(binary.LittleEndian.Uint32(field[:])))
}

// clear reports whether the destination of an entry is zero.
func (o *walk) clear(a Applied, width int) bool {
	data := o.module.Sections[a.Target].data // nil for SHT_NOBITS, which begins as zeros
	for i := range uint64(width) {
		at := a.Offset + i
		b, ok := o.written[target{a.Target, at}]
		if !ok && at < uint64(len(data)) {
			b = data[at]
		}
		if b != 0 {
			return false
		}
	}
	return true
}

func (o *walk) refuseEntry(kind outcome.Kind, a Applied, f failure, val uint64) error {
	m := f.Messages[0]
	line, err := m.render(values{module: o.module.Name, kbuild: o.tree.kbuild, reltype: a.Type,
		section: uint32(a.Section), index: uint32(a.Index), val: val, location: a.Location})
	if err != nil {
		return o.silent("%s:%d: %v", o.tree.Rules.File, f.Line, err)
	}
	a.Value = val
	o.refuse(kind, f.Errno, line)
	o.out.Entry, o.out.line = &a, f.Line
	o.out.Corrupt = nil
	if kind != outcome.InsmodFailed {
		o.out.Outcome.Relocation = o.module.machine().relocation(a.Type)
	}
	if kind == outcome.RelocationOverflow {
		o.out.Outcome.Value = hexNumber(val)
		if slices.Contains(m.Args, "relsec") {
			o.out.Outcome.Section = &a.Section
		}
		if slices.Contains(m.Args, "i") {
			o.out.Outcome.Index = &a.Index
		}
	}
	return nil
}

// accept is the outcome of a module whose entries are all applied.
func (o *walk) accept() {
	out := outcome.Outcome{Kind: outcome.Loaded}
	if text := o.place.Text(); text != 0 {
		out.Address = hexNumber(text)
	}
	o.out.Conditions = append(o.out.Conditions, "the module's own init is not predicted")
	if len(o.out.Corrupt) > 0 {
		first := o.out.Corrupt[0]
		out.Kind = outcome.LoadedCorrupt
		out.Relocation = o.module.machine().relocation(first.Type)
		out.Detail = o.module.machine().corruption(first)
		o.out.Entry = &first
		if rule, ok := o.tree.Rules.types[first.Type]; ok {
			o.out.line = rule.Line
		}
		o.out.Conditions = append(o.out.Conditions, "whether the corrupt code runs is not predicted")
	}
	o.out.Outcome = out
}

// corruption says in a sentence why an entry is written wrong.
func (m *machine) corruption(a Applied) string {
	name := m.relocation(a.Type).Name
	form := m.abiForm(a.Type)
	switch {
	case form == formTable:
		return fmt.Sprintf("%s of %s needs a table entry (GOT, PLT or TLS), but the loader writes the symbol's address or distance itself",
			name, demangled(a.Name))
	case form == formPC && !a.PCRelative, form == formPlain && a.PCRelative:
		return fmt.Sprintf("%s of %s is computed by another formula than the psABI's", name, demangled(a.Name))
	case a.PCRelative:
		return fmt.Sprintf("%s of %s: %s from 0x%x does not fit %d bits and is cut without a check",
			name, demangled(a.Name), signedHex(a.Distance()), a.Location, 8*a.Width)
	}
	return fmt.Sprintf("%s of %s: 0x%x does not fit %d bits and is cut without a check", name, demangled(a.Name), a.Value, 8*a.Width)
}

func signedHex(n int64) string {
	if n < 0 {
		return fmt.Sprintf("-0x%x", uint64(-n))
	}
	return fmt.Sprintf("+0x%x", n)
}

// Rejected lists, with their values, all entries that the tree's loader refuses
// or writes wrong at the placement, in order: not only the first, which decides.
func Rejected(t *Tree, k *Kernel, m *Module, p Placement) ([]Applied, error) {
	o, err := newWalk(t, k, m, p)
	if err != nil {
		return nil, err
	}
	if _, err := o.resolve(); err != nil {
		return nil, err
	}
	var out []Applied
	for _, e := range m.relocations() {
		a, rule, err := o.compute(e)
		if err != nil {
			return nil, err
		}
		before := len(o.out.Corrupt)
		refused, err := o.step(a, rule)
		if err != nil {
			return nil, err
		}
		if refused {
			a.Fault = Fault(o.out.Outcome.Kind)
		} else if len(o.out.Corrupt) > before {
			a.Fault = Fault(outcome.LoadedCorrupt)
		}
		if a.Fault != "" {
			out = append(out, a)
		}
		o.out.Corrupt = nil
	}
	return out, nil
}
