package report

import (
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// proofless reports whether the run as a whole counts for nothing.
func proofless(r *result.Results) bool {
	if r.Infra != "" {
		return true
	}
	for _, c := range r.Controls {
		if !c.Holds {
			return true
		}
	}
	return false
}

// alarms are the headlines: infrastructure first, then what was predicted
// otherwise than it went, grouped by what was predicted and what was seen.
func alarms(r *result.Results) []alarm {
	var list []alarm
	if proofless(r) {
		a := alarm{Head: msgInfra}
		if r.Infra != "" {
			a.Lines = append(a.Lines, clean(r.Infra))
		}
		for _, c := range r.Controls {
			if !c.Holds {
				a.Lines = append(a.Lines, msgControl(c))
			}
		}
		list = append(list, a)
	}
	type miss struct {
		where               string
		more                int
		predicted, observed outcome.Outcome
	}
	var misses []*miss
	groups := map[[2]string]*miss{}
	for _, c := range r.Cells {
		for _, p := range c.Booted() {
			for _, run := range p.Runs {
				for _, m := range run.Modules {
					if !missed(m) {
						continue
					}
					key := [2]string{short(*m.Predicted), short(m.Outcome)}
					if g := groups[key]; g != nil {
						g.more++
						continue
					}
					g := &miss{where: place(c.ID, p.Name, m.Name), predicted: *m.Predicted, observed: m.Outcome}
					groups[key] = g
					misses = append(misses, g)
				}
			}
		}
	}
	if len(misses) == 0 {
		return list
	}
	a := alarm{Head: msgDisagree}
	for _, g := range misses {
		a.Lines = append(a.Lines, msgMore(g.where, g.more), msgPredictedLine(g.predicted), msgObservedLine(g.observed))
	}
	return append(list, a)
}
