package report

import (
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// VerificationJUnit writes v as JUnit XML: a suite with the conclusion, which
// fails unless it is fixed, and one per toolchain with a test case for each
// placement and module of the stock cell, which fails unless every run of the
// patched tree loads the module. What says nothing about the patch is an error.
// It returns the error of w.
func VerificationJUnit(w io.Writer, v *result.Verification) error {
	t := newTrial(v)
	doc := junit.Testsuites{Name: msgVerification(v), Time: junitTime(v.Seconds)}
	doc.AddSuite(junitConclusion(v, t))
	for i, p := range sides(v) {
		suite := junitPair(p)
		suite.ID = i + 1
		doc.AddSuite(suite)
	}
	return writeJUnit(w, doc)
}

func junitConclusion(v *result.Verification, t *trial) junit.Testsuite {
	const name = "conclusion"
	s := junit.Testsuite{Name: name, Time: junitTime(0)}
	s.AddProperty("base tree", strings.Join(t.Base[:min(1, len(t.Base))], ""))
	s.AddProperty(msgRepeat, legible(v.Command))
	for _, d := range t.Digests {
		s.AddProperty(d.Of, d.Value)
	}
	tc := junit.Testcase{Name: name, Classname: name, SystemOut: &junit.Output{Data: msgConcluded(v)}}
	verdict := &junit.Result{Message: msgConcluded(v), Type: string(v.Conclusion)}
	switch v.Conclusion {
	case result.Fixed:
	case result.NoConclusion:
		tc.Error = verdict
	default:
		tc.Failure = verdict
	}
	s.AddTestcase(tc)
	return s
}

func junitPair(p result.Pair) junit.Testsuite {
	s := junit.Testsuite{Name: clean(p.Before.Toolchain.Name)}
	total := 0.0
	for i := range max(len(p.Before.Cells), len(p.After.Cells)) {
		before, after := cellsAt(p, i)
		if cellName(before, after) != stock {
			continue
		}
		cases := 0
		for _, st := range stages(before, after) {
			if st.After != nil {
				for _, run := range st.After.Runs {
					total += run.Seconds
				}
			}
			for _, m := range st.modules() {
				tc := junitLoad(after, st, m)
				tc.Name, tc.Classname = clean(st.Name+"/"+m), s.Name
				tc.SystemOut = &junit.Output{Data: msgBeforeAfter(briefly(shown(before, st.Before, m)), briefly(shown(after, st.After, m)))}
				s.AddTestcase(tc)
				cases++
			}
		}
		if cases == 0 {
			s.AddTestcase(junit.Testcase{Name: stock, Classname: s.Name, Error: &junit.Result{Message: msgBeforeAfter(briefly(unrun(before)), briefly(unrun(after)))}})
		}
	}
	s.Time = junitTime(total)
	return s
}

// junitLoad judges one module at one placement of the patched tree.
func junitLoad(after *result.Cell, st stage, module string) junit.Testcase {
	var tc junit.Testcase
	bad := &junit.Result{Message: msgNotLoaded(briefly(shown(after, st.After, module))), Type: msgNoRun}
	unproved := after.Build.Outcome == nil
	if o := after.Build.Outcome; o != nil {
		bad.Type, bad.Data = string(o.Kind), proof(*o)
		unproved = !o.Kind.Kernel()
	}
	if st.After != nil {
		for _, t := range st.After.Tallies() {
			if t.Module != module {
				continue
			}
			if loadedAlways(t) {
				return tc
			}
			var lines []string
			unproved = true
			for _, c := range t.Counts {
				bad.Type = string(c.Outcome.Kind)
				unproved = unproved && (c.Outcome.Kind == outcome.Infra || c.Outcome.Kind == outcome.ConfigDropped)
				lines = append(lines, long(c.Outcome)+": "+proof(c.Outcome))
			}
			bad.Data = strings.Join(lines, "\n")
		}
	}
	if unproved {
		tc.Error = bad
	} else {
		tc.Failure = bad
	}
	return tc
}

// briefly is an entry on one line.
func briefly(e entry) string {
	return strings.Join((&printer{}).entries([]entry{e}, foldNone), "; ")
}
