package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/report/scale"
	"umlab/harness/result"
)

// Matrix is what a matrix showed: one row per variant with its verdict and its result
// at each placement, the evidence, and one line of totals. A page has every
// run besides.
func Matrix(r *result.Results) *doc.Document { return MatrixSince(nil, r) }

// MatrixSince is Matrix with what was otherwise in an earlier run of the same, or nil, marked in the table.
func MatrixSince(was, r *result.Results) *doc.Document {
	totals := doc.Totals{Parts: msgTotals(r), Tone: totalStyle(r)}
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(askedTitle(r.Scenario, r))}, factsOf(msgTree(r.Tree), msgToolchain(r.Toolchain), msgConfig(r.Config)))
	d.Add(alarmsOf(alarms(r))...)
	d.Add(doc.Only(doc.OnPage, totals))
	if len(r.Cells) > 0 {
		d.Add(doc.Section{Blocks: []doc.Block{doc.Para{Line: legend(r)}}}, matrixTable(was, r))
	}
	if sizes, ok := scale.Memory(r, outcomeStyle); ok {
		d.Add(doc.Only(doc.OnPage, sizes), doc.Only(doc.OnTerminal, limited(sizes)))
	}
	if r.Search != nil {
		d.Add(searched(r))
	}
	d.Add(rates(r))
	var evidence doc.Evidence
	var details []doc.Block
	for i := range r.Cells {
		evidence = addEvidence(evidence, &r.Cells[i], "")
		details = append(details, cellDetails(i, &r.Cells[i]))
	}
	d.Add(below("Why", reasons(r), evidence, matrixNotes(r)))
	if details != nil {
		d.Add(doc.Only(doc.OnPage, doc.Section{Head: doc.Say("Details of each variant"), Blocks: details}))
	}
	run := doc.Defs{}
	if !r.Started.IsZero() {
		run = append(run, def("Started", doc.Say(r.Started.Format(startedMoment))))
	}
	d.Add(doc.Only(doc.OnPage, doc.Section{Head: doc.Say("This run"), Blocks: []doc.Block{append(run, madeOf(r)...)}}))
	d.Add(doc.Only(^doc.OnPage, totals), doc.Only(^doc.OnTerminal, doc.Command{Text: r.Command}),
		doc.Only(doc.OnTerminal|doc.OnPage, doc.Command{Head: msgNext, Text: r.Next}))
	return d
}

// head is the name of a placement, and how it is booted.
func head(p column) doc.Line {
	if p.detail() == "" {
		return doc.Say(p.Name)
	}
	return doc.Say(p.Name).Break(2, " ").Say(p.detail())
}

// verdictLine is a verdict, which a narrow table has on two lines.
func verdictLine(v result.Verdict) doc.Line {
	first, rest, two := strings.Cut(string(v), "-")
	if !two {
		return doc.Toned(verdictStyle(v), first)
	}
	return doc.Toned(verdictStyle(v), first+"-").Break(1, "").Toned(verdictStyle(v), rest)
}

