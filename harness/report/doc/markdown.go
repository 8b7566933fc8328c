package doc

import (
	"bytes"
	"cmp"
	"io"
	"regexp"
	"strings"

	"umlab/harness/shell"
)

// Markdown writes d as GitHub-flavoured Markdown. It returns the error of w.
func Markdown(w io.Writer, d *Document) error { return writeMarkdown(w, d, 0) }

// MarkdownMail writes d as Markdown that is also the text of a mail: at most
// MailWidth columns, the tables and all that is quoted in fenced blocks. It returns
// the error of w.
func MarkdownMail(w io.Writer, d *Document) error { return writeMarkdown(w, d, MailWidth) }

func writeMarkdown(w io.Writer, d *Document, width int) error {
	m := &markdown{width: width, level: 1}
	m.blocks(d.Blocks)
	_, err := w.Write(m.out.Bytes())
	return err
}

type markdown struct {
	width int // 0: as long as they are
	level int // of headings: the last one's
	out   bytes.Buffer
}

func (m *markdown) blocks(list []Block) {
	for _, b := range pick(list, InMarkdown) {
		m.block(b)
	}
}

func (m *markdown) block(b Block) {
	switch b := b.(type) {
	case Title:
		m.title(b)
	case Facts:
		var items []Item
		for _, f := range b {
			items = append(items, Item{Line: Say(between("", f.Label, ": ")).With(f.whole())})
		}
		m.list(items)
	case Alarm:
		m.alarm(b)
	case Totals:
		m.para("**" + escape(Clean(strings.Join(b.Parts, Separator))) + "**")
	case Para:
		m.para(inline(b.Line))
	case List:
		m.list(b.Items)
	case Evidence:
		m.evidence(b)
	case Defs:
		m.defs(b)
	case Scale:
		m.defs(b.told())
	case Quote:
		m.fence(b)
	case Command:
		m.command(b)
	case Table:
		m.table(b)
	case Section:
		m.section(b)
	case Details:
		m.gap()
		m.line("<details><summary>", inline(b.Summary), "</summary>")
		m.blocks(b.Blocks)
		m.gap()
		m.line("</details>")
	}
}

func (m *markdown) line(parts ...string) { m.out.WriteString(strings.Join(parts, "") + "\n") }

// gap is the blank line before a block.
func (m *markdown) gap() {
	if m.out.Len() > 0 {
		m.out.WriteByte('\n')
	}
}

func (m *markdown) title(t Title) {
	switch {
	case t.Whole:
		m.line("# ", inline(t.Line))
	case m.width > 0:
		m.wrap(inline(t.Line), "")
		m.line("=====")
	default:
		m.level = 2
		m.line("## ", inline(t.Line))
	}
}

func (m *markdown) para(s string) {
	m.gap()
	m.wrap(s, "")
}

// wrap prints what is escaped in lines that each begin with prefix. What follows
// the first must not begin as a list or a heading does.
func (m *markdown) wrap(s, prefix string) {
	width := 0
	if m.width > 0 {
		width = m.width - 1 - len(prefix)
	}
	lead := len(s) - len(strings.TrimLeft(s, " "))
	for i, at := range fold(s[lead:], width-lead) {
		l := s[lead+at[0] : lead+at[1]]
		if i > 0 {
			l = mdNumber.ReplaceAllString(mdMark.ReplaceAllString("  "+l, `$1\$2`), `$1\$2`)
		}
		m.line(prefix, strings.TrimRight(strings.Repeat(" ", lead)+l, " "))
	}
}

// What begins a list or underlines a heading, and the end of a number that begins
// one; escape does the rest.
var (
	mdMark   = regexp.MustCompile(`^( *)([-+](?: |$)|[-=][-= ]*$)`)
	mdNumber = regexp.MustCompile(`^( *[0-9]{1,9})([.)](?: |$))`)
)

func (m *markdown) list(items []Item) {
	if len(items) > 0 {
		m.gap()
	}
	m.items(items, "")
}

func (m *markdown) items(items []Item, indent string) {
	for _, it := range items {
		m.wrap(indent+"- "+inline(it.Line), "")
		m.items(it.Sub, indent+"  ")
	}
}

func (m *markdown) defs(defs Defs) {
	var items []Item
	for _, d := range defs {
		items = append(items, Item{Line: Say(d.Term, ": ").With(Join(d.Lines, Say(", ")))})
	}
	m.list(items)
}

func (m *markdown) alarm(a Alarm) {
	m.gap()
	m.wrap("**"+escape(Clean(a.Head))+"**", "> ")
	for _, l := range a.Lines {
		m.line(">")
		m.wrap(strings.TrimSpace(inline(l)), "> ")
	}
}

