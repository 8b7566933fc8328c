// Package kconfig compares the kernel options that configuration fragments
// request with the .config that Kconfig resolved them to. It is pure: it
// imports nothing of umlab, never reads a file and never runs make.
package kconfig

import (
	"fmt"
	"math/big"
	"strings"
)

// Unset is the value of an option that a fragment turns off
// ("# CONFIG_X is not set" or "CONFIG_X=n") or that a .config does not set.
// To Kconfig the three are one.
const Unset = "n"

// Option is one request of a fragment.
type Option struct {
	Name  string // with its prefix: "CONFIG_RUST"
	Value string // as a .config spells it: y, m, n, 64, 0x1f or "text" with its quotes
	File  string // of the fragment, for messages
	Line  int    // in File, from 1
}

// String is the option as a fragment states it, "CONFIG_RUST=y".
func (o Option) String() string { return o.Name + "=" + o.Value }

// at is the prefix of every message about o.
func (o Option) at() string {
	if o.Line == 0 { // of no file
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// line is the option as a .config states it. Kconfig accepts CONFIG_X=n for
// booleans as well, but writes the comment form itself.
func (o Option) line() string {
	if o.Value == Unset {
		return "# " + o.Name + " is not set"
	}
	return o.String()
}

// Fragment is a partial .config.
type Fragment struct {
	File    string
	Options []Option // in the order of the file; no two share a name
}

// Note is a request that a later fragment overrides with another value.
type Note struct {
	winner Option
	loser  Option
}

// String names both places.
func (n Note) String() string {
	return fmt.Sprintf("%s: %s overrides %s of %s", n.winner.at(), n.winner, n.loser, n.loser.at())
}

// Merge joins fragments. Of two that request the same option the later wins;
// a note says so where they disagree. The result is ordered by first mention,
// so the same fragments in the same order give the same bytes.
func Merge(fragments ...Fragment) ([]Option, []Note) {
	var options []Option
	var notes []Note
	index := make(map[string]int)
	for _, f := range fragments {
		for _, o := range f.Options {
			i, ok := index[o.Name]
			if !ok {
				index[o.Name] = len(options)
				options = append(options, o)
				continue
			}
			if !sameValue(options[i].Value, o.Value) {
				notes = append(notes, Note{winner: o, loser: options[i]})
			}
			options[i] = o
		}
	}
	return options, notes
}

// Text is what to append to a .config before `make olddefconfig`, or to give
// `make allnoconfig` as KCONFIG_ALLCONFIG.
func Text(options []Option) string {
	var b strings.Builder
	for _, o := range options {
		b.WriteString(o.line())
		b.WriteByte('\n')
	}
	return b.String()
}

// sameValue compares two values of one option. Kconfig may rewrite a number
// (0X1F as 0x1f), which changes nothing.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, okX := number(a)
	y, okY := number(b)
	return okX && okY && x.Cmp(y) == 0
}

// number reads a value of type int (decimal) or hex (with or without 0x is
// Kconfig's rule; without it a value cannot be told from an int).
func number(s string) (*big.Int, bool) {
	digits, base := s, 10
	if rest, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		digits, base = rest, 16
	}
	if digits == "" || strings.ContainsAny(digits, "+_") || base == 16 && strings.HasPrefix(digits, "-") {
		return nil, false
	}
	return new(big.Int).SetString(digits, base)
}

// Differ is how many lines two Texts do not share; at least one where they differ.
func Differ(a, b string) (count int) {
	if a == b {
		return 0
	}
	seen := map[string]int{}
	for line := range strings.Lines(a) {
		seen[line]++
	}
	for line := range strings.Lines(b) {
		seen[line]--
	}
	for _, n := range seen {
		count += max(n, -n)
	}
	return max(count, 1)
}
