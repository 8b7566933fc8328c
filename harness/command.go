package harness

import (
	"slices"
	"strings"
)

// retarget is command, which was typed for one target, as it is typed for
// another: without the flags in drop, and with what is added behind the target
// and at the end.
func retarget(command, target string, positional, drop, add []string) string {
	if command == "" {
		return ""
	}
	var out []string
	words := shellWords(command)
	// What was not typed as the README says keeps its head.
	if at := slices.Index(words, "mage") + 1; at > 0 && at < len(words) {
		out = append(slices.Clone(words[:at]), target)
		for _, w := range positional {
			out = append(out, quote(w))
		}
		words = words[at+1:]
	}
	for _, w := range words {
		flag, _, isFlag := strings.Cut(strings.TrimLeft(strings.TrimPrefix(w, "'"), "-"), "=")
		if !isFlag || !slices.Contains(drop, flag) {
			out = append(out, w)
		}
	}
	for _, w := range add {
		out = append(out, quote(w))
	}
	return strings.Join(out, " ")
}

// shellWords cuts a command at the spaces that stand outside of single quotes.
func shellWords(command string) []string {
	quoted := false
	return strings.FieldsFunc(command, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}
