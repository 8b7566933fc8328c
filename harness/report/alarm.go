package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// An alarm is a headline with its proof.
type alarm struct {
	Head  string
	Lines []string
}

// alarms are the headlines: infrastructure first, then what was predicted
// otherwise than it went, grouped by what was predicted and what was seen.
func alarms(r *result.Results) []alarm {
	var list []alarm
	if !r.Proves() {
		a := alarm{Head: msgInfra}
		if r.Infra != "" {
			a.Lines = append(a.Lines, r.Infra)
		}
		for _, c := range r.Controls {
			if !c.Holds {
				a.Lines = append(a.Lines, c.String())
			}
		}
		list = append(list, a)
	}
	a := alarm{Head: msgDisagree}
	for _, g := range misses(r) {
		where := place(g.cell, g.placement, g.Name)
		if g.more > 0 {
			where += fmt.Sprintf(" and %d more", g.more)
		}
		a.Lines = append(a.Lines, where, msgPredictedLine(*g.Predicted), msgObservedLine(g.Outcome))
	}
	if a.Lines == nil {
		return list
	}
	return append(list, a)
}

// A miss is a module that went otherwise than predicted, the first of those that did so alike.
type miss struct {
	result.Module
	cell, placement string
	more            int
}

func misses(r *result.Results) (list []*miss) {
	groups := map[[2]string]*miss{}
	for _, c := range r.Cells {
		for _, p := range c.Booted() {
			for _, run := range p.Runs {
				for _, m := range run.Items() {
					if !missed(m) {
						continue
					}
					key := [2]string{m.Predicted.Brief(), m.Outcome.Brief()}
					if g := groups[key]; g != nil {
						g.more++
						continue
					}
					groups[key] = &miss{Module: m, cell: c.ID, placement: p.Name}
					list = append(list, groups[key])
				}
			}
		}
	}
	return list
}

// Differences say on one line what made r end with exit code 1: which variants are not as the scenario expects, and what went
// otherwise than predicted.
func Differences(r *result.Results) string {
	var parts, ids []string
	for _, c := range r.Cells {
		if !c.AsExpected {
			ids = append(ids, fmt.Sprintf("%s is %s, %s", c.ID, c.Verdict, msgExpected(c.Expected)))
		}
	}
	if n := len(ids); n > 0 {
		more := ""
		if n > 3 {
			ids, more = ids[:3], fmt.Sprintf("; and %d more", n-3)
		}
		parts = append(parts, fmt.Sprintf("%d of %s not as scenario %s expects: %s%s", n, plural(len(r.Cells), "variant is", "variants are"),
			r.Scenario.Name, strings.Join(ids, "; "), more))
	}
	for i, g := range misses(r) {
		if i == 0 {
			parts = append(parts, fmt.Sprintf("%d of %s that were predicted went otherwise", r.Totals.Disagreeing,
				plural(r.Totals.Predicted, "module load", "module loads")))
		}
		parts = append(parts, Missed(g.cell, g.placement, g.Module))
	}
	return strings.Join(parts, "; ")
}

// Missed says what a module did that was predicted otherwise.
func Missed(cell, placement string, m result.Module) string {
	predicted := "otherwise"
	if m.Predicted != nil {
		predicted = long(*m.Predicted)
	}
	return fmt.Sprintf("%s: predicted %s, observed %s", place(cell, placement, m.Name), predicted, long(m.Outcome))
}

// alarmsOf are alarms as blocks.
func alarmsOf(list []alarm) []doc.Block {
	var blocks []doc.Block
	for _, a := range list {
		blocks = append(blocks, doc.Alarm{Head: a.Head, Lines: doc.Lines(a.Lines...)})
	}
	return blocks
}

func place(cell, placement, module string) string {
	return cell + ":" + placement + " " + module
}

// addEvidence adds a line for each distinct outcome of c to list but loaded, which is
// there where it was not expected. Prefix is before where it was seen.
func addEvidence(list doc.Evidence, c *result.Cell, prefix string) doc.Evidence {
	eachOutcome(c, c.Placements, func(o outcome.Outcome, where string) {
		e := newExhibit(o, prefix+where)
		_, of, _ := strings.Cut(where, " ")
		told := slices.IndexFunc(list, func(f doc.Exhibit) bool {
			same := o.Kind != outcome.Failed || strings.HasSuffix(f.Where, " "+of) || // steps fail for reasons of their own
				f.Line == e.Line && e.Line != ""
			return f.Outcome == e.Outcome && slices.Equal(f.Frame, e.Frame) && same
		})
		switch {
		case told >= 0 && e.Frame != nil: // the same message of each is one
			list[told].Where += ", " + e.Where
		case o.Kind == outcome.Built: // no line says so
		case told < 0 && (!o.Kind.Good() || !c.AsExpected && (o.Kind == outcome.Loaded || c.Verdict == result.Passes)):
			if e.Frame != nil {
				e.Log = c.Build.Log
			}
			list = append(list, e)
		}
	})
	return list
}

// eachOutcome is of the build and of the boots at places, with where it was seen.
func eachOutcome(c *result.Cell, places []result.Placement, do func(o outcome.Outcome, where string)) {
	if o := c.Build.Outcome; o != nil {
		do(*o, c.ID)
	}
	for _, p := range places {
		for _, t := range p.Tallies() {
			for _, count := range t.Counts {
				do(count.Outcome, place(c.ID, p.Name, t.Module))
			}
		}
	}
}

// newExhibit is what proves o, and where it was first seen.
func newExhibit(o outcome.Outcome, where string) doc.Exhibit {
	e := doc.Exhibit{Outcome: o.Brief(), Line: o.Evidence, Detail: o.Detail, Where: where, Frame: o.Frame}
	if e.Frame != nil { // of which the detail is the line that counts, in the user's own names
		e.Line, e.Detail = o.Detail, ""
	}
	if e.Line == "" && e.Detail == "" {
		e.Detail = msgNoEvidence
	}
	return e
}
