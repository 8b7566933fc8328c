package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Matrix is what a matrix showed: one row per variant with its result at each
// placement and its verdict, the evidence, and one line of totals. A page has every
// run besides.
func Matrix(r *result.Results) *doc.Document {
	s := newSheet(r)
	totals := doc.Totals{Parts: strings.Split(s.Totals, separator), Tone: totalStyle(r)}
	facts := factsOf(s.Facts...)
	told := facts
	if r.Command != "" {
		told = append(told[:len(told):len(told)], doc.Fact{Line: doc.Say(msgRepeat, " ").Code(r.Command)})
	}
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(s.Title)}, doc.Only(^doc.InMarkdown, facts), doc.Only(doc.InMarkdown, told))
	d.Add(alarmsOf(s.Alarms)...)
	d.Add(doc.Only(doc.OnPage, totals))
	if len(s.Rows) > 0 {
		d.Add(s.table())
	}
	d.Add(s.foot()...)
	if len(s.Rows) > 0 {
		var details []doc.Block
		for i, rw := range s.Rows {
			details = append(details, cellDetails(i, rw))
		}
		d.Add(doc.Only(doc.OnPage, doc.Section{Head: doc.Say("Details of each variant"), Blocks: details}))
	}
	run := doc.Defs{}
	if r.Command != "" {
		run = append(run, def("Repeat with", doc.Code(r.Command)))
	}
	if !r.Started.IsZero() {
		run = append(run, def("Started", doc.Say(r.Started.Format("2006-01-02 15:04:05 MST"))))
	}
	d.Add(doc.Only(doc.OnPage, doc.Section{Head: doc.Say("This run"), Blocks: []doc.Block{append(run, madeOf(r)...)}}))
	d.Add(doc.Only(^doc.OnPage, totals))
	return d
}

// table is the variants.
func (s *sheet) table() doc.Table {
	t := doc.Table{Label: "Outcome of each variant at each placement", Columns: []doc.Column{{Head: doc.Say(msgVariant), Role: doc.Key}}}
	if s.Oracle {
		t.Label += " (" + msgLegendAgrees + ")"
	}
	for _, c := range s.Columns {
		t.Columns = append(t.Columns, doc.Column{Head: doc.Say(c.Name).Break(1, " ").Say(c.detail())})
	}
	t.Columns = append(t.Columns, doc.Column{Head: doc.Say(msgVerdict), Role: doc.Sum})
	for i, rw := range s.Rows {
		row := doc.Cells(doc.Code(rw.ID).On(^doc.OnPage).With(doc.Line{}.Link(cellAnchor(i), rw.ID).On(doc.OnPage)))
		for _, entries := range rw.Results {
			row.Cells = append(row.Cells, doc.Cell{Lines: entryLines(entries...)})
		}
		verdict := []doc.Line{doc.Toned(verdictStyle(rw.Verdict), string(rw.Verdict))}
		if rw.Differs != "" {
			verdict[0] = doc.Toned(doc.Bad, markDiffers).Say(" ").With(verdict[0])
			verdict = append(verdict, doc.Toned(doc.Bad, "  "+rw.Differs))
		}
		row.Cells = append(row.Cells, doc.Cell{Lines: verdict})
		t.Rows = append(t.Rows, row)
	}
	return t
}

func cellAnchor(i int) string { return fmt.Sprintf("cell-%d", i) }

