package report

import (
	"bytes"
	"strings"

	"umlab/harness/report/doc"
)

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
