package report

import (
	"cmp"
	"fmt"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// rates are how often each outcome was seen, where somebody wants to be sure of it or runs differ; nil where nobody does.
func rates(r *result.Results) doc.Block {
	var lines []doc.Line
	for _, c := range r.Cells {
		for _, p := range c.Placements {
			for _, rate := range p.Shares {
				lines = append(lines, doc.Code(c.ID+":"+p.Name).Say(" ", rate.Module, ": ", rate.Outcome, " in ", rate.String()))
			}
			if p.Shares != nil {
				last := &lines[len(lines)-1]
				*last = last.Say(fmt.Sprintf("; interval at %d %%", cmp.Or(p.Confidence, result.UsualConfidence)))
				if p.Confidence > 0 && !p.Settled(p.Confidence) {
					*last = last.Say(", and not known to 10 points")
				} else if p.Confidence > 0 {
					*last = last.Say(", known to 10 points by so many boots")
				}
			}
		}
	}
	if lines == nil {
		return nil
	}
	return doc.Section{Head: doc.Say("Rates"), Blocks: []doc.Block{doc.Items(lines)}}
}
