package report

import (
	"io"
	"regexp"
	"strings"

	"umlab/harness/result"
	"umlab/harness/shell"
)

// SweepMarkdown writes s as Markdown that is also the text of a mail: at most 72
// columns, the table and all that is quoted in code blocks. It returns the error
// of w.
func SweepMarkdown(w io.Writer, s *result.Sweep) error {
	t := newSweepSheet(s)
	d := &mdMail{}
	head, facts := sweepHeading(t, s)
	if head != "" {
		d.wrap(md(head), "")
		d.line("=====")
	}
	d.items(facts)
	d.sweep(t)
	d.line("")
	d.wrap("**"+md(t.Totals)+"**", "")
	d.repeat(s.Command)
	_, err := w.Write(d.out.Bytes())
	return err
}

// sweepHeading is a title that fits a line, and what goes with it.
func sweepHeading(t *sweepSheet, s *result.Sweep) (head string, facts []string) {
	head, facts = legible(s.Scenario.Title), t.Facts
	if name := legible(s.Scenario.Name); head == "" {
		head = t.Title
	} else if name != "" && name != head {
		facts = append([]string{msgScenario(name)}, facts...)
	}
	return head, facts
}

// sweep writes all that stands between heading and totals.
func (d *mdMail) sweep(t *sweepSheet) {
	for _, a := range t.Alarms {
		d.line("")
		d.wrap("**"+md(a.Head)+"**", "> ")
		for _, l := range a.Lines {
			d.line(">")
			d.wrap(md(strings.TrimSpace(l)), "> ")
		}
	}
	body := &printer{opt: Options{Width: mailWidth}}
	same := body.sweepBody(t)
	d.block(body.out.String())
	d.items(t.legend(same))
	d.items(t.foot())
	quoted := &printer{opt: Options{Width: mailWidth}}
	for _, e := range t.Evidence {
		quoted.evidence(e)
	}
	d.block(quoted.out.String())
	d.items(t.Notes)
}

// repeat quotes the command, if there is one.
func (d *mdMail) repeat(command string) {
	if command = legible(command); command != "" {
		d.line("")
		d.line(md(msgRepeat) + ":")
		d.block(strings.Join(shell.Fold(command, "", mailWidth), "\n"))
	}
}

// mdMail is Markdown in lines of a mail.
type mdMail struct{ mdDocument }

// wrap prints escaped text in lines that each begin with prefix. What follows
// the first must not begin as a list or a heading does.
func (d *mdMail) wrap(s, prefix string) {
	p := &printer{opt: Options{Width: mailWidth - 1 - len(prefix)}}
	p.wrap(s, "")
	first := true
	for l := range strings.Lines(p.out.String()) {
		l = strings.TrimSuffix(l, "\n")
		if !first {
			l = mdNumber.ReplaceAllString(mdMark.ReplaceAllString(l, `$1\$2`), `$1\$2`)
		}
		d.line(prefix, l)
		first = false
	}
}

// What begins a list or underlines a heading, and the end of a number that begins
// one; md escapes the rest.
var (
	mdMark   = regexp.MustCompile(`^( *)([-+](?: |$)|[-=][-= ]*$)`)
	mdNumber = regexp.MustCompile(`^( *[0-9]{1,9})([.)](?: |$))`)
)

func (d *mdMail) items(lines []string) {
	for i, l := range lines {
		if i == 0 {
			d.line("")
		}
		d.wrap("- "+md(l), "")
	}
}

// block quotes text as it stands.
func (d *mdMail) block(text string) {
	text = strings.Trim(text, "\n")
	if text == "" {
		return
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	d.line("")
	d.line(fence)
	d.line(text)
	d.line(fence)
}
