package predicate

import (
	"debug/elf"
	"fmt"
	"strings"

	"umlab/harness/bisect"
	"umlab/harness/outcome"
)

// Condition is what -until= says to look for. The zero value is "whatever differs
// from the good end".
type Condition struct {
	set      []term
	property *property
}

// Empty reports whether whatever differs from the good end is looked for.
func (c Condition) Empty() bool { return len(c.set) == 0 && c.property == nil }

// NeedsBoot reports whether the answer lies in what the kernel did. A condition
// on the relocations is answered by the build alone.
func (c Condition) NeedsBoot() bool { return c.property == nil }

// Faulty reports whether it was the machine that kept a message from being one of
// the candidate.
func (c Condition) Faulty(m Message) bool {
	if m.Class != unproved {
		return false
	}
	if _, built := m.Relocations[c.Module()]; built && !c.NeedsBoot() {
		return false // proved by the build alone
	}
	return m.Build == nil || m.Build.Kind != outcome.ConfigDropped && !m.Build.Other
}

// Module is the module whose relocations the condition is about; "" where it is
// about outcomes.
func (c Condition) Module() string {
	if c.property == nil {
		return ""
	}
	return c.property.module
}

// String is the condition as Parse reads it.
func (c Condition) String() string {
	if c.property != nil {
		return c.property.String()
	}
	var parts []string
	for _, t := range c.set {
		parts = append(parts, t.String())
	}
	return strings.Join(parts, ",")
}

// term is one member of a set of outcomes.
type term struct {
	kind       outcome.Kind
	relocation *outcome.Relocation // nil: any
	errno      int                 // positive; 0: any
	stage      string              // of a timeout; "": any
	status     int                 // of a step that failed; 0: any
}

func (t term) holds(o outcome.Outcome) bool {
	switch {
	case o.Kind != t.kind:
		return false
	case t.relocation != nil && (o.Relocation == nil || o.Relocation.Type != t.relocation.Type):
		return false
	case t.errno != 0 && o.Errno != t.errno:
		return false
	}
	return (t.stage == "" || o.Stage == t.stage) && (t.status == 0 || o.Status == t.status)
}

func (t term) String() string {
	switch {
	case t.relocation != nil:
		return fmt.Sprintf("%s:%s", t.kind, typeName(t.relocation))
	case t.errno != 0:
		return fmt.Sprintf("%s:%d", t.kind, t.errno)
	case t.status != 0:
		return fmt.Sprintf("%s:%d", t.kind, t.status)
	case t.stage != "":
		return string(t.kind) + ":" + t.stage
	}
	return string(t.kind)
}

// property is a comparison of a module's number of relocations.
type property struct {
	module     string
	relocation *outcome.Relocation // type; nil: of all types together
	comparison
	number int
}

// comparison is how a number is held against that of the condition.
type comparison struct {
	operator string
	holds    func(n, than int) bool
}

// comparisons stand in this order, so that the longer of two operators wins.
func comparisons() []comparison {
	return []comparison{
		{">=", func(n, than int) bool { return n >= than }},
		{"<=", func(n, than int) bool { return n <= than }},
		{"==", func(n, than int) bool { return n == than }},
		{"!=", func(n, than int) bool { return n != than }},
		{">", func(n, than int) bool { return n > than }},
		{"<", func(n, than int) bool { return n < than }},
	}
}

func (p property) String() string {
	name := "*"
	if p.relocation != nil {
		name = typeName(p.relocation)
	}
	return fmt.Sprintf("%s:%s%s%d", p.module, name, p.operator, p.number)
}

// count is the number of relocations that the property is about; ok is false
// where the module was not built.
func (p property) count(m Message) (n int, ok bool) {
	counts, ok := m.Relocations[p.module]
	if !ok {
		return 0, false
	}
	if p.relocation != nil {
		return counts[p.relocation.Name], true
	}
	for _, c := range counts {
		n += c
	}
	return n, true
}

func (p property) verdict(m Message) (bisect.Verdict, string) {
	n, ok := p.count(m)
	if !ok {
		return bisect.Skip, p.shown(m)
	}
	if p.holds(n, p.number) {
		return bisect.Bad, p.shown(m)
	}
	return bisect.Good, p.shown(m)
}

// shown is "rust_print: 23 GOTPCREL", or why there is no count.
func (p property) shown(m Message) string {
	n, ok := p.count(m)
	switch {
	case !ok && m.Build != nil:
		return p.module + " was not built: " + m.String()
	case !ok:
		return p.module + " was not built, so that its relocations are not known"
	case p.relocation == nil && n == 1:
		return p.module + ": 1 relocation"
	case p.relocation == nil:
		return fmt.Sprintf("%s: %d relocations", p.module, n)
	}
	return fmt.Sprintf("%s: %d %s", p.module, n, typeName(p.relocation))
}

// prefix begins the name of every type of x86-64, prefix386 of every one of i386.
const prefix, prefix386 = "R_X86_64_", "R_386_"

// typeName is the name of a type as Parse reads it: without its prefix where
// that is not taken for a number, nor for another machine's.
func typeName(r *outcome.Relocation) string {
	if strings.HasPrefix(r.Name, prefix386) {
		return r.Name
	}
	return outcome.Short(r.Name)
}

func shortName(m elf.Machine, t uint32) string { return outcome.RelocationOf(m, t).Bare() }
