package loader

import (
	"debug/elf"
	"encoding/hex"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/ianlancetaylor/demangle"
	"golang.org/x/arch/x86/x86asm"

	"umlab/harness/outcome"
)

// Attribution says which code put a relocation there.
type Attribution struct {
	Relocation  *outcome.Relocation `json:"relocation"`
	Section     string              `json:"section"`               // that is relocated: ".text"
	Offset      uint64              `json:"offset"`                // in it, bytes
	Entry       string              `json:"entry"`                 // ".rela.text[18] at .text+0x5f"
	Symbol      string              `json:"symbol"`                // demangled
	Function    string              `json:"function,omitempty"`    // demangled; "" outside functions
	Within      uint64              `json:"within,omitempty"`      // offset in Function, bytes
	Instruction string              `json:"instruction,omitempty"` // GNU syntax; hex bytes where it does not decode; "" in data
	Source      string              `json:"source,omitempty"`      // line of Function: "samples/rust/rust_print.rs:44"
	Inlined     string              `json:"inlined,omitempty"`     // where the code itself stands, if inlined from elsewhere
	Value       string              `json:"value,omitempty"`       // computed, where a placement is known
	Detail      string              `json:"detail,omitempty"`      // of one written wrong: why
}

// Attribute says for each of the entries, as Rejected lists them, which code
// put it there. lines may be nil: then no source lines are given.
func Attribute(m *Module, entries []Applied, lines *Lines) []Attribution {
	functions := m.functions()
	out := make([]Attribution, 0, len(entries))
	for _, e := range entries {
		a := Attribution{Relocation: m.machine().relocation(e.Type), Offset: e.Offset, Entry: m.place(e.Entry),
			Symbol: demangled(e.Name), Value: hexNumber(e.Value)}
		if e.Width == 0 {
			a.Value = "" // no rule computes one
		}
		if e.Fault == Fault(outcome.LoadedCorrupt) {
			a.Detail = m.machine().corruption(e)
		}
		if e.Target >= 0 && e.Target < len(m.Sections) {
			s := m.Sections[e.Target]
			a.Section = s.Name
			f, ok := functionAt(functions[s.Index], e.Offset)
			if ok {
				a.Function, a.Within = demangled(f.name), e.Offset-f.value
			}
			if s.flags&elf.SHF_EXECINSTR != 0 {
				start := uint64(0)
				if ok {
					start = f.value
				}
				a.Instruction = m.instruction(s, start, e.Offset)
			}
		}
		at, inner := lines.at(a.Section, e.Offset)
		a.Source = at.String()
		if inner != at {
			a.Inlined = inner.String()
		}
		out = append(out, a)
	}
	return out
}

// functions lists the functions of each section by address.
func (m *Module) functions() map[int][]symbol {
	out := map[int][]symbol{}
	for _, s := range m.symbols {
		if s.kind == elf.STT_FUNC && int(s.section) < len(m.Sections) && s.section != elf.SHN_UNDEF {
			out[int(s.section)] = append(out[int(s.section)], s)
		}
	}
	for _, list := range out {
		sort.SliceStable(list, func(i, j int) bool { return list[i].value < list[j].value })
	}
	return out
}

func functionAt(list []symbol, offset uint64) (symbol, bool) {
	i := sort.Search(len(list), func(i int) bool { return list[i].value > offset })
	for i--; i >= 0; i-- {
		// A size of 0 is an assembler function: it lasts to the next one.
		if f := list[i]; f.size == 0 || offset-f.value < f.size {
			return f, true
		}
		if list[i].value != offset && i > 0 && list[i-1].value+list[i-1].size <= offset {
			break
		}
	}
	return symbol{}, false
}

// longestInstruction is the architecture's limit, in bytes.
const longestInstruction = 15

