package report

import (
	"strings"

	"umlab/harness/report/doc"
)

// addChanges says what is other than in the column to its left or, of columns that
// are compared with each other, that nothing is.
func (t *sweepSheet) addChanges() {
	first := make([]int, len(t.Columns)) // of those that are compared in a row, each with the one before it
	length := make([]int, len(t.Columns))
	changed := make([]bool, len(t.Columns))
	for i, c := range t.Columns {
		if !c.proves() {
			continue
		}
		first[i] = i
		if c.Before >= 0 {
			first[i] = first[c.Before]
			changes := t.changesOf(i)
			changed[first[i]] = changed[first[i]] || len(changes) > 0
			t.Said = append(t.Said, changes...)
		}
		length[first[i]]++
	}
	for i, n := range length {
		if n > 1 && !changed[i] && len(t.Rows) > 0 {
			what := msgToolchainWord + "s"
			if t.ByTree {
				what = "trees"
			}
			all := 0
			for _, of := range t.Columns {
				if of.Group == t.Columns[i].Group {
					all++
				}
			}
			t.Said = append(t.Said, doc.Say(msgSameEverywhere(t.Columns[i].Group, n, all, what)))
		}
	}
}

// changesOf groups the variants of column i that changed in the same way.
func (t *sweepSheet) changesOf(i int) []doc.Line {
	left := t.Columns[i].Before
	var variants index[string]
	for _, rw := range t.Rows {
		if rw.Cells[i].Changed {
			variants.add(rw.Cells[left].Said.String()+" before, now "+rw.Cells[i].Said.String(), rw.ID)
		}
	}
	return variants.lines(func(change string, ids []string) doc.Line {
		return doc.Say(markMoved, " ", t.Columns[left].Label(), " to ", t.Columns[i].Label(), ": ", strings.Join(ids, ", "), ": ", change)
	})
}

// addReasons tells each reason once, with the variants and columns that it holds for.
func (t *sweepSheet) addReasons() {
	var all []string
	for _, c := range t.Columns {
		if c.proves() {
			all = append(all, c.Label())
		}
	}
	var variants index[why]
	for _, rw := range t.Rows {
		var columns index[why] // of this variant
		for i, cell := range rw.Cells {
			if cell.Cell == nil {
				continue
			}
			if w, ok := reasonOf(cell.Cell); ok {
				columns.add(w, t.Columns[i].Label())
			}
		}
		for _, w := range columns.Keys {
			variants.add(why{w.differs, msgOfColumns(columns.Of[w], all), w.reason}, rw.ID)
		}
	}
	t.Said = append(t.Said, variants.lines(why.line)...)
}
