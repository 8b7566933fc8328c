package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

const (
	markChanged   = "Δ"
	markTo        = " → "
	wordRustc     = "rustc"
	wordLLVM      = "LLVM"
	historyMoment = "2006-01-02 15:04"
)

// History is what is recorded of cells: of each group a row per cell and a column
// per toolchain, in the order of versions, then what changed, with the evidence.
// Where the table does not fit, columns in which no cell changed are set as one, and
// at last each cell becomes a list of the ranges of toolchains that it stayed the
// same over. A page has all that was seen besides.
func History(h *result.History) *doc.Document { return historyDocument(h, false) }

// HistoryChanges is what changed, and nothing else.
func HistoryChanges(h *result.History) *doc.Document { return historyDocument(h, true) }

func historyDocument(h *result.History, brief bool) *doc.Document {
	totals := doc.Totals{Parts: historyTotals(h), Tone: doc.Strong}
	d := &doc.Document{Wide: true}
	var aside []string
	d.Add(doc.Only(doc.OnPage, doc.Title{Line: doc.Say("History")}), historyFacts(h), doc.Only(doc.OnPage, totals))
	for i := range h.Groups {
		g := &h.Groups[i]
		s := doc.Section{Head: doc.Say(groupTitle(g, h.Groups)), Flat: true}
		table := newVerdictTable(g, i)
		if !brief {
			s.Blocks = table.blocks()
		}
		s.Blocks = append(s.Blocks, historyChanges(g)...)
		if !brief {
			s.Blocks = append(s.Blocks, doc.Only(doc.OnPage, table.seen()))
		}
		switch {
		case brief && len(g.Changes) == 0:
		case asideOf(g, h.Groups):
			aside = append(aside, groupTitle(g, h.Groups)+": "+table.told())
			d.Add(doc.Only(doc.OnPage, s))
		default:
			d.Add(s)
		}
	}
	if len(aside) > 0 {
		d.Add(doc.Only(^doc.OnPage, section(msgAside, aside)))
	}
	d.Add(doc.Only(^doc.OnPage, totals), doc.Only(doc.OnPage, doc.Command{Text: h.Command}))
	return d
}

func historyFacts(h *result.History) doc.Facts {
	proofless := ""
	switch {
	case h.Unproved == 1:
		proofless = "1 of them proves nothing"
	case h.Unproved > 1:
		proofless = fmt.Sprintf("%d of them prove nothing", h.Unproved)
	}
	days := h.First.UTC().Format(time.DateOnly)
	if last := h.Last.UTC().Format(time.DateOnly); last != days {
		days += " to " + last
	}
	return factsOf(plural(h.Results, "result", "results"), proofless, days+" UTC")
}

const msgAside = "Asked otherwise, each by itself"

// asideOf reports whether a group stands aside, in a line, where others are told: the question is the user's own, of which there
// may be very many, and nothing of it changed.
func asideOf(g *result.HistoryGroup, all []result.HistoryGroup) bool {
	return len(g.Own) > 0 && len(g.Changes) == 0 && slices.ContainsFunc(all, func(o result.HistoryGroup) bool { return len(o.Own) == 0 })
}

// told is the table in a line: "stock broken with trixie".
func (t *verdictTable) told() string {
	const few = 3
	var parts []string
	for j, c := range t.Columns {
		var cells []string
		for _, r := range t.Rows {
			if e := r.Marks[j].Entry; e != nil {
				cells = append(cells, r.Cell+" "+string(e.Point.Verdict))
			}
		}
		if n := len(cells); n > few {
			cells = append(cells[:few:few], fmt.Sprintf("%d more", n-few))
		}
		parts = append(parts, strings.Join(cells, ", ")+" with "+c.Brief)
	}
	return strings.Join(parts, "; ")
}

