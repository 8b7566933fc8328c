package report

import (
	"fmt"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// A sweepColumn is a tree with a toolchain.
type sweepColumn struct {
	result.SweepColumn
	Group    string        // its tree, "" where all columns have the same, or are named by theirs
	Name     string        // what tells it from the others of its group
	Lines    []string      // versions, for the head
	Versions string        // the same on one line
	Before   int           // see result.Sweep.Before
	Counts   [3]sweepCount // see countsOf
}

// Label names the column alone.
func (c sweepColumn) Label() string { return strings.TrimSpace(c.Group + " " + c.Name) }

// proves reports whether the column says something of the kernel.
func (c sweepColumn) proves() bool {
	return c.State() == result.ColumnExpected || c.State() == result.ColumnDiffers
}

// addColumns names the columns by what they differ in; the rest are facts.
func (t *sweepSheet) addColumns(s *result.Sweep) {
	var trees, shown, chains, places []string
	var parts [3][]string // distinct ones
	run := 0
	for _, c := range s.Columns {
		trees, shown, chains = appendNew(trees, c.Tree), appendNew(shown, treeOf(s, c.Tree)), appendNew(chains, c.Toolchain)
		if c.Results == nil {
			continue
		}
		run++
		for i, p := range c.Results.Toolchain.Tools() {
			parts[i] = appendNew(parts[i], p)
		}
		for _, p := range columns(c.Results) {
			places = appendNew(places, p.title())
		}
	}
	t.ByTree = len(trees) > 1 && len(chains) == 1
	series := commonSeries(chains)
	t.Facts = []string{msgTrees(shown), msgSeries(series)}
	if t.ByTree {
		t.Facts = append(t.Facts, chains[0])
	}
	for _, p := range parts {
		if run > 1 && len(p) == 1 {
			t.Facts = append(t.Facts, p[0])
		}
	}
	t.Facts = append(t.Facts, strings.Join(places, ", "))
	for i, c := range s.Columns {
		col := sweepColumn{SweepColumn: c, Before: s.Before(i), Name: c.Toolchain}
		if series != "" {
			col.Name = strings.TrimPrefix(c.Toolchain, series+":")
		}
		switch {
		case t.ByTree:
			col.Name = c.Tree
		case len(trees) > 1:
			col.Group = c.Tree
		}
		if r := c.Results; r != nil {
			col.Versions, col.Counts = msgVersions(r.Toolchain), countsOf(r)
			for j, p := range r.Toolchain.Tools() {
				// Not what all share, nor a version that is the name already.
				if p != "" && (run == 1 || len(parts[j]) > 1) && !strings.HasSuffix(p, " "+col.Name) {
					col.Lines = append(col.Lines, p)
				}
			}
		}
		t.Columns = append(t.Columns, col)
	}
}

// A sweepCount is how many of All are as they should be.
type sweepCount struct{ Good, All int }

// countsOf are the controls that held, what went as predicted, and what is as expected.
func countsOf(r *result.Results) [3]sweepCount {
	t := r.Totals
	counts := [...]sweepCount{{0, len(r.Controls)}, {t.Predicted - t.Disagreeing, t.Predicted}, {t.Cells - t.Differing, t.Cells}}
	for _, c := range r.Controls {
		if c.Holds {
			counts[0].Good++
		}
	}
	return counts
}

// sums are a row for each thing that is counted, with a cell for each of groups.
func (t *sweepSheet) sums(groups ...[]int) (rows []doc.Row) {
	for n, of := range []struct{ name, mark string }{
		{"controls held", markFails}, {"as predicted", markDiffers}, {"as expected", markDiffers},
	} {
		row, all := doc.Cells(doc.Toned(doc.Faint, of.name)), 0
		for _, g := range groups {
			var sum sweepCount
			for _, i := range g {
				c := t.Columns[i].Counts[n]
				sum = sweepCount{sum.Good + c.Good, sum.All + c.All}
			}
			all += sum.All
			row.Cells = append(row.Cells, doc.Cell{Lines: []doc.Line{sum.line(of.mark)}})
		}
		if all > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// line is "✓ 36/36", with another mark where some are not, nothing where there are none.
func (c sweepCount) line(mark string) doc.Line {
	switch text := fmt.Sprintf(" %d/%d", c.Good, c.All); {
	case c.All == 0:
		return nil
	case c.Good < c.All:
		return doc.Toned(doc.Bad, mark+text)
	default:
		return doc.Say(markAgrees, text)
	}
}

// treeOf is a tree with its version, where some column got to know it.
func treeOf(s *result.Sweep, name string) string {
	for _, c := range s.Columns {
		if c.Tree == name && c.Results != nil {
			t := c.Results.Tree
			t.Name = name
			return strings.TrimPrefix(msgTree(t), "tree ")
		}
	}
	return name
}

// commonSeries is the series that all names are members of, if there are several.
func commonSeries(names []string) string {
	if len(names) < 2 {
		return ""
	}
	series, _, _ := strings.Cut(names[0], ":")
	for _, n := range names {
		if of, member, _ := strings.Cut(n, ":"); of != series || of == "" || member == "" {
			return ""
		}
	}
	return series
}

// variantsOf are those of any column.
func variantsOf(s *result.Sweep) (ids []string) {
	for _, c := range s.Columns {
		if c.Results != nil {
			for _, cell := range c.Results.Cells {
				ids = appendNew(ids, cell.ID)
			}
		}
	}
	return ids
}

func columnAnchor(i int) string { return fmt.Sprintf("column-%d", i) }

// details are what column i was made of, or why it was not.
func (c sweepColumn) details(i int) doc.Details {
	d := doc.Details{ID: columnAnchor(i), Summary: doc.Say(c.Label(), " ").Toned(doc.Faint, c.Versions)}
	switch r := c.Results; {
	case c.Refused != nil:
		d.Blocks = []doc.Block{doc.Para{Line: doc.Say(msgRefusal(c.SweepColumn))}}
	case r == nil:
		d.Blocks = []doc.Block{doc.Para{Line: doc.Say(oneLine(c.Infra))}}
	default:
		defs := madeOf(r)
		if len(r.Controls) > 0 {
			defs = append(defs, def("Controls", doc.Lines(sentences(r.Controls, result.Control.String)...)...))
		}
		if r.Command != "" {
			defs = append(defs, def("Repeat with", doc.Code(r.Command)))
		}
		d.Blocks = []doc.Block{defs}
	}
	return d
}
