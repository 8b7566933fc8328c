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
	at := 0
	for _, program := range []string{"umlab", "go tool mage"} {
		if head := strings.Fields(program); len(words) > len(head) && slices.Equal(words[:len(head)], head) {
			at = len(head)
		}
	}
	if at > 0 {
		out = append(append(slices.Clone(words[:at]), target), positional...)
		words = words[at+1:]
	}
	for _, w := range words {
		flag, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		same := func(other string) bool { return strings.TrimSuffix(other, "s") == strings.TrimSuffix(flag, "s") } // -cell= is -cells=
		if !strings.HasPrefix(w, "-") || !slices.ContainsFunc(drop, same) {
			out = append(out, w)
		}
	}
	return shell.Join(append(out, add...)...)
}
