package report

import (
	"io"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// SweepJUnit writes s as JUnit XML: one suite per column, with the test cases of
// JUnit named after their variants. A toolchain that was refused is a skipped
// test case; what says nothing about the kernel is an error. It returns the error
// of w.
func SweepJUnit(w io.Writer, s *result.Sweep) error {
	doc := junit.Testsuites{Name: clean(s.Scenario.Name), Time: junitTime(s.Seconds)}
	for i, c := range s.Columns {
		suite := junitColumn(s, c)
		suite.ID = i
		doc.AddSuite(suite)
	}
	return writeJUnit(w, doc)
}

func junitColumn(s *result.Sweep, c result.SweepColumn) junit.Testsuite {
	name := suiteName(c)
	if r := c.Results; r != nil {
		suite := junitControls(r)
		cases, total := suite.Testcases, 0.0
		suite.Testcases, suite.Tests, suite.Errors = nil, 0, 0
		add := func(of string, list []junit.Testcase) {
			for _, tc := range list {
				tc.Name, tc.Classname = of+" "+tc.Name, clean(s.Scenario.Name)+"."+name
				suite.AddTestcase(tc)
			}
		}
		add(msgControls, cases)
		for i := range r.Cells {
			cell := &r.Cells[i]
			add(clean(cell.ID), junitCell(r, cell).Testcases)
			for _, p := range cell.Placements {
				for _, run := range p.Runs {
					total += run.Seconds
				}
			}
		}
		suite.Name, suite.Time = name, junitTime(total)
		return suite
	}
	suite := junit.Testsuite{Name: name, Package: clean(s.Scenario.Name), Time: junitTime(0)}
	tc := junit.Testcase{Name: msgToolchainWord, Classname: clean(s.Scenario.Name) + "." + name}
	if c.Refused != nil {
		tc.Skipped = &junit.Result{Message: msgRefusal(c)}
	} else {
		tc.Error = &junit.Result{Message: oneLine(c.Infra), Type: string(outcome.Infra)}
	}
	suite.AddTestcase(tc)
	return suite
}

// suiteName names a column for a machine: a tree may be a path.
func suiteName(c result.SweepColumn) string { return clean(c.Tree + " " + c.Toolchain) }
