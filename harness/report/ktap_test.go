package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"umlab/harness/result"
)

// ktapNode is a parsed test.
type ktapNode struct {
	name, note string
	ok         bool
	subtests   []ktapNode
}

var (
	ktapPlan   = regexp.MustCompile(`^1\.\.(\d+)$`)
	ktapResult = regexp.MustCompile(`^(ok|not ok) (\d+) ([^#]*?)(?: # (.*))?$`)
)

// parseKTAP reads version 1 as Documentation/dev-tools/ktap.rst has it, and is
// stricter: a plan must be kept, numbers must be in order, and a test must fail
// just when it has a subtest that does.
func parseKTAP(lines []string, depth int) (subtest string, tests []ktapNode, rest []string, err error) {
	indent := strings.Repeat("  ", depth)
	fail := func(format string, args ...any) (string, []ktapNode, []string, error) {
		return "", nil, nil, fmt.Errorf("depth %d, %d lines left: %s", depth, len(lines), fmt.Sprintf(format, args...))
	}
	next := func() (string, bool) {
		if len(lines) == 0 || !strings.HasPrefix(lines[0], indent) || strings.HasPrefix(lines[0], indent+" ") {
			return "", false
		}
		return lines[0][len(indent):], true
	}
	if l, ok := next(); !ok || l != "KTAP version 1" {
		return fail("no version line")
	}
	lines = lines[1:]
	if l, ok := next(); ok && strings.HasPrefix(l, "# Subtest: ") {
		subtest = strings.TrimPrefix(l, "# Subtest: ")
		lines = lines[1:]
	}
	l, _ := next()
	m := ktapPlan.FindStringSubmatch(l)
	if m == nil {
		return fail("no plan but %q", l)
	}
	lines = lines[1:]
	plan, _ := strconv.Atoi(m[1])
	for len(tests) < plan {
		var subs []ktapNode
		name := ""
		if len(lines) > 0 && strings.HasPrefix(lines[0], indent+"  ") {
			if name, subs, lines, err = parseKTAP(lines, depth+1); err != nil {
				return "", nil, nil, err
			}
		}
		l, ok := next()
		for ok && strings.HasPrefix(l, "# ") {
			lines = lines[1:]
			l, ok = next()
		}
		m := ktapResult.FindStringSubmatch(l)
		if !ok || m == nil {
			return fail("%d of %d results, then %q", len(tests), plan, l)
		}
		if n, _ := strconv.Atoi(m[2]); n != len(tests)+1 {
			return fail("number %d, not %d", n, len(tests)+1)
		}
		node := ktapNode{name: m[3], note: m[4], ok: m[1] == "ok", subtests: subs}
		if len(subs) > 0 {
			if name != node.name {
				return fail("the subtests of %q stand before the result of %q", name, node.name)
			}
			all := true
			for _, s := range subs {
				all = all && s.ok
			}
			if all != node.ok {
				return fail("%s is %v, its subtests are %v", node.name, node.ok, all)
			}
		}
		tests = append(tests, node)
		lines = lines[1:]
	}
	return subtest, tests, lines, nil
}

func readKTAP(t testing.TB, r *result.Results) ktapNode {
	t.Helper()
	var b bytes.Buffer
	if err := matrixKTAP(&b, r); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	_, tests, rest, err := parseKTAP(strings.Split(text, "\n"), 0)
	if err != nil || len(rest) > 0 || len(tests) != 1 {
		t.Fatalf("%v; %d tests, left: %q\n%s", err, len(tests), rest, text)
	}
	return tests[0]
}

func (n ktapNode) find(t *testing.T, path ...string) ktapNode {
	t.Helper()
	for _, name := range path {
		found := false
		for _, s := range n.subtests {
			if s.name == name {
				n, found = s, true
				break
			}
		}
		if !found {
			t.Fatalf("no %q in %q", name, n.name)
		}
	}
	return n
}

func TestKTAP(t *testing.T) {
	if root := readKTAP(t, matrix()); !root.ok || root.name != "unknown-rela-relocation" || len(root.subtests) != 8 {
		t.Errorf("matrix: %v %q with %d subtests", root.ok, root.name, len(root.subtests))
	}
	root := readKTAP(t, trouble())
	for _, tt := range []struct {
		path string
		ok   bool
		note string // its beginning
	}{
		{"static-small@module", true, ""},
		{"static-small@module high[2]/rust_print", true, "overflow 11 32S"},
		{"static-large@module low/rust_print", false, "overflow 11 32S"},
		{"static-large@module high/rust_print", true, "loaded"},
		{"static-large@module verdict", false, "address-dependent, expected loads"},
		{"pie-small@module verdict", false, "mixed, expected rejected"},
		{"pie-large@all", true, ""},
		{"hangs high/rust_print", true, "boot-failed"},
		{"static-small@kernel build", false, "build-failed"},
		{"dropped build", false, "ERROR config-dropped"},
		{"dropped verdict", false, "ERROR unknown"},
		{"host low/rust_print", false, "ERROR infra"},
	} {
		if n := root.find(t, strings.Fields(tt.path)...); n.ok != tt.ok || !strings.HasPrefix(n.note, tt.note) {
			t.Errorf("%s: ok=%v # %s; want ok=%v # %s…", tt.path, n.ok, n.note, tt.ok, tt.note)
		}
	}
	if n := readKTAP(t, collapsed()).find(t, "controls", "known-load static-large@module:low"); n.ok || !strings.HasPrefix(n.note, "ERROR ") {
		t.Errorf("a control that misbehaves: ok=%v # %s", n.ok, n.note)
	}
}

// What a scenario asks for, it is not told off for.
func TestExpectedDropIsNoError(t *testing.T) {
	r := trouble()
	for i := range r.Cells {
		if c := &r.Cells[i]; c.ID == "dropped" {
			c.Expected, c.AsExpected = "config-dropped", true
		}
	}
	if n := readKTAP(t, r).find(t, "dropped"); !n.ok {
		t.Error("KTAP fails a config-dropped that the scenario expects")
	}
	for _, s := range readJUnit(t, r).Suites {
		if s.Name == "dropped" && s.Errors+s.Failures > 0 {
			t.Error("JUnit fails a config-dropped that the scenario expects")
		}
	}
}
