package report

import (
	"io"

	"umlab/harness/result"
)

// BisectionMarkdown writes b as GitHub-flavoured Markdown. It returns the error
// of w.
func BisectionMarkdown(w io.Writer, b *result.Bisection) error {
	s, words := newBisectionSheet(b), newBisectionWords()
	d := &mdDocument{}
	d.line("## ", md(s.Title))
	d.line()
	for _, f := range s.Facts {
		d.line("- ", md(f))
	}
	d.line()
	d.line("**", md(s.Reason), "**")
	for _, side := range s.Sides {
		d.head(side.Head + ": " + side.Name)
		d.line()
		d.line("- ", md(side.Seen))
		for _, l := range side.Evidence {
			d.line("- ", mdCode(l))
		}
		for _, l := range append([]string{side.Detail}, side.Made...) {
			if l != "" {
				d.line("- ", md(l))
			}
		}
	}
	if len(s.Table) > 0 {
		d.head(s.Head)
		d.line()
		mdRow(&d.out, []string{words.Name, "", words.Verdict, words.Seen})
		mdRow(&d.out, []string{"---", "---", "---", "---"})
		for _, r := range s.Table {
			mdRow(&d.out, []string{mdCell(mdCode(r.Name)), md(r.Mark), md(r.Verdict), md(r.Seen)})
		}
	}
	if s.Delta != nil {
		d.delta(s.Delta, s.Target)
	}
	d.list(words.Notes, s.Notes, md)
	d.line()
	if s.Repeat != "" {
		d.line(words.Repeat, " ", mdCode(s.Repeat))
		d.line()
	}
	d.line(md(s.Sum))
	_, err := w.Write(d.out.Bytes())
	return err
}
