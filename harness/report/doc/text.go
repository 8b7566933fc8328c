package doc

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/shell"
)

// Options say what a terminal can do.
type Options struct {
	Color bool // ANSI colours; nothing is said by colour alone
	Width int  // columns; 0 is unlimited
	Draw  bool // it shows block characters: scales are drawn
}

// Terminal writes d for a terminal. It returns the error of w.
func Terminal(w io.Writer, d *Document, opt Options) error {
	p := &printer{form: OnTerminal, opt: opt}
	p.blocks(d.Blocks)
	_, err := w.Write(p.out.Bytes())
	return err
}

// Mail writes d as the text of a mail: at most MailWidth columns, but for what is
// Whole, and no colours. Only headings stand at the margin, so that neither mbox
// nor git take what is quoted for a header or a trailer. It returns the error of w.
func Mail(w io.Writer, d *Document) error {
	p := &printer{form: InMail, opt: Options{Width: MailWidth}, indent: 2}
	p.blocks(d.Blocks)
	_, err := w.Write(p.out.Bytes())
	return err
}

// A printer collects lines no wider than its options say.
type printer struct {
	form   Form
	opt    Options
	out    bytes.Buffer
	indent int
	depth  int    // of sections
	legend []Line // of the tables so far
	tables int    // that the block stands in
}

func (p *printer) blocks(list []Block) {
	for _, b := range pick(list, p.form) {
		p.block(b)
	}
}

func (p *printer) block(b Block) {
	switch b := b.(type) {
	case Title:
		p.margin(func() { p.head(b.Line, b.Whole) })
	case Facts:
		p.facts(b)
	case Alarm:
		p.alarm(b)
	case Totals:
		p.gap()
		p.flow(Lines(b.Parts...), b.Tone)
	case Para:
		p.wrap(b.Line, b.Whole)
	case List:
		p.items(b.Items, b.Bullets)
	case Evidence:
		p.evidence(b)
	case Defs:
		p.defs(b)
	case Quote:
		for _, l := range b.Lines {
			indent := p.indent
			if b.Margin {
				indent = 0
			}
			p.print(indent, p.ink(l, 0))
		}
	case Command:
		p.command(b)
	case Table:
		p.table(b)
	case Scale:
		p.scale(b)
	case Section:
		p.section(b)
	case Details:
		p.section(Section{Head: b.Summary, Blocks: b.Blocks, Tight: true})
	}
}

// An ink is text with a tone for each byte of it: what can be cut.
type ink struct {
	text  string
	tones []Tone
}

func (k ink) cut(from, to int) ink { return ink{k.text[from:to], k.tones[from:to]} }

func (k ink) width() int { return text.StringWidth(k.text) }

// lead is how many spaces the text begins with.
func (k ink) lead() int { return len(k.text) - len(strings.TrimLeft(k.text, " ")) }

// inks are the lines of l in a cell that is folded to level; 0 is all on one.
func (p *printer) inks(l Line, level int) []ink {
	lines := make([]ink, 1)
	for _, s := range l.in(p.form) {
		if s.level > 0 && s.level <= level {
			lines = append(lines, ink{})
			continue
		}
		k, clean := &lines[len(lines)-1], Clean(s.text)
		k.text += clean
		k.tones = append(k.tones, slices.Repeat([]Tone{s.tone}, len(clean))...)
	}
	return lines
}

func (p *printer) ink(l Line, level int) ink { return p.inks(l, level)[0] }

// sgr are the tones as ANSI sequences.
func (t Tone) sgr() string {
	return [...]string{Strong: "1", Good: "32", Reject: "31", Warn: "33", Bad: "1;31", Faint: "2", Loud: "1;7;31"}[t]
}