func (m *markdown) evidence(list Evidence) {
	if m.width > 0 {
		m.fence(list)
		return
	}
	var items []Item
	for _, e := range list {
		if e.Frame != nil {
			m.list(items)
			items = nil
			m.para(inline(Say(e.Outcome, " (").Code(e.Where).Say("):")))
			m.fence(Quote{Lines: Lines(e.Frame...)})
			if l := e.log(); l != nil {
				m.para(inline(l))
			}
			continue
		}
		l := Say(e.Outcome, " (").Code(e.Where).Say("): ").Code(e.Line)
		if e.Line != "" && e.Detail != "" {
			l = l.Say(": ")
		}
		items = append(items, Item{Line: l.Say(e.Detail)})
	}
	m.list(items)
}

// fence quotes a block as a terminal of the same width shows it.
func (m *markdown) fence(b Block) *printer {
	p := &printer{form: InMarkdown, opt: Options{Width: m.width}}
	p.block(b)
	m.fenced(p.out.String())
	return p
}

func (m *markdown) fenced(text string) {
	text = strings.Trim(text, "\n")
	if text == "" {
		return
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	m.gap()
	m.line(fence)
	m.line(text)
	m.line(fence)
}

func (m *markdown) command(c Command) {
	text := Clean(strings.TrimSpace(c.Text))
	switch {
	case text == "":
	case m.width > 0:
		m.para(cmp.Or(c.Head, msgRepeat+":"))
		m.fenced(strings.Join(shell.Fold(text, "", m.width), "\n"))
	default:
		m.para(inline(Say(cmp.Or(c.Head, msgRepeatHead), " ").Code(text).Say(between(" (", c.Note, ")"))))
	}
}

func (m *markdown) section(s Section) {
	switch {
	case len(s.Head.in(InMarkdown)) == 0:
	case s.Minor:
		m.para("**" + inline(s.Head) + "**")
	default:
		m.gap()
		m.line(strings.Repeat("#", m.level+1), " ", inline(s.Head))
		m.level++
		defer func() { m.level-- }()
	}
	m.blocks(s.Blocks)
}

// table writes t with pipes, or in a mail as a terminal shows it.
func (m *markdown) table(t Table) {
	if m.width > 0 {
		p := m.fence(t)
		m.list(Items(p.legend).Items)
		return
	}
	if len(t.Columns) > Roomy+1 && t.Narrower != nil {
		m.blocks(t.Narrower)
		return
	}
	if t.Named {
		m.para(inline(Say(t.Label)))
	}
	m.gap()
	var head []string
	for _, c := range t.Columns {
		head = append(head, cellOf(append([]Line{c.Head}, c.Below...)))
	}
	m.row(head)
	m.row(strings.Split(strings.Repeat("--- ", len(head)), " ")[:len(head)])
	for _, rows := range [][]Row{t.Rows, t.Sums} {
		for _, r := range rows {
			var cells []string
			for _, c := range r.Cells {
				cells = append(cells, cellOf(c.Lines))
			}
			m.row(cells)
		}
	}
	m.list(Items(t.Legend).Items)
}

func (m *markdown) row(cells []string) { m.line("| ", strings.Join(cells, " | "), " |") }

func cellOf(lines []Line) string {
	var parts []string
	for _, l := range lines {
		parts = append(parts, strings.TrimSpace(inlineOf(l, true)))
	}
	return strings.Join(parts, "<br>")
}

// inline is a line of escaped Markdown.
func inline(l Line) string { return inlineOf(l, false) }

// inlineOf keeps code inside its cell: there, and only there, a pipe in code is
// escaped.
func inlineOf(l Line, cell bool) string {
	var b, said strings.Builder
	flush := func() {
		b.WriteString(escape(Clean(said.String())))
		said.Reset()
	}
	for _, s := range l.in(InMarkdown) {
		if s.face != code {
			said.WriteString(s.text)
			continue
		}
		flush()
		quoted := codeSpan(Clean(s.text))
		if cell {
			quoted = strings.ReplaceAll(quoted, "|", `\|`)
		}
		b.WriteString(quoted)
	}
	flush()
	return b.String()
}

// escape escapes what Markdown or HTML would take for markup. Underscores and dots
// inside words are none, and names of modules are full of them.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;",
		"&", "&amp;", "|", `\|`, "~", `\~`, " _", ` \_`, "#", `\#`).Replace(s)
}

// codeSpan is s as a code span, whatever backticks it holds.
func codeSpan(s string) string {
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