// groupTitle names a group: what is not the scenario's own choice, and what else tells it from others of that scenario and
// tree.
func groupTitle(g *result.HistoryGroup, all []result.HistoryGroup) string {
	s := g.Scenario + " on " + g.Tree
	if versions := present(g.Versions...); len(versions) > 0 {
		s += " (" + strings.Join(versions, ", ") + ")"
	}
	if n := len(g.Patches); n > 0 {
		s += " + " + plural(n, "patch", "patches")
		for _, p := range g.Patches {
			s += " " + brief(p)
		}
	}
	if len(g.Own) > 0 {
		s += ", own question: " + strings.Join(g.Own, "; ")
	}
	others := slices.DeleteFunc(slices.Clone(all), func(o result.HistoryGroup) bool {
		return o.Scenario != g.Scenario || o.Tree != g.Tree || !slices.Equal(o.Patches, g.Patches) || !slices.Equal(o.Own, g.Own)
	})
	differs := func(from func(result.HistoryGroup) string) bool {
		return slices.ContainsFunc(others, func(o result.HistoryGroup) bool { return from(o) != from(*g) })
	}
	config := func(g result.HistoryGroup) string { return strings.Join(g.Fragments, " + ") }
	question := func(g result.HistoryGroup) string { return g.Question }
	switch {
	case differs(config):
		s += ", config " + config(*g)
	case differs(question):
		s += ", question " + cmp.Or(brief(g.Question), "not recorded")
	}
	if differs(func(g result.HistoryGroup) string { return g.Compiler }) {
		s += ", " + g.Compiler
	}
	return s
}

// historyChanges puts changes between the same two points together, and cells that
// changed alike.
func historyChanges(g *result.HistoryGroup) (blocks []doc.Block) {
	type points struct {
		axis, from, to string // digests of results
		began, ended   time.Time
	}
	pointsOf := func(c result.HistoryChange) points {
		return points{c.Axis, c.From.Result, c.To.Result, c.From.When, c.To.When}
	}
	var told []points
	for i, c := range g.Changes {
		at := pointsOf(c)
		if slices.Contains(told, at) {
			continue
		}
		told = append(told, at)
		var moves []cellChange
		for _, c := range g.Changes[i:] {
			if pointsOf(c) != at {
				continue
			}
			move := newCellChange(c)
			if j := slices.IndexFunc(moves, move.alike); j >= 0 {
				moves[j].Cells = append(moves[j].Cells, c.Cell)
			} else {
				moves = append(moves, move)
			}
		}
		var list doc.List
		for _, m := range moves {
			list.Items = append(list.Items, m.item())
		}
		s := doc.Section{Head: doc.Say(markChanged, " ", changeTitle(c, g.Columns))}
		if others := otherDifferences(c); others != "" {
			s.Blocks = paras(doc.Say(others))
		}
		s.Blocks = append(s.Blocks, list)
		blocks = append(blocks, s)
	}
	return blocks
}

// changeTitle names the two points of a change.
func changeTitle(c result.HistoryChange, columns []result.HistoryColumn) string {
	if c.Axis == result.AlongToolchains {
		return newVersionHead(c.From.Toolchain, columns).title() + markTo + newVersionHead(c.To.Toolchain, columns).title()
	}
	return c.To.Toolchain.Toolchain + ", " + c.From.When.UTC().Format(historyMoment) + markTo + c.To.When.UTC().Format(historyMoment) + " UTC"
}

// otherDifferences says what else is not the same on both sides of a change. That nothing is, it says only where the
// identities of both prove it.
func otherDifferences(c result.HistoryChange) string {
	var list []string
	note := func(what, from, to string) bool {
		if from != to {
			list = append(list, what+" "+from+markTo+to)
		}
		return from != to
	}
	a, b := c.From, c.To
	if c.Axis == result.AlongTime {
		rustc := note(wordRustc, a.Toolchain.Rustc, b.Toolchain.Rustc)
		llvm := note(wordLLVM, a.Toolchain.LLVM, b.Toolchain.LLVM)
		for _, tool := range toolsOf(a, b) {
			if !(tool == "rustc" && rustc) && !(tool == "rustc-llvm" && llvm) {
				note(tool, cmp.Or(a.Tools[tool], "not there"), cmp.Or(b.Tools[tool], "not there"))
			}
		}
		if len(list) == 0 {
			note("the toolchain's files differ:", brief(a.ToolchainDigest), brief(b.ToolchainDigest))
		}
	}
	note("tree", a.TreeVersion, b.TreeVersion)
	if a.TreeVersion == b.TreeVersion {
		note("the tree's files differ:", brief(a.TreeDigest), brief(b.TreeDigest))
	}
	proved := a.ToolchainDigest != "" && a.TreeDigest != ""
	if len(list) > 0 || c.Axis != result.AlongTime || !proved {
		return strings.Join(list, separator)
	}
	same := fmt.Sprintf("rustc, LLVM and the tree are the same on both sides (toolchain %s, tree %s)",
		brief(a.ToolchainDigest), brief(a.TreeDigest))
	if note(".config", cmp.Or(brief(a.ConfigDigest), "none"), cmp.Or(brief(b.ConfigDigest), "none")) {
		same += separator + list[0]
	}
	return same
}

