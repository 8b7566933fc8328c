package conclude

import "umlab/harness/result"

// Totals are the sums over the cells of a run, once every verdict is in.
func Totals(cells []result.Cell) result.Totals {
	t := result.Totals{Cells: len(cells), Verdicts: map[result.Verdict]int{}}
	for _, c := range cells {
		t.Verdicts[c.Verdict]++
		if !c.AsExpected {
			t.Differing++
		}
		t.Placements += len(c.Placements)
		for _, p := range c.Booted() {
			for _, run := range p.Runs {
				addRun(&t, run)
			}
		}
	}
	return t
}

func addRun(t *result.Totals, run result.Run) {
	t.Boots += run.Booted()
	if run.Cached {
		t.Cached += run.Booted()
	}
	t.Loads += len(run.Modules)
	for _, s := range run.Steps {
		if s.Outcome != nil {
			t.Steps++
		}
	}
	for _, m := range run.Modules {
		if m.Predicted == nil || m.Agrees == nil {
			continue
		}
		t.Predicted++
		if !*m.Agrees {
			t.Disagreeing++
		}
	}
}

// Sweep sums up the columns of a sweep. Its exit code is 3 if a column proves
// nothing, else 1 if one differs, else 2 if nothing but refusals is left, else 0.
func Sweep(columns []result.SweepColumn) (t result.SweepTotals, exit int) {
	t = result.SweepTotals{Columns: len(columns), States: map[result.ColumnState]int{}}
	for _, c := range columns {
		t.States[c.State()]++
		if c.Results == nil {
			continue
		}
		r := c.Results.Totals
		t.Cells += r.Cells
		t.Placements += r.Placements
		t.Loads += r.Loads
		t.Steps += r.Steps
		t.Boots += r.Boots
		t.Cached += r.Cached
		t.Differing += r.Differing
		t.Predicted += r.Predicted
		t.Disagreeing += r.Disagreeing
	}
	switch {
	case t.States[result.ColumnInfra] > 0:
		return t, result.ExitInfra
	case t.States[result.ColumnDiffers] > 0:
		return t, result.ExitDiffers
	case t.States[result.ColumnRefused] == t.Columns:
		return t, result.ExitUsage
	}
	return t, result.ExitExpected
}

// Zoo sums up the entries of a zoo, as Sweep does columns.
func Zoo(entries []result.ZooEntry) (t result.SweepTotals, exit int) {
	var columns []result.SweepColumn
	for _, e := range entries {
		columns = append(columns, e.Column)
	}
	return Sweep(columns)
}
