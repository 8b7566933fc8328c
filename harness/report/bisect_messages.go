package report

import (
	"cmp"
	"fmt"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Every sentence and label of a bisection stands in this file.

const msgNotAsked = "not asked"

// msgNear and msgFar are what the two sides of the change are called.
func msgNear(b *result.Bisection) string { return "last " + near(b) }
func msgFar(b *result.Bisection) string  { return "first " + far(b) }

func near(b *result.Bisection) string { return map[bool]string{false: "good", true: "bad"}[b.Fixed] }
func far(b *result.Bisection) string  { return map[bool]string{false: "bad", true: "good"}[b.Fixed] }

// msgCandidates is the heading of the candidates.
func msgCandidates(b *result.Bisection) string {
	if b.Axis == result.AxisCommit {
		return "Commits that were asked, in this order"
	}
	return fmt.Sprintf("Candidates, from the %s end to the %s one", near(b), far(b))
}

// msgBisectionTitle is the answer in a few words.
func msgBisectionTitle(b *result.Bisection) string {
	switch {
	case b.Conclusion == result.BisectedTo && b.FirstBad != nil:
		return b.FirstBad.Name + " is the " + msgFar(b) + " one"
	case b.Conclusion == result.BisectedRange && b.FirstBad != nil && len(b.Skipped) == 1:
		return b.FirstBad.Name + " or the skipped one before it is the " + msgFar(b) + " one"
	case b.Conclusion == result.BisectedRange && b.FirstBad != nil:
		return fmt.Sprintf("%s or one of the %d skipped ones before it is the %s one", b.FirstBad.Name, len(b.Skipped), msgFar(b))
	case b.Conclusion == result.BisectedFlaky:
		return "no answer: a candidate is flaky"
	case b.Conclusion == result.NotBisected:
		return "no answer: the change does not lie between the two ends"
	}
	return "no answer"
}

// msgBisectionReason is what the title does not say yet. The sides follow it.
func msgBisectionReason(b *result.Bisection) string {
	if b.Conclusion != result.BisectedTo || b.FirstBad == nil || b.LastGood == nil || b.FirstBad.Seen == "" {
		return b.Reason
	}
	return "it shows " + b.FirstBad.Seen + "; " + b.LastGood.Name + ", next to it, is " + near(b)
}

func bisectionFacts(b *result.Bisection) doc.Facts {
	among := msgNamed("series", b.Series)
	switch b.Axis {
	case result.AxisCommit:
		among = msgNamed("commits of", b.Series)
	case result.AxisTree:
		among = "configured trees"
	}
	return factsOf("from "+b.Good+" to "+b.Bad, among, msgNamed("tree", b.Tree), msgNamed("toolchain", b.Toolchain),
		msgNamed("scenario", b.Scenario.Name), msgNamed("cell", b.Target), "until "+cmp.Or(b.Until, "whatever differs from the "+near(b)+" end"))
}

// msgNamed is a name behind what it is of, nothing where there is none.
func msgNamed(what, name string) string {
	if name == "" {
		return ""
	}
	return what + " " + name
}

// msgBisectionSum is the last line.
func msgBisectionSum(b *result.Bisection) string {
	s := plural(b.Probed, "candidate", "candidates") + " asked"
	if b.Axis != result.AxisCommit {
		s = fmt.Sprintf("%d of %s asked", b.Probed, plural(len(b.Candidates), "candidate", "candidates"))
	}
	if n := b.Twice(); n > 0 {
		s += fmt.Sprintf(", %d of them twice", n)
	}
	if n := b.Replayed(); n > 0 {
		s += fmt.Sprintf(", %s from the log", plural(n, "answer", "answers"))
	}
	return s + separator + "took " + took(b.Seconds)
}
