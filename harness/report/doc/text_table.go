package doc

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// table prints the widest form of t that fits, and at last a list.
func (p *printer) table(t Table) {
	p.tables++
	grid, fits := p.fitting(t)
	if fits {
		p.blocks(t.Above)
		p.gap()
		if t.Named {
			p.wrap(Say(t.Label), false)
		}
		for _, l := range grid {
			p.out.WriteString(strings.TrimRight(strings.Repeat(" ", p.indent)+l, " ") + "\n")
		}
		for _, l := range t.Legend {
			if !slices.ContainsFunc(p.legend, func(m Line) bool { return slices.Equal(l, m) }) {
				p.legend = append(p.legend, l)
			}
		}
	}
	switch {
	case fits:
	case t.Narrower != nil:
		p.blocks(t.Narrower)
	default:
		p.gap()
		if t.Named {
			p.wrap(Say(t.Label), false)
		}
		p.list(t)
	}
	if p.tables--; p.tables == 0 && p.form != InMarkdown { // there it is a list of its own
		for _, l := range p.legend {
			p.wrap(l, false)
		}
		p.legend = nil
	}
}

// fitting are the lines of t as wide as there is room for: with its cells whole, if need be close together, else folded.
func (p *printer) fitting(t Table) (lines []string, fits bool) {
	for level := t.Fold; level <= t.deepest(); level++ {
		for apart := 2; apart > 0 && (apart == 2 || level == t.Fold); apart-- {
			lines = strings.Split(p.grid(t, level, apart), "\n")
			width := 0
			for i, l := range lines {
				lines[i] = strings.TrimRight(l, " ")
				if !strings.HasPrefix(l, p.rule()) {
					width = max(width, text.StringWidthWithoutEscSequences(lines[i]))
				}
			}
			for i, l := range lines {
				if strings.HasPrefix(l, p.rule()) {
					lines[i] = strings.Repeat(p.rule(), width)
				}
			}
			if p.opt.Width == 0 || p.indent+width <= p.opt.Width {
				return lines, true
			}
		}
	}
	return nil, false
}

// rule is what lines between rows are made of.
func (p *printer) rule() string {
	if p.form == InMail {
		return "-"
	}
	return "─"
}

// deepest is the level of the last break that t has.
func (t Table) deepest() int {
	level := t.Fold
	look := func(l Line) {
		for _, s := range l {
			level = max(level, s.level)
		}
	}
	for _, c := range t.Columns {
		look(c.Head)
	}
	for _, row := range slices.Concat(t.Rows, t.Sums) {
		for _, c := range row.Cells {
			for _, l := range c.Lines {
				look(l)
			}
		}
	}
	return level
}

// grid is the table proper, its columns so many spaces apart.
func (p *printer) grid(t Table, level, apart int) string {
	w := table.NewWriter()
	w.SetStyle(p.gridStyle(apart))
	var head table.Row
	for _, c := range t.Columns {
		lines := []Line{c.Head.orStrong()}
		if c.Group != "" {
			lines = []Line{Toned(Strong, c.Group), lines[0]}
		}
		for _, l := range c.Below {
			lines = append(lines, l.orStrong())
		}
		head = append(head, strings.Join(p.lines(lines, level), "\n"))
	}
	w.AppendHeader(head)
	above := make([]string, len(t.Columns))
	add := func(row Row) {
		var cells table.Row
		for i, c := range row.Cells {
			s := strings.Join(p.lines(c.Lines, level), "\n")
			if t.Columns[i].Once && s == above[i] {
				cells = append(cells, "")
				continue
			}
			above[i] = s
			cells = append(cells, s)
		}
		w.AppendRow(cells)
	}
	for _, row := range t.Rows {
		add(row)
	}
	if len(t.Sums) > 0 {
		w.AppendSeparator()
	}
	for _, row := range t.Sums {
		add(row)
	}
	return w.Render()
}

func (p *printer) gridStyle(apart int) table.Style {
	rule := p.rule()
	st := table.StyleDefault
	st.Box = table.BoxStyle{PaddingRight: strings.Repeat(" ", apart), UnfinishedRow: "…",
		MiddleHorizontal: rule, MiddleSeparator: rule, LeftSeparator: rule, RightSeparator: rule}
	st.Options = table.Options{SeparateHeader: true}
	st.Format.Header = text.FormatDefault
	return st
}

// lines are lines of a cell, folded and painted.
func (p *printer) lines(list []Line, level int) (painted []string) {
	for _, l := range list {
		for _, k := range p.inks(l, level) {
			painted = append(painted, p.paint(k))
		}
	}
	return painted
}

// list is the form for narrow terminals: a row is its keys with its sum, and under
// them its values, beside the names of their columns.
func (p *printer) list(t Table) {
	for _, row := range t.Rows {
		var keys, sums []Line
		var values Defs
		for i, c := range row.Cells {
			switch column := t.Columns[i]; {
			case len(c.Lines) == 0:
			case column.Role == Key && len(c.Lines[0]) > 0:
				keys = append(keys, Join(c.Lines, Say(" ")))
			case column.Role == Sum:
				sums = append(sums, c.Lines...)
			case column.Role == Value:
				values = append(values, Def{Term: column.Head.in(p.form).String(), Lines: c.Lines})
			}
		}
		head := Join(keys, Say(" ")).Say(":")
		if len(sums) > 0 {
			head, sums = head.Say(" ").With(sums[0]), sums[1:]
		}
		for _, l := range append([]Line{head}, sums...) {
			p.wrap(l, false)
		}
		p.within(2, func() { p.defs(values) })
	}
}

// before is k behind more text.
func (p *printer) before(s string, k ink) ink {
	return ink{s + k.text, append(make([]Tone, len(s)), k.tones...)}
}
