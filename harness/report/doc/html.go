package doc

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
)

//go:embed style.css
var style string

// HTML writes d as one page that loads nothing from elsewhere and runs no script.
// It returns the error of w.
func HTML(w io.Writer, d *Document) error {
	blocks := pick(d.Blocks, OnPage)
	g := &page{depth: 2}
	title := d.Page
	head := 0
	for head < len(blocks) && isHead(blocks[head]) {
		if t, ok := blocks[head].(Title); ok && title == "" {
			title = t.Line.in(OnPage).String()
		}
		head++
	}
	class := ""
	if d.Wide {
		class = "wide"
	}
	g.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n",
		"<title>", quoted(title), "</title>\n<style>\n", style, "</style>\n</head>\n<body", attr("class", class), ">\n<header>\n")
	g.blocks(blocks[:head])
	g.put("</header>\n<main>\n")
	g.blocks(blocks[head:])
	g.put("</main>\n</body>\n</html>\n")
	_, err := w.Write(g.out.Bytes())
	return err
}

func isHead(b Block) bool {
	switch b.(type) {
	case Title, Facts:
		return true
	}
	return false
}

// A page is being written. Everything that is not a constant here goes through
// quoted on its way out.
type page struct {
	out   bytes.Buffer
	depth int // of headings
}

func (g *page) put(parts ...string) {
	for _, p := range parts {
		g.out.WriteString(p)
	}
}

// quoted is s as the text of an element or the value of an attribute.
func quoted(s string) string { return html.EscapeString(Clean(s)) }

// attr is an attribute, nothing where it has no value.
func attr(name, value string) string {
	if value == "" {
		return ""
	}
	var lines []string
	for l := range strings.SplitSeq(value, "\n") {
		lines = append(lines, quoted(l))
	}
	return " " + name + `="` + strings.Join(lines, "\n") + `"`
}

func (t Tone) class() string {
	return [...]string{Plain: "", Strong: "strong", Good: "good", Reject: "reject", Warn: "warn", Bad: "bad", Faint: "faint", Loud: "bad"}[t]
}

// inline is a line as HTML.
func (g *page) inline(l Line) string {
	var b strings.Builder
	for _, s := range l.in(OnPage) {
		class := s.tone.class()
		if s.face == mono {
			class = strings.TrimSpace("mono " + class)
		}
		open, shut := "", ""
		switch {
		case s.link != "":
			open, shut = "<a"+attr("class", class)+attr("href", "#"+s.link)+">", "</a>"
		case s.face == code:
			open, shut = "<code"+attr("class", class)+">", "</code>"
		case class == "strong":
			open, shut = "<strong>", "</strong>"
		case class != "":
			open, shut = "<span"+attr("class", class)+">", "</span>"
		}
		b.WriteString(open + quoted(s.text) + shut)
	}
	return b.String()
}

// lines are lines as HTML, with a break between them.
func (g *page) lines(list []Line) string {
	var parts []string
	for _, l := range list {
		parts = append(parts, g.inline(l))
	}
	return strings.Join(parts, "<br>")
}

func (g *page) blocks(list []Block) {
	for _, b := range pick(list, OnPage) {
		g.block(b)
	}
}

func (g *page) block(b Block) {
	switch b := b.(type) {
	case Title:
		g.put("<h1>", g.inline(b.Line), "</h1>\n")
	case Facts:
		g.facts(b)
	case Alarm:
		g.put(`<section class="alarm"><h2>`, quoted(b.Head), "</h2>")
		for _, l := range b.Lines {
			g.put(`<p class="mono">`, g.inline(l), "</p>")
		}
		g.put("</section>\n")
	case Totals:
		class := "totals"
		if b.Tone == Bad {
			class += " bad"
		}
		g.put("<p", attr("class", class), ">", quoted(strings.Join(b.Parts, Separator)), "</p>\n")
	case Para:
		g.put("<p>", g.inline(b.Line), "</p>\n")
	case List:
		g.items(b.Items)
	case Evidence:
		g.put("<dl>")
		for _, e := range b {
			if e.Frame != nil {
				g.put("<dt>", quoted(e.Outcome), "</dt><dd>", g.inline(Toned(Faint, "["+e.Where+"]")))
				g.pre(Lines(e.Frame...))
				g.put(g.inline(e.log()), "</dd>")
				continue
			}
			g.put("<dt>", quoted(e.Outcome), "</dt><dd>", g.inline(Code(e.Line).Say(between("", e.Detail, " "))),
				g.inline(Say(" ").Toned(Faint, "["+e.Where+"]")), "</dd>")
		}
		g.put("</dl>\n")
	case Defs:
		g.put("<dl>\n")
		for _, d := range b {
			g.put("<dt>", quoted(d.Term), "</dt><dd>", g.lines(d.Lines), "</dd>\n")
		}
		g.put("</dl>\n")
	case Quote:
		g.pre(b.Lines)
	case Command:
		if b.Text != "" {
			g.heading(Say(cmp.Or(b.Head, msgRepeatHead), between(" (", b.Note, ")")), "")
			g.pre(Lines(b.Text))
		}
	case Table:
		g.table(b)
	case Scale:
		g.scale(b)
	case Section:
		if len(b.Head.in(OnPage)) > 0 {
			g.heading(b.Head, b.ID)
			g.depth++
			defer func() { g.depth-- }()
		}
		g.blocks(b.Blocks)
	case Details:
		open := ""
		if b.Open {
			open = " open"
		}
		g.put("<details", attr("id", b.ID), open, "><summary>", g.inline(b.Summary), "</summary>\n")
		g.blocks(b.Blocks)
		g.put("</details>\n")
	}
}

