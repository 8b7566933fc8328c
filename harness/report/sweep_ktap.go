package report

import (
	"io"

	"umlab/harness/result"
)

// SweepKTAP writes s in the Kernel Test Anything Protocol, as KTAP does, with a
// test per column around its variants. A toolchain that was refused is skipped;
// what says nothing about the kernel has the directive ERROR. It returns the
// error of w.
func SweepKTAP(w io.Writer, s *result.Sweep) error {
	root := ktapTest{name: ktapName(s.Scenario.Name)}
	for _, c := range s.Columns {
		root.add(ktapColumn(c))
	}
	return root.document(w)
}

func ktapColumn(c result.SweepColumn) ktapTest {
	t := ktapTest{name: ktapName(suiteName(c))}
	switch {
	case c.Results != nil:
		t.add(ktapControls(c.Results))
		for i := range c.Results.Cells {
			t.add(ktapCell(&c.Results.Cells[i]))
		}
	case c.Refused != nil:
		t.note = "SKIP " + msgRefusal(c)
	default:
		t.failed, t.note = true, "ERROR "+oneLine(c.Infra)
	}
	return t
}
