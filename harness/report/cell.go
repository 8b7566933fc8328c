package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Cells of tables, in every document that has some.

// A column is one placement.
type column struct {
	Name, Mem string
	ASLR      bool
}

func (c column) title() string { return strings.TrimSpace(c.Name + " " + c.detail()) }

// detail is what its name does not say of it; "" for nothing.
func (c column) detail() string {
	if c.Mem == c.Name {
		c.Mem = ""
	}
	return result.BootedWith(c.Mem, c.ASLR)
}

func columns(r *result.Results) []column {
	var list []column
	for _, c := range r.Cells {
		for _, p := range c.Placements {
			if col := columnOf(p); !slices.Contains(list, col) {
				list = append(list, col)
			}
		}
	}
	return list
}

func columnOf(p result.Placement) column { return column{p.Name, p.Mem, p.ASLR} }

// An entry is what one placement showed, for one module or for all of them.
type entry struct {
	Module    string // "" where all modules agree
	Parts     []part // one, or one per distinct outcome of the runs
	Predicted string // what was predicted, where a run went otherwise
}

type part struct {
	Text   string
	Kind   outcome.Kind // "" where nothing was run
	Agrees bool         // every run of it went as predicted
}

// entriesOf says what p showed: once where all modules agree, else per module. Steps
// and tests that passed are counted, so that what did not can be seen.
func entriesOf(c *result.Cell, p result.Placement) []entry {
	list := eachEntry(p)
	if len(list) == 0 {
		return []entry{unrun(c)}
	}
	if !slices.ContainsFunc(list, func(e entry) bool { return !e.agrees(list[0]) }) {
		list[0].Module = ""
		list = list[:1]
	} else {
		list = passedLast(list)
	}
	if n := notRun(p); n > 0 {
		list = append(list, entry{Parts: []part{{Text: fmt.Sprintf("%d not run", n)}}})
	}
	return list
}

// mostEntries is how many steps and tests that did not pass are named in a table.
const mostEntries = 8

// passedLast counts the entries of steps that passed in all runs, behind the others.
func passedLast(all []entry) (list []entry) {
	passed, more := 0, 0
	for _, e := range all {
		switch {
		case len(e.Parts) == 1 && e.Parts[0].Kind == outcome.Passed:
			passed++
		case len(list) >= mostEntries && e.Parts[0].Kind.Steps():
			more++
		default:
			list = append(list, e)
		}
	}
	if more > 0 {
		list = append(list, entry{Parts: []part{{Text: fmt.Sprintf("%d more failed", more), Kind: outcome.Failed}}})
	}
	if passed > 0 {
		list = append(list, entry{Parts: []part{{Text: fmt.Sprintf("%d passed", passed), Kind: outcome.Passed}}})
	}
	return list
}

// notRun is the number of steps that no run of p got to.
func notRun(p result.Placement) (n int) {
	for i, run := range p.Runs {
		here := 0
		for _, s := range run.Steps {
			if s.NotRun != "" {
				here++
			}
		}
		if i == 0 || here < n {
			n = here
		}
	}
	return n
}

// eachEntry is what p showed, module by module.
func eachEntry(p result.Placement) (list []entry) {
	for _, t := range p.Tallies() {
		e := entry{Module: t.Module}
		for _, count := range t.Counts {
			text := count.Outcome.Brief()
			if t.Runs > 1 {
				text = fmt.Sprintf("%d/%d %s", count.N, t.Runs, text)
			}
			e.Parts = append(e.Parts, part{text, count.Outcome.Kind, count.Agree == count.N})
		}
		if t.Disagree > 0 {
			e.Predicted = firstMissed(p, t.Module)
		}
		list = append(list, e)
	}
	return list
}

// agrees reports whether both showed the same, whatever the modules.
func (e entry) agrees(f entry) bool {
	return slices.Equal(e.Parts, f.Parts) && e.Predicted == f.Predicted
}

// unrun is what stands where c was not booted: why, where its build says so.
func unrun(c *result.Cell) entry {
	if o := c.Build.Outcome; o != nil {
		return entry{Parts: []part{{Text: o.Brief(), Kind: o.Kind}}}
	}
	return entry{Parts: []part{{Text: msgNoRun}}}
}

// firstMissed is the first prediction for module that p's runs did not fulfil.
func firstMissed(p result.Placement, module string) string {
	for _, run := range p.Runs {
		for _, m := range run.Items() {
			if m.Name == module && missed(m) {
				return m.Predicted.Brief()
			}
		}
	}
	return ""
}

func missed(m result.Module) bool { return m.Predicted != nil && m.Agrees != nil && !*m.Agrees }

// line is what one placement showed: "rust_print: 3/20 loaded, 17/20 overflow 11
// 32S". Folded, each outcome has a line of its own; folded again, so has the module; then an outcome has two.
func (e entry) line() doc.Line {
	var l doc.Line
	if e.Module != "" {
		l = l.Mono(doc.Plain, e.Module+":").Break(2, " ")
	}
	for i, p := range e.Parts {
		if i > 0 {
			l = l.Break(1, ", ")
		}
		text := p.Text
		if at := strings.LastIndexByte(text, ' '); strings.Count(text, " ") > 1 { // "unknown 9 GOTPCREL" has two halves
			l, text = l.Toned(outcomeStyle(p.Kind), text[:at]).Break(3, " "), text[at+1:]
		}
		l = l.Toned(outcomeStyle(p.Kind), text)
		if p.Agrees {
			l = l.Say(" " + markAgrees)
		}
	}
	return l
}

// unmarked is e without what was predicted.
func (e entry) unmarked() entry {
	e.Predicted, e.Parts = "", slices.Clone(e.Parts)
	for i := range e.Parts {
		e.Parts[i].Agrees = false
	}
	return e
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

// same reports whether both showed the same, and were predicted alike.
func (e entry) same(f entry) bool {
	parts := func(e entry) []part { return e.unmarked().Parts }
	return e.Module == f.Module && e.Predicted == f.Predicted && slices.Equal(parts(e), parts(f))
}
