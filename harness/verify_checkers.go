package harness

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"

	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
)

// findings are what the tree's own checkers say of the patches, each run as a person
// runs it: checkpatch.pl on each mail, get_maintainer.pl on all of them. They never
// change the conclusion, so what keeps them from running is a finding too.
func (l *Lab) findings(ctx context.Context, tc *toolchain.Toolchain, t *tree.Tree, patches []patch.Patch) []result.Finding {
	style := result.Finding{Tool: "checkpatch.pl", Lines: []string{}}
	var all []byte
	for i, p := range patches {
		all = append(all, p.Data...)
		name := "patch"
		if len(patches) > 1 {
			name = fmt.Sprintf("patch %d/%d", i+1, len(patches))
		}
		lines, failed := check(ctx, tc, t, p.Mail, "scripts/checkpatch.pl", "--terse", "--color=never", "-")
		for _, l := range lines {
			style.Lines = append(style.Lines, name+placed(l))
		}
		if failed != "" {
			style.Failed = name + ": " + failed
			break
		}
	}
	people := result.Finding{Tool: "get_maintainer.pl"}
	people.Lines, people.Failed = check(ctx, tc, t, all, "scripts/get_maintainer.pl", "--no-git", "--no-git-fallback", "--norolestats")
	return []result.Finding{style, people}
}

// terse is how checkpatch.pl begins a line about what it reads from standard input.
var terse = regexp.MustCompile(`^-:(\d+): `)

// placed is a line of checkpatch.pl behind the name of a patch: ", line 21: ERROR: …".
func placed(l string) string {
	if m := terse.FindStringSubmatch(l); m != nil {
		return ", line " + m[1] + ": " + l[len(m[0]):]
	}
	return ": " + l
}

// check runs a script of t in the sandbox. failed is why that was not possible.
func check(ctx context.Context, tc *toolchain.Toolchain, t *tree.Tree, input []byte, script ...string) (lines []string, failed string) {
	lines = []string{}
	var said, complaints bytes.Buffer
	status, err := sandbox.Run(ctx, tc.In(sandbox.Command{
		Mounts: []sandbox.Mount{t.Mount("/src")}, Dir: "/src",
		Args: append([]string{"perl"}, script...), Stdin: bytes.NewReader(input), Stdout: &said, Stderr: &complaints,
	}))
	for line := range strings.Lines(said.String()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	switch {
	case err != nil:
		return lines, err.Error()
	case !status.Success() && len(lines) == 0:
		return lines, fmt.Sprintf("%s: %s", status, lastLines(complaints.String(), 1))
	}
	return lines, ""
}
