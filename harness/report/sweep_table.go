package report

import (
	"slices"

	"umlab/harness/report/doc"
)

// tables are the columns in the widest form that fits: each as it is; those that
// nothing was run in left out, for what is to be said of them stands elsewhere, and
// those that read alike set as one; and at last a list. A page scrolls, and has room
// for Roomy.
func (t *sweepSheet) tables() []doc.Block {
	var all, run []int
	for i, c := range t.Columns {
		all = append(all, i)
		if c.Results != nil {
			run = append(run, i)
		}
	}
	wide, narrow := t.table(t.groups(all, false)), t.table(t.groups(run, true))
	narrow.Narrower = t.list(run)
	wide.Narrower = []doc.Block{narrow}
	return []doc.Block{doc.Only(^doc.OnPage, wide), doc.Only(doc.OnPage, t.table(t.groups(all, len(all) > doc.Roomy)))}
}

// groups puts columns together that read alike from top to bottom; without
// alike, each is a group of its own.
func (t *sweepSheet) groups(columns []int, alike bool) (list [][]int) {
	for n, i := range columns {
		if alike && n > 0 && t.alike(columns[n-1], i) {
			list[len(list)-1] = append(list[len(list)-1], i)
		} else {
			list = append(list, []int{i})
		}
	}
	return list
}

// alike reports whether column i shows what the one to its left does.
func (t *sweepSheet) alike(left, i int) bool {
	a, b := t.Columns[left], t.Columns[i]
	if a.State() != b.State() || a.Group != b.Group || b.proves() && b.Before != left {
		return false
	}
	return !slices.ContainsFunc(t.Rows, func(rw sweepRow) bool { return !rw.Cells[i].equal(rw.Cells[left]) || rw.Cells[i].Changed })
}

// table is the variants, with a column for each of groups. Versions stand in the
// head or, where columns stand together, above.
func (t *sweepSheet) table(groups [][]int) doc.Table {
	table := doc.Table{Label: "What each variant showed, with each toolchain"}
	table.Columns = []doc.Column{{Head: doc.Say(msgVariant), Role: doc.Key}}
	columns := slices.Concat(groups...)
	together := len(groups) < len(columns)
	trees := slices.ContainsFunc(columns, func(i int) bool { return t.Columns[i].Group != t.Columns[columns[0]].Group })
	for _, g := range groups {
		table.Columns = append(table.Columns, t.head(g, trees, !together))
	}
	if together {
		table.Above = []doc.Block{doc.Section{Blocks: t.versions(columns)}}
	}
	same := false
	for _, rw := range t.Rows {
		row := doc.Cells(doc.Line{}.Mono(doc.Plain, rw.ID))
		for n, g := range groups {
			cell := doc.Cell{Lines: rw.Cells[g[0]].lines()}
			if rw.Cells[g[0]].Same && n > 0 {
				cell.Lines = []doc.Line{doc.Toned(doc.Faint, markSame)}
				same = true
			}
			if rw.Cells[g[0]].Changed {
				cell.Class = "changed"
			}
			row.Cells = append(row.Cells, cell)
		}
		table.Rows = append(table.Rows, row)
	}
	if same {
		table.Legend = doc.Lines(markSame + " as in the column to its left")
	}
	table.Legend = append(table.Legend, t.legend()...)
	table.Sums = t.sums(groups...)
	return table
}

// head stands over a group of columns.
func (t *sweepSheet) head(group []int, tree, versions bool) doc.Column {
	first := t.Columns[group[0]]
	var col doc.Column
	if tree {
		col.Group = first.Group
	}
	names := sentences(group, func(i int) string { return t.Columns[i].Name })
	for n, name := range msgGroup(names) {
		at := group[n]
		if n > 0 && len(group) > fewColumns {
			at = group[len(group)-1]
		}
		col.Below = append(col.Below, doc.Line{}.Link(columnAnchor(at), name))
	}
	col.Head, col.Below = col.Below[0], col.Below[1:]
	if !first.proves() && first.Results != nil {
		col.Below = append(col.Below, doc.Toned(doc.Loud, "PROVES NOTHING"))
	}
	for _, l := range first.Lines {
		if versions {
			col.Below = append(col.Below, doc.Toned(doc.Faint, l))
		}
	}
	return col
}

// versions say what columns are, where the head of a table does not.
func (t *sweepSheet) versions(columns []int) (blocks []doc.Block) {
	for _, i := range columns {
		if c := t.Columns[i]; c.Versions != "" {
			blocks = append(blocks, doc.Para{Line: doc.Say(c.Label(), ": ", c.Versions)})
		}
	}
	return blocks
}

// legend explains the marks that are used, whatever form fits.
func (t *sweepSheet) legend() (lines []doc.Line) {
	if t.Changed {
		lines = append(lines, doc.Say(markMoved, " other than in the column to its left"))
	}
	if t.Unlike {
		lines = append(lines, doc.Say(markDiffers, " other than the scenario expects, or than was predicted"))
	}
	return lines
}

// list is the form for narrow terminals: below each variant what it showed, with
// the columns that showed it.
func (t *sweepSheet) list(columns []int) []doc.Block {
	var list doc.List
	for _, rw := range t.Rows {
		variant := doc.Item{Line: doc.Say(rw.ID)}
		for n := 0; n < len(columns); {
			end := n + 1
			for end < len(columns) && rw.Cells[columns[end]].equal(rw.Cells[columns[n]]) && !rw.Cells[columns[end]].Changed {
				end++
			}
			names := sentences(columns[n:end], func(i int) string { return t.Columns[i].Label() })
			lines := rw.Cells[columns[n]].lines()
			more := doc.Items(lines[1:]).Items
			if len(names) == len(columns) {
				variant = doc.Item{Line: doc.Say(rw.ID, ": ").With(lines[0]), Sub: more}
			} else {
				variant.Sub = append(variant.Sub, doc.Item{Line: doc.Say(msgColumns(names), ": ").With(lines[0]), Sub: more})
			}
			n = end
		}
		list.Items = append(list.Items, variant)
	}
	for _, sum := range t.sums(columns) {
		list.Items = append(list.Items, doc.Item{Line: doc.Join([]doc.Line{sum.Cells[0].Lines[0], sum.Cells[1].Lines[0]}, doc.Say(": "))})
	}
	blocks := []doc.Block{doc.Section{Blocks: t.versions(columns)}, doc.Section{Blocks: []doc.Block{list}}}
	return append(blocks, paras(t.legend()...)...)
}
