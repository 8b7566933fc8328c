package report

import (
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Verification is what patches change: what was asked, what showed before and
// after, the conclusion, and what proves it.
func Verification(v *result.Verification) *doc.Document {
	t := newTrial(v)
	concluded, tone := msgConcluded(v), doc.Bad
	if v.Conclusion == result.Fixed && len(t.Alarms) == 0 {
		tone = doc.Good
	}
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(msgVerification(v))}, verificationFacts(v, t))
	d.Add(alarmsOf(t.Alarms)...)
	d.Add(doc.Only(doc.OnPage, doc.Totals{Parts: []string{concluded}, Tone: tone}))
	d.Add(contrastTables(t.Stock, len(t.Stock) > 1)...)
	if len(t.Others) > 0 {
		d.Add(doc.Section{Head: doc.Say("Other variants"), Blocks: contrastTables(t.Others, true)})
	}
	if t.Oracle != "" {
		d.Add(doc.Section{Blocks: []doc.Block{doc.Para{Line: doc.Say(t.Oracle)}}})
	}
	d.Add(section("Thresholds", t.Limits, false))
	d.Add(
		doc.Only(doc.InMail, doc.Section{Head: doc.Say(wordConclusion), Blocks: []doc.Block{doc.Para{Line: doc.Say(concluded)}}}),
		doc.Only(doc.InMarkdown, doc.Totals{Parts: []string{wordConclusion + ": " + concluded}}))
	d.Add(section("Not tested", legibles(v.Untested), true))
	if len(t.Evidence) > 0 {
		d.Add(doc.Section{Head: doc.Say("Evidence"), Minor: true, Blocks: []doc.Block{t.Evidence}})
	}
	d.Add(section("Notes", t.Notes, true))
	if by := legible(v.TestedBy); by != "" && v.Conclusion == result.Fixed {
		// A trailer is one line, however long a name is: folded, git reads half.
		l := doc.Code(msgTestedBy + by)
		d.Add(doc.Only(doc.InMail, doc.Section{Blocks: []doc.Block{doc.Quote{Lines: []doc.Line{l}, Margin: true}}}))
		d.Add(doc.Only(^doc.InMail, doc.Para{Line: l}))
	}
	d.Add(doc.Command{Text: legible(v.Command), Note: msgTook(duration(seconds(v.Seconds)))})
	d.Add(checkers(v.Findings))
	var digests doc.Defs
	for _, x := range t.Digests {
		digests = append(digests, doc.Def{Term: x.Of, Lines: []doc.Line{doc.Code(x.Value)}})
	}
	if digests != nil {
		d.Add(doc.Section{Head: doc.Say("Digests in full"), Blocks: []doc.Block{digests}})
	}
	return d
}

func verificationFacts(v *result.Verification, t *trial) (facts doc.Facts) {
	add := func(label string, l doc.Line, below ...doc.Line) {
		if len(l) > 0 {
			facts = append(facts, doc.Fact{Label: label, Line: l, Below: below})
		}
	}
	add("Scenario", doc.Say(t.Scenario))
	add("Base tree", doc.Join(doc.Lines(t.Base...), doc.Say(", ")), doc.Lines(t.Base...)...)
	for _, p := range v.Patches {
		subject, from, id := legible(p.Subject), legible(p.From), legible(p.PatchID)
		l, below := doc.Say(subject), doc.Lines(subject)
		if from != "" {
			l = l.Say(" (From ", from, ")")
			below = append(below, doc.Say("  From: ", from))
		}
		if id != "" {
			l = l.Say(", patch-id ").Code(id)
			below = append(below, doc.Say("  patch-id ", id))
		}
		add(counted(v.Patches, "Patch", "Patches, in this order"), l, below...)
	}
	for _, c := range t.Toolchains {
		add(counted(t.Toolchains, "Toolchain", "Toolchains"), doc.Say(c))
	}
	return facts
}

// section is a list under a heading, nothing where there is nothing to list.
func section(head string, lines []string, bullets bool) doc.Block {
	if len(lines) == 0 {
		return nil
	}
	list := doc.Items(doc.Lines(lines...))
	list.Bullets = bullets
	return doc.Section{Head: doc.Say(head), Minor: true, Blocks: []doc.Block{list}}
}

