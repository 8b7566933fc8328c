package report

import (
	"slices"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// A sweepSheet is what the renderings of a sweep for people have in common, in
// words: every string in it is clean.
type sweepSheet struct {
	Title    string
	Facts    []string // what all columns share
	Alarms   []alarm
	Columns  []sweepColumn
	Rows     []sweepRow
	Changes  []string // between a column and the one to its left
	Refusals []string
	Whys     []sweepWhy
	Evidence []evidence
	Notes    []string
	Totals   string
	ByTree   bool // the columns are trees, with one toolchain
	Unlike   bool // something has the mark of what was not expected
	Changed  bool // something has the mark of a change
}

// A sweepRow is one variant; Cells runs parallel to the columns.
type sweepRow struct {
	ID    string
	Cells []sweepCell
}

// A sweepWhy is a reason, and the variants and columns it holds for.
type sweepWhy struct {
	IDs, Columns []string // Columns is empty where it holds for all that prove something
	Reason       string
	Differs      bool
}

func (w sweepWhy) text() string {
	s := msgVariants(w.IDs, w.Columns) + ": " + w.Reason
	if w.Differs {
		return markDiffers + " " + s
	}
	return s
}

func newSweepSheet(s *result.Sweep) *sweepSheet {
	t := &sweepSheet{Title: title(s.Scenario), Totals: msgSweepTotals(s)}
	t.addColumns(s)
	t.addAlarms(s)
	t.addRows(s)
	t.addChanges()
	t.addWhys()
	t.addNotes(s)
	return t
}

// addAlarms merges the alarms of the columns under their headlines.
func (t *sweepSheet) addAlarms(s *result.Sweep) {
	for i, c := range s.Columns {
		var list []alarm
		switch {
		case c.Refused != nil:
			t.Refusals = append(t.Refusals, msgRefusal(c))
		case c.Results == nil:
			list = []alarm{{Head: msgInfra, Lines: []string{oneLine(c.Infra)}}}
		default:
			list = alarms(c.Results)
		}
		for _, a := range list {
			if a.Head == msgInfra {
				a.Head = msgInfraColumns
			}
			at := slices.IndexFunc(t.Alarms, func(b alarm) bool { return b.Head == a.Head })
			if at < 0 {
				at = len(t.Alarms)
				t.Alarms = append(t.Alarms, alarm{Head: a.Head})
			}
			for j, l := range a.Lines {
				if j == 0 || a.Head == msgInfraColumns {
					l = t.Columns[i].Label() + ": " + l
				}
				t.Alarms[at].Lines = append(t.Alarms[at].Lines, l)
			}
		}
	}
	slices.SortStableFunc(t.Alarms, func(a, b alarm) int { return loudness(b) - loudness(a) })
}

func loudness(a alarm) int {
	if a.Head == msgInfraColumns {
		return 1
	}
	return 0
}

// addRows has a row for each variant of any column.
func (t *sweepSheet) addRows(s *result.Sweep) {
	var ids []string
	for _, c := range t.Columns {
		if c.Results != nil {
			for _, cell := range c.Results.Cells {
				if !slices.Contains(ids, cell.ID) {
					ids = append(ids, cell.ID)
				}
			}
		}
	}
	for _, id := range ids {
		rw := sweepRow{ID: clean(id)}
		for i, c := range t.Columns {
			cell := newSweepCell(c, c.Results.Cell(id))
			if cell.Cell != nil && c.Before >= 0 && c.proves() {
				left := rw.Cells[c.Before].Cell
				cell.Changed = left == nil || !left.SameSeen(*cell.Cell)
				cell.Same = c.Before == i-1 && cell.equal(rw.Cells[i-1])
			}
			t.Unlike = t.Unlike || cell.Differs != "" || cell.missed()
			t.Changed = t.Changed || cell.Changed
			rw.Cells = append(rw.Cells, cell)
			if cell.Cell != nil {
				t.addEvidence(cell.Cell, c.Label())
			}
		}
		t.Rows = append(t.Rows, rw)
	}
}

// addEvidence has a line for each distinct outcome of all columns but loaded,
// which is there where it was not expected.
func (t *sweepSheet) addEvidence(c *result.Cell, column string) {
	add := func(o outcome.Outcome, where string) {
		name := short(o)
		if !slices.ContainsFunc(t.Evidence, func(e evidence) bool { return e.Outcome == name }) {
			t.Evidence = append(t.Evidence, newEvidence(o, column+", "+where))
		}
	}
	if o := c.Build.Outcome; o != nil {
		add(*o, clean(c.ID))
	}
	for _, p := range c.Placements {
		for _, tally := range p.Tallies() {
			for _, count := range tally.Counts {
				if count.Outcome.Kind != outcome.Loaded || !c.AsExpected {
					add(count.Outcome, place(c.ID, p.Name, tally.Module))
				}
			}
		}
	}
}

// addNotes names the columns that a note holds for, where it is not all.
func (t *sweepSheet) addNotes(s *result.Sweep) {
	var order []string
	of := map[string][]string{}
	all := 0
	for i, c := range s.Columns {
		if c.Results == nil {
			continue
		}
		all++
		for _, n := range c.Results.Notes {
			n = clean(n)
			if of[n] == nil {
				order = append(order, n)
			}
			if label := t.Columns[i].Label(); !slices.Contains(of[n], label) {
				of[n] = append(of[n], label)
			}
		}
	}
	for _, n := range order {
		columns := of[n]
		if len(columns) == all {
			columns = nil
		}
		t.Notes = append(t.Notes, msgNoteOf(columns, n))
	}
}
