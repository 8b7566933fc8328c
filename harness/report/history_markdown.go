package report

import (
	"bytes"
	"io"
	"strings"

	"umlab/harness/result"
)

// HistoryMarkdown writes h as GitHub-flavoured Markdown. It returns the error of
// w.
func HistoryMarkdown(w io.Writer, h *result.History) error {
	c := newChronicle(h)
	var b bytes.Buffer
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + "\n") }
	line(md(strings.Join(c.Facts, separator)))
	for _, e := range c.Groups {
		line()
		line("## ", md(e.Title))
		line()
		head, rule := []string{wordCell}, []string{"---"}
		form := &e
		if len(e.Columns) > roomy {
			form = e.folded()
		}
		for _, s := range form.Columns {
			head, rule = append(head, mdLines(s.lines())), append(rule, "---")
		}
		mdRow(&b, head)
		mdRow(&b, rule)
		plain := &printer{}
		for _, r := range form.Rows {
			cells := []string{mdCell(mdCode(r.Cell))}
			for _, m := range r.Entries {
				cells = append(cells, md(plain.mark(m)))
			}
			mdRow(&b, cells)
		}
		for i, l := range e.legend() {
			if i == 0 {
				line()
			}
			line("- ", md(l))
		}
		for _, t := range e.Changes {
			mdTurn(&b, t)
		}
	}
	line()
	line("**", md(c.Totals), "**")
	_, err := w.Write(b.Bytes())
	return err
}

func mdTurn(b *bytes.Buffer, t turn) {
	b.WriteString("\n### " + md(t.Head) + "\n\n")
	for _, l := range t.Else {
		b.WriteString(md(l) + "\n\n")
	}
	for _, m := range t.Moves {
		b.WriteString("- " + md(msgMove(m)) + "\n")
		for _, s := range m.Steps {
			b.WriteString("  - " + md(msgStep(s)) + "\n")
			for _, l := range s.Before {
				b.WriteString("    - " + wordBefore + " " + mdCode(l) + "\n")
			}
			for _, l := range s.After {
				b.WriteString("    - " + wordAfter + " " + mdCode(l) + "\n")
			}
		}
	}
}
