package doc

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// everything is a document of every block, with s wherever a block has words.
func everything(s string) *Document {
	line := Say("x", s).Code(s).Mono(Bad, s).Toned(Good, s).Break(1, " ").Say(s).Link("there", "y"+s)
	row := Row{Cells: []Cell{{Lines: []Line{line}, Class: s, Tip: s}, {Lines: []Line{line, Code(s)}}, {Lines: []Line{Say(s)}}}, Class: s}
	table := Table{Label: s, Named: true, Class: s, Legend: []Line{line}, Rows: []Row{row, row}, Sums: []Row{row},
		Columns: []Column{{Head: line, Role: Key, Once: true}, {Head: line, Below: []Line{line}, Group: s}, {Head: Say(s), Role: Sum}}}
	d := &Document{}
	d.Add(
		Title{Line: line}, Facts{{Line: line}}, Facts{{Label: "x" + s, Line: line}, {Label: s, Line: line, More: []Line{line}}},
		Alarm{Head: "x" + s, Lines: []Line{line}}, Totals{Parts: []string{s, s}, Tone: Bad}, Para{Line: line}, table,
		List{Items: []Item{{Line: line, Sub: []Item{{Line: line}}, Tone: Strong}}, Bullets: true}, Evidence{{Outcome: s, Line: s, Detail: s, Where: s}, {Outcome: s, Line: s}, {Outcome: s, Where: s, Frame: []string{"x" + s, "x" + s}, Log: s}},
		Defs{{Term: s, Lines: []Line{line, line}}, {Term: s}}, Quote{Lines: []Line{line}}, Command{Text: s, Note: s},
		Scale{Label: s, Ticks: []Tick{{0.5, s}, {0.5, "x" + s}}, Tracks: []Track{
			{s, Say("x", s), []Mark{{Bar, 0.1, 0.5, Good, s}, {Dot, 0.2, 0.2, Warn, s}, {Limit, 0.3, 0.3, Bad, s}, {Arrow, 0, 1, Bad, s}}}}},
		Section{Head: line, ID: "there", Blocks: []Block{Para{Line: line}}},
		Section{Head: line, Minor: true, Tight: true, Blocks: []Block{table}}, Details{Summary: line, Open: true, Blocks: []Block{Para{Line: line}}},
	)
	return d
}

// FuzzEscaping puts foreign bytes wherever a document has words, and holds that no
// form breaks: text stays printable, a page keeps its elements, and Markdown its
// rows and blocks.
func FuzzEscaping(f *testing.F) {
	for _, s := range []string{
		"rust_print: Unknown rela relocation: 9", "\x1b[2J\x1b]0;title\x07", "</code><script>alert(1)</script>", "{{.}}", "| a | b |\n", "`````",
		"a\r\nb\x00\xff\xfe\u202e\u2028", "", " ", "\"><a href=javascript:x>", "   leading", "日本語 ≠ wide", "- 1. = ---", strings.Repeat("many words ", 30), "'",
	} {
		f.Add(s, 60)
	}
	shape := elements(f, "x")
	f.Fuzz(func(t *testing.T, s string, width int) {
		d := everything(s)
		for name, write := range map[string]func(*bytes.Buffer) error{
			"terminal": func(b *bytes.Buffer) error { return Terminal(b, d, Options{Width: min(max(width, 0), 300)}) },
			"mail":     func(b *bytes.Buffer) error { return Mail(b, d) },
			"markdown": func(b *bytes.Buffer) error { return Markdown(b, d) },
			"both":     func(b *bytes.Buffer) error { return MarkdownMail(b, d) },
			"page":     func(b *bytes.Buffer) error { return HTML(b, d) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			rows := 0
			for l := range strings.Lines(b.String()) {
				l = strings.TrimSuffix(l, "\n")
				for _, r := range l {
					if !unicode.IsPrint(r) {
						t.Fatalf("%s: %q in %q", name, r, l)
					}
				}
				if strings.HasPrefix(l, "| ") {
					rows++
				}
			}
			if name == "markdown" && rows != 2*(2+3) {
				t.Fatalf("%d rows of Markdown:\n%s", rows, b.String())
			}
		}
		if s != "" && strings.TrimSpace(s) == s && elements(t, s) != shape {
			t.Fatalf("the page has other elements:\n%s\nthan\n%s", elements(t, s), shape)
		}
	})
}

// elements are the elements of the page of everything, in their order.
func elements(t testing.TB, s string) string {
	var b bytes.Buffer
	if err := HTML(&b, everything(s)); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			names = append(names, n.Data)
		}
	}
	return strings.Join(names, " ")
}
