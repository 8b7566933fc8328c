package result

// Sums sets r.Totals from r.Cells. It is called once, after every verdict is
// in; reports print r.Totals as it stands.
func Sums(r *Results) {
	t := Totals{Cells: len(r.Cells), Verdicts: map[Verdict]int{}}
	for _, c := range r.Cells {
		t.Verdicts[c.Verdict]++
		if !c.AsExpected {
			t.Differing++
		}
		t.Placements += len(c.Placements)
		for _, p := range c.Booted() {
			for _, run := range p.Runs {
				t.addRun(run)
			}
		}
	}
	r.Totals = t
}

func (t *Totals) addRun(run Run) {
	t.Boots++
	if run.Cached {
		t.Cached++
	}
	t.Loads += len(run.Modules)
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
