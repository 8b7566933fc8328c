package report

import (
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// style is a tone of doc, until all that paints here is gone.
type style = doc.Tone

const (
	plain  = doc.Plain
	bold   = doc.Strong
	good   = doc.Good
	bad    = doc.Bad
	reject = doc.Reject
	warn   = doc.Warn
	faint  = doc.Faint
	loud   = doc.Loud
)

func (p *printer) paint(st style, s string) string {
	if !p.opt.Color || st == plain || s == "" {
		return s
	}
	sgr := [...]string{bold: "1", good: "32", bad: "1;31", reject: "31", warn: "33", faint: "2", loud: "1;7;31"}[st]
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// totals prints a line of parts in one style, cut between them where it is too
// long.
func (p *printer) totals(st style, s string) {
	cut := &printer{opt: Options{Width: p.opt.Width}}
	cut.flow(strings.Split(s, separator))
	for l := range strings.Lines(cut.out.String()) {
		p.line(p.paint(st, strings.TrimSuffix(l, "\n")))
	}
}

func verdictStyle(v result.Verdict) style {
	switch v {
	case result.Loads:
		return good
	case result.Rejected:
		return reject
	case result.AddressDependent, result.Mixed:
		return warn
	case result.Broken, result.Flaky:
		return bad
	}
	return faint
}

func outcomeStyle(k outcome.Kind) style {
	switch k {
	case outcome.Loaded:
		return good
	case outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.InsmodFailed:
		return reject
	case outcome.Infra, outcome.ConfigDropped, "":
		return faint
	}
	return bad
}

func totalStyle(r *result.Results) style {
	switch {
	case proofless(r) || r.Totals.Differing > 0 || r.Totals.Disagreeing > 0:
		return bad
	case r.Totals.Cells == 0:
		return plain
	}
	return bold
}
