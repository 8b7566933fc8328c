package report

import (
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Bisection is what a bisection found: the answer, the two candidates that it lies
// between with their proof, all that were asked, and what differs.
func Bisection(b *result.Bisection) *doc.Document {
	reason := doc.Totals{Parts: []string{msgBisectionReason(b)}}
	if b.Conclusion != result.BisectedTo {
		reason.Tone = doc.Bad
	}
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(msgBisectionTitle(b))}, bisectionFacts(b), reason,
		boundary(msgNear(b), b.LastGood), boundary(msgFar(b), b.FirstBad), candidates(b))
	if b.Delta != nil {
		d.Add(deltaSection(b.Delta, b.Target))
	}
	d.Add(section("Notes", legibles(b.Notes)), doc.Command{Text: legible(b.Command)},
		doc.Section{Blocks: []doc.Block{doc.Para{Line: doc.Say(msgBisectionSum(b))}}})
	return d
}

// boundary is one side of the answer.
func boundary(head string, side *result.Boundary) doc.Block {
	if side == nil {
		return nil
	}
	lines := append([]doc.Line{doc.Say(side.Seen)}, doc.Codes(side.Evidence)...)
	if side.Detail != "" {
		lines = append(lines, doc.Say(side.Detail))
	}
	if side.Tree.Name != "" {
		lines = append(lines, doc.Say(msgTree(side.Tree)), doc.Say(msgToolchain(side.Toolchain)))
	}
	return doc.Section{Head: doc.Say(head, ": ", side.Name), Blocks: []doc.Block{doc.Items(lines)}}
}

// candidates are what was or could have been asked.
func candidates(b *result.Bisection) doc.Block {
	if len(b.Candidates) == 0 {
		return nil
	}
	t := doc.Table{Label: msgCandidates(b), Named: true, Columns: []doc.Column{
		{Head: doc.Say("candidate"), Role: doc.Key}, {Head: doc.Say(msgVerdict), Role: doc.Sum}, {Head: doc.Say("seen")},
	}}
	tones := map[string]doc.Tone{"good": doc.Good, "bad": doc.Bad, "skip": doc.Warn}
	for _, c := range b.Candidates {
		verdict := doc.Toned(doc.Faint, msgNotAsked)
		if c.Verdict != "" {
			verdict = doc.Toned(tones[c.Verdict], c.Verdict)
		}
		switch {
		case b.LastGood != nil && b.LastGood.Name == c.Name:
			verdict = verdict.Break(1, " ").Say("(", msgNear(b), ")")
		case b.FirstBad != nil && b.FirstBad.Name == c.Name:
			verdict = verdict.Break(1, " ").Say("(", msgFar(b), ")")
		}
		row := doc.Cells(doc.Code(c.Name), verdict)
		var seen doc.Cell // no line of a list where there is nothing
		if c.Seen != "" {
			seen.Lines = doc.Lines(c.Seen)
		}
		row.Cells = append(row.Cells, seen)
		t.Rows = append(t.Rows, row)
	}
	return t
}
