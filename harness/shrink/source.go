package shrink

import (
	"regexp"
	"strings"
)

// Units are pieces of a source text, each some of its lines by their index: the first depth has whole functions and
// declarations, each deeper one what lies in one more pair of braces, and the last one single lines, for which ok is false
// from then on. Lines of blanks are in none. It looks at braces outside of strings and comments alone: a text that it
// misreads is cut at other places, and nothing else.
func Units(lines []string, depth int) (units [][]int, deeper bool) {
	var unit []int
	at, open := 0, scanner{}
	end := func() {
		if unit != nil {
			units, unit = append(units, unit), nil
		}
	}
	for i, line := range lines {
		before := at
		text := strings.TrimSpace(line)
		at = open.scan(line, at)
		if text == "" {
			if at <= depth {
				end()
			}
			continue
		}
		if unit = append(unit, i); before > depth || at > depth {
			deeper = deeper || len(unit) > 1
		}
		last := text[len(text)-1]
		if at <= depth && (last == ';' || last == '}' || last == ',' || text[0] == '#' && last != '\\' || strings.HasPrefix(text, "//")) {
			end()
		}
	}
	end()
	return units, deeper
}

var character = regexp.MustCompile(`^'(?:\\.|[^\\'])'`)

// scanner finds braces outside of what is quoted.
type scanner struct{ comment bool }

// scan is how many braces are open behind a line, where n are before it.
func (s *scanner) scan(line string, n int) int {
	for i := 0; i < len(line); i++ {
		rest := line[i:]
		switch {
		case s.comment:
			if strings.HasPrefix(rest, "*/") {
				s.comment = false
				i++
			}
		case strings.HasPrefix(rest, "/*"):
			s.comment = true
			i++
		case strings.HasPrefix(rest, "//"):
			return n
		case line[i] == '"':
			i += quoted(rest)
		case line[i] == '\'': // of a character, or a lifetime of Rust's
			if c := character.FindString(rest); c != "" {
				i += len(c) - 1
			}
		case line[i] == '{':
			n++
		case line[i] == '}':
			n = max(n-1, 0)
		}
	}
	return n
}

// quoted is the index of the quote that ends a string, which begins text; the last one's where none does.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text) - 1
}
