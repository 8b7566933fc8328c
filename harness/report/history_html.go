package report

import (
	_ "embed"
	"io"
	"strings"

	"umlab/harness/result"
)

//go:embed history.html.tmpl
var historySource string

// HistoryHTML writes h as one page, of the look of HTML's, with a heat map of
// each group: it loads nothing from elsewhere and runs no script. It returns the
// error of w.
func HistoryHTML(w io.Writer, h *result.History) error {
	c := newChronicle(h)
	return page(w, "history", historySource, map[string]any{
		"Chronicle": c, "Words": newHistoryWords(), "Command": clean(h.Command), "Maps": heatMaps(c), "Legend": heatLegend(),
	})
}

// tint is a colour of the map.
type tint struct {
	Verdict      result.Verdict
	Symbol, Text string
}

func heatLegend() (list []tint) {
	for _, v := range result.Verdicts() {
		t := tint{v, symbol(v), string(v)}
		if v == result.Unknown {
			t.Text = msgLegendUnknown
		}
		list = append(list, t)
	}
	return list
}

// roomy is up to how many columns a map has room for words.
const roomy = 6

// heatMap is an era with the texts that only the page has.
type heatMap struct {
	Era   era
	Dense bool // symbols instead of words
	Heads []heatHead
	Rows  []heatRow
	Turns []heatTurn
}

// heatHead is a column's; Parts are those of its name, between which a line may
// end.
type heatHead struct{ Parts, Lines []string }

type heatRow struct {
	Cell    string
	Squares []square
}

// square is one mark, with the toolchain that it is of.
type square struct {
	Mark  mark
	Short string // symbol
	Stage string
	Tip   string // all that a pointer shows; the details below have it too
}

type heatTurn struct {
	Turn  turn
	Moves []heatMove
}

type heatMove struct {
	Text  string
	Steps []heatStep
}

type heatStep struct {
	Text string
	Step step
}

func heatMaps(c *chronicle) (list []heatMap) {
	for _, e := range c.Groups {
		m := heatMap{Era: e, Dense: len(e.Columns) > roomy}
		for _, c := range e.Columns {
			m.Heads = append(m.Heads, heatHead{strings.SplitAfter(c.Name, ":"), c.lines()[1:]})
		}
		for _, r := range e.Rows {
			row := heatRow{Cell: r.Cell}
			for i, entry := range r.Entries {
				row.Squares = append(row.Squares, square{entry, symbol(entry.Verdict), e.Columns[i].title(), tip(r.Cell, e.Columns[i], entry)})
			}
			m.Rows = append(m.Rows, row)
		}
		for _, t := range e.Changes {
			turn := heatTurn{Turn: t}
			for _, mv := range t.Moves {
				move := heatMove{Text: msgMove(mv)}
				for _, s := range mv.Steps {
					move.Steps = append(move.Steps, heatStep{msgStep(s), s})
				}
				turn.Moves = append(turn.Moves, move)
			}
			m.Turns = append(m.Turns, turn)
		}
		list = append(list, m)
	}
	return list
}

func tip(cell string, s rung, m mark) string {
	lines := []string{cell + ", " + s.title() + ": " + m.Text}
	for _, g := range m.Seen {
		l := g.Outcome
		if g.Evidence != "" {
			l += ": " + g.Evidence
		}
		lines = append(lines, l)
	}
	return strings.Join(append(lines, m.When), "\n")
}
