package report

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/result"
)

// Table writes r for a terminal: headlines, one row per variant with its result
// at each placement and its verdict, the evidence, and one line of totals. Where
// the rows do not fit opt.Width, they are folded, then set as a list. It returns
// the error of w.
func Table(w io.Writer, r *result.Results, opt Options) error {
	s := newSheet(r)
	p := &printer{opt: opt}
	p.painted(bold, s.Title)
	p.flow(s.Facts)
	for _, a := range s.Alarms {
		p.line("")
		p.painted(loud, "!! "+a.Head+" !!")
		for _, l := range a.Lines {
			p.wrap(l, "   ")
		}
	}
	if len(s.Rows) > 0 {
		p.line("")
		p.rows(s)
	}
	p.foot(s)
	p.line("")
	p.totals(totalStyle(r), s.Totals)
	_, err := w.Write(p.out.Bytes())
	return err
}

// A printer collects lines no wider than opt.Width.
type printer struct {
	opt Options
	out bytes.Buffer
}

func (p *printer) line(s string) {
	p.out.WriteString(strings.TrimRight(s, " "))
	p.out.WriteByte('\n')
}

// wrap prints s after indent. Lines that follow are indented by two columns more
// than s begins with.
func (p *printer) wrap(s, indent string) {
	rest := strings.TrimLeft(s, " ")
	indent += s[:len(s)-len(rest)]
	for i, l := range fold(rest, p.opt.Width-len(indent)) {
		if i > 0 {
			l = "  " + l
		}
		p.line(indent + l)
	}
}

// evidence prints an outcome with the line that proves it and where that stands.
func (p *printer) evidence(e evidence) { p.wrap(e.Outcome+": "+e.text()+"  ["+e.Where+"]", "") }

// painted prints s in one style.
func (p *printer) painted(st style, s string) {
	for _, l := range fold(s, p.opt.Width) {
		p.line(p.paint(st, l))
	}
}

// fold cuts s into lines of at most width columns, the ones after the first two
// columns less, at spaces where there are some. Spaces inside a line stay as
// they are: evidence is quoted, not set. Painted strings, and what is left of
// very narrow terminals, are not cut.
func fold(s string, width int) []string {
	const least = 16
	var list []string
	for painted := strings.Contains(s, "\x1b"); width >= least && !painted; {
		cut, space, columns := 0, 0, 0
		for i, r := range s {
			columns += text.RuneWidth(r)
			if r == ' ' && strings.TrimSpace(s[:i]) != "" {
				space = i
			}
			if columns > width {
				break
			}
			cut = i + utf8.RuneLen(r)
		}
		if columns <= width {
			break
		}
		if space > 0 {
			cut = space
		}
		list = append(list, strings.TrimRight(s[:cut], " "))
		s = strings.TrimLeft(s[cut:], " ")
		if len(list) == 1 {
			width -= 2
		}
	}
	return append(list, s)
}

// flow prints parts, as many on a line as fit.
func (p *printer) flow(parts []string) {
	l := ""
	for _, part := range parts {
		switch {
		case l == "":
			l = part
		case p.opt.Width > 0 && text.StringWidth(l+separator+part) > p.opt.Width:
			p.wrap(l, "")
			l = part
		default:
			l += separator + part
		}
	}
	if l != "" {
		p.wrap(l, "")
	}
}

// folding is how far the cells of the table are folded to lines.
type folding int

const (
	foldNone    folding = iota // a line per module, or one where all agree
	foldRuns                   // a line per distinct outcome of repeated runs
	foldModules                // and one for the module's name
)

// rows prints the variants in the widest form that fits.
func (p *printer) rows(s *sheet) {
	for _, f := range []folding{foldNone, foldRuns, foldModules} {
		body := p.grid(s, f)
		if p.opt.Width == 0 || text.LongestLineLen(body) <= p.opt.Width {
			for l := range strings.SplitSeq(body, "\n") {
				p.line(l)
			}
			return
		}
	}
	p.list(s)
}