// contrastTables are tables, under the names of what they are of where named.
func contrastTables(list []block, named bool) []doc.Block {
	var blocks []doc.Block
	for _, b := range list {
		t := doc.Table{Label: msgBlock(b), Named: named, Fold: 1, Columns: []doc.Column{
			{Head: doc.Say("placement"), Role: doc.Key, Once: true}, {Head: doc.Say("modules"), Role: doc.Key},
			{Head: doc.Say(msgBefore)}, {Head: doc.Say(msgAfter)},
		}}
		for _, c := range b.Rows {
			modules := doc.Join(doc.Lines(c.Modules...), doc.Say(",").Break(1, " "))
			t.Rows = append(t.Rows, doc.Row{Cells: []doc.Cell{
				{Lines: []doc.Line{doc.Say(c.Placement)}}, {Lines: []doc.Line{modules}}, {Lines: entryLines(c.Before)}, {Lines: entryLines(c.After)},
			}})
		}
		if !slices.ContainsFunc(b.Rows, func(c contrast) bool { return len(c.Modules) > 0 }) {
			t.Columns = slices.Delete(t.Columns, 1, 2)
			for i := range t.Rows {
				t.Rows[i].Cells = slices.Delete(t.Rows[i].Cells, 1, 2)
			}
		}
		blocks = append(blocks, t)
	}
	return blocks
}

// checkers are what each said, or why it did not.
func checkers(findings []result.Finding) doc.Block {
	var blocks []doc.Block
	for _, f := range findings {
		says := legibles(f.Lines)
		switch failed := legible(f.Failed); {
		case failed != "":
			says = append([]string{msgNotRun(failed)}, says...)
		case len(says) == 0:
			says = []string{msgNothingFound}
		}
		blocks = append(blocks, doc.Section{Head: doc.Say(legible(f.Tool)).With(doc.Say(":").On(doc.InMail)), Minor: true, Tight: true,
			Blocks: []doc.Block{doc.Items(doc.Codes(says))}})
	}
	if blocks == nil {
		return nil
	}
	return doc.Section{Head: doc.Say(msgCheckers), Blocks: blocks}
}

// A trial is what a verification has to say beyond its own words.
type trial struct {
	Scenario   string
	Base       []string // tree, digest
	Toolchains []string
	Alarms     []alarm
	Stock      []block
	Others     []block // cells other than stock
	Oracle     string  // how the predictions did; "" where there were none
	Limits     []string
	Evidence   doc.Evidence
	Notes      []string
	Digests    []digest
}

type digest struct{ Of, Value string }

// A block is a table: what some cells with some toolchains all showed.
type block struct {
	Toolchains, Cells []string
	Rows              []contrast
}

// A contrast is one placement before and after, for some modules.
type contrast struct {
	Placement     string
	Modules       []string // none where all modules agree
	Before, After entry
}

func newTrial(v *result.Verification) *trial {
	pairs := sides(v)
	t := &trial{Notes: legibles(v.Notes)}
	for i, p := range v.Patches {
		t.addDigest(msgPatchFile(i, len(v.Patches)), p.Digest)
	}
	if len(pairs) > 0 {
		first := pairs[0].Before
		t.Scenario, t.Base = title(first.Scenario), msgBase(first.Tree)
		t.addDigest("base tree", first.Tree.Digest)
	}
	for _, p := range pairs {
		t.Toolchains = append(t.Toolchains, msgToolchain(p.Before.Toolchain))
		t.addAlarms(p)
		t.addEvidence(p, len(pairs) > 1)
		for _, n := range slices.Concat(p.Before.Notes, p.After.Notes) {
			if n := legible(n); !slices.Contains(t.Notes, n) {
				t.Notes = append(t.Notes, n)
			}
		}
	}
	t.addBlocks(pairs)
	t.addLimits(pairs)
	t.addOracle(pairs)
	return t
}

