// Package mail reads mails as programs store them and lists pass them on: one, or an mbox of
// several, decoded, with the place in the input of every line. It imports nothing of umlab, and
// it never looks at what a mail says.
package mail

import (
	"bytes"
	"regexp"
	"strings"
)

// Message is one mail.
type Message struct {
	Header map[string]string // unfolded, by lower-case name; the first of a name counts
	Line   int               // of the input, from 1, where the mail begins
	Text   int               // of the input, from 1, where the body begins
	From   string            // the line of an mbox that the mail begins with; "" outside of one
	head   []piece           // the header's lines and the empty one behind them
	body   []piece
}

// Head is the header as it stands, with the line of an mbox before it and the empty line
// behind it.
func (m Message) Head() string {
	var s strings.Builder
	if m.From != "" {
		s.WriteString(m.From + "\n")
	}
	for _, p := range m.head {
		s.Write(p.text)
	}
	return s.String()
}

// piece is text that came from one line of the input. Only the last byte may be a line's end.
type piece struct {
	text []byte
	at   int // of the line in the input, bytes
}

var (
	// fromLine begins a mail of an mbox: a sender and a date. git mailsplit looks
	// for the same, a time and a year.
	fromLine   = regexp.MustCompile(`^From \S+ +\S.*\d:\d\d.* \d{4}`)
	headerLine = regexp.MustCompile(`^([!-9;-~]+):[ \t]*(.*)$`)
)

// HeaderLine splits "Name: value", without its end; ok is false for what is none.
func HeaderLine(l string) (name, value string, ok bool) {
	f := headerLine.FindStringSubmatch(l)
	if f == nil {
		return "", "", false
	}
	return strings.ToLower(f[1]), f[2], true
}

// Split returns the mails that data consists of, or nil where it is no mail.
func Split(data []byte) []Message {
	var lines []piece
	at := 0
	for l := range bytes.Lines(data) {
		lines = append(lines, piece{l, at})
		at += len(l)
	}
	lines = append(lines, piece{at: at}) // a header may end the input
	first := 0
	for first < len(lines) && len(bytes.TrimSpace(lines[first].text)) == 0 {
		first++
	}
	if first == len(lines) {
		return nil
	}
	starts := func(i int) bool {
		return bytes.HasPrefix(lines[i].text, []byte("From ")) && fromLine.MatchString(lines[i].bare()) &&
			i+1 < len(lines) && headerLine.MatchString(lines[i+1].bare())
	}
	if !starts(first) {
		m := read(lines[first:], first)
		_, subject := m.Header["subject"]
		if _, encoded := m.Header["content-transfer-encoding"]; !subject && !encoded {
			return nil
		}
		return []Message{m}
	}
	var all []Message
	for begin := first; begin < len(lines); {
		end := begin + 1
		for end < len(lines) && !starts(end) {
			end++
		}
		m := read(lines[begin+1:end], begin+1)
		m.Line, m.From = begin+1, lines[begin].bare()
		all = append(all, m)
		begin = end
	}
	return all
}

func (p piece) bare() string { return strings.TrimRight(string(p.text), "\r\n") }

// read splits header and body; before is the number of lines above them. The
// header of what is no mail is empty.
func read(lines []piece, before int) Message {
	m := Message{Header: map[string]string{}, Line: before + 1}
	name := ""
	for i, raw := range lines {
		l := raw.bare()
		if l == "" {
			m.head, m.body, m.Text = lines[:i+1], lines[i+1:], before+i+2
			return m
		}
		if name != "" && (l[0] == ' ' || l[0] == '\t') {
			m.Header[name] += " " + strings.TrimSpace(l)
			continue
		}
		n, value, ok := HeaderLine(l)
		if !ok {
			break
		}
		name = n
		if _, twice := m.Header[name]; twice {
			name = "\x00ignored"
		}
		m.Header[name] = value
	}
	return Message{Header: map[string]string{}, Line: before + 1}
}
