package loader

import (
	"regexp"
	"strings"
)

// Counts is a number of relocations by the name of their type:
// "R_X86_64_GOTPCREL" -> 23.
type Counts = map[string]int

// Census counts the entries that the kernel applies. It is empty, not nil, for a
// module without any.
func (m *Module) Census() Counts {
	counts := Counts{}
	for _, e := range m.relocations() {
		counts[m.machine().relocation(e.Type).Name]++
	}
	return counts
}

// References counts the same entries by the symbol that they refer to and by the
// function that they stand in, both named so that builds by different compilers
// can be compared: demangled, and what has no name of its own (a section, a
// local label that a compiler numbered) by its section; so is the place of an
// entry outside of functions.
func (m *Module) References() (symbols, functions map[string]Counts) {
	symbols, functions = map[string]Counts{}, map[string]Counts{}
	add := func(to map[string]Counts, name, typ string) {
		if to[name] == nil {
			to[name] = Counts{}
		}
		to[name][typ]++
	}
	code := m.functions()
	for _, e := range m.relocations() {
		typ := m.machine().relocation(e.Type).Name
		name := "no symbol"
		if s, ok := m.symbol(e); ok {
			name = alike(m.title(s))
			if at := int(s.section); strings.HasPrefix(s.name, ".L") && at > 0 && at < len(m.Sections) {
				name = m.Sections[at].Name
			}
		}
		add(symbols, name, typ)
		in := m.Sections[e.Target].Name // of an allocated section, see Relocations
		if f, ok := functionAt(code[e.Target], e.Offset); ok {
			in = alike(f.name)
		}
		add(functions, in, typ)
	}
	return symbols, functions
}

// crateHash is the disambiguator of a crate's name in Rust's v0 mangling, which
// is another one with each compiler.
var crateHash = regexp.MustCompile(`Cs[0-9A-Za-z]*_`)

// alike names a symbol the same in the builds of two compilers: demangled, or
// mangled without what tells crates of one name apart.
func alike(name string) string {
	if out := demangled(name); out != name || !strings.HasPrefix(name, "_R") {
		return out
	}
	return crateHash.ReplaceAllString(name, "C")
}
