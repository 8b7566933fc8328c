package report

import (
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// A sheet is what the renderings for people have in common, in words: every
// string in it is clean.
type sheet struct {
	Title    string
	Facts    []string // tree, toolchain, config
	Alarms   []alarm  // what must be read first, loudest first
	Columns  []column
	Rows     []row
	Whys     []why
	Evidence doc.Evidence
	Controls []string // those that hold
	Notes    []string
	Totals   string
	Oracle   bool // something was predicted
}

// An alarm is a headline with its proof.
type alarm struct {
	Head  string
	Lines []string
}

// A column is one placement.
type column struct {
	Name, Mem string
	ASLR      bool
}

func (c column) title() string { return c.Name + " " + c.detail() }

func (c column) detail() string {
	var parts []string
	if c.Mem != "" {
		parts = append(parts, c.Mem)
	}
	if c.ASLR {
		parts = append(parts, msgASLR)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// A row is one variant; Results runs parallel to the columns.
type row struct {
	Cell    *result.Cell
	ID      string
	Verdict result.Verdict
	Differs string // what was expected, where the verdict is not that
	Results [][]entry
}

// An entry is what one placement showed, for one module or for all of them.
type entry struct {
	Module    string // "" where all modules agree
	Parts     []part // one, or one per distinct outcome of the runs
	Agrees    bool   // every run went as predicted
	Predicted string // what was predicted, where a run went otherwise
}

type part struct {
	Text string
	Kind outcome.Kind // "" where nothing was run
}

// why is a reason and the variants it holds for.
type why struct {
	IDs     []string
	Reason  string
	Differs bool
}

func newSheet(r *result.Results) *sheet {
	s := &sheet{Title: title(r.Scenario), Totals: msgTotals(r), Oracle: r.Totals.Predicted > 0}
	for _, f := range []string{msgTree(r.Tree), msgToolchain(r.Toolchain), msgConfig(r.Config)} {
		if f != "" {
			s.Facts = append(s.Facts, f)
		}
	}
	s.Alarms = alarms(r)
	s.Columns = columns(r)
	for i := range r.Cells {
		s.addRow(&r.Cells[i])
	}
	for _, c := range r.Controls {
		if c.Holds {
			s.Controls = append(s.Controls, msgControl(c))
		}
	}
	for _, n := range r.Notes {
		s.Notes = append(s.Notes, clean(n))
	}
	return s
}

func title(sc result.Scenario) string {
	name, title := clean(sc.Name), clean(sc.Title)
	switch {
	case title == "" || title == name:
		return name
	case name == "":
		return title
	}
	return title + " [" + name + "]"
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

func columnOf(p result.Placement) column { return column{clean(p.Name), clean(p.Mem), p.ASLR} }

func (s *sheet) addRow(c *result.Cell) {
	rw := row{Cell: c, ID: clean(c.ID), Verdict: result.Verdict(clean(string(c.Verdict))), Results: make([][]entry, len(s.Columns))}
	if !c.AsExpected {
		rw.Differs = msgExpected(clean(c.Expected))
	}
	none := notRun(c)
	for i := range rw.Results {
		rw.Results[i] = []entry{{Parts: []part{none}}}
	}
	for _, p := range c.Placements {
		if entries := entriesOf(p); len(entries) > 0 {
			rw.Results[slices.Index(s.Columns, columnOf(p))] = entries
		}
	}
	s.Evidence = addEvidence(s.Evidence, c, "")
	s.Rows = append(s.Rows, rw)
	s.addWhy(rw)
}

// notRun is what stands where c was not booted: why, where its build says so.
func notRun(c *result.Cell) part {
	if o := c.Build.Outcome; o != nil {
		return part{Text: short(*o), Kind: o.Kind}
	}
	return part{Text: msgNoRun}
}

func place(cell, placement, module string) string {
	return clean(cell + ":" + placement + " " + module)
}

// addWhy keeps the table short: where the row alone says it all, the reason is
// not repeated.
func (s *sheet) addWhy(rw row) {
	told := rw.Verdict == result.Loads || rw.Verdict == result.Rejected
	if rw.Cell.Reason == "" || told && rw.Differs == "" {
		return
	}
	w := why{IDs: []string{rw.ID}, Reason: clean(rw.Cell.Reason), Differs: rw.Differs != ""}
	for i := range s.Whys {
		if s.Whys[i].Reason == w.Reason && s.Whys[i].Differs == w.Differs {
			s.Whys[i].IDs = append(s.Whys[i].IDs, rw.ID)
			return
		}
	}
	s.Whys = append(s.Whys, w)
}

// addEvidence adds a line for each distinct outcome of c to list but loaded, which is
// there where it was not expected. Prefix is before where it was seen.
func addEvidence(list doc.Evidence, c *result.Cell, prefix string) doc.Evidence {
	add := func(o outcome.Outcome, where string) {
		name := short(o)
		if !slices.ContainsFunc(list, func(e doc.Exhibit) bool { return e.Outcome == name }) {
			list = append(list, newExhibit(o, prefix+where))
		}
	}
	if o := c.Build.Outcome; o != nil {
		add(*o, c.ID)
	}
	for _, p := range c.Placements {
		for _, t := range p.Tallies() {
			for _, count := range t.Counts {
				if count.Outcome.Kind != outcome.Loaded || !c.AsExpected {
					add(count.Outcome, place(c.ID, p.Name, t.Module))
				}
			}
		}
	}
	return list
}

// newExhibit is what proves o, and where it was first seen.
func newExhibit(o outcome.Outcome, where string) doc.Exhibit {
	e := doc.Exhibit{Outcome: short(o), Line: clean(o.Evidence), Detail: clean(o.Detail), Where: where}
	if e.Line == "" && e.Detail == "" {
		e.Detail = msgNoEvidence
	}
	return e
}

// entriesOf says what p showed: once where all modules agree, else per module.
func entriesOf(p result.Placement) []entry {
	var list []entry
	for _, t := range p.Tallies() {
		e := entry{Module: clean(t.Module), Agrees: t.Agree == t.Runs}
		for _, c := range t.Counts {
			text := short(c.Outcome)
			if t.Runs > 1 {
				text = msgOf(c.N, t.Runs, text)
			}
			e.Parts = append(e.Parts, part{text, c.Outcome.Kind})
		}
		if t.Disagree > 0 {
			e.Predicted = firstMissed(p, t.Module)
		}
		list = append(list, e)
	}
	same := func(e entry) bool {
		return slices.Equal(e.Parts, list[0].Parts) && e.Agrees == list[0].Agrees && e.Predicted == list[0].Predicted
	}
	if len(list) > 1 && !slices.ContainsFunc(list, func(e entry) bool { return !same(e) }) {
		list[0].Module = ""
		return list[:1]
	}
	if len(list) == 1 {
		list[0].Module = ""
	}
	return list
}

// firstMissed is the first prediction for module that p's runs did not fulfil.
func firstMissed(p result.Placement, module string) string {
	for _, run := range p.Runs {
		for _, m := range run.Modules {
			if m.Name == module && missed(m) {
				return short(*m.Predicted)
			}
		}
	}
	return ""
}

func missed(m result.Module) bool { return m.Predicted != nil && m.Agrees != nil && !*m.Agrees }
