package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Verification is what patches change: what was asked, what showed before and
// after, the conclusion, and what proves it.
func Verification(v *result.Verification) *doc.Document {
	pairs := sides(v)
	alarms := pairAlarms(pairs)
	concluded, tone := msgConcluded(v), doc.Bad
	if v.Conclusion == result.Fixed && len(alarms) == 0 {
		tone = doc.Good
	}
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(msgVerification(v))}, verificationFacts(v, pairs))
	d.Add(alarmsOf(alarms)...)
	d.Add(doc.Only(doc.OnPage, doc.Totals{Parts: []string{concluded}, Tone: tone}))
	ofStock, others := contrastBlocks(pairs)
	d.Add(meaning(pairs))
	d.Add(contrastTables(ofStock, len(ofStock) > 1)...)
	if len(others) > 0 {
		d.Add(doc.Section{Head: doc.Say("Other variants"), Blocks: contrastTables(others, true)})
	}
	if predictions := msgPredictions(pairs); predictions != "" {
		d.Add(doc.Section{Blocks: []doc.Block{doc.Para{Line: doc.Say(predictions)}}})
	}
	d.Add(
		flagsOf(pairs), section("Thresholds", limits(pairs)),
		doc.Only(doc.InMail, doc.Section{Head: doc.Say(wordConclusion), Blocks: []doc.Block{doc.Para{Line: doc.Say(concluded)}}}),
		doc.Only(doc.InMarkdown, doc.Totals{Parts: []string{wordConclusion + ": " + concluded}}),
		section("Not tested", legibles(v.Untested)))
	if evidence := pairEvidence(pairs); len(evidence) > 0 {
		d.Add(doc.Section{Head: doc.Say("Evidence"), Minor: true, Blocks: []doc.Block{evidence}})
	}
	notes := legibles(v.Notes)
	for _, p := range pairs {
		for _, n := range slices.Concat(p.Before.Notes, p.After.Notes) {
			notes = appendNew(notes, legible(n))
		}
	}
	d.Add(section("Notes", notes))
	if by := legible(v.TestedBy); by != "" && v.Conclusion == result.Fixed {
		// A trailer is one line, however long a name is: folded, git reads half.
		d.Add(doc.Section{Blocks: []doc.Block{doc.Quote{Lines: doc.Lines("Tested-by: " + by), Margin: true}}})
	}
	d.Add(doc.Command{Text: legible(v.Command), Note: "took " + took(v.Seconds)})
	d.Add(checkers(v.Findings), diffs(v.Patches))
	if digests := digestsOf(v, pairs); digests != nil {
		d.Add(doc.Section{Head: doc.Say("Digests in full"), Blocks: []doc.Block{digests}})
	}
	return d
}

func verificationFacts(v *result.Verification, pairs []result.Pair) (facts doc.Facts) {
	add := func(label, line string, more ...doc.Line) {
		if line != "" {
			facts = append(facts, doc.Fact{Label: label, Line: doc.Say(line), More: more})
		}
	}
	if len(pairs) > 0 {
		r := pairs[0].Before
		add("Scenario", title(r.Scenario))
		tree := strings.TrimPrefix(msgTree(r.Tree), "tree ")
		if r.Tree.Package != "" {
			tree += ", " + legible(r.Tree.Package)
		}
		if c := brief(r.Tree.Commit); c != "" {
			tree += ", commit " + c
		}
		var digest []doc.Line
		if d := brief(r.Tree.Digest); d != "" {
			digest = doc.Lines("digest " + d)
		}
		add("Base tree", tree, digest...)
	}
	for _, p := range v.Patches {
		var more []doc.Line
		if from := legible(p.From); from != "" {
			more = append(more, doc.Say("From: ", from))
		}
		if id := legible(p.PatchID); id != "" {
			more = append(more, doc.Say("patch-id ").Code(id))
		}
		subject := legible(p.Subject)
		if more != nil {
			subject = cmp.Or(subject, "(no subject)")
		}
		add(counted(v.Patches, "Patch", "Patches, in this order"), subject, more...)
	}
	for _, p := range pairs {
		add(counted(pairs, "Toolchain", "Toolchains"), msgToolchain(p.Before.Toolchain))
	}
	if v.Umlab != "" {
		add("Tested with", legible(v.Umlab)+", in User-Mode Linux")
	}
	return facts
}

func counted[T any](list []T, one, many string) string {
	if len(list) == 1 {
		return one
	}
	return many
}

// section is a list under a heading, nothing where there is nothing to list.
func section(head string, lines []string) doc.Block {
	if len(lines) == 0 {
		return nil
	}
	list := doc.Items(doc.Lines(lines...))
	list.Bullets = true
	return doc.Section{Head: doc.Say(head), Minor: true, Blocks: []doc.Block{list}}
}

// checkers are what each said, or why it did not.
func checkers(findings []result.Finding) doc.Block {
	var blocks []doc.Block
	for _, f := range findings {
		says := legibles(f.Lines)
		switch failed := legible(f.Failed); {
		case failed != "":
			says = append([]string{"could not be run: " + failed}, says...)
		case len(says) == 0:
			says = []string{"nothing to say"}
		}
		blocks = append(blocks, doc.Section{Head: doc.Say(legible(f.Tool)).With(doc.Say(":").On(doc.InMail)), Minor: true, Tight: true,
			Blocks: []doc.Block{doc.Items(doc.Codes(says))}})
	}
	if blocks == nil {
		return nil
	}
	return doc.Section{Head: doc.Say("Checkers of the tree (they do not change the conclusion)"), Blocks: blocks}
}

