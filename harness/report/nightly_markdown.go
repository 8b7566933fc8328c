package report

import (
	"bytes"
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
	d.items(nightFacts(n, n.Sweep != nil))
	for _, g := range changeGroups(n) {
		d.line("")
		d.wrap("**"+md(markDiffers+" "+g.news())+"**", "")
		for _, side := range []struct {
			word  string
			point result.NightlyPoint
		}{{msgNightBefore, g.From}, {msgNightNow, g.To}} {
			d.line("")
			d.wrap(md(side.word+" "+g.side(side.point)), "")
			var quoted []string
			for _, e := range side.point.Evidence {
				quoted = append(quoted, clean(e))
			}
			d.block(strings.Join(quoted, "\n"))
		}
	}
	d.chapter(msgBisections, bisected(n))
	d.chapter(msgMembers, members(n))
	d.items(notes(n))
	d.line("")
	d.line("## ", msgTonight)
	d.line("")
	if n.Sweep != nil {
		var table bytes.Buffer
		if err := SweepMarkdown(&table, n.Sweep); err != nil {
			return err
		}
		d.line(strings.TrimRight(table.String(), "\n"))
	} else {
		d.wrap(md(msgNothing(n)), "")
	}
	d.line("")
	d.wrap("**"+md(msgNightTotals(n))+"**", "")
	if n.Command != "" {
		d.line("")
		d.line(md(msgRepeat) + ":")
		d.block(strings.Join(shellLines(clean(n.Command), "", mailWidth), "\n"))
	}
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