// matrixTable is the variants. What differs from was is marked.
func matrixTable(was, r *result.Results) doc.Table {
	places := columns(r)
	t := doc.Table{Label: "Outcome of each variant at each placement", Columns: []doc.Column{
		{Head: doc.Say(msgVariant), Role: doc.Key}, {Head: doc.Say(msgVerdict), Role: doc.Sum},
	}}
	for _, p := range places {
		t.Columns = append(t.Columns, doc.Column{Head: head(p)})
	}
	if goals(r) {
		t.Label = "Outcome of each variant's build"
		t.Columns, places = append(t.Columns, doc.Column{Head: doc.Say(msgBuild)}), []column{{}}
	}
	for i := range r.Cells {
		c, before := &r.Cells[i], was.Cell(r.Cells[i].ID)
		row := doc.Cells(doc.Code(c.ID).On(^doc.OnPage).With(doc.Line{}.Link(cellAnchor(i), c.ID).On(doc.OnPage)))
		verdict := []doc.Line{verdictLine(c.Verdict)}
		if !c.AsExpected {
			verdict[0] = doc.Toned(doc.Bad, markDiffers).Say(" ").With(verdict[0])
			verdict = append(verdict, doc.Toned(doc.Bad, "  "+msgExpected(c.Expected)))
		}
		switch {
		case was != nil && before == nil:
			verdict = append(verdict, doc.Toned(doc.Warn, markChanged+" "+msgNew))
		case before != nil && before.Verdict != c.Verdict:
			verdict = append(verdict, doc.Toned(doc.Warn, msgWas(string(before.Verdict))))
		}
		row.Cells = append(row.Cells, doc.Cell{Lines: verdict})
		for _, at := range places {
			entries := entriesAt(c, at)
			lines := entryLines(entries...)
			if before != nil {
				lines = append(lines, wasEntries(entriesAt(before, at), entries)...)
			}
			row.Cells = append(row.Cells, doc.Cell{Lines: lines})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// goals reports whether r is of a scenario about the build alone: nothing was to be booted.
func goals(r *result.Results) bool {
	return len(columns(r)) == 0 && slices.ContainsFunc(r.Cells, result.Cell.Goal)
}

// entriesAt is what c showed at a placement.
func entriesAt(c *result.Cell, at column) []entry {
	for _, p := range c.Placements {
		if columnOf(p) == at {
			return entriesOf(c, p)
		}
	}
	return []entry{unrun(c)}
}

func cellAnchor(i int) string { return fmt.Sprintf("cell-%d", i) }

// reasons are told once, with the variants that they hold for.
func reasons(r *result.Results) []doc.Line {
	var variants index[why]
	for i := range r.Cells {
		if w, ok := reasonOf(&r.Cells[i]); ok {
			variants.add(w, r.Cells[i].ID)
		}
	}
	return variants.lines(why.line)
}

// A why is a reason, and whether it is of what was not expected.
type why struct {
	differs bool
	columns string // of a sweep: " (sid)" where it does not hold for all
	reason  string
}

// reasonOf is why c is what it is, where its row alone does not say it all.
func reasonOf(c *result.Cell) (w why, ok bool) {
	if o := c.Build.Outcome; o != nil && o.Diagnostic != nil { // the evidence has the message, and not where it belongs
		w = why{differs: !c.AsExpected, reason: o.Detail}
		if o.Other {
			w.reason = msgOther + ": " + o.Detail
		}
		return w, w.reason != ""
	}
	said := []result.Verdict{result.Loads, result.Rejected, result.Builds, result.Passes, result.Fails} // in the table
	told := c.AsExpected && slices.Contains(said, c.Verdict) && !noted(c)
	told = told || c.Build.Outcome != nil && c.Build.Outcome.Frame != nil // the evidence has it whole
	return why{differs: !c.AsExpected, reason: c.Reason}, c.Reason != "" && !told
}

// noted reports whether there is more to know of a module that loaded than that.
func noted(c *result.Cell) bool {
	return slices.ContainsFunc(c.Placements, func(p result.Placement) bool {
		return slices.ContainsFunc(p.Runs, func(r result.Run) bool {
			return slices.ContainsFunc(r.Items(), func(m result.Module) bool {
				return m.Outcome.Kind.Good() && m.Outcome.Detail != ""
			})
		})
	})
}

// line is the reason with the variants that it holds for.
func (w why) line(ids []string) doc.Line {
	l := doc.Code(strings.Join(ids, ", ")).Say(w.columns, ": ", w.reason)
	if w.differs {
		l = doc.Toned(doc.Bad, markDiffers).Say(" ").With(l)
	}
	return l
}

func matrixNotes(r *result.Results) (notes []string) {
	if r.Totals.Predicted > 0 {
		notes = append(notes, msgLegendAgrees)
	}
	var hold []string
	for _, c := range r.Controls {
		if c.Holds {
			hold = append(hold, c.String())
		}
	}
	if hold != nil {
		notes = append(notes, msgControls+": "+strings.Join(hold, ", "))
	}
	for i := range r.Cells {
		notes = append(notes, sentences(discarded(&r.Cells[i]), msgNote)...)
	}
	return append(notes, sentences(r.Notes, msgNote)...)
}

// discarded are the tries of a cell's runs that do not count, a sentence each.
func discarded(c *result.Cell) (notes []string) {
	for _, p := range c.Booted() {
		for _, run := range p.Runs {
			for _, d := range run.Discarded {
				notes = append(notes, fmt.Sprintf("%s:%s: one boot showed %s, was tried again, and does not count: the host can have caused it (%s)",
					c.ID, p.Name, d.Seen, d.Transcript))
			}
		}
	}
	return notes
}

// below is what stands below a table: what is said of it, what proves it, and what
// else there is to know. Head is of what is said; a terminal has no heads.
func below(head string, said []doc.Line, evidence doc.Evidence, notes []string) doc.Block {
	s := doc.Section{}
	add := func(head string, n int, b doc.Block) {
		if n > 0 {
			s.Blocks = append(s.Blocks, doc.Section{Head: doc.Say(head).On(^doc.OnTerminal), Minor: true, Tight: true, Blocks: []doc.Block{b}})
		}
	}
	add(head, len(said), doc.Items(said))
	add("Evidence", len(evidence), evidence)
	add("Notes", len(notes), doc.Items(doc.Lines(notes...)))
	if s.Blocks == nil {
		return nil
	}
	return s
}

func def(term string, lines ...doc.Line) doc.Def { return doc.Def{Term: term, Lines: lines} }

// codes are quoted words on one line.
func codes(words []string) doc.Line { return doc.Join(doc.Codes(words), doc.Say(" ")) }

// sorted is a map in the order of its keys.
func sorted[V any](m map[string]V, add func(key string, v V)) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		add(k, m[k])
	}
}

// madeOf is what r was made of, with digests in full.
func madeOf(r *result.Results) doc.Defs {
	tree := doc.Say(r.Tree.Name, " ", r.Tree.Version)
	if r.Tree.Package != "" {
		tree = tree.Say(", package ", r.Tree.Package)
	}
	tree = tree.Say(", digest ").Code(r.Tree.Digest)
	if len(r.Tree.Patches) > 0 {
		tree = tree.Say(", patches ").With(codes(r.Tree.Patches))
	}
	chain := []doc.Line{doc.Say(r.Toolchain.Name, ", digest ").Code(r.Toolchain.Digest)}
	sorted(r.Toolchain.Identity, func(k, v string) { chain = append(chain, doc.Say(k, ": ", v)) })
	config := codes(r.Config.Fragments).Say(" digest ").Code(r.Config.Digest)
	if r.Config.Resolved != "" {
		config = config.Say(", resolved ").Code(r.Config.Resolved)
	}
	return doc.Defs{def("Tree", tree), def("Toolchain", chain...), def("Configuration", config)}
}
