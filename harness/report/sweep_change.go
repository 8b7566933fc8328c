package report

import (
	"slices"

	"umlab/harness/result"
)

// addChanges says what is other than in the column to its left or, of columns
// that are compared with each other, that nothing is.
func (t *sweepSheet) addChanges() {
	// A chain is columns of which each is compared with the one before.
	type chain struct {
		tree    string
		length  int
		changed bool
	}
	var chains []chain
	in := make([]int, len(t.Columns)) // column -> its chain
	for i, c := range t.Columns {
		if !c.proves() {
			continue
		}
		if c.Before < 0 {
			in[i] = len(chains)
			chains = append(chains, chain{tree: c.Tree, length: 1})
			continue
		}
		in[i] = in[c.Before]
		of := &chains[in[i]]
		of.length++
		changes := t.changesOf(i)
		of.changed = of.changed || len(changes) > 0
		t.Changes = append(t.Changes, changes...)
	}
	for _, c := range chains {
		if c.length > 1 && !c.changed && len(t.Rows) > 0 {
			what := msgToolchainWord + "s"
			if t.ByTree {
				what = "trees"
			}
			all := 0
			for _, of := range t.Columns {
				if of.Tree == c.tree {
					all++
				}
			}
			t.Changes = append(t.Changes, msgSameEverywhere(c.tree, c.length, all, what))
		}
	}
}

// changesOf groups the variants of column i that changed in the same way.
func (t *sweepSheet) changesOf(i int) []string {
	type change struct{ before, now string }
	var order []change
	variants := map[change][]string{}
	left := t.Columns[i].Before
	for _, rw := range t.Rows {
		if !rw.Cells[i].Changed {
			continue
		}
		c := change{rw.Cells[left].text(), rw.Cells[i].text()}
		if variants[c] == nil {
			order = append(order, c)
		}
		variants[c] = append(variants[c], rw.ID)
	}
	var lines []string
	for _, c := range order {
		lines = append(lines, msgMoved(t.Columns[left].Label(), t.Columns[i].Label(), variants[c], c.before, c.now))
	}
	return lines
}

// addWhys tells the reasons as addWhy does, each once with all that it holds for.
func (t *sweepSheet) addWhys() {
	proven := 0
	for _, c := range t.Columns {
		if c.proves() {
			proven++
		}
	}
	for _, rw := range t.Rows {
		var own []sweepWhy // of this variant
		counts := map[int]int{}
		for i, cell := range rw.Cells {
			c := cell.Cell
			if c == nil || c.Reason == "" || cell.Differs == "" && (c.Verdict == result.Loads || c.Verdict == result.Rejected) {
				continue
			}
			w := sweepWhy{IDs: []string{rw.ID}, Reason: clean(c.Reason), Differs: cell.Differs != ""}
			at := slices.IndexFunc(own, func(o sweepWhy) bool { return o.Reason == w.Reason && o.Differs == w.Differs })
			if at < 0 {
				at = len(own)
				own = append(own, w)
			}
			own[at].Columns = append(own[at].Columns, t.Columns[i].Label())
			if t.Columns[i].proves() {
				counts[at]++
			}
		}
		for i, w := range own {
			if counts[i] == proven && len(w.Columns) == proven {
				w.Columns = nil
			}
			at := slices.IndexFunc(t.Whys, func(o sweepWhy) bool {
				return o.Reason == w.Reason && o.Differs == w.Differs && slices.Equal(o.Columns, w.Columns)
			})
			if at < 0 {
				t.Whys = append(t.Whys, w)
			} else {
				t.Whys[at].IDs = append(t.Whys[at].IDs, rw.ID)
			}
		}
	}
}
