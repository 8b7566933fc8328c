package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// A verdictTable is a group's cells with each toolchain.
type verdictTable struct {
	Number  int // of the group
	Columns []versionHead
	Rows    []verdictRow
}

// A versionHead is one toolchain in one version, or several of them.
type versionHead struct {
	Lines []string // "sid", "rustc 1.97.1", "LLVM 22.1.8", and "gcc" where that tells columns apart
	Brief string   // "sid (1.97.1)"
}

// A verdictRow is one cell; Marks runs parallel to the columns.
type verdictRow struct {
	Cell  string
	Marks []verdictMark
}

// A verdictMark is what is known of a cell with a toolchain.
type verdictMark struct {
	Entry   *result.HistoryEntry // nil where it was never run
	Text    string               // the verdict, or what stands for none, with Part
	Part    string               // which part of the row's question it answers, "" for all of it
	Changed bool
}

const markNever = "–"

func newVerdictTable(g *result.HistoryGroup, number int) *verdictTable {
	t := &verdictTable{Number: number}
	for _, c := range g.Columns {
		t.Columns = append(t.Columns, newVersionHead(c, g.Columns))
	}
	for _, r := range g.Rows {
		row := verdictRow{Cell: r.Cell}
		full := fullest(r)
		for _, e := range r.Entries {
			row.Marks = append(row.Marks, newVerdictMark(e, full))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func newVersionHead(c result.HistoryColumn, among []result.HistoryColumn) versionHead {
	number, rustc, llvm, compiler := result.Version(c.Rustc), "", "", ""
	if strings.HasSuffix(c.Toolchain, ":"+number) { // a member of a series says it itself
		number = ""
	}
	if number != "" {
		rustc = wordRustc + " " + number
	}
	if c.LLVM != "" {
		llvm = wordLLVM + " " + result.Version(c.LLVM)
	}
	if slices.ContainsFunc(among, func(o result.HistoryColumn) bool { return o.Compiler != c.Compiler }) {
		compiler = c.Compiler
	}
	return versionHead{append([]string{c.Toolchain}, present(rustc, llvm, compiler)...), described(c.Toolchain, number, compiler)}
}

// title is "sid (rustc 1.97.1, LLVM 22.1.8)".
func (v versionHead) title() string { return described(v.Lines[0], v.Lines[1:]...) }

// newVerdictMark is of an entry; full is what was asked of the fullest of its row.
func newVerdictMark(e *result.HistoryEntry, full asked) verdictMark {
	if e == nil {
		return verdictMark{Text: markNever}
	}
	part := partOf(newAsked(e), full)
	return verdictMark{Entry: e, Text: described(string(e.Point.Verdict), part), Part: part, Changed: e.Differs || e.Moved}
}

// line is the mark on a terminal; on a page it leads to the details.
func (m verdictMark) line(id string) doc.Line {
	if m.Entry == nil {
		return doc.Toned(doc.Faint, m.Text)
	}
	var l doc.Line
	if m.Changed {
		l = doc.Toned(doc.Strong, markChanged).Say(" ")
	}
	return l.With(doc.Toned(verdictStyle(m.Entry.Point.Verdict), m.Text).On(^doc.OnPage)).With(doc.Line{}.Link(id, m.Text).On(doc.OnPage))
}

// cell is a square of the page's heat map.
func (m verdictMark) cell(id, tip string) doc.Cell {
	c := doc.Cell{Lines: []doc.Line{m.line(id)}, Class: "square"}
	if m.Entry != nil {
		c.Class, c.Tip = c.Class+" "+string(m.Entry.Point.Verdict), tip+": "+m.Text
		for _, o := range m.outcomes() {
			c.Tip += "\n" + o.Term
			if o.Evidence != "" {
				c.Tip += ": " + o.Evidence
			}
		}
		c.Tip += "\n" + m.when()
	}
	if m.Changed {
		c.Class += " changed"
	}
	if m.Part != "" {
		c.Class += " partial"
	}
	return c
}

// when is "2026-11-01 12:00 UTC, tree 6.12.107, 3 runs".
func (m verdictMark) when() string {
	tree := m.Entry.Point.TreeVersion
	if tree != "" {
		tree = "tree " + tree
	}
	when := m.Entry.Point.When.UTC().Format(historyMoment) + " UTC"
	return strings.Join(present(when, tree, plural(m.Entry.Sightings, "run", "runs")), ", ")
}

// A seenOutcome is an outcome, where it was seen, and the line that proves it.
type seenOutcome struct {
	Term, Evidence string
	Where          []string
}

func (m verdictMark) outcomes() (list []seenOutcome) {
	for _, s := range m.Entry.Seen {
		for _, o := range s.Outcomes {
			i := slices.IndexFunc(list, func(have seenOutcome) bool { return have.Term == o.Text })
			if i < 0 {
				i = len(list)
				list = append(list, seenOutcome{Term: o.Text, Evidence: o.Evidence})
			}
			list[i].Where = append(list[i].Where, present(strings.TrimSpace(s.Placement+" "+s.Module))...)
		}
	}
	return list
}

// id is what the page calls the details of a mark.
func (t *verdictTable) id(row, column int) string {
	return fmt.Sprintf("seen-%d-%d-%d", t.Number, row, column)
}

// blocks are the table, in the widest form that fits, and what its marks mean.
func (t *verdictTable) blocks() []doc.Block {
	table, folded := t.table(), t.folded().table()
	folded.Narrower = t.ranges()
	table.Narrower = []doc.Block{folded}
	blocks := []doc.Block{table}
	if legend := t.legend(); legend != nil {
		blocks = append(blocks, doc.Section{Blocks: []doc.Block{doc.Items(legend)}})
	}
	return blocks
}

func (t *verdictTable) table() doc.Table {
	table := doc.Table{Label: "Verdict of each cell with each toolchain, in the order of versions", Class: "heat"}
	table.Columns = []doc.Column{{Head: doc.Say("cell"), Role: doc.Key}}
	for _, c := range t.Columns {
		column := doc.Column{Head: doc.Say(c.Lines[0])}
		for _, l := range c.Lines[1:] {
			column.Below = append(column.Below, doc.Say(l))
		}
		table.Columns = append(table.Columns, column)
	}
	for i, r := range t.Rows {
		row := doc.Cells(doc.Code(r.Cell))
		for j, m := range r.Marks {
			row.Cells = append(row.Cells, m.cell(t.id(i, j), r.Cell+", "+t.Columns[j].title()))
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// ranges are each cell with the ranges of toolchains that it stayed the same over.
func (t *verdictTable) ranges() (blocks []doc.Block) {
	for _, r := range t.Rows {
		var defs doc.Defs
		for _, s := range r.spans() {
			name := t.Columns[s.From].Brief
			if last := t.Columns[s.To-1].Brief; s.To-s.From > 1 {
				name += " to " + last
			}
			defs = append(defs, def(name+runNote(r.run(s), s.To-s.From), r.Marks[s.From].line("")))
		}
		blocks = append(blocks, doc.Section{Head: doc.Code(r.Cell), Minor: true, Tight: len(blocks) > 0, Blocks: []doc.Block{defs}})
	}
	return blocks
}

// runNote says how many of a range were run, where that is not all or none.
func runNote(n, of int) string {
	if n == 0 || n == of {
		return ""
	}
	return fmt.Sprintf(" (%d of %d run)", n, of)
}

// legend is what the marks mean that there are.
func (t *verdictTable) legend() (list []doc.Line) {
	var changed, partial, unknown, never bool
	for _, r := range t.Rows {
		for _, m := range r.Marks {
			changed, partial, never = changed || m.Changed, partial || m.Part != "", never || m.Entry == nil
			unknown = unknown || m.Entry != nil && m.Entry.Point.Verdict == result.Unknown
		}
	}
	note := func(is bool, text string) {
		if is {
			list = append(list, doc.Say(text))
		}
	}
	note(changed, markChanged+" not what it was: with the toolchain before it, or earlier with this one")
	note(partial, "(…) asked of fewer or other modules or placements than the fullest of its row")
	note(unknown, "unknown: nothing was proved, so it is not compared")
	note(never, markNever+" never run")
	return list
}

// seen is all that is known, for a page.
func (t *verdictTable) seen() doc.Block {
	s := doc.Section{Head: doc.Say("What was seen")}
	for i, r := range t.Rows {
		details := doc.Details{Summary: doc.Line{}.Mono(doc.Plain, r.Cell)}
		for j, m := range r.Marks {
			if m.Entry == nil {
				continue
			}
			var defs doc.Defs
			if m.Entry.Reason != "" {
				defs = append(defs, def("why", doc.Say(m.Entry.Reason)))
			}
			for _, o := range m.outcomes() {
				lines := []doc.Line{doc.Say(strings.Join(o.Where, ", ")), doc.Code(o.Evidence)}
				defs = append(defs, def(o.Term, slices.DeleteFunc(lines, func(l doc.Line) bool { return len(l) == 0 })...))
			}
			details.Blocks = append(details.Blocks, doc.Section{
				Head:   doc.Say(t.Columns[j].title(), ": ").Toned(verdictStyle(m.Entry.Point.Verdict), m.Text),
				ID:     t.id(i, j),
				Blocks: []doc.Block{doc.Para{Line: doc.Toned(doc.Faint, m.when())}, defs},
			})
		}
		s.Blocks = append(s.Blocks, details)
	}
	return s
}

// A span is the columns From up to, but without To.
type span struct{ From, To int }

// spans are the ranges of columns that the cell stayed the same over. What was
// never run between two that are the same does not end one.
func (r verdictRow) spans() (list []span) {
	for from := 0; from < len(r.Marks); {
		to := from + 1
		for i := to; i < len(r.Marks) && (r.Marks[i].Entry == nil || r.Marks[i].continues(r.Marks[from])); i++ {
			if r.Marks[i].continues(r.Marks[from]) {
				to = i + 1
			}
		}
		list = append(list, span{from, to})
		from = to
	}
	return list
}

// run is how many of the span were run; of what was never run, none.
func (r verdictRow) run(s span) (n int) {
	for _, m := range r.Marks[s.From:s.To] {
		if m.Entry != nil {
			n++
		}
	}
	return n
}

// continues reports whether m is what the range that o began is.
func (m verdictMark) continues(o verdictMark) bool { return !m.Changed && m.Text == o.Text }

// folded is t with the columns as one between which no cell changes.
func (t *verdictTable) folded() *verdictTable {
	begins := map[int]bool{0: true}
	for _, r := range t.Rows {
		for _, s := range r.spans() {
			begins[s.From] = true
		}
	}
	var list []span
	for i := range t.Columns {
		if begins[i] {
			list = append(list, span{i, i + 1})
		} else {
			list[len(list)-1].To = i + 1
		}
	}
	f := &verdictTable{Number: t.Number}
	for _, s := range list {
		f.Columns = append(f.Columns, oneHead(t.Columns[s.From:s.To]))
	}
	for _, r := range t.Rows {
		row := verdictRow{Cell: r.Cell}
		for _, s := range list {
			m := r.Marks[s.From]
			if at := slices.IndexFunc(r.Marks[s.From:s.To], func(m verdictMark) bool { return m.Entry != nil }); at >= 0 {
				m = r.Marks[s.From+at]
			}
			m.Text += runNote(r.run(s), s.To-s.From)
			row.Marks = append(row.Marks, m)
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}

// oneHead is the head of columns that stand as one.
func oneHead(columns []versionHead) versionHead {
	if len(columns) == 1 {
		return columns[0]
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.Brief)
	}
	return versionHead{Lines: msgGroup(names)}
}
