package loader

import (
	"fmt"
	"strings"

	"umlab/harness/outcome"
)

// Explain says a prediction in sentences, one a line, with the arithmetic that
// decides it: where vmalloc begins, where the symbol and the location land, and
// which limit the value exceeds. mem and gap are those of the placement, bytes.
func Explain(t *Tree, k *Kernel, m *Module, p Prediction, mem, gap int64) []string {
	var out []string
	if p.Placement.base != 0 && p.Placement.base == t.Space.ModuleBase(k.Link, mem, gap) {
		out = append(out, "vmalloc begins at "+t.Space.explain(k.Link, mem, gap)+
			fmt.Sprintf("; %s lands at 0x%x", m.Name, p.Placement.Text()))
	} else if p.Placement.Text() != 0 {
		out = append(out, fmt.Sprintf("%s lands at 0x%x", m.Name, p.Placement.Text()))
	}
	switch {
	case p.Entry == nil && p.Outcome.Kind == outcome.Loaded:
		out = append(out, "every relocation has a case in the loader and fits")
	case p.Entry == nil:
	default:
		out = append(out, t.arithmetic(m, p))
	}
	if p.firstLine != "" {
		out = append(out, "so the loader prints: "+p.firstLine)
	}
	if p.line > 0 {
		r := t.Rules
		out = append(out, fmt.Sprintf("decided at %s:%d, in %s (lines %d-%d)", r.File, p.line, r.Function, r.First, r.Last))
	}
	return out
}

// arithmetic is the sentence about the deciding entry.
func (t *Tree) arithmetic(m *Module, p Prediction) string {
	e := *p.Entry
	name := m.machine().relocation(e.Type).Name
	where := fmt.Sprintf("%s, %s to %s", m.place(e.Entry), name, demangled(e.Name))
	switch p.Outcome.Kind {
	case outcome.RelocationUnknown:
		return fmt.Sprintf("%s: the loader has no case for type %d, at any address", where, e.Type)
	case outcome.LoadedCorrupt:
		return where + ": " + m.machine().corruption(e)
	case outcome.InsmodFailed:
		return where + ": the destination is not zero"
	}
	return where + ": " + sum(e) + ", " + t.limit(e)
}

// sum is the calculation of an entry in words: "0x8080d000 + 0xc0 = 0x8080d0c0".
func sum(e Applied) string {
	var b strings.Builder
	fmt.Fprintf(&b, "0x%x", e.SymbolValue)
	if e.Addend < 0 {
		fmt.Fprintf(&b, " - 0x%x", uint64(-e.Addend))
	} else if e.Addend > 0 {
		fmt.Fprintf(&b, " + 0x%x", e.Addend)
	}
	if e.PCRelative {
		fmt.Fprintf(&b, " - 0x%x = %s", e.Location, signedHex(e.Distance()))
	} else if e.Addend != 0 {
		fmt.Fprintf(&b, " = 0x%x", e.Value)
	}
	return b.String()
}

// limit says which limit of its rule an entry exceeds: "which is not below
// 2^31, so R_X86_64_32S cannot hold it".
func (t *Tree) limit(e Applied) string {
	name := t.Rules.machine.relocation(e.Type).Name
	rule, ok := t.Rules.types[e.Type]
	if !ok {
		return "which " + name + " cannot hold"
	}
	v := int64(e.Value)
	switch {
	case rule.Overflow == checkZero && v < 0:
		return fmt.Sprintf("which is negative, so %s (zero-extended) cannot hold it", name)
	case rule.Overflow == checkZero:
		return fmt.Sprintf("which is not below 2^32, so %s (zero-extended) cannot hold it", name)
	case v < 0:
		return fmt.Sprintf("which is below -2^31, so %s (sign-extended) cannot hold it", name)
	}
	return fmt.Sprintf("which is not below 2^31, so %s (sign-extended) cannot hold it", name)
}
