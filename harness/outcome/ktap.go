package outcome

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/pattern"
)

// KTAP is what KUnit prints, see Documentation/dev-tools/ktap.rst: results of tests, those of
// a suite four blanks further in and before the suite's own.
var (
	ktapResultRE = pattern.New(`^(not ok|ok) \d{1,9}(?: -)?(?: (.*?))?(?: # (SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b ?(.*))?$`)
	ktapPlanRE   = pattern.New(`^1\.\.(\d{1,9})(?: # SKIP.*)?$`)
	ktapNameRE   = pattern.New(`^# Subtest: (.*)$`)
	ktapSaysRE   = pattern.New(`^# [^:]*: .*(?:EXPECTATION FAILED|ASSERTION FAILED|try faulted|timed out)`)
)

const (
	ktapIndent = "    "
	ktapDeep   = 16  // levels that are looked at
	ktapSaid   = 400 // bytes of what a test says of itself
)

// ktapTest is a result, with what stands below it.
type ktapTest struct {
	name    string
	ok      bool
	skipped bool
	why     string // with skipped
	said    string // of what failed
	line    int    // index
	planned int    // tests below it, -1 where it does not say
	tests   []*ktapTest
}

// ktapLevel is what is known of a depth of the log whose own result is still to come.
type ktapLevel struct {
	name    string // of what encloses the level, "" where it was not said
	line    int    // where the level began
	planned int
	said    []string
	tests   []*ktapTest
}

// readKTAP reads the tests out of lines, of which from and to are indexes and use picks those that
// count. open are suites that began and have no result.
func (s *session) readKTAP(from, to int, use func(i int) bool) (tests, open []*ktapTest) {
	levels := []*ktapLevel{{planned: -1, line: from}}
	top := func() *ktapLevel { return levels[len(levels)-1] }
	follows := false // a line without a mark goes on with what a test says
	for i := from; i < to; i++ {
		text := s.lines[i].text
		depth := 0
		for strings.HasPrefix(text, ktapIndent) && depth < ktapDeep {
			text, depth = text[len(ktapIndent):], depth+1
		}
		m := ktapResultRE.FindStringSubmatch(text)
		header := text == "KTAP version 1" || text == "TAP version 14"
		plan, name := ktapPlanRE.FindStringSubmatch(text), ktapNameRE.FindStringSubmatch(text)
		says := ktapSaysRE.MatchString(text)
		if m == nil && !header && plan == nil && name == nil && !says && !follows || !use(i) {
			continue
		}
		if header || plan != nil || name != nil {
			for len(levels) <= depth && len(levels) < ktapDeep {
				levels = append(levels, &ktapLevel{planned: -1, line: i})
			}
		}
		switch {
		case header:
		case plan != nil && depth < len(levels):
			levels[depth].planned, _ = strconv.Atoi(plan[1]) // the expression admits nothing that does not fit
		case name != nil && depth < len(levels):
			levels[depth].name, levels[depth].line = name[1], i
		case m != nil && depth < len(levels):
			t := &ktapTest{name: strings.TrimSpace(m[2]), ok: m[1] == "ok", skipped: m[3] == "SKIP", why: m[4], line: i, planned: -1}
			if depth+1 < len(levels) { // what stands below belongs to it
				below := levels[depth+1]
				t.tests, t.planned = below.tests, below.planned
				levels = levels[:depth+1]
			}
			if said := top().said; !t.ok && len(said) > 0 {
				t.said = clipped(strings.Join(said, " "), ktapSaid)
			}
			top().said = nil
			top().tests = append(top().tests, t)
		case says:
			top().said = append(top().said, strings.TrimSpace(text))
		case follows && m == nil && plan == nil && len(top().said) < 5:
			top().said = append(top().said, strings.TrimSpace(text))
		}
		follows = says || follows && m == nil && !header && plan == nil && name == nil && len(top().said) < 5
	}
	for _, l := range levels[1:] {
		open = append(open, &ktapTest{name: l.name, line: l.line, planned: l.planned, tests: l.tests})
	}
	return levels[0].tests, open
}

// kunit is the outcome of a step whose suites KUnit ran, of which passed is what is known so far;
// r gets one for each test.
func (v *stepView) kunit(r *StepOutcome, passed Outcome) Outcome {
	last := v.end - 1
	if v.st != nil {
		last = v.st.end
	}
	tests, open := v.readKTAP(v.begin, v.behind(), v.mayBeKernels)
	matches := func(t *ktapTest) bool { ok, err := path.Match(v.want.Suite, t.name); return err == nil && ok }
	var other []string
	var failed, incomplete *ktapTest
	count, bad, seen := 0, 0, map[string]int{}
	for _, suite := range tests {
		if !matches(suite) {
			other = append(other, suite.name)
			continue
		}
		count++
		for _, t := range suite.tests {
			out := v.test(suite.name+"/"+t.name, t)
			if seen[out.Name]++; seen[out.Name] > 1 {
				out.Name = fmt.Sprintf("%s#%d", out.Name, seen[out.Name])
			}
			r.Tests = append(r.Tests, out)
			if out.Outcome.Kind == Failed {
				bad++
				if failed == nil {
					failed = t
				}
			}
		}
		switch {
		case suite.planned >= 0 && len(suite.tests) != suite.planned:
			incomplete = suite
		case !suite.ok && !suite.skipped && failed == nil:
			failed = suite
		case failed == nil && incomplete == nil:
			passed = v.quote(Passed, suite.line, passed.Detail)
		}
	}
	for _, suite := range open {
		if matches(suite) {
			incomplete = suite
		}
	}
	switch {
	case incomplete != nil:
		o := v.quote(Failed, incomplete.line, fmt.Sprintf("Suite %s has no result, or not one for each test that it planned: %d of %d.",
			incomplete.name, len(incomplete.tests), max(incomplete.planned, 0)))
		o.Missing = MissingTest
		return o
	case count == 0:
		o := v.quote(Failed, last, fmt.Sprintf("KUnit ran no suite that matches %s.", v.want.Suite))
		if len(other) > 0 {
			o.Detail += " It ran " + clipped(strings.Join(other, ", "), ktapSaid) + "."
		}
		if slices.ContainsFunc(v.lines[:v.ready], func(l line) bool { return l.text == "kunit: disabled" }) {
			o.Detail += " The kernel says \"kunit: disabled\": CONFIG_KUNIT_DEFAULT_ENABLED=y is what enables it."
		} else if len(other) == 0 {
			o.Detail += " From 6.14 on, CONFIG_KUNIT_AUTORUN_ENABLED=y is what has the kernel run suites while it boots."
		}
		o.Missing = MissingTest
		return o
	case failed != nil:
		return v.quote(Failed, failed.line, joinDetail(fmt.Sprintf("%d of %d tests failed.", max(bad, 1), len(r.Tests)), failed.said))
	}
	return passed
}

// test is the outcome of one test.
func (v *stepView) test(name string, t *ktapTest) TestOutcome {
	out := TestOutcome{Name: name}
	switch {
	case t.skipped:
		out.Skipped = t.why
		if t.why == "" {
			out.Skipped = "it says no reason"
		}
	case t.ok:
		out.Outcome = v.quote(Passed, t.line, "")
	default:
		out.Outcome = v.quote(Failed, t.line, t.said)
		for _, p := range t.tests {
			if !p.ok {
				out.Outcome.Detail = joinDetail(fmt.Sprintf("With parameter %q.", clip(p.name)), joinDetail(p.said, t.said))
				break
			}
		}
	}
	return out
}
