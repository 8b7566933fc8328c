package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// JUnit writes r as JUnit XML: one suite per variant with a test case per
// module load and one for the verdict. A verdict that the scenario does not
// expect is a failure, as is a load that was predicted otherwise; what says
// nothing about the kernel is an error. It returns the error of w.
func JUnit(w io.Writer, r *result.Results) error {
	doc := junit.Testsuites{Name: clean(r.Scenario.Name), Time: junitTime(r.Seconds)}
	doc.AddSuite(junitControls(r))
	for i := range r.Cells {
		suite := junitCell(r, &r.Cells[i])
		suite.ID = i + 1
		doc.AddSuite(suite)
	}
	return writeJUnit(w, doc)
}

func writeJUnit(w io.Writer, doc junit.Testsuites) error {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	if err := doc.WriteXML(&b); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func junitTime(s float64) string { return fmt.Sprintf("%.3f", s) }

// junitControls is the suite of the run itself.
func junitControls(r *result.Results) junit.Testsuite {
	s := junit.Testsuite{Name: msgControls, Package: clean(r.Scenario.Name), Time: junitTime(0)}
	if !r.Started.IsZero() {
		s.SetTimestamp(r.Started)
	}
	for _, p := range []junit.Property{
		{Name: "tree", Value: strings.TrimPrefix(msgTree(r.Tree), "tree ")}, {Name: "toolchain", Value: msgToolchain(r.Toolchain)},
		{Name: "config", Value: clean(r.Config.Digest)}, {Name: msgRepeat, Value: clean(r.Command)},
	} {
		s.AddProperty(p.Name, p.Value)
	}
	for _, n := range r.Notes {
		s.AddProperty("note", clean(n))
	}
	class := clean(r.Scenario.Name) + "." + msgControls
	run := junit.Testcase{Name: "infrastructure", Classname: class}
	if r.Infra != "" {
		run.Error = &junit.Result{Message: clean(r.Infra), Type: string(outcome.Infra)}
	}
	s.AddTestcase(run)
	for _, c := range r.Controls {
		tc := junit.Testcase{Name: clean(c.Name + " " + c.Cell), Classname: class}
		if !c.Holds {
			tc.Error = &junit.Result{Message: msgControl(c), Type: string(outcome.Infra)}
		}
		s.AddTestcase(tc)
	}
	return s
}

func junitCell(r *result.Results, c *result.Cell) junit.Testsuite {
	s := junit.Testsuite{Name: clean(c.ID), Package: clean(r.Scenario.Name)}
	class := clean(r.Scenario.Name + "." + c.ID)
	total := 0.0
	if o := c.Build.Outcome; o != nil {
		tc := junit.Testcase{Name: "build", Classname: class, Time: junitTime(c.Build.Seconds), SystemOut: &junit.Output{Data: long(*o) + "\n" + proof(*o)}}
		if erroneous(c, *o) {
			tc.Error = &junit.Result{Message: short(*o), Type: string(o.Kind), Data: proof(*o)}
		}
		s.AddTestcase(tc)
	}
	for _, p := range c.Placements {
		for i, run := range p.Runs {
			total += run.Seconds
			for _, m := range run.Modules {
				tc := junitModule(c, m)
				tc.Name, tc.Classname = loadName(p, i, m), class
				tc.Time = junitTime(run.Seconds / float64(len(run.Modules)))
				s.AddTestcase(tc)
			}
		}
	}
	verdict := junit.Testcase{Name: msgVerdict, Classname: class, SystemOut: &junit.Output{Data: verdictText(c)}}
	switch {
	case unproved(c):
		verdict.Error = &junit.Result{Message: verdictText(c), Type: string(c.Verdict)}
	case !c.AsExpected:
		verdict.Failure = &junit.Result{Message: verdictText(c), Type: "unexpected"}
	}
	s.AddTestcase(verdict)
	s.Time = junitTime(total)
	return s
}

func junitModule(c *result.Cell, m result.Module) junit.Testcase {
	tc := junit.Testcase{SystemOut: &junit.Output{Data: long(m.Outcome) + "\n" + proof(m.Outcome)}}
	switch {
	case erroneous(c, m.Outcome):
		tc.Error = &junit.Result{Message: short(m.Outcome), Type: string(m.Outcome.Kind), Data: proof(m.Outcome)}
	case missed(m):
		tc.Failure = &junit.Result{Message: markDiffers + " " + msgPredicted(short(*m.Predicted)) + ", " + short(m.Outcome), Type: "prediction",
			Data: msgPredictedLine(*m.Predicted) + "\n" + msgObservedLine(m.Outcome)}
	}
	return tc
}

// erroneous reports whether o says nothing about the kernel, and the scenario
// did not ask for just that. A timeout does not prove much, but it is the guest
// that did not come.
func erroneous(c *result.Cell, o outcome.Outcome) bool {
	return o.Kind == outcome.Infra || o.Kind == outcome.ConfigDropped && !wanted(c)
}

// unproved reports whether c has no verdict, and the scenario did not ask for
// just that: where nothing is expected, AsExpected is true of anything.
func unproved(c *result.Cell) bool { return c.Verdict == result.Unknown && !wanted(c) }

func wanted(c *result.Cell) bool { return c.Expected != "" && c.AsExpected }

// loadName names one module load uniquely within its cell.
func loadName(p result.Placement, run int, m result.Module) string {
	if len(p.Runs) > 1 {
		return clean(fmt.Sprintf("%s[%d]/%s", p.Name, run+1, m.Name))
	}
	return clean(p.Name + "/" + m.Name)
}

// verdictText is "loads, expected rejected: rust_print loaded at low".
func verdictText(c *result.Cell) string {
	s := clean(string(c.Verdict))
	if !c.AsExpected {
		s += ", " + msgExpected(clean(c.Expected))
	}
	if c.Reason != "" {
		s += ": " + clean(c.Reason)
	}
	return s
}
