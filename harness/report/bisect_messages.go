package report

import (
	"cmp"
	"fmt"

	"umlab/harness/result"
)

// Every sentence and label of a bisection stands in this file.

const (
	msgLastGood = "last good"
	msgFirstBad = "first bad"
	msgNotAsked = "not asked"
)

// bisectionWords are the labels of a bisection in HTML and Markdown.
type bisectionWords struct{ Name, Verdict, Seen, Notes, Repeat, Delta string }

func newBisectionWords() bisectionWords {
	return bisectionWords{"candidate", "verdict", "seen", "Notes", "Repeat with", "What differs"}
}

// msgBisectionTable is the heading of the candidates.
func msgBisectionTable(b *result.Bisection) string {
	if b.Axis == result.AxisCommit {
		return "Commits that were asked, in this order"
	}
	return "Candidates, from the good end to the bad one"
}

// msgBisectionTitle is the answer in a few words.
func msgBisectionTitle(b *result.Bisection) string {
	switch {
	case b.Conclusion == result.BisectedTo && b.FirstBad != nil:
		return b.FirstBad.Name + " is the first bad one"
	case b.Conclusion == result.BisectedRange && b.FirstBad != nil && len(b.Skipped) == 1:
		return b.FirstBad.Name + " or the skipped one before it is the first bad one"
	case b.Conclusion == result.BisectedRange && b.FirstBad != nil:
		return fmt.Sprintf("%s or one of the %d skipped ones before it is the first bad one", b.FirstBad.Name, len(b.Skipped))
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
	return "it shows " + b.FirstBad.Seen + "; " + b.LastGood.Name + ", next to it, is good"
}

func msgBisectionFacts(b *result.Bisection) []string {
	facts := []string{"from " + b.Good + " to " + b.Bad}
	add := func(what, value string) {
		if value != "" {
			facts = append(facts, what+" "+value)
		}
	}
	switch b.Axis {
	case result.AxisCommit:
		add("commits of", b.Series)
	case result.AxisTree:
		facts = append(facts, "configured trees")
	default:
		add("series", b.Series)
	}
	add("tree", b.Tree)
	add("toolchain", b.Toolchain)
	add("scenario", b.Scenario.Name)
	add("cell", b.Target)
	return append(facts, "until "+cmp.Or(b.Until, "whatever differs from the good end"))
}

// msgBehind is a detail behind a name.
func msgBehind(detail string) string {
	if detail == "" {
		return ""
	}
	return "  [" + detail + "]"
}

func msgBisectionRow(r bisectionRow, width int) string {
	s := fmt.Sprintf("%-*s  %s", width, r.Name, r.Verdict)
	if r.Seen != "" {
		s += ": " + r.Seen
	}
	if r.Mark != "" {
		s += "  ← " + r.Mark
	}
	return s
}

// msgBisectionSum is the last line.
func msgBisectionSum(b *result.Bisection) string {
	s := plural(b.Probed, "candidate", "candidates") + " asked"
	if b.Axis != result.AxisCommit {
		s = fmt.Sprintf("%d of %s asked", b.Probed, plural(len(b.Candidates), "candidate", "candidates"))
	}
	if b.Twice > 0 {
		s += fmt.Sprintf(", %d of them twice", b.Twice)
	}
	if b.Replayed > 0 {
		s += fmt.Sprintf(", %s from the log", plural(b.Replayed, "answer", "answers"))
	}
	return s + separator + msgTook(duration(seconds(b.Seconds)))
}
