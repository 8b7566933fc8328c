package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"umlab/harness/result"
)

// Every sentence and label of a history stands in this file.

const (
	markTurned       = "Δ"
	markTo           = " → "
	wordRustc        = "rustc"
	wordLLVM         = "LLVM"
	wordNever        = "–"
	wordBefore       = "before"
	wordAfter        = "after"
	wordCell         = "cell"
	msgLegendMarked  = markTurned + " not what it was: with the toolchain before it, or earlier with this one"
	msgLegendNever   = wordNever + " never run"
	msgLegendPartial = "(…) asked of fewer or other modules or placements than the fullest of its row"
	msgLegendUnknown = "unknown: nothing was proved, so it is not compared"
	msgNoChange      = "no cell changed"
	msgBuilt         = "every module"
)

const historyMoment = "2006-01-02 15:04"

func historyFacts(h *result.History) []string {
	facts := []string{plural(h.Results, "result", "results")}
	if h.Unproved > 0 {
		facts = append(facts, fmt.Sprintf("%d of them prove nothing", h.Unproved))
		if h.Unproved == 1 {
			facts[1] = "1 of them proves nothing"
		}
	}
	first, last := h.First.UTC().Format(time.DateOnly), h.Last.UTC().Format(time.DateOnly)
	if first == last {
		return append(facts, first+" UTC")
	}
	return append(facts, first+" to "+last+" UTC")
}

// msgEra is the title of a group; its fragments are named where another group
// differs in nothing else.
func msgEra(g *result.HistoryGroup, all []result.HistoryGroup) string {
	var versions []string
	for _, v := range g.Versions {
		if v != "" {
			versions = append(versions, clean(v))
		}
	}
	s := clean(g.Scenario) + msgOn + clean(g.Tree)
	if len(versions) > 0 {
		s += " (" + strings.Join(versions, ", ") + ")"
	}
	if n := len(g.Patches); n > 0 {
		s += " + " + plural(n, "patch", "patches")
		var sums []string
		for _, p := range g.Patches {
			sums = append(sums, brief(p))
		}
		s += " " + strings.Join(sums, " ")
	}
	alike := 0
	for _, o := range all {
		if o.Scenario == g.Scenario && o.Tree == g.Tree && slices.Equal(o.Patches, g.Patches) {
			alike++
		}
	}
	if alike > 1 {
		s += ", config " + clean(strings.Join(g.Fragments, " + "))
	}
	return s
}

func msgSeenWhen(e *result.HistoryEntry) string {
	parts := []string{e.Point.When.UTC().Format(historyMoment) + " UTC"}
	if e.Point.TreeVersion != "" {
		parts = append(parts, "tree "+clean(e.Point.TreeVersion))
	}
	return strings.Join(append(parts, plural(e.Sightings, "run", "runs")), ", ")
}

// msgTurn names the two points of a change.
func msgTurn(c result.HistoryChange, columns []result.HistoryColumn) string {
	if c.Axis == result.AlongToolchains {
		return rungOf(c.From.Toolchain, columns).title() + markTo + rungOf(c.To.Toolchain, columns).title()
	}
	return clean(c.To.Toolchain.Toolchain) + ", " + c.From.When.UTC().Format(historyMoment) + markTo + c.To.When.UTC().Format(historyMoment) + " UTC"
}

// msgElse says what else is not the same on both sides of a change.
func msgElse(c result.HistoryChange) (list []string) {
	note := func(what, from, to string) {
		if from != to {
			list = append(list, what+" "+clean(from)+markTo+clean(to))
		}
	}
	a, b := c.From, c.To
	if c.Axis == result.AlongTime {
		note(wordRustc, a.Toolchain.Rustc, b.Toolchain.Rustc)
		note(wordLLVM, a.Toolchain.LLVM, b.Toolchain.LLVM)
	}
	note("tree", a.TreeVersion, b.TreeVersion)
	if a.TreeVersion == b.TreeVersion && a.TreeDigest != b.TreeDigest {
		list = append(list, "the tree's files differ: "+brief(a.TreeDigest)+markTo+brief(b.TreeDigest))
	}
	if len(list) == 0 && c.Axis == result.AlongTime {
		list = append(list, "rustc, LLVM and the tree are the same on both sides")
	}
	return list
}

