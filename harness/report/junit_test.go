package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"umlab/harness/report/checks"
	"umlab/harness/result"
)

// The checks of everything that has some, in both forms.
var (
	matrixJUnit, matrixKTAP   = Form(MatrixChecks, checks.JUnit), Form(MatrixChecks, checks.KTAP)
	sweepJUnit, sweepKTAPOf   = Form(SweepChecks, checks.JUnit), Form(SweepChecks, checks.KTAP)
	nightlyJUnit, nightlyKTAP = Form(NightlyChecks, checks.JUnit), Form(NightlyChecks, checks.KTAP)
	verificationJUnit         = Form(VerificationChecks, checks.JUnit)
)

// readJUnit parses what JUnit writes; parseJUnit checks that it adds up.
func readJUnit(t testing.TB, r *result.Results) junit.Testsuites {
	t.Helper()
	var b bytes.Buffer
	if err := matrixJUnit(&b, r); err != nil {
		t.Fatal(err)
	}
	return parseJUnit(t, &b)
}

func parseJUnit(t testing.TB, b io.Reader) junit.Testsuites {
	t.Helper()
	var doc junit.Testsuites
	dec := xml.NewDecoder(b)
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if _, err := dec.Token(); err != io.EOF && err != nil {
		t.Fatal(err)
	}
	tests, failures, errs := 0, 0, 0
	for _, s := range doc.Suites {
		names := map[string]bool{}
		for _, c := range s.Testcases {
			if names[c.Name] {
				t.Errorf("%s has two test cases %q", s.Name, c.Name)
			}
			names[c.Name] = true
			tests++
			if c.Failure != nil {
				failures++
			}
			if c.Error != nil {
				errs++
			}
		}
	}
	if tests != doc.Tests || failures != doc.Failures || errs != doc.Errors {
		t.Errorf("counted %d, %d, %d; the document says %d, %d, %d", tests, failures, errs, doc.Tests, doc.Failures, doc.Errors)
	}
	return doc
}

func TestJUnit(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		r                       *result.Results
		tests, failures, errors int
	}{
		{"matrix", matrix(), 3 + 7*5, 0, 0},
		// Failures: two verdicts, two loads that were predicted otherwise, a build. Errors:
		// the build and the verdict of dropped; two loads and the verdict of host.
		{"trouble", trouble(), 3 + 74 + 2 + 12, 5, 5},
		{"collapsed", collapsed(), 3 + 7*5, 0, 2},
	} {
		if doc := readJUnit(t, tt.r); doc.Tests != tt.tests || doc.Failures != tt.failures || doc.Errors != tt.errors {
			t.Errorf("%s: %d tests, %d failures, %d errors; want %d, %d, %d", tt.name, doc.Tests, doc.Failures, doc.Errors, tt.tests, tt.failures, tt.errors)
		}
	}
}
