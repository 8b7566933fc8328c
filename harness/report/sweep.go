package report

import (
	"slices"
	"time"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Sweep is what a scenario showed on several trees or with several toolchains:
// headlines, one row per variant and one column per tree and toolchain, what changes
// between them, the evidence, and one line of totals. A page has what each column
// was made of besides.
func Sweep(s *result.Sweep) *doc.Document {
	t := newSweepSheet(s)
	totals := doc.Totals{Parts: msgSweepTotals(s), Tone: exitTone(s.Exit)}
	d := &doc.Document{Wide: true}
	d.Add(doc.Title{Line: doc.Say(askedTitle(s.Scenario, ran(s)...))}, factsOf(t.Facts...), doc.Only(doc.OnPage, totals))
	d.Add(t.blocks()...)
	d.Add(doc.Only(^doc.OnPage, totals), doc.Only(^doc.OnTerminal, doc.Command{Text: legible(s.Command)}))
	d.Add(startedAt(s.Started))
	return d
}

// startedMoment is how pages say when they were begun.
const startedMoment = "2006-01-02 15:04:05 MST"

// startedAt is the end of a page; nil where that is not known.
func startedAt(at time.Time) doc.Block {
	if at.IsZero() {
		return nil
	}
	return doc.Only(doc.OnPage, doc.Para{Line: doc.Toned(doc.Faint, "Started "+at.Format(startedMoment))})
}

// A sweepSheet is what is told of a sweep.
type sweepSheet struct {
	Facts    []string // what all columns share
	Alarms   []alarm
	Columns  []sweepColumn
	Rows     []sweepRow // one per variant
	Said     []doc.Line // in sentences, the most important first
	Evidence doc.Evidence
	Notes    []string
	ByTree   bool // the columns are trees, with one toolchain
	Unlike   bool // something has the mark of what was not expected
	Changed  bool // something has the mark of a change
}

// A sweepRow is one variant; Cells runs parallel to the columns.
type sweepRow struct {
	ID    string
	Cells []sweepCell
}

func newSweepSheet(s *result.Sweep) *sweepSheet {
	t := &sweepSheet{}
	t.addColumns(s)
	t.addAlarms()
	t.addRows(s)
	t.addChanges()
	t.addReasons()
	t.addNotes()
	return t
}

// blocks are all that stands between facts and totals.
func (t *sweepSheet) blocks() []doc.Block {
	blocks := alarmsOf(t.Alarms)
	if len(t.Rows) > 0 {
		blocks = append(blocks, t.tables()...)
	}
	blocks = append(blocks, below("What changed, and why", t.Said, t.Evidence, t.Notes))
	var details []doc.Block
	for i, c := range t.Columns {
		details = append(details, c.details(i))
	}
	return append(blocks, doc.Only(doc.OnPage, doc.Section{Head: doc.Say("Columns"), Blocks: details}))
}

// addAlarms merges the alarms of the columns under their headlines.
func (t *sweepSheet) addAlarms() {
	infra, disagree := alarm{Head: msgInfraColumns}, alarm{Head: msgDisagree}
	for _, c := range t.Columns {
		switch {
		case c.Refused != nil:
			t.Said = append(t.Said, doc.Say(msgRefusal(c.SweepColumn)))
		case c.Results == nil:
			infra.Lines = append(infra.Lines, c.Label()+": "+oneLine(c.Infra))
		default:
			for _, a := range alarms(c.Results) {
				if a.Head == msgDisagree {
					a.Lines[0] = c.Label() + ": " + a.Lines[0]
					disagree.Lines = append(disagree.Lines, a.Lines...)
					continue
				}
				for _, l := range a.Lines {
					infra.Lines = append(infra.Lines, c.Label()+": "+l)
				}
			}
		}
	}
	t.Alarms = slices.DeleteFunc([]alarm{infra, disagree}, func(a alarm) bool { return a.Lines == nil })
}

// addRows has a row for each variant of any column.
func (t *sweepSheet) addRows(s *result.Sweep) {
	for _, id := range variantsOf(s) {
		rw := sweepRow{ID: id}
		for i, c := range t.Columns {
			cell := newSweepCell(c, c.Results.Cell(id))
			if cell.Cell != nil && c.Before >= 0 && c.proves() {
				left := rw.Cells[c.Before].Cell
				cell.Changed = left == nil || !left.SameSeen(*cell.Cell)
				cell.Same = c.Before == i-1 && cell.equal(rw.Cells[i-1])
			}
			t.Unlike = t.Unlike || len(cell.Unlike) > 0
			t.Changed = t.Changed || cell.Changed
			rw.Cells = append(rw.Cells, cell)
			if cell.Cell != nil {
				t.Evidence = addEvidence(t.Evidence, cell.Cell, c.Label()+", ")
			}
		}
		t.Rows = append(t.Rows, rw)
	}
}

// addNotes names the columns that a note holds for, where it is not all.
func (t *sweepSheet) addNotes() {
	var notes index[string]
	var all []string
	for _, c := range t.Columns {
		if c.Results != nil {
			all = append(all, c.Label())
			for _, n := range c.Results.Notes {
				notes.add(n, c.Label())
			}
		}
	}
	for _, n := range notes.Keys {
		t.Notes = append(t.Notes, "note"+msgOfColumns(notes.Of[n], all)+": "+n)
	}
}

// ran are the results of s.
func ran(s *result.Sweep) (list []*result.Results) {
	for _, c := range s.Columns {
		if c.Results != nil {
			list = append(list, c.Results)
		}
	}
	return list
}