func (g *page) heading(l Line, id string) {
	tag := fmt.Sprintf("h%d", min(g.depth, 6))
	g.put("<", tag, attr("id", id), ">", g.inline(l), "</", tag, ">\n")
}

func (g *page) pre(lines []Line) {
	if len(lines) == 0 {
		return
	}
	g.put("<pre>")
	for i, l := range lines {
		if i > 0 {
			g.put("\n")
		}
		g.put(g.inline(l))
	}
	g.put("</pre>\n")
}

func (g *page) facts(facts Facts) {
	if !slices.ContainsFunc(facts, func(f Fact) bool { return f.Label != "" }) {
		var lines []Line
		for _, f := range facts {
			lines = append(lines, f.whole())
		}
		g.put(`<p class="facts">`, g.inline(Join(lines, Say(Separator))), "</p>\n")
		return
	}
	g.put(`<dl class="facts">`)
	for i, f := range facts {
		if i == 0 || facts[i-1].Label != f.Label {
			g.put("<dt>", quoted(f.Label), "</dt>")
		}
		g.put("<dd>", g.inline(f.whole()), "</dd>")
	}
	g.put("</dl>\n")
}

func (g *page) items(items []Item) {
	g.put("<ul>\n")
	for _, it := range items {
		g.put("<li", attr("class", it.Tone.class()), ">", g.inline(it.Line))
		if len(it.Sub) > 0 {
			g.put("\n")
			g.items(it.Sub)
		}
		g.put("</li>\n")
	}
	g.put("</ul>\n")
}

// table writes t in a box of its own that scrolls, and says so where it does, with its
// label for those who hear it. On a narrow page its rows are stacks of cells, each with
// the name of its column.
func (g *page) table(t Table) {
	g.put(`<div class="scroll" tabindex="0" role="region"`, attr("aria-label", t.Label), ">\n<table", attr("class", t.Class), ">\n")
	if t.Label != "" {
		g.put("<caption>", quoted(t.Label), "</caption>\n")
	}
	g.put("<thead>\n")
	g.groups(t.Columns)
	g.put("<tr>")
	for _, c := range t.Columns {
		g.put(`<th scope="col">`, g.inline(c.Head))
		for _, l := range c.Below {
			g.put("<small>", g.inline(l), "</small>")
		}
		g.put("</th>")
	}
	g.put("</tr>\n</thead>\n<tbody>\n")
	g.rows(t, t.Rows)
	g.put("</tbody>\n")
	if len(t.Sums) > 0 {
		g.put("<tfoot>\n")
		g.rows(t, t.Sums)
		g.put("</tfoot>\n")
	}
	g.put("</table>\n</div>\n")
	if len(t.Legend) > 0 {
		g.items(Items(t.Legend).Items)
	}
}

// groups is a row of heads over columns side by side.
func (g *page) groups(columns []Column) {
	if !slices.ContainsFunc(columns, func(c Column) bool { return c.Group != "" }) {
		return
	}
	g.put("<tr>")
	for i := 0; i < len(columns); {
		n := i + 1
		for n < len(columns) && columns[n].Group == columns[i].Group {
			n++
		}
		if columns[i].Group == "" {
			g.put(fmt.Sprintf(`<td colspan="%d"></td>`, n-i))
		} else {
			g.put(fmt.Sprintf(`<th scope="colgroup" colspan="%d">`, n-i), quoted(columns[i].Group), "</th>")
		}
		i = n
	}
	g.put("</tr>\n")
}

func (g *page) rows(t Table, rows []Row) {
	for _, r := range rows {
		g.put("<tr", attr("class", r.Class), ">")
		for i, c := range r.Cells {
			tag, scope, class, head := "td", "", c.Class, t.Columns[i].name()
			switch t.Columns[i].Role {
			case Key:
				tag, scope, head = "th", "row", ""
			case Sum:
				class, head = strings.TrimSpace("sum "+class), ""
			}
			if len(c.Lines) == 0 {
				head = ""
			}
			g.put("<", tag, attr("scope", scope), attr("class", class), attr("data-head", head), attr("title", c.Tip), ">",
				g.lines(c.Lines), "</", tag, ">")
		}
		g.put("</tr>\n")
	}
}