// sides are the pairs of v, with empty results for a side that is missing.
func sides(v *result.Verification) []result.Pair {
	pairs := slices.Clone(list(v.Pairs))
	for i := range pairs {
		for _, side := range []**result.Results{&pairs[i].Before, &pairs[i].After} {
			if *side == nil {
				*side = &result.Results{}
			}
		}
	}
	return pairs
}

// legible is s as a line that begins and ends with something to read.
func legible(s string) string { return strings.TrimSpace(clean(s)) }

func legibles(from []string) []string {
	var to []string
	for _, s := range from {
		to = append(to, legible(s))
	}
	return to
}

func (t *trial) addDigest(of, value string) {
	algorithm, hex, ok := strings.Cut(legible(value), ":")
	if !ok {
		algorithm, hex = msgDigest, algorithm
	}
	if hex != "" {
		t.Digests = append(t.Digests, digest{algorithm + " of " + of, hex})
	}
}

// addAlarms merges the alarms of both sides under their headlines.
func (t *trial) addAlarms(p result.Pair) {
	for i, r := range []*result.Results{p.Before, p.After} {
		for _, a := range alarms(r) {
			lines := []string{msgSide(p.Before.Toolchain, i == 1) + ":"}
			for _, l := range a.Lines {
				lines = append(lines, "  "+strings.TrimPrefix(strings.TrimSpace(l), markFails+" "))
			}
			at := slices.IndexFunc(t.Alarms, func(b alarm) bool { return b.Head == a.Head })
			if at < 0 {
				at = len(t.Alarms)
				t.Alarms = append(t.Alarms, alarm{Head: a.Head})
			}
			t.Alarms[at].Lines = append(t.Alarms[at].Lines, lines...)
		}
	}
}

// addEvidence collects one line for each distinct outcome of a side. What loaded
// is evidence too: it is the better half of the proof.
func (t *trial) addEvidence(p result.Pair, named bool) {
	prefix := ""
	if named {
		prefix = clean(p.Before.Toolchain.Name) + ", "
	}
	for i, r := range []*result.Results{p.Before, p.After} {
		side := []string{msgBefore, msgAfter}[i]
		add := func(o outcome.Outcome, where string) {
			e := newExhibit(o, prefix+where)
			e.Outcome = side + ": " + e.Outcome
			if !slices.ContainsFunc(t.Evidence, func(x doc.Exhibit) bool { return x.Outcome == e.Outcome }) {
				t.Evidence = append(t.Evidence, e)
			}
		}
		for _, c := range r.Cells {
			if o := c.Build.Outcome; o != nil {
				add(*o, clean(c.ID))
			}
			for _, p := range c.Booted() {
				for _, tally := range p.Tallies() {
					for _, count := range tally.Counts {
						add(count.Outcome, place(c.ID, p.Name, tally.Module))
					}
				}
			}
		}
	}
	after := func(e doc.Exhibit) int { return strings.Index(e.Outcome, msgAfter+": ") } // -1 before
	slices.SortStableFunc(t.Evidence, func(a, b doc.Exhibit) int { return after(a) - after(b) })
}

// addLimits says from which memory size on modules no longer load.
func (t *trial) addLimits(pairs []result.Pair) {
	var where index[string]
	for _, p := range pairs {
		for i, r := range []*result.Results{p.Before, p.After} {
			for _, c := range r.Cells {
				for _, limit := range c.Thresholds {
					where.add(msgLimit(c, limit), msgSide(p.Before.Toolchain, i == 1))
				}
			}
		}
	}
	for _, s := range where.Keys {
		t.Limits = append(t.Limits, strings.Join(where.Of[s], "; ")+": "+s)
	}
}

func (t *trial) addOracle(pairs []result.Pair) {
	loads, predicted, wrong := 0, 0, 0
	for _, p := range pairs {
		predicted += p.Before.Totals.Predicted + p.After.Totals.Predicted
		loads += p.Before.Totals.Loads + p.After.Totals.Loads
		wrong += p.Before.Totals.Disagreeing + p.After.Totals.Disagreeing
	}
	if predicted > 0 {
		t.Oracle = msgOracle(loads, predicted, wrong)
	}
}