// paint is k with its colours, if any are wanted.
func (p *printer) paint(k ink) string {
	if !p.opt.Color {
		return k.text
	}
	var b strings.Builder
	for from := 0; from < len(k.text); {
		to := from + 1
		for to < len(k.text) && k.tones[to] == k.tones[from] {
			to++
		}
		if t := k.tones[from]; t == Plain {
			b.WriteString(k.text[from:to])
		} else {
			b.WriteString("\x1b[" + t.sgr() + "m" + k.text[from:to] + "\x1b[0m")
		}
		from = to
	}
	return b.String()
}

// gap is a blank line, but at the top.
func (p *printer) gap() {
	if p.out.Len() > 0 {
		p.out.WriteByte('\n')
	}
}

// print prints k as one line.
func (p *printer) print(indent int, k ink) {
	k = k.cut(0, len(strings.TrimRight(k.text, " ")))
	if k.text != "" {
		p.out.WriteString(strings.Repeat(" ", indent))
	}
	p.out.WriteString(disarm(p.paint(k)) + "\n") // a fold may have put a command at the beginning
}

// wrap prints l. Lines that follow the first are indented by two columns more than
// it begins with.
func (p *printer) wrap(l Line, whole bool) { p.hang(p.ink(l, 0), whole, 2) }

func (p *printer) hang(k ink, whole bool, by int) {
	lead := k.lead()
	indent, rest := p.indent+lead, k.cut(lead, len(k.text))
	width := p.opt.Width - indent
	if whole {
		width = 0
	}
	for i, at := range fold(rest.text, width) {
		margin := indent
		if i > 0 {
			margin += by
		}
		p.print(margin, rest.cut(at[0], at[1]))
	}
}

// within prints what f does with by columns more before it.
func (p *printer) within(by int, f func()) {
	p.indent += by
	f()
	p.indent -= by
}

// head prints a heading: at the margin it is strong, where nothing in it has a tone
// of its own.
func (p *printer) head(l Line, whole bool) {
	if p.indent == 0 {
		l = l.orStrong()
	}
	by := 2
	if p.form != InMail && p.indent == 0 {
		by = 0
	}
	p.hang(p.ink(l, 0), whole, by)
}

// margin prints what f does at the margin: in a mail, everything else is indented.
func (p *printer) margin(f func()) {
	if p.form == InMail && p.depth == 0 {
		p.within(-p.indent, f)
	} else {
		f()
	}
}

func (p *printer) section(s Section) {
	if !s.Tight {
		p.gap()
	}
	if len(s.Head.in(p.form)) == 0 {
		p.blocks(s.Blocks)
		return
	}
	p.margin(func() { p.head(s.Head, false) })
	by := 2
	if s.Flat || p.form == InMail && p.depth == 0 {
		by = 0
	}
	p.depth++
	p.within(by, func() { p.blocks(s.Blocks) })
	p.depth--
}

func (p *printer) facts(facts Facts) {
	if p.form == OnTerminal {
		var lines []Line
		for _, f := range facts {
			lines = append(lines, f.whole())
		}
		p.flow(lines, Plain)
		return
	}
	for i, f := range facts {
		if i == 0 || facts[i-1].Label != f.Label {
			p.gap()
			p.margin(func() { p.head(Say(f.Label), false) })
		}
		p.wrap(f.Line, false)
		p.within(2, func() {
			for _, l := range f.More {
				p.wrap(l, false)
			}
		})
	}
}

// flow prints parts, as many on a line as fit.
func (p *printer) flow(parts []Line, t Tone) {
	var line Line
	end := func() {
		if len(line) > 0 {
			p.wrap(line.In(t), false)
		}
	}
	for _, part := range parts {
		more := part
		if len(line) > 0 {
			more = line.Say(Separator).With(part)
		}
		if len(line) > 0 && p.opt.Width > 0 && p.ink(more, 0).width() > p.opt.Width-p.indent {
			end()
			more = part
		}
		line = more
	}
	end()
}

func (p *printer) alarm(a Alarm) {
	p.gap()
	p.margin(func() { p.head(Toned(Loud, "!! "+a.Head+" !!"), false) })
	by := 3
	if p.form == InMail {
		by = 0
	}
	p.within(by, func() {
		for _, l := range a.Lines {
			p.wrap(l, false)
		}
	})
}

