package report

import (
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// style is an ANSI SGR sequence.
type style string

const (
	plain  style = ""
	bold   style = "1"
	good   style = "32"
	bad    style = "1;31"
	reject style = "31"
	warn   style = "33"
	faint  style = "2"
	loud   style = "1;7;31"
)

func (p *printer) paint(st style, s string) string {
	if !p.opt.Color || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
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
