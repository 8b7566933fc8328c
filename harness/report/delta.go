package report

import (
	"cmp"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

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
	p.delta(d, d.Cell)
	_, err := w.Write(p.out.Bytes())
	return err
}

// aspect is a list of what differs, cut to what is shown.
type aspect struct {
	Head    string
	Columns []string // what Rows hold
	Rows    []deltaRow
	More    string   // how many rows there are besides; "" where all are shown
	Parts   []aspect // lists within it
}

// deltaRow is one thing that differs.
type deltaRow struct {
	Name   string
	Values []string // a value of each side, or one that says both
}

// aspectsOf is everything that differs, and then what is equal, in one line.
func aspectsOf(d *result.Delta) (list []aspect, equal string) {
	var same []string
	add := func(name string, rows []deltaRow) {
		switch {
		case len(rows) > 0:
			a := aspect{Head: msgAspect(name), Columns: []string{msgDeltaName, d.Good, d.Bad}}
			a.cut(rows, shownChanges)
			list = append(list, a)
		case !d.UnknownAspect(name):
			same = append(same, msgAspect(name))
		}
	}
	add(result.AspectTree, changeRows(d.Tree, msgNotThere))
	add(result.AspectToolchain, changeRows(d.Toolchain, msgNotThere))
	add(result.AspectFlags, flagsRows(d.Flags))
	add(result.AspectTarget, changeRows(d.Target, msgNotThere))
	add(result.AspectResolved, changeRows(d.Resolved, msgNotThere))
	add(result.AspectConfig, changeRows(d.Config, msgNotSet))
	for _, m := range d.Modules {
		list = append(list, moduleAspect(m))
	}
	return list, strings.Join(same, ", ")
}

func changeRows(changes []result.Change, absent string) (rows []deltaRow) {
	for _, c := range changes {
		rows = append(rows, deltaRow{c.Name, []string{msgDeltaValue(c.Good, absent), msgDeltaValue(c.Bad, absent)}})
	}
	return rows
}

func flagsRows(flags []result.FlagsDelta) (rows []deltaRow) {
	for _, f := range flags {
		row := deltaRow{Name: f.Object}
		for _, options := range [][]string{f.Good, f.Bad} {
			row.Values = append(row.Values, cmp.Or(strings.Join(options, " "), msgNoFlags))
		}
		rows = append(rows, row)
	}
	return rows
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
	}{{msgBySymbol, m.Symbols, shownSymbols}, {msgByPlace(m.Functions), m.Functions, shownFunctions}} {
		var rows []deltaRow
		for _, c := range by.list {
			rows = append(rows, deltaRow{c.Name, []string{msgCounts(c.Types)}})
		}
		if len(rows) > 0 {
			part := aspect{Head: by.head, Columns: []string{by.head, result.AspectRelocations}}
			part.cut(rows, by.shown)
			a.Parts = append(a.Parts, part)
		}
	}
	return a
}

// cut keeps the first n rows and says how many there are besides. One row is not
// replaced by another.
func (a *aspect) cut(rows []deltaRow, n int) {
	if a.Rows = rows; len(rows) > n+1 {
		a.Rows, a.More = rows[:n], msgMoreDeltas(len(rows)-n)
	}
}

// delta prints d, which is of target, as a block.
func (p *printer) delta(d *result.Delta, target string) {
	p.painted(bold, clean(msgDeltaTitle(d, target)))
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

// widestName is how wide a name may be that has its values beside it.
const widestName = 40

func (p *printer) aspect(a aspect, indent string) {
	p.wrap(clean(a.Head), indent)
	column := 0
	for _, r := range a.Rows {
		if n := text.StringWidth(clean(r.Name)); n <= widestName {
			column = max(column, n)
		}
	}
	for _, r := range a.Rows {
		name, values := clean(r.Name), clean(msgDeltaValues(r.Values))
		switch {
		case len(r.Values) == 1: // counts: names of Rust symbols are longer than any column
			p.wrap(name+": "+values, indent+"  ")
		case text.StringWidth(name) > widestName:
			p.wrap(name, indent+"  ")
			p.wrap(values, indent+"    ")
		default:
			p.wrap(text.Pad(name, column+2, ' ')+values, indent+"  ")
		}
	}
	if a.More != "" {
		p.wrap(a.More, indent+"  ")
	}
	for _, part := range a.Parts {
		p.aspect(part, indent+"  ")
	}
}

// delta writes d, which is of target, as a section with a table for each list.
func (m *mdDocument) delta(d *result.Delta, target string) {
	m.head(clean(msgDeltaTitle(d, target)))
	m.line()
	m.line(md(clean(d.Conclusion)))
	list, equal := aspectsOf(d)
	for _, a := range list {
		m.line()
		m.line("**", md(clean(a.Head)), "**")
		for _, table := range append([]aspect{a}, a.Parts...) {
			m.aspect(table)
		}
	}
	if equal != "" || len(d.Unknown) > 0 {
		m.line()
	}
	if equal != "" {
		m.line("- ", md(clean(msgEqual+": "+equal)))
	}
	for _, g := range d.Unknown {
		m.line("- ", md(clean(msgGap(g))))
	}
}

func (m *mdDocument) aspect(a aspect) {
	if len(a.Rows) == 0 {
		return
	}
	var head, rule []string
	for _, c := range a.Columns {
		head, rule = append(head, md(clean(c))), append(rule, "---")
	}
	m.line()
	mdRow(&m.out, head)
	mdRow(&m.out, rule)
	for _, r := range a.Rows {
		cells := []string{mdCell(mdCode(clean(r.Name)))}
		for _, v := range r.Values {
			cells = append(cells, md(clean(v)))
		}
		mdRow(&m.out, cells)
	}
	if a.More != "" {
		m.line()
		m.line(md(a.More))
	}
}
