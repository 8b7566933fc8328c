package report

import (
	_ "embed"
	"io"

	"umlab/harness/result"
)

//go:embed verification.html.tmpl
var verificationSource string

// VerificationHTML writes v as one page, of the look of HTML's, that loads
// nothing from elsewhere and runs no script. It returns the error of w.
func VerificationHTML(w io.Writer, v *result.Verification) error {
	t := newTrial(v)
	words := newVerificationWords(t)
	return page(w, "verification", verificationSource, map[string]any{
		"Trial": t, "Words": words, "Concluded": msgConcluded(t), "Took": msgTook(t.Took),
		"Stock": tables(t.Stock, words), "Others": tables(t.Others, words),
		"Good": t.Conclusion == result.Fixed && len(t.Alarms) == 0,
	})
}

// htmlBlock is a table with its labels.
type htmlBlock struct {
	Label string
	Named bool
	Rows  []contrast
	Words verificationWords
}

func tables(list []block, words verificationWords) []htmlBlock {
	var to []htmlBlock
	for _, b := range list {
		to = append(to, htmlBlock{msgBlock(b), named(b), b.Rows, words})
	}
	return to
}
