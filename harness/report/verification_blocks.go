package report

import (
	"cmp"
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// A block is a table: what some cells with some toolchains all showed.
type block struct {
	Toolchains, Cells []string
	Rows              []contrast
}

// title is the heading of the table.
func (b block) title() string {
	return strings.Join(b.Toolchains, ", ") + ": " + strings.Join(b.Cells, ", ")
}

// A contrast is one placement before and after, for some modules.
type contrast struct {
	Placement     string
	Modules       []string // none where all modules agree
	Before, After entry
}

// contrastTables are tables, under the names of what they are of where named.
func contrastTables(list []block, named bool) []doc.Block {
	var blocks []doc.Block
	for _, b := range list {
		t := doc.Table{Label: b.title(), Named: named, Fold: 1, Columns: []doc.Column{
			{Head: doc.Say("placement"), Role: doc.Key, Once: true}, {Head: doc.Say("modules"), Role: doc.Key},
			{Head: doc.Say(msgBefore)}, {Head: doc.Say(msgAfter)},
		}}
		for _, c := range b.Rows {
			modules := doc.Join(doc.Lines(c.Modules...), doc.Say(",").Break(1, " "))
			t.Rows = append(t.Rows, doc.Row{Cells: []doc.Cell{
				{Lines: []doc.Line{doc.Say(c.Placement)}}, {Lines: []doc.Line{modules}}, {Lines: entryLines(c.Before)}, {Lines: entryLines(c.After)},
			}})
		}
		if !slices.ContainsFunc(b.Rows, func(c contrast) bool { return len(c.Modules) > 0 }) {
			t.Columns = slices.Delete(t.Columns, 1, 2)
			for i := range t.Rows {
				t.Rows[i].Cells = slices.Delete(t.Rows[i].Cells, 1, 2)
			}
		}
		if !slices.ContainsFunc(b.Rows, func(c contrast) bool { return c.Placement != "" }) { // nothing was to be booted
			t.Columns = t.Columns[1:]
			t.Columns[0].Role = doc.Key
			for i := range t.Rows {
				t.Rows[i].Cells = t.Rows[i].Cells[1:]
			}
		}
		blocks = append(blocks, t)
	}
	return blocks
}

// contrastBlocks are what the stock cell showed, and what the others did. Toolchains,
// and cells other than stock, which showed the same, share one.
func contrastBlocks(pairs []result.Pair) (ofStock, others []block) {
	cells := 0
	for _, p := range pairs {
		cells = max(cells, len(p.Before.Cells), len(p.After.Cells))
	}
	for i := range cells {
		var list []block
		for _, p := range pairs {
			before, after := cellsAt(p, i)
			b := block{[]string{p.Before.Toolchain.Name}, []string{cmp.Or(before.ID, after.ID)}, contrasts(before, after)}
			at := slices.IndexFunc(list, func(x block) bool { return slices.Equal(x.Cells, b.Cells) && sameRows(x, b) })
			if at < 0 {
				list = append(list, b)
				continue
			}
			list[at].Toolchains = append(list[at].Toolchains, b.Toolchains...)
		}
		for _, b := range list {
			if b.Cells[0] == stock {
				ofStock = append(ofStock, b)
				continue
			}
			at := slices.IndexFunc(others, func(x block) bool { return slices.Equal(x.Toolchains, b.Toolchains) && sameRows(x, b) })
			if at < 0 {
				others = append(others, b)
				continue
			}
			others[at].Cells = append(others[at].Cells, b.Cells...)
		}
	}
	return ofStock, others
}

// stock is the cell that no flags override: there the patch is the variant.
const stock = "stock"

// cellsAt are the cells number i of both sides, which umlab runs in the same
// order; what is missing is a cell in which nothing was run.
func cellsAt(p result.Pair, i int) (before, after *result.Cell) {
	at := func(r *result.Results) *result.Cell {
		if i < len(r.Cells) {
			return &r.Cells[i]
		}
		return &result.Cell{}
	}
	return at(p.Before), at(p.After)
}

// A stage is one placement of a cell on both sides; nil where it was not run.
type stage struct {
	column
	Before, After *result.Placement
}

func stages(before, after *result.Cell) []stage {
	var list []stage
	at := func(p *result.Placement) *stage {
		col := columnOf(*p)
		i := slices.IndexFunc(list, func(s stage) bool { return s.column == col })
		if i < 0 {
			i = len(list)
			list = append(list, stage{column: col})
		}
		return &list[i]
	}
	for i := range before.Placements {
		p := &before.Placements[i]
		at(p).Before = p
	}
	for i := range after.Placements {
		p := &after.Placements[i]
		at(p).After = p
	}
	return list
}

// modules names what either side tried, in the order first seen.
func (s stage) modules() []string {
	var names []string
	for _, p := range []*result.Placement{s.Before, s.After} {
		if p == nil {
			continue
		}
		for _, t := range p.Tallies() {
			names = appendNew(names, t.Module)
		}
	}
	return names
}

// contrasts are the rows of a cell: one per placement, or where modules differ,
// one for each group of modules that agree.
func contrasts(before, after *result.Cell) []contrast {
	var rows []contrast
	for _, s := range stages(before, after) {
		modules := s.modules()
		var groups []contrast
		var names [][]string
		for _, m := range modules {
			c := contrast{Placement: s.title(), Before: shown(before, s.Before, m), After: shown(after, s.After, m)}
			at := slices.IndexFunc(groups, c.same)
			if at < 0 {
				at = len(groups)
				groups, names = append(groups, c), append(names, nil)
			}
			names[at] = append(names[at], m)
		}
		if len(modules) == 0 {
			groups = []contrast{{Placement: s.title(), Before: unrun(before), After: unrun(after)}}
		}
		for i := range groups {
			if len(groups) > 1 {
				groups[i].Modules = names[i]
			}
		}
		rows = append(rows, groups...)
	}
	if len(rows) == 0 {
		rows = []contrast{{Before: unrun(before), After: unrun(after)}}
	}
	return rows
}

// shown is what p showed for module. That it was predicted so is said once for
// all, below the tables.
func shown(c *result.Cell, p *result.Placement, module string) entry {
	if p != nil {
		for _, e := range eachEntry(*p) {
			if e.Module == module {
				return entry{Parts: e.unmarked().Parts, Predicted: e.Predicted}
			}
		}
	}
	return unrun(c)
}

func (c contrast) same(d contrast) bool {
	return c.Placement == d.Placement && slices.Equal(c.Modules, d.Modules) && c.Before.same(d.Before) && c.After.same(d.After)
}

func sameRows(a, b block) bool { return slices.EqualFunc(a.Rows, b.Rows, contrast.same) }
