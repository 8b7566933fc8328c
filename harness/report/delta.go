package report

import (
	"io"
	"strings"

	"umlab/harness/result"
)

// How many lines of a list are shown; JSON has all.
const (
	shownChanges   = 10
	shownSymbols   = 8
	shownFunctions = 4
)

// Delta writes d for a terminal: the conclusion, what differs, and what is equal.
// It returns the error of w.
func Delta(w io.Writer, d *result.Delta, opt Options) error {
	p := &printer{opt: opt}
	p.delta(d)
	_, err := w.Write(p.out.Bytes())
	return err
}

// DeltaMarkdown writes d as GitHub-flavoured Markdown. It returns the error of w.
func DeltaMarkdown(w io.Writer, d *result.Delta) error {
	m := &mdDocument{}
	m.delta(d)
	_, err := w.Write(m.out.Bytes())
	return err
}

// aspect is a list of what differs, cut to what is shown.
type aspect struct {
	Head  string
	Lines []string
	Parts []aspect // lists within it
}

// aspectsOf is everything that differs, and then what is equal, in one line.
func aspectsOf(d *result.Delta) (list []aspect, equal string) {
	var same []string
	add := func(name string, lines []string) {
		switch {
		case len(lines) > 0:
			list = append(list, aspect{Head: msgAspect(name), Lines: cutTo(lines, shownChanges)})
		case !d.UnknownAspect(name):
			same = append(same, msgAspect(name))
		}
	}
	add(result.AspectTree, changeLines(d.Tree, msgNotThere))
	add(result.AspectToolchain, changeLines(d.Toolchain, msgNotThere))
	add(result.AspectFlags, flagsLines(d.Flags))
	add(result.AspectTarget, changeLines(d.Target, msgNotThere))
	add(result.AspectResolved, changeLines(d.Resolved, msgNotThere))
	add(result.AspectConfig, changeLines(d.Config, msgNotSet))
	for _, m := range d.Modules {
		list = append(list, moduleAspect(m))
	}
	return list, strings.Join(same, ", ")
}

func changeLines(changes []result.Change, absent string) (lines []string) {
	const widest = 24 // columns; a longer name pushes its own values only
	column := 0
	for _, c := range changes {
		if n := len(c.Name); n <= widest {
			column = max(column, n)
		}
	}
	for _, c := range changes {
		lines = append(lines, msgDelta(c, absent, column))
	}
	return lines
}

func flagsLines(flags []result.FlagsDelta) (lines []string) {
	for _, f := range flags {
		s := f.Object
		for _, side := range []struct {
			name    string
			options []string
		}{{msgOnlyGood, f.Good}, {msgOnlyBad, f.Bad}} {
			if len(side.options) > 0 {
				s += "  " + side.name + ": " + strings.Join(side.options, " ")
			}
		}
		lines = append(lines, s)
	}
	return lines
}

func moduleAspect(m result.ModuleDelta) aspect {
	a := aspect{Head: m.Module + ": " + msgCounts(m.Types)}
	switch {
	case m.Same:
		a.Head = m.Module + ": " + msgSameBytes
	case len(m.Types)+len(m.Symbols)+len(m.Functions) == 0:
		a.Head = m.Module + ": " + msgSameTypes
	case len(m.Types) == 0:
		a.Head = m.Module + ": " + msgSameCounts
	}
	for _, by := range []struct {
		head  string
		list  []result.CountsOfChange
		shown int
	}{{msgBySymbol, m.Symbols, shownSymbols}, {msgByFunction, m.Functions, shownFunctions}} {
		var lines []string
		for _, c := range by.list {
			lines = append(lines, c.Name+": "+msgCounts(c.Types))
		}
		if len(lines) > 0 {
			a.Parts = append(a.Parts, aspect{Head: by.head, Lines: cutTo(lines, by.shown)})
		}
	}
	return a
}

// cutTo keeps the first n lines and says how many there are besides. One line is
// not replaced by another.
func cutTo(lines []string, n int) []string {
	if len(lines) <= n+1 {
		return lines
	}
	return append(lines[:n:n], msgMoreDeltas(len(lines)-n))
}

// delta prints d as a block.
func (p *printer) delta(d *result.Delta) {
	p.painted(bold, clean(msgDeltaTitle(d)))
	p.wrap(clean(d.Conclusion), "  ")
	list, equal := aspectsOf(d)
	for _, a := range list {
		p.line("")
		p.aspect(a, "  ")
	}
	if equal != "" || len(d.Unknown) > 0 {
		p.line("")
	}
	if equal != "" {
		p.wrap(msgEqual+": "+clean(equal), "  ")
	}
	for _, g := range d.Unknown {
		p.wrap(clean(msgGap(g)), "  ")
	}
}

func (p *printer) aspect(a aspect, indent string) {
	p.wrap(clean(a.Head), indent)
	for _, l := range a.Lines {
		p.wrap(clean(l), indent+"  ")
	}
	for _, part := range a.Parts {
		p.aspect(part, indent+"  ")
	}
}

// delta writes d as a section.
func (m *mdDocument) delta(d *result.Delta) {
	m.head(clean(msgDeltaTitle(d)))
	m.line()
	m.line(md(clean(d.Conclusion)))
	list, equal := aspectsOf(d)
	if len(list) > 0 {
		m.line()
	}
	for _, a := range list {
		m.aspect(a, "")
	}
	if equal != "" {
		m.line("- ", md(clean(msgEqual+": "+equal)))
	}
	for _, g := range d.Unknown {
		m.line("- ", md(clean(msgGap(g))))
	}
}

func (m *mdDocument) aspect(a aspect, indent string) {
	m.line(indent, "- ", md(clean(a.Head)))
	for _, l := range a.Lines {
		m.line(indent, "  - ", md(clean(l)))
	}
	for _, part := range a.Parts {
		m.aspect(part, indent+"  ")
	}
}
