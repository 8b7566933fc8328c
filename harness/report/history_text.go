package report

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/result"
)

// History writes h for a terminal: of each group a row per cell and a column per
// toolchain, in the order of versions, then what changed, with the evidence.
// Where the table does not fit opt.Width, columns in which no cell changed are set
// as one, and at last each cell becomes a list of the ranges of toolchains that
// it stayed the same over. With brief, only the changes are
// written. It returns the error of w.
func History(w io.Writer, h *result.History, brief bool, opt Options) error {
	c := newChronicle(h)
	p := &printer{opt: opt}
	p.flow(c.Facts)
	for i := range c.Groups {
		e := &c.Groups[i]
		if brief && len(e.Changes) == 0 {
			continue
		}
		p.line("")
		p.painted(bold, e.Title)
		if !brief {
			p.line("")
			p.course(e)
			p.line("")
			for _, l := range e.legend() {
				p.wrap(l, "")
			}
		}
		for _, t := range e.Changes {
			p.line("")
			p.turn(t)
		}
	}
	p.line("")
	p.totals(bold, c.Totals)
	_, err := w.Write(p.out.Bytes())
	return err
}

// course prints an era's cells in the widest form that fits.
func (p *printer) course(e *era) {
	for _, form := range []*era{e, e.folded()} {
		body := p.eraGrid(form)
		if p.opt.Width == 0 || text.LongestLineLen(body) <= p.opt.Width {
			for l := range strings.SplitSeq(body, "\n") {
				p.line(l)
			}
			return
		}
	}
	p.ranges(e)
}

// eraGrid is the table of an era: a row per cell and a column per toolchain.
func (p *printer) eraGrid(e *era) string {
	t := table.NewWriter()
	t.SetStyle(gridStyle())
	head := table.Row{p.paint(bold, wordCell)}
	for _, s := range e.Columns {
		lines := s.lines()
		for i, l := range lines {
			lines[i] = p.paint(bold, l)
		}
		head = append(head, strings.Join(lines, "\n"))
	}
	t.AppendHeader(head)
	for _, r := range e.Rows {
		cells := table.Row{r.Cell}
		for _, m := range r.Entries {
			cells = append(cells, p.mark(m))
		}
		t.AppendRow(cells)
	}
	return t.Render()
}

// ranges prints each cell with the ranges of toolchains that it stayed the same
// over; where there is no room beside the verdicts, below them.
func (p *printer) ranges(e *era) {
	type line struct{ verdict, toolchains string }
	var cells [][]line
	verdicts, toolchains := 0, 0
	for _, r := range e.Rows {
		var lines []line
		for _, span := range r.spans() {
			first := r.Entries[span.From]
			l := line{p.mark(first), msgRange(e.Columns[span.From:span.To]) + msgRun(r.run(span), span.To-span.From)}
			if !first.Changed {
				l.verdict = "  " + l.verdict // as far right as behind the mark
			}
			verdicts, toolchains = max(verdicts, text.StringWidthWithoutEscSequences(l.verdict)), max(toolchains, text.StringWidth(l.toolchains))
			lines = append(lines, l)
		}
		cells = append(cells, lines)
	}
	const indent = "  "
	for i, r := range e.Rows {
		p.wrap(r.Cell, "")
		for _, l := range cells[i] {
			if len(indent)+verdicts+2+toolchains <= p.opt.Width {
				p.line(indent + text.Pad(l.verdict, verdicts+2, ' ') + l.toolchains)
			} else {
				p.line(indent + l.verdict)
				p.wrap(l.toolchains, indent+"    ")
			}
		}
	}
}

func (p *printer) mark(m mark) string {
	switch {
	case m.None:
		return p.paint(faint, m.Text)
	case m.Changed:
		return p.paint(bold, markTurned) + " " + p.paint(verdictStyle(m.Verdict), m.Text)
	}
	return p.paint(verdictStyle(m.Verdict), m.Text)
}

// turn prints the changes between two points.
func (p *printer) turn(t turn) {
	p.painted(bold, markTurned+" "+t.Head)
	for _, l := range t.Else {
		p.wrap(l, "    ")
	}
	for _, m := range t.Moves {
		p.wrap(msgMove(m), "  ")
		for _, s := range m.Steps {
			p.wrap(msgStep(s), "    ")
			for _, l := range s.Before {
				p.wrap(p.paint(faint, wordBefore+"  "+l), "      ")
			}
			for _, l := range s.After {
				p.wrap(p.paint(faint, wordAfter+"   "+l), "      ")
			}
		}
	}
}
