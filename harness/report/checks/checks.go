// Package checks holds what machines count of a result as a tree, and writes it as
// JUnit XML and in the Kernel Test Anything Protocol. It may import report/doc, and
// nothing else of umlab. It never judges: whoever makes a tree says what passed.
//
// The checks right below the root are JUnit's suites; those without checks of their
// own are its test cases, named by the path to them below their suite. KTAP has the
// tree as it is. What is foreign goes in as it is: the writers quote it.
package checks

import "time"

// A State is how a check went.
type State uint8

// The states. Errored is what says nothing of what was to be checked.
const (
	Passed State = iota
	Failed
	Errored
	Skipped
)

// A Check is one thing that is asked, or several together; those fail with any of
// their own.
type Check struct {
	Name   string
	State  State
	Note   string   // one line: KTAP has it after the result, JUnit as its message unless the check passed
	Why    string   // JUnit's message instead of Note
	Kind   string   // JUnit's type of what did not pass
	Proof  []string // of what did not pass, in JUnit
	Output []string // what the check showed, in JUnit
	Lines  []string // diagnostics, in KTAP
	Checks []Check

	Seconds float64
	Timed   bool // of a check without checks of its own: Seconds is known

	// Of suites.
	Case       string // the test case of a suite that has no checks of its own
	Package    string
	Started    time.Time
	Properties []Property
}

// A Property is something that JUnit tells of a suite.
type Property struct{ Name, Value string }

// Add appends a check.
func (c *Check) Add(sub ...Check) { c.Checks = append(c.Checks, sub...) }

// failed reports whether c or any of its checks did not pass.
func (c *Check) failed() bool {
	for i := range c.Checks {
		if c.Checks[i].failed() {
			return true
		}
	}
	return c.State == Failed || c.State == Errored
}
