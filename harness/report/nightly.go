package report

import (
	"io"

	"umlab/harness/result"
)

// NightlyText writes n for a terminal or a mail: the news on the first line, then
// what changed with its proof, what was bisected, what was run and with what. It
// returns the error of w.
func NightlyText(w io.Writer, n *result.Nightly, opt Options) error {
	p := &printer{opt: opt}
	p.line(p.paint(nightStyle(n), msgNews(n))) // whole: it is what a subject is made of
	p.line("")
	p.flow(nightFacts(n))
	if why := nightReason(n); why != "" {
		p.line("")
		p.wrap(why, "")
	}
	for _, g := range changeGroups(n) {
		p.line("")
		p.painted(bold, markDiffers+" "+g.news())
		for _, side := range g.sides() {
			p.wrap(side.Word+" "+side.Text, "  ")
			for _, e := range side.Evidence {
				p.wrap(e, "    ")
			}
		}
	}
	p.nightSection(msgBisections, bisected(n))
	p.nightSection(msgMembers, members(n))
	p.nightSection("", notes(n))
	if n.Sweep != nil {
		p.line("")
		p.sweep(newSweepSheet(n.Sweep))
	}
	p.line("")
	p.totals(nightStyle(n), msgNightTotals(n))
	_, err := w.Write(p.out.Bytes())
	return err
}

func nightStyle(n *result.Nightly) style {
	if n.Exit != 0 {
		return bad
	}
	return bold
}

// nightSection prints a heading and its lines, nothing where there are none.
func (p *printer) nightSection(head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("")
	indent := ""
	if head != "" {
		p.painted(bold, head)
		indent = "  "
	}
	for _, l := range lines {
		p.wrap(l, indent)
	}
}

func bisected(n *result.Nightly) (lines []string) {
	for _, b := range n.Bisections {
		lines = append(lines, msgNightBisected(b))
	}
	return lines
}

func members(n *result.Nightly) (lines []string) {
	for _, m := range n.Members {
		lines = append(lines, msgMember(m))
	}
	return lines
}

func notes(n *result.Nightly) (lines []string) {
	for _, note := range n.Notes {
		lines = append(lines, msgNote(clean(note)))
	}
	return lines
}
