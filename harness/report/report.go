// Package report renders results as terminal table, Markdown, JSON, JUnit, KTAP,
// KCIDB and HTML, and shows progress while a run lasts. It may import outcome, result
// and progress, and nothing else of umlab. It never computes an outcome or a
// verdict, never reads a file, and writes only to the writers it is given.
//
// What it prints came from consoles and file names that nobody vouches for, so
// every string passes clean, or the encoder of its format, on the way out.
package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"umlab/harness/outcome"
)

// Options say what the terminal can do (see Terminal).
type Options struct {
	Color bool // ANSI colours; nothing is said by colour alone
	Width int  // columns; 0 is unlimited
}

// clean makes s one printable line: control, format and other invisible
// characters are spelled out, so that console bytes can neither move the cursor
// nor break a format made of lines.
func clean(s string) string {
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
	return b.String()
}

// short is an outcome as table cells say it: "unknown 9 GOTPCREL",
// "overflow 11 32S", "init-failed 22 EINVAL".
func short(o outcome.Outcome) string {
	switch {
	case o.Relocation != nil:
		return clean(strings.TrimPrefix(o.String(), "relocation-"))
	case o.Kind != outcome.Timeout && o.Errno != 0:
		return clean(fmt.Sprintf("%s %d %s", o.Kind, o.Errno, unix.ErrnoName(unix.Errno(o.Errno))))
	}
	return clean(o.String())
}

// long is an outcome with all that was read off its evidence.
func long(o outcome.Outcome) string {
	s := short(o)
	if o.Value != "" {
		s += " val " + clean(o.Value)
	}
	if o.Section != nil && o.Index != nil {
		s += fmt.Sprintf(" sec %d idx %d", *o.Section, *o.Index)
	}
	if o.Address != "" {
		s += " at " + clean(o.Address)
	}
	return s
}

// proof is the evidence of o, else what stands in for it.
func proof(o outcome.Outcome) string { return newEvidence(o, "").text() }