func (p *printer) items(items []Item, bullets bool) {
	for _, it := range items {
		l := it.Line
		if bullets {
			l = Say("- ").With(l)
		}
		p.wrap(l, false)
		p.within(2, func() { p.items(it.Sub, bullets) })
	}
}

func (p *printer) evidence(list Evidence) {
	for _, e := range list {
		if e.Frame != nil {
			p.wrap(Say(e.Outcome, "  [", e.Where, "]:"), false)
			p.within(2, func() {
				p.block(Quote{Lines: Lines(e.Frame...)})
				if l := e.log(); l != nil {
					p.wrap(l, true)
				}
			})
			continue
		}
		if p.form != InMail {
			p.wrap(Say(e.Outcome, ": ", e.Text(), "  [", e.Where, "]"), false)
			continue
		}
		p.wrap(Say(e.Outcome, "  [", e.Where, "]"), false)
		p.within(2, func() { p.wrap(Say(strings.TrimSpace(e.Text())), false) })
	}
}

// defs prints what stands beside a term in a column of its own or, where the term
// is too wide for that, below it.
func (p *printer) defs(defs Defs) {
	widest := 0
	below := func(term int) bool { return p.form == InMail || p.opt.Width > 0 && term > p.opt.Width/2 }
	for _, d := range defs {
		if n := text.StringWidth(Clean(d.Term)); !below(n) {
			widest = max(widest, n)
		}
	}
	for _, d := range defs {
		lines := d.Lines
		by := 2
		if len(lines) == 0 || below(text.StringWidth(Clean(d.Term))) {
			p.wrap(Say(d.Term), false)
		} else {
			by = widest + 2
			p.beside(text.Pad(Clean(d.Term), by, ' '), lines[0], d.Whole)
			lines = lines[1:]
		}
		p.within(by, func() {
			for _, l := range lines {
				p.wrap(l, false)
			}
		})
	}
}

// beside prints l behind a term; where there is room enough, it keeps to its column.
func (p *printer) beside(term string, l Line, whole bool) {
	const roomy = 24
	by := text.StringWidth(term)
	room := p.opt.Width - p.indent - by
	if whole || room < roomy {
		p.wrap(Say(term).With(l), whole)
		return
	}
	k := p.ink(l, 0)
	for i, at := range fold(k.text, room) {
		if i == 0 {
			p.print(p.indent, p.before(term, k.cut(at[0], at[1])))
		} else {
			p.print(p.indent+by+2, k.cut(at[0], at[1]))
		}
	}
}

func (p *printer) command(c Command) {
	if c.Text == "" {
		return
	}
	p.gap()
	if p.form == OnTerminal {
		head := cmp.Or(c.Head, msgRepeat) + " "
		for i, l := range shell.Fold(head+Clean(c.Text), "", p.width()) {
			k := p.ink(Say(l), 0)
			if i == 0 {
				k = p.ink(Toned(Faint, head).Say(strings.TrimPrefix(l, head)), 0)
			}
			p.print(0, k)
		}
		if c.Note != "" {
			p.wrap(Say("(", c.Note, ")"), false)
		}
		return
	}
	p.margin(func() { p.head(Say(cmp.Or(c.Head, msgRepeatHead), between(" (", c.Note, ")")), false) })
	for _, l := range shell.Fold(Clean(c.Text), "  ", p.opt.Width) {
		p.print(0, p.ink(Say(l), 0))
	}
}

// width is that of the terminal, in columns.
func (p *printer) width() int { return cmp.Or(p.opt.Width, math.MaxInt32) }

// What a command is introduced with: in the running text, and as a heading.
const (
	msgRepeat     = "repeat with"
	msgRepeatHead = "Repeat with"
)

// between is s with what stands around it, nothing where s is empty.
func between(before, s, after string) string {
	if s == "" {
		return ""
	}
	return before + s + after
}
