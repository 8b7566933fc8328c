package report

import (
	"io"
	"strings"

	"umlab/harness/result"
)

// NightlyMarkdown writes n as Markdown that is also the text of a mail: the news
// as its heading, everything else at most 72 columns wide. It returns the error
// of w.
func NightlyMarkdown(w io.Writer, n *result.Nightly) error {
	d := &mdMail{}
	d.line("# ", md(msgNews(n)))
	d.items(nightFacts(n))
	if why := nightReason(n); why != "" {
		d.line("")
		d.wrap(md(why), "")
	}
	for _, g := range changeGroups(n) {
		d.line("")
		d.wrap("**"+md(markDiffers+" "+g.news())+"**", "")
		for _, side := range g.sides() {
			d.line("")
			d.wrap(md(side.Word+" "+side.Text), "")
			d.block(strings.Join(side.Evidence, "\n"))
		}
	}
	d.chapter(msgBisections, bisected(n))
	d.chapter(msgMembers, members(n))
	d.items(notes(n))
	if n.Sweep != nil {
		t := newSweepSheet(n.Sweep)
		head, facts := sweepHeading(t, n.Sweep)
		if head != "" {
			facts = append([]string{head}, facts...)
		}
		d.chapter(msgTonight, facts)
		d.sweep(t)
	}
	d.line("")
	d.wrap("**"+md(msgNightTotals(n))+"**", "")
	d.repeat(n.Command)
	_, err := w.Write(d.out.Bytes())
	return err
}

func (d *mdMail) chapter(head string, items []string) {
	if len(items) > 0 {
		d.line("")
		d.line("## ", head)
		d.items(items)
	}
}
