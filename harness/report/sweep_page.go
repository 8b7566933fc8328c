package report

import (
	"slices"

	"umlab/harness/report/doc"
)

// A sweepPage is the table of a sweep on a page.
type sweepPage struct {
	Spans []sweepSpan
	Heads []sweepHead
	Rows  []sweepRow // a cell for each of Heads
	Sums  []pageSum
}

// A sweepSpan is a tree over its columns.
type sweepSpan struct {
	Tree    string
	Columns int
}

// A sweepHead is what stands over a column, or over several that read alike.
type sweepHead struct {
	Tree  string
	Links []headLink
	Count string   // "(7 columns)" where not all of them are linked
	Lost  bool     // there are results, and they prove nothing
	Lines []string // versions that all of them have
}

// A headLink leads to the details of a column.
type headLink struct {
	Text   string
	Column int
}

type pageSum struct {
	Name  string
	Cells []pageCell
}

type pageCell struct {
	Text string
	Bad  bool
}

// page sets columns that read alike as one where there are more than a page has
// room for, as SweepTable does where they do not fit.
func (t *sweepSheet) page() sweepPage {
	var all []int
	for i := range t.Columns {
		all = append(all, i)
	}
	groups := t.groups(all, len(all) > doc.Roomy)
	var p sweepPage
	for _, g := range groups {
		h := t.head(g)
		p.Heads = append(p.Heads, h)
		switch n := len(p.Spans); {
		case h.Tree == "":
		case n > 0 && p.Spans[n-1].Tree == h.Tree:
			p.Spans[n-1].Columns++
		default:
			p.Spans = append(p.Spans, sweepSpan{h.Tree, 1})
		}
	}
	for _, rw := range t.Rows {
		row := sweepRow{ID: rw.ID}
		for _, g := range groups {
			row.Cells = append(row.Cells, rw.Cells[g[0]])
		}
		p.Rows = append(p.Rows, row)
	}
	plain := &printer{}
	for _, s := range t.sums() {
		sum := pageSum{Name: s.Name}
		for _, g := range groups {
			bad := slices.ContainsFunc(g, func(i int) bool { n := s.Of(t.Columns[i]); return n.Good < n.All })
			sum.Cells = append(sum.Cells, pageCell{plain.sweepSum(s, t, g), bad})
		}
		p.Sums = append(p.Sums, sum)
	}
	return p
}

func (t *sweepSheet) head(group []int) sweepHead {
	first := t.Columns[group[0]]
	h := sweepHead{Tree: first.Tree, Lost: first.lost()}
	lines := msgGroup(t.names(group))
	if len(lines) == len(group) {
		for n, i := range group {
			h.Links = append(h.Links, headLink{lines[n], i})
		}
	} else {
		h.Links = []headLink{{lines[0], group[0]}, {lines[1], group[len(group)-1]}}
		h.Count = lines[2]
	}
	for _, l := range first.Lines {
		if !slices.ContainsFunc(group, func(i int) bool { return !slices.Contains(t.Columns[i].Lines, l) }) {
			h.Lines = append(h.Lines, l)
		}
	}
	return h
}
