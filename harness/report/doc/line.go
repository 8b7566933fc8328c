package doc

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Tone is how loud a span is.
type Tone uint8

// The tones. Reject is of what a kernel refuses by its rules, Bad of what goes wrong.
const (
	Plain Tone = iota
	Strong
	Good
	Reject
	Warn
	Bad
	Faint
	Loud // an alarm
)

// A face is what a span is: prose, code, or the name of a thing.
type face uint8

const (
	prose face = iota
	code
	mono
)

// A span is words of a line that look alike.
type span struct {
	text  string
	tone  Tone
	face  face
	level int    // of a break; 0 is none
	link  string // the ID of what it leads to, on the same page
	forms Form   // 0: all
}

// A Line is text that is no longer than its form allows, or folded.
type Line []span

// Say is a line of prose: the parts together.
func Say(parts ...string) Line { return Line(nil).Say(parts...) }

// Code is a line that is quoted: an id, a digest, what a console showed.
func Code(s string) Line { return Line(nil).Code(s) }

// Toned is a line in one tone.
func Toned(t Tone, s string) Line { return Line(nil).Toned(t, s) }

func (l Line) add(s span) Line {
	if s.text == "" && s.level == 0 {
		return l
	}
	return append(l[:len(l):len(l)], s)
}

// Say appends prose.
func (l Line) Say(parts ...string) Line { return l.add(span{text: strings.Join(parts, "")}) }

// Code appends what is quoted: `s` in Markdown.
func (l Line) Code(s string) Line { return l.add(span{text: s, face: code}) }

// Mono appends a name that a page sets like code, and other forms like prose.
func (l Line) Mono(t Tone, s string) Line { return l.add(span{text: s, tone: t, face: mono}) }

// Toned appends prose in a tone.
func (l Line) Toned(t Tone, s string) Line { return l.add(span{text: s, tone: t}) }

// Break appends s; the cell of a table that is folded to level ends its line there instead.
func (l Line) Break(level int, s string) Line {
	return append(l[:len(l):len(l)], span{text: s, level: level})
}

// Link appends the name of what has the ID id on the same page.
func (l Line) Link(id, s string) Line { return l.add(span{text: s, face: mono, link: id}) }

// With appends another line.
func (l Line) With(m Line) Line { return append(l[:len(l):len(l)], m...) }

// In is the line with every span in one tone.
func (l Line) In(t Tone) Line {
	toned := make(Line, len(l))
	for i, s := range l {
		s.tone = t
		toned[i] = s
	}
	return toned
}

// orStrong is the line as a heading: strong, where nothing in it has a tone of its own.
func (l Line) orStrong() Line {
	if slices.ContainsFunc(l, func(s span) bool { return s.tone != Plain }) {
		return l
	}
	return l.In(Strong)
}

// On is the line for some forms only.
func (l Line) On(forms Form) Line {
	some := make(Line, len(l))
	for i, s := range l {
		s.forms = forms
		some[i] = s
	}
	return some
}

// String is the line as it is read, clean and in one piece.
func (l Line) String() string {
	s := ""
	for _, span := range l {
		s += span.text
	}
	return Clean(s)
}

// Lines are lines of prose.
func Lines(list ...string) []Line { return each(list, func(s string) Line { return Say(s) }) }

// Codes are lines that are quoted.
func Codes(list []string) []Line { return each(list, Code) }

func each(list []string, make func(string) Line) []Line {
	var lines []Line
	for _, s := range list {
		lines = append(lines, make(s))
	}
	return lines
}

// Join is the lines as one, with sep between them.
func Join(list []Line, sep Line) Line {
	var all Line
	for i, l := range list {
		if i > 0 {
			all = all.With(sep)
		}
		all = all.With(l)
	}
	return all
}

// in is what of the line stands in form.
func (l Line) in(form Form) Line {
	var picked Line
	for _, s := range l {
		if s.forms == 0 || s.forms&form != 0 {
			picked = append(picked, s)
		}
	}
	return picked
}

// Clean makes s one printable line: control, format and other invisible
// characters are spelled out, so that console bytes can neither move the cursor
// nor break a format made of lines; and so is the first character of what a CI
// system takes for a command. What is clean stays as it is.
func Clean(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return disarm(b.String())
}

// commands begin what CI systems obey in the output of a job: GitHub's "::set-output …::", which stands behind white space alone,
// and "##[…]" of GitHub, Azure ("##vso[") and TeamCity ("##teamcity["), wherever that stands.
var commands = regexp.MustCompile(`(?m)(?:^|\s)(?:::[A-Za-z])|##[A-Za-z]*\[`)

// disarm spells out the first character of each of the commands.
func disarm(s string) string {
	if !strings.Contains(s, "::") && !strings.Contains(s, "##") {
		return s
	}
	return commands.ReplaceAllStringFunc(s, func(c string) string {
		if at := strings.Index(c, "::"); at >= 0 {
			return c[:at] + `\x3a` + c[at+1:]
		}
		return `\x23` + c[1:]
	})
}
