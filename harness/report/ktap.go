package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// KTAP writes r in the Kernel Test Anything Protocol, version 1 (see
// Documentation/dev-tools/ktap.rst): scenario, in it the variants, in each the
// module loads and the verdict. What passes and what fails is as in JUnit; what
// says nothing about the kernel has the directive ERROR. It returns the error
// of w.
func KTAP(w io.Writer, r *result.Results) error {
	root := ktapTest{name: ktapName(r.Scenario.Name)}
	root.add(ktapControls(r))
	for i := range r.Cells {
		root.add(ktapCell(&r.Cells[i]))
	}
	return root.document(w)
}

// A ktapTest is a test result, with subtests or without.
type ktapTest struct {
	name     string
	failed   bool
	note     string   // after the "#": a directive, diagnostic data
	lines    []string // diagnostics before the result
	subtests []ktapTest
}

// add appends a subtest; a test fails with any of its subtests.
func (t *ktapTest) add(sub ktapTest) {
	t.subtests = append(t.subtests, sub)
	t.failed = t.failed || sub.failed
}

// document writes t as the one test of a document.
func (t *ktapTest) document(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("KTAP version 1\n1..1\n")
	t.write(&b, 1, 0)
	_, err := w.Write(b.Bytes())
	return err
}

func (t *ktapTest) write(b *bytes.Buffer, number, depth int) {
	line := func(depth int, s string) {
		b.WriteString(strings.Repeat("  ", depth) + ktapQuote(s) + "\n")
	}
	if len(t.subtests) > 0 {
		line(depth+1, "KTAP version 1")
		line(depth+1, "# Subtest: "+t.name)
		line(depth+1, fmt.Sprintf("1..%d", len(t.subtests)))
		for i := range t.subtests {
			t.subtests[i].write(b, i+1, depth+1)
		}
	}
	for _, l := range t.lines {
		line(depth, "# "+t.name+": "+l)
	}
	result := fmt.Sprintf("ok %d %s", number, t.name)
	if t.failed {
		result = "not " + result
	}
	if t.note != "" {
		result += " # " + t.note
	}
	line(depth, result)
}

// ktapName is a description: it cannot hold a "#", which begins a directive.
func ktapName(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(clean(s)), "#", "_")
	if s == "" {
		return "unnamed"
	}
	return s
}

// ktapQuote disarms the console lines that kunit.py takes for the end of the
// output wherever they stand (KTAP_END, tools/testing/kunit/kunit_parser.py).
func ktapQuote(s string) string {
	return strings.NewReplacer(
		"List of all partitions:", `List of all partitions\x3a`,
		"Kernel panic - not syncing: VFS:", `Kernel panic - not syncing: VFS\x3a`,
		"reboot: System halted", `reboot\x3a System halted`,
	).Replace(s)
}

func ktapControls(r *result.Results) ktapTest {
	t := ktapTest{name: msgControls}
	run := ktapTest{name: "infrastructure"}
	if r.Infra != "" {
		run.failed, run.note = true, "ERROR "+clean(r.Infra)
	}
	t.add(run)
	for _, c := range r.Controls {
		sub := ktapTest{name: ktapName(c.Name + " " + c.Cell)}
		if !c.Holds {
			sub.failed, sub.note = true, "ERROR "+msgControl(c)
		}
		t.add(sub)
	}
	return t
}

func ktapCell(c *result.Cell) ktapTest {
	t := ktapTest{name: ktapName(c.ID)}
	if o := c.Build.Outcome; o != nil {
		sub := ktapTest{name: "build", note: ktapNote(c, *o), lines: []string{proof(*o)}}
		sub.failed = erroneous(c, *o)
		t.add(sub)
	}
	for _, p := range c.Placements {
		for i, run := range p.Runs {
			for _, m := range run.Modules {
				sub := ktapTest{name: ktapName(loadName(p, i, m)), note: ktapNote(c, m.Outcome)}
				sub.failed = erroneous(c, m.Outcome) || missed(m)
				if missed(m) {
					sub.lines = append(sub.lines, strings.TrimSpace(msgPredictedLine(*m.Predicted)))
				}
				if m.Outcome.Kind != outcome.Loaded || missed(m) {
					sub.lines = append(sub.lines, proof(m.Outcome))
				}
				t.add(sub)
			}
		}
	}
	verdict := ktapTest{name: msgVerdict, note: verdictText(c), failed: !c.AsExpected}
	if unproved(c) {
		verdict.failed, verdict.note = true, "ERROR "+verdictText(c)
	}
	t.add(verdict)
	return t
}

func ktapNote(c *result.Cell, o outcome.Outcome) string {
	if erroneous(c, o) {
		return "ERROR " + short(o)
	}
	return short(o)
}