// instruction decodes from the start of a function up to the instruction that
// holds offset, in GNU syntax.
func (m *Module) instruction(s Section, start, offset uint64) string {
	size := uint64(len(s.data))
	if offset >= size || start > offset {
		return ""
	}
	for pc := start; pc <= offset; {
		inst, err := x86asm.Decode(s.data[pc:min(pc+longestInstruction, size)], m.machine().bits)
		if err != nil || inst.Len <= 0 {
			break
		}
		next := pc + uint64(inst.Len)
		if next > offset {
			return x86asm.GNUSyntax(inst, pc, nil)
		}
		pc = next
	}
	// Not decoded: the bytes around the field are what can be shown.
	from := offset - min(offset, 3)
	return "bytes " + hex.EncodeToString(s.data[from:min(offset+4, size)])
}

var legacyHash = regexp.MustCompile(`::h[0-9a-f]{16}$`)

// maxMangled bounds what is demangled: hostile names can expand without limit.
const maxMangled = 4096

// demangled names a symbol as in its source: Rust v0 and legacy names without
// their hash, C names as they are.
func demangled(name string) string {
	if len(name) > maxMangled || !strings.HasPrefix(name, "_R") && !strings.HasPrefix(name, "_ZN") {
		return name
	}
	out := demangle.Filter(name, demangle.NoClones, demangle.MaxLength(12))
	return legacyHash.ReplaceAllString(out, "")
}

// Group is the attributions of one relocation type.
type Group struct {
	Relocation *outcome.Relocation `json:"relocation"`
	Count      int                 `json:"count"`
	Symbols    int                 `json:"symbols"`             // different ones
	Path       string              `json:"path,omitempty"`      // that most of the symbols lie in: "kernel::print::format_strings"
	PathCount  int                 `json:"pathCount,omitempty"` // entries to symbols in Path
	First      Attribution         `json:"first"`
}

// Groups sums attributions up by type, in order of their first appearance.
func Groups(list []Attribution) []Group {
	type tally struct {
		at      int // index of the group
		symbols map[string]bool
		paths   map[string]int
	}
	var out []Group
	tallies := map[uint32]tally{}
	for _, a := range list {
		t, ok := tallies[a.Relocation.Type]
		if !ok {
			t = tally{len(out), map[string]bool{}, map[string]int{}}
			tallies[a.Relocation.Type] = t
			out = append(out, Group{Relocation: a.Relocation, First: a})
		}
		g := &out[t.at]
		// Code is a better first example than the data that refers to it.
		if g.First.Function == "" && a.Function != "" {
			g.First = a
		}
		g.Count++
		t.symbols[a.Symbol] = true
		g.Symbols = len(t.symbols)
		if p := parentPath(a.Symbol); p != "" {
			t.paths[p]++
		}
	}
	for _, t := range tallies {
		g := &out[t.at]
		for p, n := range t.paths {
			if n > g.PathCount || n == g.PathCount && p < g.Path {
				g.Path, g.PathCount = p, n
			}
		}
	}
	return out
}

// parentPath is what stands before the last "::" outside brackets.
func parentPath(name string) string {
	depth := 0
	for i := len(name) - 1; i > 0; i-- {
		switch name[i] {
		case '>', ')', ']', '}':
			depth++
		case '<', '(', '[', '{':
			depth--
		case ':':
			if depth == 0 && name[i-1] == ':' {
				return name[:i-1]
			}
		}
	}
	return ""
}

// String is the group in one line: "17 GOTPCREL to 9 symbols, 14 in
// kernel::print::format_strings, first in RustPrint::init, samples/rust/rust_print.rs:44".
func (g Group) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s to %d %s", g.Count, g.Relocation.Bare(), g.Symbols, plural("symbol", g.Symbols))
	if g.PathCount > 1 || g.PathCount == g.Count && g.Path != "" {
		fmt.Fprintf(&b, ", %d in %s", g.PathCount, g.Path)
	}
	switch f := g.First; {
	case f.Function != "":
		fmt.Fprintf(&b, ", first in %s", f.Function)
	case f.Section != "":
		fmt.Fprintf(&b, ", first in %s+0x%x", f.Section, f.Offset)
	}
	if g.First.Source != "" {
		fmt.Fprintf(&b, ", %s", g.First.Source)
	}
	return b.String()
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
