package checks

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"umlab/harness/report/doc"
)

// KTAP writes root as the one test of a document in the Kernel Test Anything
// Protocol, version 1 (see Documentation/dev-tools/ktap.rst). What is Errored has
// the directive ERROR. It returns the error of w.
func KTAP(w io.Writer, root Check) error {
	var b bytes.Buffer
	b.WriteString("KTAP version 1\n1..1\n")
	root.ktap(&b, 1, 0)
	_, err := w.Write(b.Bytes())
	return err
}

func (c *Check) ktap(b *bytes.Buffer, number, depth int) {
	line := func(depth int, parts ...string) {
		b.WriteString(strings.Repeat("  ", depth) + disarmed(doc.Clean(strings.Join(parts, ""))) + "\n")
	}
	name := description(c.Name)
	if len(c.Checks) > 0 {
		line(depth+1, "KTAP version 1")
		line(depth+1, "# Subtest: ", name)
		line(depth+1, fmt.Sprintf("1..%d", len(c.Checks)))
		for i := range c.Checks {
			c.Checks[i].ktap(b, i+1, depth+1)
		}
	}
	for _, l := range c.Lines {
		line(depth, "# ", name, ": ", l)
	}
	result := fmt.Sprintf("ok %d %s", number, name)
	if c.failed() {
		result = "not " + result
	}
	note := c.Note
	switch c.State {
	case Errored:
		note = "ERROR " + note
	case Skipped:
		note = "SKIP " + note
	}
	if note != "" {
		result += " # " + note
	}
	line(depth, result)
}

// description is a name: it cannot hold a "#", which begins a directive.
func description(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(doc.Clean(s)), "#", "_")
	if s == "" {
		return "unnamed"
	}
	return s
}

// disarmed is s without the console lines that kunit.py takes for the end of the
// output wherever they stand (KTAP_END, tools/testing/kunit/kunit_parser.py).
func disarmed(s string) string {
	return strings.NewReplacer(
		"List of all partitions:", `List of all partitions\x3a`,
		"Kernel panic - not syncing: VFS:", `Kernel panic - not syncing: VFS\x3a`,
		"reboot: System halted", `reboot\x3a System halted`,
	).Replace(s)
}
