package report

import (
	"io"
	"strings"

	"umlab/harness/result"
)

// HistoryMarkdown writes h as GitHub-flavoured Markdown. It returns the error of
// w.
func HistoryMarkdown(w io.Writer, h *result.History) error {
	c := newChronicle(h)
	d := &mdDocument{}
	d.line(md(strings.Join(c.Facts, separator)))
	for _, e := range c.Groups {
		d.line()
		d.line("## ", md(e.Title))
		d.line()
		head, rule := []string{wordCell}, []string{"---"}
		form := &e
		if len(e.Columns) > roomy {
			form = e.folded()
		}
		for _, s := range form.Columns {
			head, rule = append(head, mdLines(s.lines())), append(rule, "---")
		}
		mdRow(&d.out, head)
		mdRow(&d.out, rule)
		plain := &printer{}
		for _, r := range form.Rows {
			cells := []string{mdCell(mdCode(r.Cell))}
			for _, m := range r.Entries {
				cells = append(cells, md(plain.mark(m)))
			}
			mdRow(&d.out, cells)
		}
		for i, l := range e.legend() {
			if i == 0 {
				d.line()
			}
			d.line("- ", md(l))
		}
		for _, t := range e.Changes {
			d.turn(t)
		}
	}
	d.line()
	d.line("**", md(c.Totals), "**")
	_, err := w.Write(d.out.Bytes())
	return err
}

func (d *mdDocument) turn(t turn) {
	d.head(t.Head)
	d.line()
	for _, l := range t.Else {
		d.line(md(l))
		d.line()
	}
	for _, m := range t.Moves {
		d.line("- ", md(msgMove(m)))
		for _, s := range m.Steps {
			d.line("  - ", md(msgStep(s)))
			for _, l := range s.Before {
				d.line("    - ", wordBefore, " ", mdCode(l))
			}
			for _, l := range s.After {
				d.line("    - ", wordAfter, " ", mdCode(l))
			}
		}
	}
}
