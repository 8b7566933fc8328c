package report

import (
	_ "embed"
	"io"
	"strings"

	"umlab/harness/result"
)

//go:embed sweep.html.tmpl
var sweepSource string

// SweepHTML writes s as one page, of the look of HTML's, that loads nothing from
// elsewhere and runs no script. It returns the error of w.
func SweepHTML(w io.Writer, s *result.Sweep) error {
	t := newSweepSheet(s)
	var whys []string
	for _, y := range t.Whys {
		whys = append(whys, y.text())
	}
	without := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		switch {
		case c.Refused != nil:
			without[i] = msgRefusal(c)
		case c.Results == nil:
			without[i] = oneLine(c.Infra)
		}
	}
	return page(w, "sweep", sweepSource, map[string]any{
		"Sheet": t, "Sweep": s, "Words": newSweepWords(), "Whys": whys, "Legend": strings.Join(t.legend(false), separator),
		"Sums": t.sums(), "Good": s.Exit == 0, "Spans": t.spans(), "Without": without,
	})
}

// A sweepSpan is a tree over its columns.
type sweepSpan struct {
	Tree    string
	Columns int
}

// spans are the trees over the columns, none where all have the same.
func (t *sweepSheet) spans() (list []sweepSpan) {
	for _, c := range t.Columns {
		switch n := len(list); {
		case c.Tree == "":
			return nil
		case n > 0 && list[n-1].Tree == c.Tree:
			list[n-1].Columns++
		default:
			list = append(list, sweepSpan{c.Tree, 1})
		}
	}
	return list
}

// Text is the sum of one column, for the page.
func (s sweepSum) Text(c sweepColumn) string { return s.Of(c).text(s.Mark) }

// Bad reports whether something of the column is not as it should be.
func (s sweepSum) Bad(c sweepColumn) bool { n := s.Of(c); return n.Good < n.All }

// Lost reports whether there are results, and they prove nothing.
func (c sweepColumn) Lost() bool { return c.State == result.ColumnInfra && c.Results != nil }
