package report

import (
	"fmt"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// msgParts are what the parts of a minimisation count.
var msgParts = map[string][2]string{
	"settings": {"setting", "settings"}, "steps": {"step", "steps"}, "modules": {"module", "modules"},
	"source": {"line", "lines"}, "kconfig": {"option", "options"},
}

// Minimisation is what was left of a cell: how much of each kind, what, and what was asked for that.
func Minimisation(m *result.Minimisation) *doc.Document {
	end := doc.Totals{Parts: []string{m.Reason}}
	if m.Exit != 0 {
		end.Tone = doc.Bad
	}
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(MinimisationVerdict(m))},
		factsOf(msgNamed("cell", m.Target), msgTree(m.Tree), msgToolchain(m.Toolchain), msgNamed("scenario", m.Scenario.Name)), end)
	if m.Evidence != "" {
		lines := []doc.Line{doc.Code(m.Evidence).Say("  [all of it]")}
		if m.Left != "" {
			lines = append(lines, doc.Code(m.Left).Say("  [what is left, built and booted once more]"))
		}
		d.Add(doc.Section{Head: doc.Say("What it shows: ", m.Seen), Blocks: []doc.Block{doc.Items(lines)}})
	}
	if len(m.Parts) > 0 {
		d.Add(minimisedTable(m))
	}
	for _, p := range m.Parts {
		d.Add(minimisedPart(p))
	}
	d.Add(section("Notes", legibles(m.Notes)), doc.Command{Text: legible(m.Command)},
		doc.Section{Blocks: []doc.Block{doc.Para{Line: doc.Say(msgMinimisationSum(m))}}})
	return d
}

// MinimisationVerdict is the answer in a few words.
func MinimisationVerdict(m *result.Minimisation) string {
	switch m.Conclusion {
	case result.NotAgain:
		return m.Target + ": no answer, what is left did not show it again"
	case result.NothingToShrink:
		return m.Target + " has nothing that could be left out"
	}
	var left []string
	for _, p := range m.Parts {
		left = append(left, fmt.Sprintf("%d of %s", p.Left, plural(p.Was, msgParts[p.Name][0], msgParts[p.Name][1])))
	}
	return fmt.Sprintf("%s takes %s", m.Seen, strings.Join(left, ", "))
}

// minimisedTable is how much is left of each part, and what was asked for it.
func minimisedTable(m *result.Minimisation) doc.Table {
	t := doc.Table{Label: "What is left", Named: true, Columns: []doc.Column{
		{Head: doc.Say("kind"), Role: doc.Key}, {Head: doc.Say("of")}, {Head: doc.Say("left")},
		{Head: doc.Say("tried")}, {Head: doc.Say("known before")}, {Head: doc.Say("free")}, {Head: doc.Say("minimal"), Role: doc.Sum}}}
	for _, p := range m.Parts {
		minimal := doc.Toned(doc.Good, "yes")
		if !p.Minimal {
			minimal = doc.Toned(doc.Warn, "no")
			if p.Unknown > 0 {
				minimal = minimal.Say(fmt.Sprintf(", %d not judged", p.Unknown))
			}
		}
		n := func(n int) doc.Line { return doc.Say(fmt.Sprint(n)) }
		t.Rows = append(t.Rows, doc.Cells(doc.Say(p.Name), n(p.Was), n(p.Left), n(p.Tried), n(p.Known), n(p.Free), minimal))
	}
	t.Legend = []doc.Line{doc.Say("tried: sets that were built or booted, or answered by an earlier run or by Kconfig (known before); " +
		"free: sets that come to one that was tried")}
	return t
}

// minimisedPart is what is left of a part, as a diff from what was there.
func minimisedPart(p result.MinimisedPart) doc.Block {
	q := doc.Quote{}
	for line := range strings.Lines(p.Diff) {
		if len(q.Lines) == mostDiff {
			q.Lines = append(q.Lines, doc.Toned(doc.Faint, "…"))
			break
		}
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "-"):
			q.Lines = append(q.Lines, doc.Line{}.Mono(doc.Bad, line))
		default:
			q.Lines = append(q.Lines, doc.Line{}.Mono(doc.Plain, line))
		}
	}
	kept := doc.Quote{Lines: doc.Codes(p.Kept)}
	one, many := msgParts[p.Name][0], msgParts[p.Name][1]
	head := fmt.Sprintf("%s: %s left", p.Name, plural(p.Left, one, many))
	blocks := []doc.Block{kept}
	switch {
	case p.Left == 0:
		blocks = []doc.Block{doc.Para{Line: doc.Say("none is needed")}}
	case len(p.Kept) > mostDiff:
		kept.Lines = append(kept.Lines[:mostDiff:mostDiff], doc.Toned(doc.Faint, "…"))
		blocks = []doc.Block{kept}
	}
	if p.Diff == "" {
		blocks = append(blocks, doc.Para{Line: doc.Say("all of them are needed, or nobody knows better")})
		return doc.Section{Head: doc.Say(head), Blocks: blocks}
	}
	return doc.Section{Head: doc.Say(head), Blocks: append(blocks, doc.Section{Head: doc.Say("As a diff"), Blocks: []doc.Block{q}})}
}

// msgMinimisationSum is the last line.
func msgMinimisationSum(m *result.Minimisation) string {
	tried, known := 0, 0
	for _, p := range m.Parts {
		tried, known = tried+p.Tried, known+p.Known
	}
	return fmt.Sprintf("%s, %d of them known before", plural(tried, "set tried", "sets tried"), known) + separator + "took " + took(m.Seconds)
}