func msgMove(m move) string {
	s := clean(string(m.From)) + markTo + clean(string(m.To))
	if m.From == m.To {
		s = clean(string(m.To)) + ", otherwise than before"
	}
	return strings.Join(m.Cells, ", ") + ": " + s
}

func msgStep(s step) string {
	where := s.Where
	if where == "" {
		where = msgBuilt
	}
	return where + ": " + s.From + markTo + s.To
}

// msgRange is the toolchains of a list's line.
func msgRange(rungs []rung) string {
	first, last := rungs[0].brief(), rungs[len(rungs)-1].brief()
	if len(rungs) == 1 {
		return first
	}
	return first + " to " + last
}

// brief is "sid (1.97.1)".
func (s rung) brief() string {
	number := strings.TrimPrefix(s.Rustc, wordRustc+" ")
	parts := []string{}
	if !strings.HasSuffix(s.Name, number) {
		parts = append(parts, number)
	}
	if s.Compiler != "" {
		parts = append(parts, s.Compiler)
	}
	if len(parts) == 0 {
		return s.Name
	}
	return s.Name + " (" + strings.Join(parts, ", ") + ")"
}

// msgRun is how many of a range were run, where that is not all or none.
func msgRun(n, of int) string {
	if n == 0 || n == of {
		return ""
	}
	return fmt.Sprintf(" (%d of %d run)", n, of)
}

// msgFew names things, the first of them where there are many.
func msgFew(names []string) string {
	const few = 2
	if len(names) <= few+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

func msgOnly(names []string) string { return msgFew(names) + " only" }

func msgChanges(n int) string {
	if n == 0 {
		return msgNoChange
	}
	return plural(n, "change", "changes")
}

// msgHistoryTotals is the last line of every rendering.
func msgHistoryTotals(h *result.History) string {
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
	return strings.Join([]string{
		plural(len(trees), "tree", "trees"), plural(len(chains), "toolchain", "toolchains"), plural(len(cells), wordCell, "cells"), msgChanges(changes),
	}, separator)
}

// symbol is a verdict where there is no room for its word.
func symbol(v result.Verdict) string {
	switch v {
	case result.Loads:
		return markAgrees
	case result.Rejected:
		return markFails
	case result.AddressDependent:
		return "±"
	case result.Mixed:
		return "÷"
	case result.Broken:
		return "!"
	case result.Flaky:
		return "~"
	}
	return "?"
}

// legend is what the marks of an era mean.
func (e *era) legend() (list []string) {
	if e.Marked {
		list = append(list, msgLegendMarked)
	}
	if e.Partial {
		list = append(list, msgLegendPartial)
	}
	if e.Unknown {
		list = append(list, msgLegendUnknown)
	}
	if e.Absent {
		list = append(list, msgLegendNever)
	}
	return list
}

// historyWords are the labels of a history's HTML page.
type historyWords struct {
	Title, Cell, Map, Changes, Details, Legend, Before, After, Seen, Reason, Repeat, Mark, Marked, NeverMark, Never, Partial string
}

func newHistoryWords() historyWords {
	return historyWords{
		Title: "History", Cell: wordCell, Map: "Verdict of each cell with each toolchain, in the order of versions", Changes: "Changes",
		Details: "What was seen", Legend: "Legend", Before: wordBefore, After: wordAfter, Seen: "seen", Reason: "why", Repeat: msgRepeat,
		Mark: markTurned, Marked: strings.TrimPrefix(msgLegendMarked, markTurned+" "), NeverMark: wordNever, Never: strings.TrimPrefix(msgLegendNever, wordNever+" "),
		Partial: "* or " + msgLegendPartial,
	}
}