// foot is what stands below the table.
func (s *sheet) foot() []doc.Block {
	var whys []doc.Line
	for _, w := range s.Whys {
		l := doc.Code(strings.Join(w.IDs, ", ")).Say(": ", w.Reason)
		if w.Differs {
			l = doc.Toned(doc.Bad, markDiffers).Say(" ").With(l)
		}
		whys = append(whys, l)
	}
	var more []doc.Line
	if s.Oracle {
		more = append(more, doc.Say(msgLegendAgrees))
	}
	if len(s.Controls) > 0 {
		more = append(more, doc.Say(msgControls, ": ", strings.Join(s.Controls, ", ")))
	}
	more = append(more, noteLines(s.Notes)...)
	var terminal, markdown, page []doc.Block
	if terminal = append(paras(whys...), s.Evidence); len(whys)+len(s.Evidence)+len(more) > 0 {
		terminal = []doc.Block{doc.Section{Blocks: append(terminal, paras(more...)...)}}
	}
	markdown = paras(whys...)
	if len(s.Evidence) > 0 {
		markdown = append(markdown, doc.Details{Summary: doc.Say(msgEvidence), Blocks: []doc.Block{s.Evidence}})
		page = append(page, doc.Section{Head: doc.Say("Evidence"), Blocks: []doc.Block{s.Evidence}})
	}
	markdown = append(markdown, doc.Items(more))
	if len(whys) > 0 {
		page = slices.Insert(page, 0, doc.Block(doc.Section{Head: doc.Say("Why"), Blocks: []doc.Block{doc.Items(whys)}}))
	}
	page = append(page, section("Controls", s.Controls, false), section("Notes", s.Notes, false))
	return []doc.Block{doc.Only(doc.OnTerminal, terminal...), doc.Only(doc.InMarkdown, markdown...), doc.Only(doc.OnPage, page...)}
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

// cellDetails is all that is known of variant i.
func cellDetails(i int, rw row) doc.Block {
	c := rw.Cell
	d := doc.Details{ID: cellAnchor(i)}
	d.Summary = doc.Line{}.Mono(doc.Plain, rw.ID).Say(": ").Toned(verdictStyle(rw.Verdict), string(rw.Verdict))
	if c.Reason != "" {
		d.Summary = d.Summary.Say(" ").Toned(doc.Faint, c.Reason)
	}
	var defs doc.Defs
	if c.Expected != "" {
		defs = append(defs, def("Expected", doc.Say(c.Expected)))
	}
	if len(c.Build.Flags) > 0 {
		defs = append(defs, def("Flags requested", codes(c.Build.Flags)))
	}
	sorted(c.Build.Effective, func(m string, opts []string) { defs = append(defs, def("Flags effective, "+m, codes(opts))) })
	defs = append(defs, def("Build", doc.Say(msgTime(c.Build.Seconds, c.Build.Cached))))
	sorted(c.Build.Signature, func(m, sum string) { defs = append(defs, def("Signature, "+m, doc.Code(sum))) })
	if c.Build.Log != "" {
		defs = append(defs, def("Build log", doc.Code(c.Build.Log)))
	}
	d.Blocks = append(d.Blocks, defs)
	if c.Build.Command != "" {
		d.Blocks = append(d.Blocks, doc.Quote{Lines: doc.Lines(c.Build.Command)})
	}
	if o := c.Build.Outcome; o != nil {
		d.Blocks = append(d.Blocks, doc.Para{Line: doc.Toned(outcomeStyle(o.Kind), short(*o))}, doc.Quote{Lines: doc.Lines(proof(*o))})
	}
	for _, p := range c.Placements {
		for n, run := range p.Runs {
			name := columnOf(p).title()
			if len(p.Runs) > 1 {
				name += fmt.Sprintf(", run %d", n+1)
			}
			d.Blocks = append(d.Blocks, runDetails(name, run))
		}
	}
	return d
}

// runDetails is one boot.
func runDetails(name string, run result.Run) doc.Block {
	d := doc.Details{Summary: doc.Say(name, ": ")}
	if len(run.Modules) == 0 {
		d.Summary = d.Summary.Say(msgNoRun)
	}
	var defs doc.Defs
	for i, m := range run.Modules {
		if i > 0 {
			d.Summary = d.Summary.Say(", ")
		}
		d.Summary = d.Summary.Say(m.Name, " ").With(outcomeLine(m.Outcome, short))
		at := fmt.Sprintf(" at byte %d", m.Outcome.Offset)
		lines := []doc.Line{outcomeLine(m.Outcome, long).Toned(doc.Faint, at), doc.Code(proof(m.Outcome))}
		switch {
		case missed(m):
			d.Summary = d.Summary.Say(" ").Toned(doc.Bad, markDiffers)
			lines = append(lines, doc.Toned(doc.Bad, markDiffers).Say(" ", msgPredicted(long(*m.Predicted))))
		case m.Predicted != nil:
			lines = append(lines, doc.Say(markAgrees, " ", msgPredicted(long(*m.Predicted))))
		}
		defs = append(defs, def(m.Name, lines...))
	}
	defs = append(defs, def("Took", doc.Say(msgTime(run.Seconds, run.Cached))))
	if run.Kernel != "" {
		defs = append(defs, def("Kernel", doc.Say(run.Kernel)))
	}
	if run.Gap != nil {
		defs = append(defs, def("Gap (bytes)", doc.Say(fmt.Sprint(*run.Gap))))
	}
	if run.Transcript != "" {
		defs = append(defs, def("Transcript", doc.Code(run.Transcript)))
	}
	d.Blocks = append(d.Blocks, defs)
	if run.Command != "" {
		d.Blocks = append(d.Blocks, doc.Para{Line: doc.Toned(doc.Faint, "Kernel command line")}, doc.Quote{Lines: doc.Lines(run.Command)})
	}
	return d
}

// outcomeLine is an outcome in its tone, as text says it.
func outcomeLine(o outcome.Outcome, text func(outcome.Outcome) string) doc.Line {
	return doc.Toned(outcomeStyle(o.Kind), text(o))
}

func msgTime(s float64, cached bool) string {
	if cached {
		return duration(seconds(s)) + ", cached"
	}
	return duration(seconds(s))
}