// toolsOf are the tools of both sides of a change, sorted.
func toolsOf(a, b result.HistoryPoint) []string {
	all := map[string]bool{}
	for _, tools := range []map[string]string{a.Tools, b.Tools} {
		for name := range tools {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// A cellChange is what became of cells.
type cellChange struct {
	Cells    []string
	From, To result.Verdict
	Steps    []outcomeChange
}

// An outcomeChange is outcomes that became others, and where they did.
type outcomeChange struct {
	Where    []string // "low rust_print", nothing where one side was not built
	From, To string
	Evidence []doc.Line
}

func newCellChange(c result.HistoryChange) cellChange {
	m := cellChange{Cells: []string{c.Cell}, From: c.From.Verdict, To: c.To.Verdict}
	for _, d := range c.Differences {
		where := present(strings.TrimSpace(d.Placement + " " + d.Module))
		s := outcomeChange{Where: where, From: outcomeTexts(d.From), To: outcomeTexts(d.To)}
		if i := slices.IndexFunc(m.Steps, func(o outcomeChange) bool { return o.From == s.From && o.To == s.To }); i >= 0 {
			m.Steps[i].Where = append(m.Steps[i].Where, where...)
			continue
		}
		s.addEvidence("before  ", d.From)
		s.addEvidence("after   ", d.To)
		m.Steps = append(m.Steps, s)
	}
	return m
}

func (s *outcomeChange) addEvidence(when string, list []result.SeenOutcome) {
	for _, o := range list {
		if o.Evidence != "" {
			s.Evidence = append(s.Evidence, doc.Say(when).Code(o.Evidence).In(doc.Faint))
		}
	}
}

// alike reports whether the same became of other cells, whatever proves it.
func (m cellChange) alike(o cellChange) bool {
	return m.From == o.From && m.To == o.To && slices.EqualFunc(m.Steps, o.Steps, func(a, b outcomeChange) bool {
		return slices.Equal(a.Where, b.Where) && a.From == b.From && a.To == b.To
	})
}

func (m cellChange) item() doc.Item {
	change := string(m.From) + markTo + string(m.To)
	if m.From == m.To {
		change = string(m.To) + ", otherwise than before"
	}
	it := doc.Item{Line: doc.Say(strings.Join(m.Cells, ", "), ": ", change)}
	for _, s := range m.Steps {
		where := "every module"
		if len(s.Where) > 0 {
			where = strings.Join(s.Where, ", ")
		}
		it.Sub = append(it.Sub, doc.Item{Line: doc.Say(where, ": ", s.From, markTo, s.To), Sub: doc.Items(s.Evidence).Items})
	}
	return it
}

func outcomeTexts(list []result.SeenOutcome) string {
	var words []string
	for _, o := range list {
		words = append(words, o.Text)
	}
	return strings.Join(words, " / ")
}

func historyTotals(h *result.History) []string {
	cells, chains, trees, changes := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0
	for _, g := range h.Groups {
		for _, r := range g.Rows {
			cells[r.Cell] = true
		}
		changes += len(g.Changes)
		trees[g.Tree] = true
		for _, c := range g.Columns {
			chains[c.Toolchain] = true
		}
	}
	changed := plural(changes, "change", "changes")
	if changes == 0 {
		changed = "no cell changed"
	}
	return []string{
		plural(len(trees), "tree", "trees"), plural(len(chains), "toolchain", "toolchains"), plural(len(cells), "cell", "cells"), changed,
	}
}
