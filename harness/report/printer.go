package report

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

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

// wrapPainted is wrap, and paints what was cut.
func (p *printer) wrapPainted(st style, s, indent string) {
	cut := &printer{opt: Options{Width: p.opt.Width}}
	cut.wrap(s, indent)
	for l := range strings.Lines(cut.out.String()) {
		l = strings.TrimSuffix(l, "\n")
		text := strings.TrimLeft(l, " ")
		p.line(l[:len(l)-len(text)] + p.paint(st, text))
	}
}

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

func gridStyle() table.Style {
	st := table.StyleDefault
	st.Box = table.BoxStyle{PaddingRight: "  ", MiddleHorizontal: "─", MiddleSeparator: "─", LeftSeparator: "─", RightSeparator: "─", UnfinishedRow: "…"}
	st.Options = table.Options{SeparateHeader: true}
	st.Format.Header = text.FormatDefault
	return st
}