// grid is the table proper.
func (p *printer) grid(s *sheet, f folding) string {
	t := table.NewWriter()
	t.SetStyle(gridStyle())
	head := table.Row{p.paint(bold, msgVariant)}
	for _, c := range s.Columns {
		if f > foldNone {
			head = append(head, p.paint(bold, c.Name)+"\n"+p.paint(bold, c.detail()))
		} else {
			head = append(head, p.paint(bold, c.title()))
		}
	}
	t.AppendHeader(append(head, p.paint(bold, msgVerdict)))
	for _, rw := range s.Rows {
		cells := table.Row{rw.ID}
		for _, entries := range rw.Results {
			cells = append(cells, strings.Join(p.entries(entries, f), "\n"))
		}
		t.AppendRow(append(cells, strings.Join(p.verdict(rw), "\n")))
	}
	return t.Render()
}

func gridStyle() table.Style {
	st := table.StyleDefault
	st.Box = table.BoxStyle{PaddingRight: "  ", MiddleHorizontal: "─", MiddleSeparator: "─", LeftSeparator: "─", RightSeparator: "─", UnfinishedRow: "…"}
	st.Options = table.Options{SeparateHeader: true}
	st.Format.Header = text.FormatDefault
	return st
}

// list is the form for narrow terminals: results stand beside the names of
// their placements or, in the narrowest, below them.
func (p *printer) list(s *sheet) {
	lines := p.beside(s)
	for _, l := range lines {
		if text.StringWidthWithoutEscSequences(l) > p.opt.Width {
			lines = p.below(s)
			break
		}
	}
	for _, l := range lines {
		p.wrap(l, "")
	}
}

func (p *printer) beside(s *sheet) []string {
	widest := 0
	for _, c := range s.Columns {
		widest = max(widest, text.StringWidth(c.title()))
	}
	var lines []string
	for _, rw := range s.Rows {
		lines = append(lines, p.listHead(rw)...)
		for i, entries := range rw.Results {
			head := s.Columns[i].title()
			for _, l := range p.entries(entries, foldRuns) {
				lines = append(lines, "  "+text.Pad(head, widest, ' ')+"  "+l)
				head = ""
			}
		}
	}
	return lines
}

func (p *printer) below(s *sheet) []string {
	var lines []string
	for _, rw := range s.Rows {
		lines = append(lines, p.listHead(rw)...)
		for i, entries := range rw.Results {
			lines = append(lines, "  "+s.Columns[i].title())
			for _, l := range p.entries(entries, foldModules) {
				lines = append(lines, "    "+l)
			}
		}
	}
	return lines
}

func (p *printer) listHead(rw row) []string {
	lines := p.verdict(rw)
	lines[0] = rw.ID + ": " + lines[0]
	return lines
}

func (p *printer) verdict(rw row) []string {
	lines := []string{p.paint(verdictStyle(rw.Verdict), string(rw.Verdict))}
	if rw.Differs != "" {
		lines[0] = p.paint(bad, markDiffers) + " " + lines[0]
		lines = append(lines, p.paint(bad, "  "+rw.Differs))
	}
	return lines
}

// entries are the lines of one placement of one variant.
func (p *printer) entries(entries []entry, f folding) []string {
	var lines []string
	for _, e := range entries {
		var parts []string
		for _, part := range e.Parts {
			parts = append(parts, p.paint(outcomeStyle(part.Kind), part.Text))
		}
		if e.Agrees {
			parts[len(parts)-1] += " " + markAgrees
		}
		if f == foldNone {
			parts = []string{strings.Join(parts, ", ")}
		}
		switch {
		case e.Module == "":
		case f == foldModules:
			parts = append([]string{e.Module + ":"}, parts...)
		default:
			parts[0] = e.Module + ": " + parts[0]
		}
		lines = append(lines, parts...)
		if e.Predicted != "" {
			lines = append(lines, p.paint(bad, markDiffers+" "+msgPredicted(e.Predicted)))
		}
	}
	return lines
}

// foot prints what stands between the rows and the totals.
func (p *printer) foot(s *sheet) {
	if len(s.Whys)+len(s.Evidence)+len(s.Controls)+len(s.Notes) > 0 || s.Oracle {
		p.line("")
	}
	for _, w := range s.Whys {
		mark := ""
		if w.Differs {
			mark = markDiffers + " "
		}
		p.wrap(mark+strings.Join(w.IDs, ", ")+": "+w.Reason, "")
	}
	for _, e := range s.Evidence {
		p.evidence(e)
	}
	if s.Oracle {
		p.wrap(msgLegendAgrees, "")
	}
	if len(s.Controls) > 0 {
		p.wrap(msgControls+": "+strings.Join(s.Controls, ", "), "")
	}
	for _, n := range s.Notes {
		p.wrap(msgNote(n), "")
	}
}
