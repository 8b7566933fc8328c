package report

import (
	"slices"
	"strings"

	"umlab/harness/result"
)

// A chronicle is what the renderings of a history have in common, in words:
// every string in it is clean.
type chronicle struct {
	Facts  []string
	Groups []era
	Totals string
	Calm   bool // nothing changed
}

// An era is one group: what can be compared.
type era struct {
	Title   string
	Columns []rung
	Rows    []course
	Changes []turn
	Marked  bool // some entry carries the mark
	Unknown bool // some proves nothing
	Absent  bool // some was never run
	Partial bool // some answers less than others of its row, or something else
}

// A rung is one toolchain in one version.
type rung struct {
	Name, Rustc, LLVM, Compiler string   // "sid", "rustc 1.97.1", "LLVM 22.1.8", "gcc" where that tells columns apart
	Group                       []string // instead of all that: the head of several, see headOf
}

func (s rung) lines() []string {
	if s.Group != nil {
		return slices.Clone(s.Group)
	}
	var list []string
	for _, l := range []string{s.Name, s.Rustc, s.LLVM, s.Compiler} {
		if l != "" {
			list = append(list, l)
		}
	}
	return list
}

// title is "sid (rustc 1.97.1, LLVM 22.1.8)".
func (s rung) title() string {
	l := s.lines()
	if len(l) < 2 {
		return strings.Join(l, "")
	}
	return l[0] + " (" + strings.Join(l[1:], ", ") + ")"
}

// A course is one cell through the rungs; Entries runs parallel to the columns.
type course struct {
	Cell    string
	Entries []mark
}

// A mark is one square of the heat map.
type mark struct {
	None    bool // never run
	Proved  bool
	Verdict result.Verdict
	Text    string // the verdict, or what stands for none, with Part
	Part    string // which part of the row's question it answers, "" for all of it
	Changed bool
	Reason  string
	Seen    []glimpse
	When    string // "2026-11-01 12:00, tree 6.12.107, 3 runs"
}

// A glimpse is an outcome, where it was seen, and the line that proves it.
type glimpse struct{ Outcome, Where, Evidence string }

// A turn is the changes between two points.
type turn struct {
	Head  string   // the two points
	Else  []string // what else is not the same on both sides
	Moves []move
}

// A move is what became of cells.
type move struct {
	Cells    []string
	From, To result.Verdict
	Steps    []step
}

// A step is an outcome that became another.
type step struct {
	Where    string // "low rust_print", "" where one side was not built
	From, To string
	Before   []string // evidence
	After    []string
}

func newChronicle(h *result.History) *chronicle {
	c := &chronicle{Facts: historyFacts(h), Totals: msgHistoryTotals(h), Calm: true}
	for i := range h.Groups {
		g := &h.Groups[i]
		e := era{Title: msgEra(g, h.Groups)}
		for _, col := range g.Columns {
			e.Columns = append(e.Columns, rungOf(col, g.Columns))
		}
		for _, r := range g.Rows {
			row := course{Cell: clean(r.Cell)}
			full := fullest(r)
			for _, entry := range r.Entries {
				m := markOf(entry, full)
				e.Partial = e.Partial || m.Part != ""
				e.Marked, e.Unknown, e.Absent = e.Marked || m.Changed, e.Unknown || !m.None && !m.Proved, e.Absent || m.None
				row.Entries = append(row.Entries, m)
			}
			e.Rows = append(e.Rows, row)
		}
		e.Changes = turns(g)
		c.Calm = c.Calm && len(e.Changes) == 0
		c.Groups = append(c.Groups, e)
	}
	return c
}

func rungOf(c result.HistoryColumn, among []result.HistoryColumn) rung {
	s := rung{Name: clean(c.Toolchain)}
	if c.Rustc != "" && !strings.HasSuffix(s.Name, ":"+version(c.Rustc)) { // a member of a series says it itself
		s.Rustc = wordRustc + " " + version(c.Rustc)
	}
	if c.LLVM != "" {
		s.LLVM = wordLLVM + " " + version(c.LLVM)
	}
	if slices.ContainsFunc(among, func(o result.HistoryColumn) bool { return o.Compiler != c.Compiler }) {
		s.Compiler = clean(c.Compiler)
	}
	return s
}

// markOf is an entry; full is what was asked of the fullest of its row.
func markOf(e *result.HistoryEntry, full asked) mark {
	if e == nil {
		return mark{None: true, Text: wordNever}
	}
	m := mark{
		Verdict: e.Point.Verdict, Text: clean(string(e.Point.Verdict)), Proved: e.Point.Verdict != result.Unknown,
		Changed: e.Differs || e.Moved, Reason: clean(e.Reason), When: msgSeenWhen(e),
	}
	if m.Part = partOf(newAsked(e), full); m.Part != "" {
		m.Text += " (" + m.Part + ")"
	}
	for _, s := range e.Seen {
		for _, o := range s.Outcomes {
			where := clean(strings.TrimSpace(s.Placement + " " + s.Module))
			i := slices.IndexFunc(m.Seen, func(g glimpse) bool { return g.Outcome == clean(o.Text) })
			if i < 0 {
				m.Seen = append(m.Seen, glimpse{clean(o.Text), where, clean(o.Evidence)})
			} else if where != "" {
				m.Seen[i].Where += ", " + where
			}
		}
	}
	return m
}

// turns puts changes between the same two points together, and cells that
// changed alike.
func turns(g *result.HistoryGroup) (list []turn) {
	type key struct {
		axis     string
		from, to result.HistoryPoint
	}
	keyOf := func(c result.HistoryChange) key {
		k := key{c.Axis, c.From, c.To}
		k.from.Verdict, k.to.Verdict = "", ""
		return k
	}
	var keys []key
	for _, c := range g.Changes {
		k := keyOf(c)
		i := slices.Index(keys, k)
		if i < 0 {
			i = len(keys)
			keys = append(keys, k)
			list = append(list, turn{Head: msgTurn(c, g.Columns), Else: msgElse(c)})
		}
		list[i].add(c)
	}
	return list
}

func (t *turn) add(c result.HistoryChange) {
	m := move{Cells: []string{clean(c.Cell)}, From: c.From.Verdict, To: c.To.Verdict}
	for _, d := range c.Differences {
		s := step{Where: clean(strings.TrimSpace(d.Placement + " " + d.Module)), From: outcomes(d.From), To: outcomes(d.To), Before: evidences(d.From), After: evidences(d.To)}
		i := slices.IndexFunc(m.Steps, func(o step) bool { return o.From == s.From && o.To == s.To })
		if i < 0 {
			m.Steps = append(m.Steps, s)
		} else if s.Where != "" {
			m.Steps[i].Where += ", " + s.Where
		}
	}
	i := slices.IndexFunc(t.Moves, func(o move) bool {
		return o.From == m.From && o.To == m.To && slices.EqualFunc(o.Steps, m.Steps, func(a, b step) bool {
			return a.Where == b.Where && a.From == b.From && a.To == b.To
		})
	})
	if i < 0 {
		t.Moves = append(t.Moves, m)
	} else {
		t.Moves[i].Cells = append(t.Moves[i].Cells, m.Cells...)
	}
}

func outcomes(list []result.SeenOutcome) string {
	var words []string
	for _, o := range list {
		words = append(words, clean(o.Text))
	}
	return strings.Join(words, " / ")
}

func evidences(list []result.SeenOutcome) (lines []string) {
	for _, o := range list {
		if o.Evidence != "" {
			lines = append(lines, clean(o.Evidence))
		}
	}
	return lines
}
