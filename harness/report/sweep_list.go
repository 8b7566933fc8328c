package report

import "strings"

// sweepList is the form for narrow terminals: below each variant what it showed,
// with the columns that showed it.
func (p *printer) sweepList(t *sweepSheet, columns []int) {
	p.sweepLegend(t, columns)
	p.line("")
	for _, rw := range t.Rows {
		for n := 0; n < len(columns); {
			end := n + 1
			for end < len(columns) && rw.Cells[columns[end]].equal(rw.Cells[columns[n]]) && !rw.Cells[columns[end]].Changed {
				end++
			}
			all := end-n == len(columns)
			if n == 0 && !all {
				p.wrap(rw.ID, "")
			}
			cell := rw.Cells[columns[n]]
			st := verdictStyle(cell.Verdict)
			for i, l := range (&printer{}).sweepMarked(cell, false) {
				switch {
				case i > 0:
					st = bad // what else was expected
				case all:
					p.wrapPainted(st, rw.ID+": "+l, "")
					continue
				default:
					l = msgColumns(t.names(columns[n:end])) + ": " + l
				}
				p.wrapPainted(st, l, "  ")
			}
			n = end
		}
	}
	for _, s := range t.sums() {
		plain := &printer{}
		p.wrap(s.Name+": "+plain.sweepSum(s, t, columns), "")
		for _, i := range columns {
			if n := s.Of(t.Columns[i]); n.Good < n.All && len(columns) > 1 {
				p.wrapPainted(bad, t.Columns[i].Name+": "+plain.sweepSum(s, t, []int{i}), "  ")
			}
		}
	}
}

// wrapPainted is wrap, and paints what was cut.
func (p *printer) wrapPainted(st style, s, indent string) {
	cut := &printer{opt: Options{Width: p.opt.Width}}
	cut.wrap(s, indent)
	for l := range strings.Lines(cut.out.String()) {
		l = strings.TrimSuffix(l, "\n")
		text := strings.TrimLeft(l, " ")
		p.line(l[:len(l)-len(text)] + p.paint(st, text))
	}
}
