// Package shell writes words for a POSIX shell, reads them back, and folds long
// commands into lines. It imports nothing of umlab, and never runs a shell.
package shell

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Quote makes word one word of a shell, as it stands where no shell gives one
// of its characters a meaning, in single quotes otherwise.
func Quote(word string) string {
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// plain are the characters that mean themselves to all shells, wherever they stand.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-=:@%+,"

// Nested is Quote for a command that itself stands between single quotes.
func Nested(word string) string { return strings.ReplaceAll(Quote(word), "'", `'\''`) }

// Join quotes words and puts a space between each two.
func Join(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}

// Split cuts a command into its words and takes their quotes away: Split of
// Join(words...) is words. Nothing is expanded, and what separates commands is
// a word like others.
func Split(command string) []string {
	var words []string
	for _, w := range rawWords(command) {
		words = append(words, unquote(w))
	}
	return words
}

// units are what of a command must stay together, a character or an escaped
// one, each with the quote that is open before it, 0 where none is.
func units(command string) iter.Seq2[string, byte] {
	return func(yield func(string, byte) bool) {
		var quote byte
		for command != "" {
			escape := 0
			if command[0] == '\\' && quote != '\'' && len(command) > 1 {
				escape = 1
			}
			_, n := utf8.DecodeRuneInString(command[escape:])
			n += escape
			unit := command[:n]
			if command = command[n:]; !yield(unit, quote) {
				return
			}
			switch {
			case quote != 0 && unit == string(quote):
				quote = 0
			case quote == 0 && (unit == "'" || unit == `"`):
				quote = unit[0]
			}
		}
	}
}

// continued is a line's end that a shell reads over.
const continued = "\\\n"

// rawWords cuts a command into its words, their quotes included.
func rawWords(command string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for unit, quote := range units(command) {
		switch {
		case quote == 0 && unit == continued:
		case quote == 0 && strings.Contains(" \t\n", unit):
			end()
		default:
			word.WriteString(unit)
		}
	}
	end()
	return words
}

// unquote is what a shell makes of a word of rawWords.
func unquote(word string) string {
	var b strings.Builder
	for unit, quote := range units(word) {
		switch {
		case quote == 0 && (unit == "'" || unit == `"`), quote != 0 && unit == string(quote), quote != '\'' && unit == continued:
		case len(unit) > 1 && unit[0] == '\\' && (quote == 0 || strings.IndexByte("$`\"\\", unit[1]) >= 0):
			b.WriteString(unit[1:])
		default:
			b.WriteString(unit)
		}
	}
	return b.String()
}
