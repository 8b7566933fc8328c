package harness

import (
	"slices"
	"strings"

	"umlab/harness/shell"
)

// retarget is command, which was typed for one target, as it is typed for
// another: without the flags in drop, and with what is added behind the target
// and at the end.
func retarget(command, target string, positional, drop, add []string) string {
	if command == "" {
		return ""
	}
	var out []string
	words := shell.Split(command)
	// What was not typed as the README says keeps its head.
	if at := slices.Index(words, "mage") + 1; at > 0 && at < len(words) {
		out = append(append(slices.Clone(words[:at]), target), positional...)
		words = words[at+1:]
	}
	for _, w := range words {
		flag, _, isFlag := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if !isFlag || !slices.Contains(drop, flag) {
			out = append(out, w)
		}
	}
	return shell.Join(append(out, add...)...)
}
