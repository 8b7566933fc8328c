// Package scale places on a line what a run had where: the addresses of a boot, and
// the sizes of memory that a cell was booted with. It may import report/doc, outcome
// and result. It computes places from the numbers of a result alone: what is not known
// is not on the line.
package scale

import (
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// The reach of 32 bits: of a field that holds a signed number, in either direction, and
// of one that holds an unsigned one.
const (
	signed32   = 1 << 31
	unsigned32 = 1 << 32
)

// most is where the addresses of a process end on x86-64, and UML is one.
const most = 1 << 47

// Addresses is where a boot had the kernel, its memory and modules, with the limits of
// 32 bits, and for each module the reference that decided. There are several where
// modules were tried in boots that differ, and none where nothing is known. The line
// begins at address 0.
func Addresses(modules []result.ExplainedModule) (list []doc.Scale) {
	done := map[string]bool{}
	for _, m := range modules {
		if m.Space == nil || done[layout(m.Space)] {
			continue
		}
		done[layout(m.Space)] = true
		kernel, known := spanOf(m.Space.Kernel)
		if !known || kernel.first >= most {
			continue
		}
		l := &line{top: unsigned32}
		l.track("kernel", doc.Say("linked at ", hex(kernel.first), ", ", size(kernel.end-kernel.first)),
			mark{doc.Bar, kernel.first, kernel.end, doc.Strong, "kernel image"})
		l.memory(m.Space)
		for _, other := range modules {
			if other.Space != nil && layout(other.Space) == layout(m.Space) {
				l.module(other.Name, other.Space)
			}
		}
		l.tick(signed32, "2^31")
		l.tick(unsigned32, "2^32")
		if kernel.first >= signed32 {
			l.tick(kernel.first-signed32, "kernel - 2 GiB")
		}
		l.tick(kernel.first+signed32, "kernel + 2 GiB")
		list = append(list, l.drawn("Addresses, from 0 on: the kernel, its memory, modules, and how far 32 bits reach"))
	}
	return list
}

// layout tells apart boots that had different memory.
func layout(s *result.AddressSpace) string {
	of := s.Kernel.First + " " + s.Kernel.End + " " + s.Physical.First + " " + s.Physical.End
	if s.Gap != nil {
		of += " " + s.Gap.End
	}
	return of
}

// memory is physical memory, with what the gap before brk adds to it.
func (l *line) memory(at *result.AddressSpace) {
	physical, ok := spanOf(at.Physical)
	if !ok {
		return
	}
	note := doc.Say(hex(physical.first), " to ", hex(physical.end), ", ", size(physical.end-physical.first))
	marks := []mark{{doc.Bar, physical.first, physical.end, doc.Faint, "physical memory"}}
	if at.Gap != nil {
		if gap, ok := spanOf(*at.Gap); ok {
			note = note.Say("; then ", size(gap.end-gap.first), " for the gap before brk, to ", hex(gap.end))
			marks = append(marks, mark{doc.Bar, gap.first, gap.end, doc.Warn, "added for the gap before brk"})
		}
	}
	l.track("memory", note, marks...)
}

// module is where modules begin and where this one lay, and the reference that decided
// its fate.
func (l *line) module(name string, space *result.AddressSpace) {
	var said []string
	var marks []mark
	if begin, ok := address(space.Modules); ok {
		marks = append(marks, mark{doc.Limit, begin, begin, doc.Plain, "modules begin"})
		said = []string{"modules begin at " + hex(begin)}
	}
	if at, ok := address(space.Module); ok {
		how := " (computed)"
		if space.Seen {
			how = " (in /proc/modules)"
		}
		marks = append(marks, mark{doc.Dot, at, at, doc.Strong, name})
		said = append([]string{"at " + hex(at) + how}, said...)
	}
	if marks != nil {
		l.track(name, doc.Say(strings.Join(said, "; ")), marks...)
	}
	if space.Reach != nil {
		l.reach(name, *space.Reach)
	}
}

// reach is a reference that its field cannot hold: what the field reaches, and the
// arrow to what it would have to reach.
func (l *line) reach(module string, r result.Reach) {
	to, ok := address(r.To)
	lowest, ok2 := signed(r.Lowest)
	highest, ok3 := signed(r.Highest)
	if !ok || !ok2 || !ok3 || highest < 0 {
		return
	}
	from, relative := address(r.From)
	note := doc.Say("holds ", signedHex(lowest), " to ", hex(uint64(highest))+", needs ").Toned(doc.Bad, hex(to))
	if relative {
		note = doc.Say("from ", hex(from), " reaches ", signedHex(lowest), " to ", hex(uint64(highest)), ", needs ").Toned(doc.Bad, hex(to))
	}
	marks := []mark{
		{doc.Bar, uint64(max(lowest, 0)), uint64(highest), doc.Good, "what the field can hold"},
		{doc.Arrow, from, to, doc.Bad, "what the code needs"},
	}
	if got, ok := address(r.Reached); ok {
		note = note.Say("; gets to ", hex(got))
		if float64(got) < 2*max(l.top, float64(to)) { // one far away would leave no room for the rest
			marks = append(marks, mark{doc.Dot, got, got, doc.Warn, "where the code gets to"})
		}
	}
	l.track(module+", "+r.Relocation, note, marks...)
}
