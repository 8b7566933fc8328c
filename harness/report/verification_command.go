package report

import (
	"github.com/jedib0t/go-pretty/v6/text"
)

// shellLines cuts a command into lines of at most width columns, the first after
// indent, that sh reads as the same command. It breaks between words; inside one
// only where the word alone is too long, and then goes on at the margin.
func shellLines(command, indent string, width int) []string {
	width -= len(" " + msgWrapped)
	var lines []string
	line, empty := indent, true
	for _, word := range shellWords(command) {
		if !empty && text.StringWidth(line+" "+word) <= width {
			line += " " + word
			continue
		}
		if !empty {
			lines = append(lines, line+" "+msgWrapped)
			line = indent + "  "
		}
		empty = false
		for i, piece := range shellPieces(word, width-text.StringWidth(line), width) {
			if i > 0 {
				lines, line = append(lines, line+msgWrapped), ""
			}
			line += piece
		}
	}
	if empty {
		return nil
	}
	return append(lines, line)
}

// shellUnits calls yield with what of a command must stay together, a character
// or an escaped one, and the quote that is open before it, 0 where none is.
func shellUnits(command string, yield func(unit string, quote rune)) {
	var quote rune
	escape := ""
	for _, r := range command {
		unit := escape + string(r)
		if escape == "" && r == '\\' && quote != '\'' {
			escape = unit
			continue
		}
		yield(unit, quote)
		switch {
		case escape != "":
		case r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		}
		escape = ""
	}
	if escape != "" {
		yield(escape, quote)
	}
}

func shellWords(command string) []string {
	words := []string{""}
	shellUnits(command, func(unit string, quote rune) {
		last := len(words) - 1
		switch {
		case unit != " " || quote != 0:
			words[last] += unit
		case words[last] != "":
			words = append(words, "")
		}
	})
	if words[len(words)-1] == "" {
		words = words[:len(words)-1]
	}
	return words
}

// shellPieces cuts a word into pieces of at most first columns, then rest. A
// single quote that is open at a cut is closed before it and opened behind:
// inside, a backslash would be one.
func shellPieces(word string, first, rest int) []string {
	pieces := []string{""}
	room := first
	shellUnits(word, func(unit string, quote rune) {
		last := len(pieces) - 1
		if text.StringWidth(pieces[last]+unit) > room {
			reopen := ""
			if quote == '\'' {
				reopen = "'"
			}
			pieces[last] += reopen
			pieces = append(pieces, reopen)
			room, last = rest, last+1
		}
		pieces[last] += unit
	})
	return pieces
}
