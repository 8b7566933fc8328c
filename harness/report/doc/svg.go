package doc

import "fmt"

// What a drawing measures, in pixels. Only places along the line go with the width of
// the page, so that marks and words are as large on a telephone as elsewhere.
const (
	trackHeight = 18
	barHeight   = 8
	nameHeight  = 16  // of a row of the ticks' names
	letterWidth = 7.5 // of those, at most
	leastWidth  = 300 // of the line, on a telephone
)

// scale draws s: under the names of the ticks, each track in words, which wrap like
// others, and its marks as an SVG of its own.
func (g *page) scale(s Scale) {
	g.put(`<figure class="scale"><figcaption>`, quoted(s.Label), "</figcaption>\n")
	g.put(`<div class="track"><span></span>`)
	g.names(s.Ticks)
	g.put("</div>\n")
	for _, t := range s.Tracks {
		g.put(`<div class="track"><p><strong class="mono">`, quoted(t.Name), "</strong> ", g.inline(t.Note), "</p>")
		g.put(fmt.Sprintf(`<svg width="100%%" height="%d" role="img">`, trackHeight))
		g.put("<title>", quoted(t.Name), "</title><desc>", quoted(t.Note.in(OnPage).String()), "</desc>")
		for _, tick := range s.Ticks {
			g.mark(Mark{Shape: Limit, From: tick.At, Tone: Faint, Tip: tick.Label}, "tick")
		}
		for _, m := range t.Marks {
			g.mark(m, "")
		}
		g.put("</svg></div>\n")
	}
	g.put("</figure>\n")
}

// names writes the names of ticks, those that would run into others in rows below. The
// tracks tell them again.
func (g *page) names(ticks []Tick) {
	var ends []float64 // of the rows, as the places are
	var names string
	for _, t := range ticks {
		wide := letterWidth * float64(len([]rune(Clean(t.Label)))+1) / leastWidth
		anchor, from := "middle", t.At-wide/2
		switch {
		case from < 0:
			anchor, from = "start", t.At
		case t.At+wide/2 > 1:
			anchor, from = "end", t.At-wide
		}
		row := 0
		for row < len(ends) && ends[row] > from {
			row++
		}
		if row == len(ends) {
			ends = append(ends, 0)
		}
		ends[row] = from + wide
		names += fmt.Sprintf(`<text x="%s" y="%d" text-anchor="%s">%s</text>`, percent(t.At), nameHeight*(row+1)-4, anchor, quoted(t.Label))
	}
	g.put(fmt.Sprintf(`<svg class="faint" width="100%%" height="%d" aria-hidden="true">`, nameHeight*len(ends)), names, "</svg>")
}

// mark draws m over the height of a track.
func (g *page) mark(m Mark, class string) {
	const middle = trackHeight / 2
	if class == "" {
		class = m.Tone.class()
	}
	from, to := percent(m.From), percent(m.To)
	g.put("<g", attr("class", class), "><title>", quoted(m.Tip), "</title>")
	switch m.Shape {
	case Bar:
		g.put(fmt.Sprintf(`<rect x="%s" y="%d" width="%s" height="%d"/>`, from, middle-barHeight/2, percent(m.To-m.From), barHeight))
	case Dot:
		g.put(fmt.Sprintf(`<circle cx="%s" cy="%d" r="5"/>`, from, middle))
	case Limit:
		g.put(fmt.Sprintf(`<line x1="%s" x2="%s" y1="0" y2="%d"/>`, from, from, trackHeight))
	case Arrow:
		head := "M-8-5L0 0L-8 5Z"
		if m.To < m.From {
			head = "M8-5L0 0L8 5Z"
		}
		g.put(fmt.Sprintf(`<line x1="%s" x2="%s" y1="%d" y2="%d"/>`, from, to, middle, middle))
		g.put(fmt.Sprintf(`<svg x="%s" y="%d" overflow="visible"><path d="%s"/></svg>`, to, middle, head))
	}
	g.put("</g>")
}

// percent is a place on the line, or a length of it.
func percent(at float64) string { return fmt.Sprintf("%.2f%%", 100*min(max(at, 0), 1)) }
