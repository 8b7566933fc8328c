package report

import (
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/result"
)

// SweepTable writes s for a terminal: headlines, one row per variant and one
// column per tree and toolchain, what changes between them, the evidence, and one
// line of totals. Where the columns do not fit opt.Width, their cells are folded,
// then columns that read alike are set as one, then each tree gets a table of its
// own, and at last a list. It returns the error of w.
//
// Columns that nothing was run in are left out where they do not fit: what is to
// be said of them stands elsewhere.
func SweepTable(w io.Writer, s *result.Sweep, opt Options) error {
	t := newSweepSheet(s)
	p := &printer{opt: opt}
	p.sweep(t)
	p.line("")
	p.totals(sweepTotalStyle(s), t.Totals)
	_, err := w.Write(p.out.Bytes())
	return err
}

// sweep prints everything but the totals.
func (p *printer) sweep(t *sweepSheet) {
	p.painted(bold, t.Title)
	p.flow(t.Facts)
	p.sweepAlarms(t)
	p.sweepFoot(t, p.sweepBody(t))
}

func sweepTotalStyle(s *result.Sweep) style {
	switch {
	case s.Exit != 0:
		return bad
	case s.Totals.Columns == 0:
		return plain
	}
	return bold
}

func (p *printer) sweepAlarms(t *sweepSheet) {
	for _, a := range t.Alarms {
		p.line("")
		p.painted(loud, "!! "+a.Head+" !!")
		for _, l := range a.Lines {
			p.wrap(l, "   ")
		}
	}
}

// sweepBody prints the columns in the widest form that fits, and reports whether
// a cell stands there by its mark alone.
func (p *printer) sweepBody(t *sweepSheet) (same bool) {
	if len(t.Rows) == 0 {
		return false
	}
	var all, run []int
	for i, c := range t.Columns {
		all = append(all, i)
		if c.Results != nil {
			run = append(run, i)
		}
	}
	for _, columns := range [][]int{all, run} {
		if fits, same := p.sweepGrids(t, columns); fits {
			return same
		}
	}
	var trees [][]int
	for n, i := range run {
		if n > 0 && t.Columns[run[n-1]].Tree == t.Columns[i].Tree {
			trees[len(trees)-1] = append(trees[len(trees)-1], i)
		} else {
			trees = append(trees, []int{i})
		}
	}
	for _, columns := range trees {
		if len(trees) > 1 {
			p.line("")
			p.painted(bold, t.Columns[columns[0]].Tree)
		}
		fits, marked := len(trees) > 1, false
		if fits {
			fits, marked = p.sweepGrids(t, columns)
		}
		if !fits {
			p.sweepList(t, columns)
		}
		same = same || marked
	}
	return same
}

// sweepGrids prints the widest table of columns that fits, if there is one.
func (p *printer) sweepGrids(t *sweepSheet, columns []int) (fits, same bool) {
	for _, alike := range []bool{false, true} {
		groups := t.groups(columns, alike)
		for _, folded := range []bool{false, true} {
			body := p.sweepGrid(t, groups, folded)
			if p.opt.Width > 0 && text.LongestLineLen(body) > p.opt.Width {
				continue
			}
			if len(groups) < len(columns) {
				p.sweepLegend(t, columns)
			}
			p.line("")
			for l := range strings.SplitSeq(body, "\n") {
				p.line(l)
			}
			return true, slices.ContainsFunc(t.Rows, func(rw sweepRow) bool {
				return slices.ContainsFunc(groups[1:], func(g []int) bool { return rw.Cells[g[0]].Same })
			})
		}
	}
	return false, false
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
	if a.State != b.State || a.Tree != b.Tree || b.proves() && b.Before != left {
		return false
	}
	return !slices.ContainsFunc(t.Rows, func(rw sweepRow) bool { return !rw.Cells[i].equal(rw.Cells[left]) || rw.Cells[i].Changed })
}

// sweepLegend says what the columns are, where the head of the table does not.
func (p *printer) sweepLegend(t *sweepSheet, columns []int) {
	if len(t.Alarms) > 0 {
		p.line("")
	}
	for _, i := range columns {
		if c := t.Columns[i]; c.Versions != "" {
			p.wrap(msgNamedVersions(c.Label(), c.Versions), "")
		}
	}
}

