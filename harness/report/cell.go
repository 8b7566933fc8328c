package report

import (
	"umlab/harness/report/doc"
)

// Cells of tables, in every document that has some.

// line is what one placement showed: "rust_print: 3/20 loaded, 17/20 overflow 11
// 32S". Folded, each outcome has a line of its own; folded again, so has the module.
func (e entry) line() doc.Line {
	var l doc.Line
	if e.Module != "" {
		l = l.Mono(doc.Plain, e.Module+":").Break(2, " ")
	}
	for i, p := range e.Parts {
		if i > 0 {
			l = l.Break(1, ", ")
		}
		l = l.Toned(outcomeStyle(p.Kind), p.Text)
	}
	if e.Agrees {
		l = l.Say(" " + markAgrees)
	}
	return l
}

// entryLines are the entries, each with what was predicted otherwise.
func entryLines(entries ...entry) []doc.Line {
	var lines []doc.Line
	for _, e := range entries {
		lines = append(lines, e.line())
		if e.Predicted != "" {
			lines = append(lines, doc.Toned(doc.Bad, markDiffers+" "+msgPredicted(e.Predicted)))
		}
	}
	return lines
}

// alarmsOf are alarms as blocks.
func alarmsOf(list []alarm) []doc.Block {
	var blocks []doc.Block
	for _, a := range list {
		blocks = append(blocks, doc.Alarm{Head: a.Head, Lines: doc.Lines(a.Lines...)})
	}
	return blocks
}

// exhibit is what proves an outcome.
func (e evidence) exhibit() doc.Exhibit {
	return doc.Exhibit{Outcome: e.Outcome, Line: e.Line, Detail: e.Detail, Where: e.Where}
}
