package report

import (
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// A sweepCell is one variant in one column.
type sweepCell struct {
	Cell    *result.Cell // nil where there is none
	Said    doc.Line     // the verdict, and what was seen as far as that does not say it; or why there is none
	Unlike  []doc.Line   // what else was expected, and predicted
	Differs bool         // the verdict is not the one expected
	Changed bool         // other than in the column that it is compared with
	Same    bool         // reads as the cell to its left does
}

func newSweepCell(c sweepColumn, cell *result.Cell) sweepCell {
	switch {
	case cell == nil && c.Refused != nil:
		return sweepCell{Said: doc.Toned(doc.Faint, msgRefused)}
	case cell == nil && c.Results == nil:
		return sweepCell{Said: doc.Toned(doc.Faint, "infra")}
	case cell == nil:
		return sweepCell{Said: doc.Toned(doc.Faint, "not among its variants")}
	}
	s := sweepCell{Cell: cell, Said: doc.Toned(verdictStyle(cell.Verdict), string(cell.Verdict)), Differs: !cell.AsExpected}
	if s.Differs {
		s.Unlike = []doc.Line{doc.Toned(doc.Bad, "  "+msgExpected(cell.Expected))}
	}
	separator := ": "
	for _, seen := range seenIn(cell) {
		for _, e := range seen.Entries {
			var shown []doc.Line
			for _, p := range e.Parts {
				shown = append(shown, doc.Toned(outcomeStyle(p.Kind), p.Text))
			}
			where := doc.Lines(present(seen.Where, e.Module)...)
			s.Said = s.Said.Break(1, separator).With(doc.Join(append(where, doc.Join(shown, doc.Say(" or "))), doc.Say(" ")))
			if e.Predicted != "" {
				missed := present(markDiffers, seen.Where, e.Module, msgPredicted(e.Predicted))
				s.Unlike = append(s.Unlike, doc.Toned(doc.Bad, strings.Join(missed, " ")))
			}
			separator = ", "
		}
	}
	return s
}

// equal reports whether both cells read alike.
func (c sweepCell) equal(d sweepCell) bool {
	same := func(l, m doc.Line) bool { return l.String() == m.String() }
	return same(c.Said, d.Said) && slices.EqualFunc(c.Unlike, d.Unlike, same)
}

// lines are the cell with its marks.
func (c sweepCell) lines() []doc.Line {
	var l doc.Line
	if c.Changed {
		l = l.Toned(doc.Strong, markMoved).Say(" ")
	}
	if c.Differs {
		l = l.Toned(doc.Bad, markDiffers).Say(" ")
	}
	return append([]doc.Line{l.With(c.Said)}, c.Unlike...)
}

// sweepSeen is what was seen at one placement, or at several that agree.
type sweepSeen struct {
	Where   string // placements; "" where it is all of them
	Entries []entry
}

// seenIn groups the placements that showed the same.
func seenIn(cell *result.Cell) []sweepSeen {
	if cell.Build.Outcome != nil {
		return []sweepSeen{{Entries: []entry{unrun(cell)}}}
	}
	var list []sweepSeen
	for _, p := range cell.Placements {
		entries := entriesOf(cell, p)
		at := slices.IndexFunc(list, func(s sweepSeen) bool { return slices.EqualFunc(s.Entries, entries, entry.same) })
		if at < 0 {
			list = append(list, sweepSeen{p.Name, entries})
		} else {
			list[at].Where += "/" + p.Name
		}
	}
	if len(list) != 1 {
		return list
	}
	list[0].Where = ""
	only := &list[0].Entries[0]
	if len(list[0].Entries) > 1 || only.Module != "" || len(only.Parts) > 1 || only.Predicted != "" {
		return list
	}
	switch kind := only.Parts[0].Kind; {
	case kind == outcome.Loaded && cell.Verdict == result.Loads, kind == outcome.Passed && cell.Verdict == result.Passes:
		return nil
	case kind == outcome.RelocationUnknown && cell.Verdict == result.Rejected: // "rejected: 9 GOTPCREL"
		only.Parts[0].Text = strings.TrimPrefix(only.Parts[0].Text, "unknown ")
	}
	return list
}