// sides are the pairs of v, with empty results for a side that is missing.
func sides(v *result.Verification) []result.Pair {
	pairs := slices.Clone(v.Pairs)
	for i := range pairs {
		for _, side := range []**result.Results{&pairs[i].Before, &pairs[i].After} {
			if *side == nil {
				*side = &result.Results{}
			}
		}
	}
	return pairs
}

// digestsOf are the digests of the patches and of the tree that they are for.
func digestsOf(v *result.Verification, pairs []result.Pair) (defs doc.Defs) {
	add := func(of, value string) {
		algorithm, hex, ok := strings.Cut(legible(value), ":")
		if !ok {
			algorithm, hex = "digest", algorithm
		}
		if hex != "" {
			defs = append(defs, def(algorithm+" of "+of, doc.Code(hex)))
		}
	}
	for i, p := range v.Patches {
		of := "patch"
		if len(v.Patches) > 1 {
			of = fmt.Sprintf("patch %d", i+1)
		}
		add(of, p.Digest)
	}
	if len(pairs) > 0 {
		add("base tree", pairs[0].Before.Tree.Digest)
	}
	return defs
}

// A half is a result of one side of a pair.
type half struct {
	*result.Results
	Side string // msgBefore or msgAfter
}

func halves(p result.Pair) []half { return []half{{p.Before, msgBefore}, {p.After, msgAfter}} }

// where is "trixie, after".
func (h half) where(p result.Pair) string { return p.Before.Toolchain.Name + ", " + h.Side }

// pairAlarms merges the alarms of both sides under their headlines.
func pairAlarms(pairs []result.Pair) (list []alarm) {
	for _, p := range pairs {
		for _, h := range halves(p) {
			for _, a := range alarms(h.Results) {
				at := slices.IndexFunc(list, func(b alarm) bool { return b.Head == a.Head })
				if at < 0 {
					at = len(list)
					list = append(list, alarm{Head: a.Head})
				}
				list[at].Lines = append(list[at].Lines, h.where(p)+":")
				for _, l := range a.Lines {
					list[at].Lines = append(list[at].Lines, "  "+strings.TrimPrefix(strings.TrimSpace(l), markFails+" "))
				}
			}
		}
	}
	return list
}

// pairEvidence is one line for each distinct outcome of a side, those before first.
// What loaded is evidence too: it is the better half of the proof.
func pairEvidence(pairs []result.Pair) doc.Evidence {
	var sides [2]doc.Evidence
	for _, p := range pairs {
		prefix := ""
		if len(pairs) > 1 {
			prefix = p.Before.Toolchain.Name + ", "
		}
		for i, h := range halves(p) {
			add := func(o outcome.Outcome, where string) {
				if o.Kind == outcome.Built { // no line says so
					return
				}
				e := newExhibit(o, prefix+where)
				e.Frame = sentences(e.Frame, func(l string) string { // a mail names no path of this machine
					return strings.ReplaceAll(l, h.Tree.Name+"/", "")
				})
				e.Outcome = h.Side + ": " + e.Outcome
				if !slices.ContainsFunc(sides[i], func(x doc.Exhibit) bool { return x.Outcome == e.Outcome }) {
					sides[i] = append(sides[i], e)
				}
			}
			for _, c := range h.Cells {
				eachOutcome(&c, c.Booted(), add)
			}
		}
	}
	return slices.Concat(sides[0], sides[1])
}

// limits say from which memory size on modules no longer load.
func limits(pairs []result.Pair) (lines []string) {
	var where index[string]
	for _, p := range pairs {
		for _, h := range halves(p) {
			for _, c := range h.Cells {
				for _, limit := range c.Thresholds {
					where.add(msgLimit(c, limit), h.where(p))
				}
			}
		}
	}
	for _, l := range where.Keys {
		lines = append(lines, strings.Join(where.Of[l], "; ")+": "+l)
	}
	return lines
}

func msgLimit(c result.Cell, t result.Threshold) string {
	modules := strings.Join(legibles(t.Modules), ", ")
	if modules != "" {
		modules = " (" + modules + ")"
	}
	s := fmt.Sprintf("%s fails from mem=%s on%s, where modules begin at %s: %s just below, %s there",
		c.ID, t.Mem, modules, t.Base, t.Before.Brief(), t.After.Brief())
	switch {
	case !slices.ContainsFunc(t.Probes, func(p result.Placement) bool { return len(p.Runs) > 0 }):
		return s + " (computed, not booted)"
	case !t.Holds:
		return s + " (computed; THE BOOTS WENT OTHERWISE)"
	}
	return s + " (computed, and confirmed by boots)"
}

// msgPredictions says how the predictions did, nothing where there were none.
func msgPredictions(pairs []result.Pair) string {
	loads, predicted, wrong := 0, 0, 0
	for _, p := range pairs {
		for _, h := range halves(p) {
			predicted, loads, wrong = predicted+h.Totals.Predicted, loads+h.Totals.Loads, wrong+h.Totals.Disagreeing
		}
	}
	switch {
	case predicted == 0:
		return ""
	case wrong > 0:
		return fmt.Sprintf("%d of %s went OTHERWISE than predicted: see above.", wrong, plural(predicted, "predicted load", "predicted loads"))
	case predicted < loads:
		return fmt.Sprintf("%d of %s predicted from each tree's own loader, and went so.", predicted, plural(loads, "load was", "loads were"))
	}
	return fmt.Sprintf("%s, as predicted from each tree's own loader.", plural(loads, "load", "loads"))
}
