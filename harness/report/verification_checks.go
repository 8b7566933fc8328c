package report

import (
	"cmp"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/checks"
	"umlab/harness/result"
)

// VerificationChecks are the conclusion, which fails unless it is fixed, and for
// each toolchain a check for each placement and module of the stock cell, which
// fails unless every run of the patched tree loads the module. What says nothing
// about the patch is an error.
func VerificationChecks(v *result.Verification) checks.Check {
	root := checks.Check{Name: msgVerification(v), Seconds: v.Seconds}
	root.Add(conclusionCheck(v))
	for _, p := range sides(v) {
		root.Add(pairChecks(p))
	}
	return root
}

func conclusionCheck(v *result.Verification) checks.Check {
	const name = "conclusion"
	pairs := sides(v)
	suite := checks.Check{Name: name}
	add := func(name, value string) {
		suite.Properties = append(suite.Properties, checks.Property{Name: name, Value: value})
	}
	for _, f := range verificationFacts(v, pairs) {
		if f.Label == "Base tree" {
			add("base tree", f.Line.String())
		}
	}
	add(msgRepeat, legible(v.Command))
	for _, d := range digestsOf(v, pairs) {
		add(d.Term, d.Lines[0].String())
	}
	one := checks.Check{Name: name, Note: msgConcluded(v), Kind: string(v.Conclusion), Output: []string{msgConcluded(v)}}
	switch v.Conclusion {
	case result.Fixed:
	case result.NoConclusion:
		one.State = checks.Errored
	default:
		one.State = checks.Failed
	}
	suite.Add(one)
	return suite
}

func pairChecks(p result.Pair) checks.Check {
	suite := checks.Check{Name: p.Before.Toolchain.Name}
	for i := range max(len(p.Before.Cells), len(p.After.Cells)) {
		before, after := cellsAt(p, i)
		if cmp.Or(before.ID, after.ID) != stock {
			continue
		}
		found := len(suite.Checks)
		for _, st := range stages(before, after) {
			if st.After != nil {
				for _, run := range st.After.Runs {
					suite.Seconds += run.Seconds
				}
			}
			for _, m := range st.modules() {
				c := patchedLoad(after, st, m)
				c.Name = st.Name + "/" + m
				c.Output = []string{beforeAfter(shown(before, st.Before, m), shown(after, st.After, m))}
				suite.Add(c)
			}
		}
		if len(suite.Checks) == found {
			suite.Add(unbooted(before, after))
		}
	}
	return suite
}

// unbooted judges a cell that was booted on neither side: a build that failed fails.
func unbooted(before, after *result.Cell) checks.Check {
	c := checks.Check{Name: stock, State: checks.Errored, Note: beforeAfter(unrun(before), unrun(after)), Kind: msgNoRun}
	switch o := after.Build.Outcome; {
	case o == nil:
	case o.Kind == outcome.Built:
		c = checks.Check{Name: stock, Note: c.Note}
	default:
		c.Kind, c.Proof = string(o.Kind), said(*o)
		if o.Kind.Kernel() {
			c.State = checks.Failed
		}
	}
	return c
}

// patchedLoad judges one module at one placement of the patched tree.
func patchedLoad(after *result.Cell, st stage, module string) checks.Check {
	c := checks.Check{State: checks.Failed, Note: "not loaded: " + briefly(shown(after, st.After, module)), Kind: msgNoRun}
	unproved := after.Build.Outcome == nil
	if o := after.Build.Outcome; o != nil {
		c.Kind, c.Proof = string(o.Kind), said(*o)
		unproved = !o.Kind.Kernel()
	}
	if st.After != nil {
		for _, t := range st.After.Tallies() {
			if t.Module != module {
				continue
			}
			if t.Stable() && t.Counts[0].Outcome.Kind.Good() {
				return checks.Check{}
			}
			if t.Has(outcome.Failed) || t.Has(outcome.Passed) {
				c.Note = "not passed: " + briefly(shown(after, st.After, module))
			}
			unproved, c.Proof = true, nil
			for _, n := range t.Counts {
				c.Kind = string(n.Outcome.Kind)
				unproved = unproved && (n.Outcome.Kind == outcome.Infra || n.Outcome.Kind == outcome.ConfigDropped)
				c.Proof = append(c.Proof, long(n.Outcome)+": "+proof(n.Outcome))
			}
		}
	}
	if unproved {
		c.State = checks.Errored
	}
	return c
}

func beforeAfter(before, after entry) string {
	return briefly(before) + " before, " + briefly(after) + " after"
}

// briefly is an entry on one line.
func briefly(e entry) string {
	var parts []string
	for _, l := range entryLines(e) {
		parts = append(parts, l.String())
	}
	return strings.Join(parts, "; ")
}
