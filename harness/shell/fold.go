package shell

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// wrapped at a line's end makes a shell read on.
const wrapped = `\`

// Fold cuts a command into lines of at most width columns, the first after
// indent, that a shell reads as the same command; nil for an empty one. It
// breaks between words; inside one only where the word alone is too long, and
// then goes on at the margin.
func Fold(command, indent string, width int) []string {
	width -= len(" " + wrapped)
	var lines []string
	line, empty := indent, true
	for _, word := range rawWords(command) {
		if !empty && text.StringWidth(line+" "+word) <= width {
			line += " " + word
			continue
		}
		if !empty {
			lines = append(lines, line+" "+wrapped)
			line = indent + "  "
		}
		empty = false
		for i, piece := range pieces(word, width-text.StringWidth(line), width) {
			if i > 0 {
				lines, line = append(lines, line+wrapped), ""
			}
			line += piece
		}
	}
	if empty {
		return nil
	}
	return append(lines, line)
}

// pieces cuts a word of rawWords into pieces of at most first columns, then
// rest. A single quote that is open at a cut is closed before it and opened
// behind: inside, a backslash would be one.
func pieces(word string, first, rest int) []string {
	var pieces []string
	var piece strings.Builder
	room := first
	for unit, quote := range units(word) {
		if room -= text.StringWidth(unit); room < 0 {
			reopen := ""
			if quote == '\'' {
				reopen = "'"
			}
			pieces = append(pieces, piece.String()+reopen)
			piece.Reset()
			piece.WriteString(reopen)
			room = rest - text.StringWidth(reopen+unit)
		}
		piece.WriteString(unit)
	}
	return append(pieces, piece.String())
}
