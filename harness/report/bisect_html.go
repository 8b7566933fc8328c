package report

import (
	_ "embed"
	"io"

	"umlab/harness/result"
)

//go:embed bisect.html.tmpl
var bisectionSource string

// BisectionHTML writes b as one page, of the look of HTML's, that loads nothing
// from elsewhere and runs no script. It returns the error of w.
func BisectionHTML(w io.Writer, b *result.Bisection) error {
	s := newBisectionSheet(b)
	delta := ""
	if s.Delta != nil {
		text := &printer{}
		text.delta(s.Delta, s.Target)
		delta = text.out.String()
	}
	return page(w, "bisection", bisectionSource, map[string]any{"Sheet": s, "Words": newBisectionWords(), "Delta": delta})
}
