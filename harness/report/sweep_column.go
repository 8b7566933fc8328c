package report

import (
	"slices"
	"strings"

	"umlab/harness/result"
)

// A sweepColumn is a tree with a toolchain.
type sweepColumn struct {
	Tree     string   // "" where all columns have the same
	Name     string   // what tells it from the others of its tree
	Lines    []string // versions, for the head
	Versions string   // the same on one line
	State    result.ColumnState
	Before   int // see result.Sweep.Before
	Results  *result.Results

	Controls, Predicted, Expected sweepCount
}

// Label names the column alone.
func (c sweepColumn) Label() string { return strings.TrimSpace(c.Tree + " " + c.Name) }

// A sweepCount is how many of All are as they should be.
type sweepCount struct{ Good, All int }

func (n sweepCount) text(mark string) string {
	if n.All == 0 {
		return ""
	}
	return msgOfAll(n.Good, n.All, mark)
}

// addColumns names the columns by what they differ in; the rest are facts.
func (t *sweepSheet) addColumns(s *result.Sweep) {
	var trees, shown, chains []string
	var parts [3][]string // distinct ones
	run := 0
	for _, c := range s.Columns {
		if !slices.Contains(trees, c.Tree) {
			trees = append(trees, c.Tree)
			shown = append(shown, treeOf(s, c.Tree))
		}
		if !slices.Contains(chains, c.Toolchain) {
			chains = append(chains, c.Toolchain)
		}
		if c.Results == nil {
			continue
		}
		run++
		for i, p := range msgParts(c.Results.Toolchain) {
			if !slices.Contains(parts[i], p) {
				parts[i] = append(parts[i], p)
			}
		}
	}
	t.ByTree = len(trees) > 1 && len(chains) == 1
	series := commonSeries(chains)
	if len(trees) > 0 {
		t.Facts = append(t.Facts, msgTrees(shown))
	}
	if series != "" {
		t.Facts = append(t.Facts, msgSeries(clean(series)))
	}
	if t.ByTree {
		t.Facts = append(t.Facts, clean(chains[0]))
	}
	for _, p := range parts {
		if run > 1 && len(p) == 1 && p[0] != "" {
			t.Facts = append(t.Facts, p[0])
		}
	}
	if places := placementsOf(s); len(places) > 0 {
		t.Facts = append(t.Facts, strings.Join(places, ", "))
	}
	for i, c := range s.Columns {
		col := sweepColumn{State: c.State(), Before: s.Before(i), Results: c.Results, Name: clean(c.Toolchain)}
		if series != "" {
			col.Name = clean(strings.TrimPrefix(c.Toolchain, series+":"))
		}
		switch {
		case t.ByTree:
			col.Name = clean(c.Tree)
		case len(trees) > 1:
			col.Tree = clean(c.Tree)
		}
		if r := c.Results; r != nil {
			col.addResults(r)
			for j, p := range msgParts(r.Toolchain) {
				// Not what all share, nor a version that is the name already.
				if p != "" && (run == 1 || len(parts[j]) > 1) && !strings.HasSuffix(p, " "+col.Name) {
					col.Lines = append(col.Lines, p)
				}
			}
		}
		t.Columns = append(t.Columns, col)
	}
}

func (c *sweepColumn) addResults(r *result.Results) {
	c.Versions = msgVersions(r.Toolchain)
	c.Predicted = sweepCount{r.Totals.Predicted - r.Totals.Disagreeing, r.Totals.Predicted}
	c.Expected = sweepCount{r.Totals.Cells - r.Totals.Differing, r.Totals.Cells}
	for _, control := range r.Controls {
		c.Controls.All++
		if control.Holds {
			c.Controls.Good++
		}
	}
}

// placementsOf lists what the names of placements stand for.
func placementsOf(s *result.Sweep) (list []string) {
	for _, c := range s.Columns {
		if c.Results == nil {
			continue
		}
		for _, p := range columns(c.Results) {
			if !slices.Contains(list, p.title()) {
				list = append(list, p.title())
			}
		}
	}
	return list
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
	return clean(name)
}

// commonSeries is the series that all names are members of, if there are several.
func commonSeries(names []string) string {
	series := ""
	for i, n := range names {
		of, member, ok := strings.Cut(n, ":")
		if !ok || of == "" || member == "" || i > 0 && of != series {
			return ""
		}
		series = of
	}
	if len(names) < 2 {
		return ""
	}
	return series
}

// lost reports whether there are results, and they prove nothing.
func (c sweepColumn) lost() bool { return c.State == result.ColumnInfra && c.Results != nil }

// proves reports whether the column says something of the kernel.
func (c sweepColumn) proves() bool {
	return c.State == result.ColumnExpected || c.State == result.ColumnDiffers
}

// names are those of the columns.
func (t *sweepSheet) names(columns []int) (names []string) {
	for _, i := range columns {
		names = append(names, t.Columns[i].Name)
	}
	return names
}
