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
		"Sheet": t, "Page": t.page(), "Sweep": s, "Words": newSweepWords(), "Whys": whys, "Legend": strings.Join(t.legend(false), separator),
		"Good": s.Exit == 0, "Without": without,
	})
}
