package report

import (
	"bytes"
	"io"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Markdown writes r as GitHub-flavoured Markdown for an issue or a mail. It
// returns the error of w.
func Markdown(w io.Writer, r *result.Results) error {
	s := newSheet(r)
	var b bytes.Buffer
	line := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
		b.WriteByte('\n')
	}
	line("## ", md(s.Title))
	line()
	for _, f := range s.Facts {
		line("- ", md(f))
	}
	if r.Command != "" {
		line("- ", md(msgRepeat), " ", mdCode(clean(r.Command)))
	}
	mdAlarms(&b, s.Alarms)
	if len(s.Rows) > 0 {
		line()
		mdTable(&b, s)
	}
	for _, w := range s.Whys {
		line()
		mark := ""
		if w.Differs {
			mark = markDiffers + " "
		}
		line(mark, mdCode(strings.Join(w.IDs, ", ")), ": ", md(w.Reason))
	}
	if len(s.Evidence) > 0 {
		line()
		line("<details><summary>", msgEvidence, "</summary>")
		line()
		for _, e := range s.Evidence {
			line("- ", mdEvidence(e))
		}
		line()
		line("</details>")
	}
	if s.Oracle || len(s.Controls) > 0 || len(s.Notes) > 0 {
		line()
	}
	if s.Oracle {
		line("- ", md(msgLegendAgrees))
	}
	if len(s.Controls) > 0 {
		line("- ", md(msgControls+": "+strings.Join(s.Controls, ", ")))
	}
	for _, n := range s.Notes {
		line("- ", md(msgNote(n)))
	}
	line()
	line("**", md(s.Totals), "**")
	_, err := w.Write(b.Bytes())
	return err
}

func mdAlarms(b *bytes.Buffer, list []alarm) {
	for _, a := range list {
		b.WriteString("\n> **" + md(a.Head) + "**\n")
		for _, l := range a.Lines {
			b.WriteString(">\n> " + md(strings.TrimSpace(l)) + "\n")
		}
	}
}

func mdEvidence(e evidence) string {
	var quoted []string
	if e.Line != "" {
		quoted = append(quoted, mdCode(e.Line))
	}
	if e.Detail != "" {
		quoted = append(quoted, md(e.Detail))
	}
	return md(e.Outcome) + " (" + mdCode(e.Where) + "): " + strings.Join(quoted, ": ")
}

func mdTable(b *bytes.Buffer, s *sheet) {
	head := []string{msgVariant}
	rule := []string{"---"}
	for _, c := range s.Columns {
		head = append(head, md(c.title()))
		rule = append(rule, "---")
	}
	mdRow(b, append(head, msgVerdict))
	mdRow(b, append(rule, "---"))
	plain := &printer{}
	for _, rw := range s.Rows {
		cells := []string{mdCell(mdCode(rw.ID))}
		for _, entries := range rw.Results {
			cells = append(cells, mdLines(plain.entries(entries, foldNone)))
		}
		mdRow(b, append(cells, mdLines(plain.verdict(rw))))
	}
}

func mdRow(b *bytes.Buffer, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func mdLines(lines []string) string {
	for i, l := range lines {
		lines[i] = md(strings.TrimSpace(l))
	}
	return strings.Join(lines, "<br>")
}

// md escapes what Markdown or HTML would take for markup. Underscores and dots
// inside words are none, and names of modules are full of them.
func md(s string) string {
	return mdEscapes().Replace(s)
}

func mdEscapes() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;",
		"&", "&amp;", "|", `\|`, "~", `\~`, " _", ` \_`, "#", `\#`)
}

// mdCode is s as a code span, whatever backticks it holds.
func mdCode(s string) string {
	longest, n := 0, 0
	for _, r := range s {
		if r != '`' {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || s == "" {
		s = " " + s + " "
	}
	return fence + s + fence
}

// mdCell keeps a code span inside its table cell: there, and only there, a pipe
// in code is escaped.
func mdCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// What bisections, deltas, histories and nights still write with.

// mailWidth is what a mail holds without folding, in columns.
const mailWidth = doc.MailWidth

type mdDocument struct{ out bytes.Buffer }

func (d *mdDocument) line(parts ...string) { d.out.WriteString(strings.Join(parts, "") + "\n") }

func (d *mdDocument) head(s string) {
	d.line()
	d.line("### ", md(s))
}

func (d *mdDocument) list(head string, lines []string, escape func(string) string) {
	for i, l := range lines {
		if i == 0 {
			d.line()
			d.line("**", md(head), "**")
			d.line()
		}
		d.line("- ", escape(l))
	}
}
