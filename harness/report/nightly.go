package report

import (
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Nightly is what a night brought: the news, whole on the first line, then what
// changed with its proof, what was bisected, what was run and with what.
func Nightly(n *result.Nightly) *doc.Document {
	totals := doc.Totals{Parts: msgNightTotals(n), Tone: exitTone(n.Exit)}
	d := &doc.Document{Wide: true, Page: msgNightTitle(n) + ": " + msgNews(n)}
	d.Add(doc.Title{Line: doc.Toned(totals.Tone, msgNews(n)), Whole: true}, factsOf(nightFacts(n)...), doc.Only(doc.OnPage, totals))
	if why := nightReason(n); why != "" {
		d.Add(doc.Section{Blocks: []doc.Block{doc.Para{Line: doc.Say(why)}}})
	}
	for _, g := range changeGroups(n) {
		change := doc.Section{Head: doc.Say(markDiffers, " ", g.news()), Minor: true}
		for _, side := range g.sides() {
			change.Blocks = append(change.Blocks, doc.Section{Head: doc.Say(side.Word, " ", side.Text), Minor: true, Tight: true,
				Blocks: []doc.Block{doc.Quote{Lines: doc.Lines(side.Evidence...)}}})
		}
		d.Add(change)
	}
	add := func(head string, lines []string) {
		if len(lines) > 0 {
			d.Add(doc.Section{Head: doc.Say(head), Blocks: []doc.Block{doc.Items(doc.Lines(lines...))}})
		}
	}
	add("Bisected", sentences(n.Bisections, msgNightBisected))
	add("Toolchains", sentences(n.Members, msgMember))
	add("", sentences(n.Notes, msgNote))
	if n.Sweep != nil {
		t := newSweepSheet(n.Sweep)
		d.Add(doc.Section{Head: doc.Say(msgTonight), Flat: true, Blocks: append([]doc.Block{factsOf(t.Facts...)}, t.blocks()...)})
	}
	d.Add(doc.Only(^doc.OnPage, totals), doc.Only(^doc.OnTerminal, doc.Command{Text: legible(n.Command)}))
	return d
}
