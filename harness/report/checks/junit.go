package checks

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"umlab/harness/report/doc"
)

// JUnit writes root as JUnit XML. It returns the error of w.
func JUnit(w io.Writer, root Check) error {
	all := junit.Testsuites{Name: doc.Clean(root.Name), Time: seconds(root.Seconds)}
	for i, c := range root.Checks {
		s := suite(c)
		s.ID = i
		all.AddSuite(s)
	}
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	if err := all.WriteXML(&b); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

func suite(c Check) junit.Testsuite {
	s := junit.Testsuite{Name: doc.Clean(c.Name), Package: doc.Clean(c.Package), Time: seconds(c.Seconds)}
	if !c.Started.IsZero() {
		s.SetTimestamp(c.Started)
	}
	for _, p := range c.Properties {
		s.AddProperty(doc.Clean(p.Name), doc.Clean(p.Value))
	}
	class := s.Name
	if c.Package != "" {
		class = s.Package + "." + s.Name
	}
	if len(c.Checks) == 0 && c.Case != "" {
		only := c
		only.Name = c.Case
		c.Checks = []Check{only}
	}
	cases(&s, class, "", c.Checks)
	return s
}

// cases adds the checks that have none of their own.
func cases(s *junit.Testsuite, class, path string, list []Check) {
	for _, c := range list {
		name := path + doc.Clean(c.Name)
		if len(c.Checks) > 0 {
			cases(s, class, name+" ", c.Checks)
			continue
		}
		tc := junit.Testcase{Name: name, Classname: class}
		if c.Timed {
			tc.Time = seconds(c.Seconds)
		}
		if c.Output != nil {
			tc.SystemOut = &junit.Output{Data: lines(c.Output)}
		}
		went := &junit.Result{Message: doc.Clean(cmp.Or(c.Why, c.Note)), Type: doc.Clean(c.Kind), Data: lines(c.Proof)}
		switch c.State {
		case Failed:
			tc.Failure = went
		case Errored:
			tc.Error = went
		case Skipped:
			tc.Skipped = went
		}
		s.AddTestcase(tc)
	}
}

func lines(list []string) string {
	var clean []string
	for _, l := range list {
		clean = append(clean, doc.Clean(l))
	}
	return strings.Join(clean, "\n")
}
