package doc

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// leastDrawn is how many columns a line must have to be drawn.
const leastDrawn = 30

// scale draws s in block characters, where the terminal has them and room for them; else it is told in words.
func (p *printer) scale(s Scale) {
	p.gap()
	names := 0
	for _, t := range s.Tracks {
		names = max(names, text.StringWidth(Clean(t.Name)))
	}
	columns := min(p.opt.Width, 120) - p.indent - names - 2
	p.wrap(Say(s.Label), false)
	if !p.opt.Draw || columns < leastDrawn {
		p.within(2, func() { p.defs(s.told()) })
		return
	}
	row := func(name string, c cells) {
		p.print(p.indent, p.before(text.Pad(Clean(name), names+2, ' '), c.ink()))
	}
	for _, t := range s.Tracks {
		c := newCells(columns)
		for _, m := range t.Marks {
			c.mark(m)
		}
		row(t.Name, c)
	}
	axis, labels := newCells(columns), newCells(columns)
	for i := range axis.runes {
		axis.runes[i] = '─'
	}
	// Where there is no room for all names, the short ones stay.
	for _, t := range slices.SortedStableFunc(slices.Values(s.Ticks), func(a, b Tick) int { return len(a.Label) - len(b.Label) }) {
		at := axis.at(t.At)
		axis.runes[at] = '┴'
		labels.label(at, t.Label)
	}
	row("", axis)
	row("", labels)
	if len(s.Key) > 0 {
		p.wrap(s.Key, false)
	}
}

// cells are the columns of one drawn row.
type cells struct {
	runes []rune
	tones []Tone
}

func newCells(n int) cells {
	return cells{[]rune(strings.Repeat(" ", n)), make([]Tone, n)}
}

// at is the column of a place.
func (c cells) at(place float64) int {
	return min(max(int(place*float64(len(c.runes))), 0), len(c.runes)-1)
}

func (c cells) set(at int, r rune, t Tone) { c.runes[at], c.tones[at] = r, t }

// The characters of bars and dots, by their tone; nothing is told by colour alone.
var (
	bars = map[Tone]rune{Strong: '█', Good: '▓', Warn: '▒'} // else '░'
	dots = map[Tone]rune{Strong: '●', Good: '●'}            // else '○'
)

func (c cells) mark(m Mark) {
	from, to := c.at(m.From), c.at(m.To)
	switch m.Shape {
	case Bar:
		r, ok := bars[m.Tone]
		if !ok {
			r = '░'
		}
		for i := from; i <= to; i++ {
			c.set(i, r, m.Tone)
		}
	case Dot:
		if c.runes[from] == '│' && c.tones[from] == Bad {
			return // it is where something ends: what was seen at its sides says less
		}
		r, ok := dots[m.Tone]
		if !ok {
			r = '○'
		}
		c.set(from, r, m.Tone)
	case Limit:
		c.set(from, '│', m.Tone)
	case Arrow:
		for i := min(from, to); i <= max(from, to); i++ {
			if c.runes[i] == ' ' {
				c.set(i, '─', m.Tone)
			}
		}
		head := '▶'
		if to < from {
			head = '◀'
		}
		c.set(to, head, m.Tone)
	}
}

// label writes the name of a tick below it, where there is room beside the others.
func (c cells) label(at int, name string) {
	runes := []rune(Clean(name))
	taken := func(r rune) bool { return r != ' ' }
	for _, first := range []int{at, at - len(runes)/2, at - len(runes) + 1} {
		end := first + len(runes)
		if first >= 0 && end <= len(c.runes) && !slices.ContainsFunc(c.runes[max(first-1, 0):min(end+1, len(c.runes))], taken) {
			copy(c.runes[first:], runes)
			return
		}
	}
}

func (c cells) ink() ink {
	var k ink
	for i, r := range c.runes {
		s := string(r)
		k.text += s
		k.tones = append(k.tones, slices.Repeat([]Tone{c.tones[i]}, len(s))...)
	}
	return k
}