// sweepGrid is the table proper.
func (p *printer) sweepGrid(t *sweepSheet, groups [][]int, folded bool) string {
	w := table.NewWriter()
	w.SetStyle(gridStyle())
	head := table.Row{p.paint(bold, msgVariant)}
	grouped := slices.ContainsFunc(groups, func(g []int) bool { return len(g) > 1 })
	trees := slices.ContainsFunc(groups, func(g []int) bool { return t.Columns[g[0]].Tree != t.Columns[groups[0][0]].Tree })
	for _, g := range groups {
		head = append(head, strings.Join(p.sweepHead(t, g, trees, !grouped), "\n"))
	}
	w.AppendHeader(head)
	for _, rw := range t.Rows {
		row := table.Row{rw.ID}
		for _, g := range groups {
			cell := rw.Cells[g[0]]
			lines := []string{p.paint(faint, markSame)}
			if !cell.Same || g[0] == groups[0][0] {
				lines = p.sweepMarked(cell, folded)
			}
			row = append(row, strings.Join(lines, "\n"))
		}
		w.AppendRow(row)
	}
	w.AppendSeparator()
	for _, sum := range t.sums() {
		row := table.Row{p.paint(faint, sum.Name)}
		for _, g := range groups {
			row = append(row, p.sweepSum(sum, t, g))
		}
		w.AppendRow(row)
	}
	return w.Render()
}

// sweepHead is what stands over a group of columns.
func (p *printer) sweepHead(t *sweepSheet, group []int, tree, versions bool) (lines []string) {
	c := t.Columns[group[0]]
	if tree {
		lines = append(lines, p.paint(bold, c.Tree))
	}
	for _, l := range msgGroup(t.names(group)) {
		lines = append(lines, p.paint(bold, l))
	}
	if c.lost() {
		lines = append(lines, p.paint(loud, msgProvesNothing))
	}
	if versions {
		lines = append(lines, c.Lines...)
	}
	return lines
}

// A sweepSum is one line below the variants.
type sweepSum struct {
	Name, Mark string
	Of         func(sweepColumn) sweepCount
}

// sums are the lines that some column has something for.
func (t *sweepSheet) sums() []sweepSum {
	return slices.DeleteFunc([]sweepSum{
		{msgControlsHeld, markFails, func(c sweepColumn) sweepCount { return c.Controls }},
		{msgLoadsPredicted, markDiffers, func(c sweepColumn) sweepCount { return c.Predicted }},
		{msgCellsExpected, markDiffers, func(c sweepColumn) sweepCount { return c.Expected }},
	}, func(s sweepSum) bool {
		return !slices.ContainsFunc(t.Columns, func(c sweepColumn) bool { return s.Of(c).All > 0 })
	})
}

func (p *printer) sweepSum(s sweepSum, t *sweepSheet, group []int) string {
	var n sweepCount
	for _, i := range group {
		of := s.Of(t.Columns[i])
		n.Good, n.All = n.Good+of.Good, n.All+of.All
	}
	if n.Good < n.All {
		return p.paint(bad, n.text(s.Mark))
	}
	return n.text(s.Mark)
}

// sweepFoot prints what stands between the table and the totals; same says that
// the mark for a cell like its left one was used.
func (p *printer) sweepFoot(t *sweepSheet, same bool) {
	for _, l := range t.legend(same) {
		p.wrap(l, "")
	}
	lines := t.foot()
	if len(lines)+len(t.Evidence)+len(t.Notes) > 0 {
		p.line("")
	}
	for _, l := range lines {
		p.wrap(l, "")
	}
	for _, e := range t.Evidence {
		p.evidence(e)
	}
	for _, n := range t.Notes {
		p.wrap(n, "")
	}
}

// legend explains the marks that are used.
func (t *sweepSheet) legend(same bool) (lines []string) {
	if same {
		lines = append(lines, msgLegendSame)
	}
	if t.Changed {
		lines = append(lines, msgLegendChanged)
	}
	if t.Unlike {
		lines = append(lines, msgLegendUnlike)
	}
	return lines
}

// foot are the sentences below the table, the most important first.
func (t *sweepSheet) foot() []string {
	lines := slices.Concat(t.Refusals, t.Changes)
	for _, w := range t.Whys {
		lines = append(lines, w.text())
	}
	return lines
}
