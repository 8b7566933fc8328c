package report

import (
	"cmp"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Classification is what a saved console log shows: for each module the outcome,
// then the line that proves it, verbatim and never folded.
func Classification(c *result.Classification) *doc.Document {
	d := &doc.Document{}
	for _, m := range c.Modules {
		o := m.Outcome
		head := doc.Toned(doc.Strong, cmp.Or(m.Name, "(no module named)")).Say("  ")
		if o.Kind == outcome.Unproved {
			head = head.Toned(doc.Faint, "not proved by any line")
		} else {
			head = head.With(outcomeLine(o, whole))
		}
		d.Add(doc.Para{Line: head, Whole: true})
		if o.Evidence != "" {
			d.Add(doc.Para{Line: doc.Say("    ", o.Evidence), Whole: true},
				doc.Para{Line: doc.Toned(doc.Faint, fmt.Sprintf("    line %d, byte %d", m.Line, o.Offset)), Whole: true})
		}
		if o.Detail != "" {
			d.Add(doc.Para{Line: doc.Say("    ", o.Detail)})
		}
	}
	if len(c.Modules) == 0 {
		d.Add(doc.Para{Line: doc.Say("no line speaks of a module")})
	}
	file, kernel, gap := c.File, "kernel version not in the log", ""
	if file == "-" {
		file = "standard input"
	}
	if c.Kernel != "" {
		kernel = "kernel " + c.Kernel
	}
	if c.Gap != nil {
		gap = fmt.Sprintf("gap %d bytes before brk (the log: \"exec-shield gap\")", *c.Gap)
	}
	d.Add(doc.Section{Blocks: []doc.Block{factsOf(file, plural(c.Lines, "line", "lines"), kernel, gap)}})
	return d
}

// whole is an outcome with everything that was read off its evidence, by its
// whole names.
func whole(o outcome.Outcome) string {
	s := long(o)
	if r := o.Relocation; r != nil {
		s = fmt.Sprintf("%s %d %s%s", o.Kind, r.Type, r.Name, strings.TrimPrefix(s, o.Brief()))
		if o.Errno != 0 {
			s += fmt.Sprintf(", errno %d %s", o.Errno, unix.ErrnoName(unix.Errno(o.Errno)))
		}
	}
	return s
}
