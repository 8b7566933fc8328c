package report

import (
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// A sweepCell is one variant in one column.
type sweepCell struct {
	Cell    *result.Cell // nil where there is none
	Verdict result.Verdict
	None    string      // what stands there where there is no cell
	Seen    []sweepSeen // what was seen, as far as the verdict does not say it
	Differs string      // what was expected, where it is not that
	Changed bool        // other than in the column that it is compared with
	Same    bool        // reads as the cell to its left does
}

// sweepSeen is what was seen at one placement, or at several that agree.
type sweepSeen struct {
	Where   string // placements, "" where it is all of them
	Entries []entry
}

func newSweepCell(c sweepColumn, cell *result.Cell) sweepCell {
	switch {
	case cell == nil && c.State == result.ColumnRefused:
		return sweepCell{None: msgRefused}
	case cell == nil && c.Results == nil:
		return sweepCell{None: msgColumnInfra}
	case cell == nil:
		return sweepCell{None: msgNoSuchVariant}
	}
	s := sweepCell{Cell: cell, Verdict: result.Verdict(clean(string(cell.Verdict)))}
	if !cell.AsExpected {
		s.Differs = msgExpected(clean(cell.Expected))
	}
	s.Seen = seenIn(cell)
	return s
}

// seenIn groups the placements that showed the same.
func seenIn(cell *result.Cell) []sweepSeen {
	if o := cell.Build.Outcome; o != nil {
		return []sweepSeen{{Entries: []entry{{Parts: []part{notRun(cell)}}}}}
	}
	var list []sweepSeen
	for _, p := range cell.Placements {
		entries := entriesOf(p)
		if len(entries) == 0 {
			entries = []entry{{Parts: []part{notRun(cell)}}}
		}
		for i := range entries {
			entries[i].Agrees = false // told once a column
		}
		at := slices.IndexFunc(list, func(s sweepSeen) bool { return slices.EqualFunc(s.Entries, entries, entry.equal) })
		if at < 0 {
			list = append(list, sweepSeen{clean(p.Name), entries})
		} else {
			list[at].Where += "/" + clean(p.Name)
		}
	}
	if len(list) != 1 {
		return list
	}
	list[0].Where = ""
	only := list[0].Entries
	if len(only) > 1 || only[0].Module != "" || len(only[0].Parts) > 1 || only[0].Predicted != "" {
		return list
	}
	switch only[0].Parts[0].Kind {
	case outcome.Loaded:
		if cell.Verdict == result.Loads {
			return nil
		}
	case outcome.RelocationUnknown:
		if cell.Verdict == result.Rejected { // "rejected: 9 GOTPCREL"
			text := strings.TrimPrefix(only[0].Parts[0].Text, "unknown ")
			list[0].Entries = []entry{{Parts: []part{{text, outcome.RelocationUnknown}}}}
		}
	}
	return list
}

func (e entry) equal(f entry) bool {
	return e.Module == f.Module && e.Agrees == f.Agrees && e.Predicted == f.Predicted && slices.Equal(e.Parts, f.Parts)
}

// missed reports whether a load went otherwise than predicted.
func (c sweepCell) missed() bool {
	return slices.ContainsFunc(c.Seen, func(s sweepSeen) bool {
		return slices.ContainsFunc(s.Entries, func(e entry) bool { return e.Predicted != "" })
	})
}

// equal reports whether both cells read alike.
func (c sweepCell) equal(d sweepCell) bool {
	plain := &printer{}
	return slices.Equal(plain.sweepLines(c, false), plain.sweepLines(d, false))
}

// text is the cell on one line, without marks: "address-dependent: low loaded,
// high overflow 11 32S".
func (c sweepCell) text() string {
	bare := c
	bare.Changed, bare.Differs = false, ""
	return strings.Join((&printer{}).sweepLines(bare, false), "; ")
}

// sweepLines are the lines of a cell: the verdict and what was seen on one or,
// folded, each on its own; then what else was expected or predicted. Whether the
// cell changed is the caller's to say.
func (p *printer) sweepLines(c sweepCell, folded bool) []string {
	if c.None != "" {
		return []string{p.paint(faint, c.None)}
	}
	var seen, missed []string
	for _, s := range c.Seen {
		for _, e := range s.Entries {
			var parts []string
			for _, part := range e.Parts {
				parts = append(parts, p.paint(outcomeStyle(part.Kind), part.Text))
			}
			line := strings.Join(parts, " or ")
			if e.Module != "" {
				line = e.Module + " " + line
			}
			if s.Where != "" {
				line = s.Where + " " + line
			}
			seen = append(seen, line)
			if e.Predicted != "" {
				missed = append(missed, p.paint(bad, markDiffers+" "+strings.TrimSpace(s.Where+" "+e.Module+" "+msgPredicted(e.Predicted))))
			}
		}
	}
	head := p.paint(verdictStyle(c.Verdict), string(c.Verdict))
	if c.Differs != "" {
		head = p.paint(bad, markDiffers) + " " + head
		missed = append([]string{p.paint(bad, "  "+c.Differs)}, missed...)
	}
	if !folded && len(seen) > 0 {
		return append([]string{head + ": " + strings.Join(seen, ", ")}, missed...)
	}
	return slices.Concat([]string{head}, seen, missed)
}

// sweepMarked is sweepLines with the mark of a change.
func (p *printer) sweepMarked(c sweepCell, folded bool) []string {
	lines := p.sweepLines(c, folded)
	if c.Changed {
		lines[0] = p.paint(bold, markMoved) + " " + lines[0]
		for i := 1; folded && i < len(lines); i++ {
			lines[i] = "  " + lines[i]
		}
	}
	return lines
}
