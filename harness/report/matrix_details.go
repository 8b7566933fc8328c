package report

import (
	"fmt"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// cellDetails is all that is known of variant i.
func cellDetails(i int, c *result.Cell) doc.Block {
	d := doc.Details{ID: cellAnchor(i)}
	d.Summary = doc.Line{}.Mono(doc.Plain, c.ID).Say(": ").Toned(verdictStyle(c.Verdict), string(c.Verdict))
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
		d.Blocks = append(d.Blocks, doc.Para{Line: doc.Toned(outcomeStyle(o.Kind), o.Brief())}, doc.Quote{Lines: doc.Lines(said(*o)...)})
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
	if len(run.Items()) == 0 {
		d.Summary = d.Summary.Say(msgNoRun)
	}
	var defs doc.Defs
	for i, m := range run.Items() {
		if i > 0 {
			d.Summary = d.Summary.Say(", ")
		}
		d.Summary = d.Summary.Say(m.Name, " ").With(outcomeLine(m.Outcome, outcome.Outcome.Brief))
		at := fmt.Sprintf(" at byte %d of the transcript", m.Outcome.Offset)
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
	for _, s := range run.Steps {
		if s.Outcome == nil {
			defs = append(defs, def(s.Of(), doc.Toned(doc.Faint, msgNotRun(s))))
		}
	}
	defs = append(defs, def("Took", doc.Say(msgTime(run.Seconds, run.Cached))))
	if run.Kernel != "" {
		defs = append(defs, def("Kernel", doc.Say(run.Kernel)))
	}
	if run.Gap != nil {
		defs = append(defs, def("Gap before brk", doc.Say(msgGapOf(*run.Gap))))
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
		return took(s) + ", cached"
	}
	return took(s)
}
