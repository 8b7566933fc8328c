package report

import (
	"io"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// nightCase names what a machine counts of a night as such.
const nightCase = "history"

// NightlyJUnit writes n as JUnit XML: a suite with a failure for each change and
// an error for a night that proves nothing, then the suites of SweepJUnit. It
// returns the error of w.
func NightlyJUnit(w io.Writer, n *result.Nightly) error {
	doc := junit.Testsuites{Name: msgNightTitle(n), Time: junitTime(n.Seconds)}
	s := junit.Testsuite{Name: nightCase, Package: clean(n.Series), Time: junitTime(0)}
	if !n.Started.IsZero() {
		s.SetTimestamp(n.Started)
	}
	class := clean(n.Series) + "." + nightCase
	whole := junit.Testcase{Name: nightCaseOf(n), Classname: class, SystemOut: &junit.Output{Data: msgNews(n)}}
	if n.Infra != "" {
		whole.Error = &junit.Result{Message: oneLine(n.Infra), Type: string(outcome.Infra)}
	}
	s.AddTestcase(whole)
	for _, g := range changeGroups(n) {
		for _, cell := range g.Cells {
			one := changeGroup{Cells: []string{cell}, From: g.From, To: g.To}
			s.AddTestcase(junit.Testcase{Name: cell + " " + g.where(), Classname: class,
				Failure: &junit.Result{Message: one.news(), Type: msgChanged, Data: one.proof()}})
		}
	}
	doc.AddSuite(s)
	if n.Sweep != nil {
		for i, c := range n.Sweep.Columns {
			suite := junitColumn(n.Sweep, c)
			suite.ID = i + 1
			doc.AddSuite(suite)
		}
	}
	return writeJUnit(w, doc)
}

// proof is both sides with their evidence.
func (g changeGroup) proof() string {
	s := ""
	for _, side := range g.sides() {
		s += side.Word + " " + side.Text + "\n"
		for _, e := range side.Evidence {
			s += e + "\n"
		}
	}
	return s
}

// NightlyKTAP writes n in the Kernel Test Anything Protocol: the changes, and
// then what SweepKTAP has. It returns the error of w.
func NightlyKTAP(w io.Writer, n *result.Nightly) error {
	root := ktapTest{name: ktapName(msgNightTitle(n))}
	night := ktapTest{name: nightCase}
	whole := ktapTest{name: nightCaseOf(n)}
	if n.Infra != "" {
		whole.failed, whole.note = true, "ERROR "+oneLine(n.Infra)
	}
	night.add(whole)
	for _, g := range changeGroups(n) {
		for _, cell := range g.Cells {
			one := changeGroup{Cells: []string{cell}, From: g.From, To: g.To}
			night.add(ktapTest{name: ktapName(cell + " " + g.where()), failed: true, note: one.news()})
		}
	}
	root.add(night)
	if n.Sweep != nil {
		for _, c := range n.Sweep.Columns {
			root.add(ktapColumn(c))
		}
	}
	return root.document(w)
}

// NightlyKCIDB writes what was run in the night as KCIDB does; a night in which
// nothing was run is a submission of nothing.
func NightlyKCIDB(w io.Writer, origin string, n *result.Nightly) error {
	return KCIDB(w, origin, n.Results()...)
}
