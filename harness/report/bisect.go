package report

import (
	"io"
	"slices"

	"umlab/harness/result"
)

// A bisectionSheet is what the renderings of a bisection for people have in
// common, in words: every string in it is clean.
type bisectionSheet struct {
	Title  string
	Good   bool // one culprit
	Reason string
	Facts  []string
	Sides  []bisectionSide
	Head   string // of Table
	Table  []bisectionRow
	Sum    string
	Notes  []string
	Repeat string
	Delta  *result.Delta
	Target string
}

type bisectionSide struct {
	Head, Name, Detail, Seen string
	Made                     []string // tree and toolchain
	Evidence                 []string
}

type bisectionRow struct {
	Name, Detail, Verdict, Seen string
	Mark                        string // "last good", "first bad"
	Style                       style
}

func newBisectionSheet(b *result.Bisection) *bisectionSheet {
	s := &bisectionSheet{
		Title: legible(msgBisectionTitle(b)), Good: b.Conclusion == result.BisectedTo, Reason: legible(msgBisectionReason(b)),
		Facts: legibles(msgBisectionFacts(b)), Head: msgBisectionTable(b), Sum: msgBisectionSum(b), Notes: legibles(b.Notes), Repeat: legible(b.Command), Delta: b.Delta, Target: legible(b.Target),
	}
	for _, at := range []struct {
		head string
		side *result.Boundary
	}{{msgLastGood, b.LastGood}, {msgFirstBad, b.FirstBad}} {
		if at.side == nil {
			continue
		}
		side := bisectionSide{Head: at.head, Name: legible(at.side.Name), Detail: legible(at.side.Detail), Seen: legible(at.side.Seen), Evidence: legibles(at.side.Evidence)}
		if at.side.Tree.Name != "" {
			side.Made = []string{legible(msgTree(at.side.Tree)), legible(msgToolchain(at.side.Toolchain))}
		}
		s.Sides = append(s.Sides, side)
	}
	for _, c := range b.Candidates {
		row := bisectionRow{Name: legible(c.Name), Detail: legible(c.Detail), Verdict: legible(c.Verdict), Seen: legible(c.Seen), Style: faint}
		switch c.Verdict {
		case "good":
			row.Style = good
		case "bad":
			row.Style = bad
		case "skip":
			row.Style = warn
		case "":
			row.Verdict = msgNotAsked
		}
		switch {
		case b.LastGood != nil && b.LastGood.Name == c.Name:
			row.Mark = msgLastGood
		case b.FirstBad != nil && b.FirstBad.Name == c.Name:
			row.Mark = msgFirstBad
		}
		s.Table = append(s.Table, row)
	}
	return s
}

// Class is the row's style in HTML.
func (r bisectionRow) Class() string { return cssClass(r.Style) }

// BisectionText writes b for a terminal: what was found first, then why. It
// returns the error of w.
func BisectionText(w io.Writer, b *result.Bisection, opt Options) error {
	s := newBisectionSheet(b)
	p := &printer{opt: opt}
	p.painted(bold, s.Title)
	p.flow(s.Facts)
	p.line("")
	p.wrap(s.Reason, "  ")
	for _, side := range s.Sides {
		p.line("")
		p.wrap(side.Head+"  "+side.Name+msgBehind(side.Detail), "  ")
		p.wrap(side.Seen, "    ")
		for _, l := range slices.Concat(side.Evidence, side.Made) {
			p.wrap(l, "    ")
		}
	}
	if len(s.Table) > 0 {
		p.line("")
		p.wrap(s.Head, "")
	}
	width := 0
	for _, r := range s.Table {
		width = max(width, len([]rune(r.Name)))
	}
	for _, r := range s.Table {
		p.wrapPainted(r.Style, msgBisectionRow(r, width), "  ")
	}
	if s.Delta != nil {
		p.line("")
		p.delta(s.Delta, s.Target)
	}
	for i, n := range s.Notes {
		if i == 0 {
			p.line("")
		}
		p.wrap(msgNote(n), "  ")
	}
	if s.Repeat != "" {
		p.line("")
		p.wrap(msgRepeat+" "+s.Repeat, "  ")
	}
	p.line("")
	p.wrap(s.Sum, "")
	_, err := w.Write(p.out.Bytes())
	return err
}
