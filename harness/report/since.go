package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// What differs from an earlier run of the same.

const msgNew = "new"

func msgWas(what string) string { return markChanged + " was " + what }

// wasEntries are the entries of before, where they differ from those of now.
func wasEntries(before, now []entry) (lines []doc.Line) {
	if slices.EqualFunc(before, now, entry.same) {
		return nil
	}
	for _, e := range before {
		lines = append(lines, doc.Toned(doc.Warn, msgWas("")).With(e.unmarked().line()))
	}
	return lines
}

// MatrixChanges say what differs between two runs, a variant at a time: its verdict, or where that is the same what it
// showed.
func MatrixChanges(was, r *result.Results) (said []string) {
	for i := range r.Cells {
		c, before := &r.Cells[i], was.Cell(r.Cells[i].ID)
		switch {
		case was == nil:
		case before == nil:
			said = append(said, c.ID+": "+msgNew+markTo+string(c.Verdict))
		case before.Verdict != c.Verdict:
			said = append(said, c.ID+": "+string(before.Verdict)+markTo+string(c.Verdict))
		default:
			for _, at := range columns(r) {
				if from, to := entriesAt(before, at), entriesAt(c, at); !slices.EqualFunc(from, to, entry.same) {
					said = append(said, c.ID+":"+at.Name+": "+told(from)+markTo+told(to))
				}
			}
		}
	}
	return said
}

// told is what entries say, without what was predicted.
func told(list []entry) string {
	return strings.Join(sentences(list, func(e entry) string {
		return e.unmarked().line().String()
	}), ", ")
}

// VerificationChanges say what differs between two verifications of the same.
func VerificationChanges(was, v *result.Verification) (said []string) {
	if was == nil {
		return nil
	}
	if was.Conclusion != v.Conclusion {
		said = append(said, string(was.Conclusion)+markTo+string(v.Conclusion))
	}
	for i, p := range v.Pairs {
		if i >= len(was.Pairs) {
			break
		}
		for _, half := range []struct {
			name    string
			was, is *result.Results
		}{{"before", was.Pairs[i].Before, p.Before}, {"after", was.Pairs[i].After, p.After}} {
			for _, s := range MatrixChanges(half.was, half.is) {
				said = append(said, fmt.Sprintf("%s the patch, %s: %s", half.name, p.Before.Toolchain.Name, s))
			}
		}
	}
	return said
}

// ExplanationChanges say what differs between two pages of the same cell.
func ExplanationChanges(was, e *result.Explanation) (said []string) {
	if was == nil {
		return nil
	}
	add := func(what, from, to string) {
		if from != to {
			said = append(said, what+from+markTo+to)
		}
	}
	add("", string(was.Verdict), string(e.Verdict))
	add("explained at ", was.Placement.Name, e.Placement.Name)
	for _, m := range e.Modules {
		from := msgNew
		for _, b := range was.Modules {
			if b.Name == m.Name {
				from = b.Outcome.Brief()
			}
		}
		add(m.Name+": ", from, m.Outcome.Brief())
	}
	return said
}

// Since is d with what is said of changes at its end.
func Since(d *doc.Document, changes []string) *doc.Document {
	d.Add(section("Changed since the last run", sentences(changes, func(s string) string { return markChanged + " " + s })))
	return d
}

// MatrixLine is a matrix in one line.
func MatrixLine(was, r *result.Results) string {
	return line(was != nil, MatrixChanges(was, r), msgTotals(r)...)
}

// VerificationLine is a verification in one line.
func VerificationLine(was, v *result.Verification) string {
	return line(was != nil, VerificationChanges(was, v), msgConcluded(v), took(v.Seconds))
}

// ExplanationLine is an explanation in one line.
func ExplanationLine(was, e *result.Explanation) string {
	return line(was != nil, ExplanationChanges(was, e), e.Cell+":"+e.Placement.Name+": "+string(e.Verdict))
}

// mostTold is how many changes a line tells.
const mostTold = 3

// line is what changed, where there was something before, and what is.
func line(since bool, changes []string, what ...string) string {
	switch n := len(changes); {
	case n > mostTold:
		changes = append(slices.Clone(changes[:mostTold]), fmt.Sprintf("%d more", n-mostTold))
		fallthrough
	case n > 0:
		what = append([]string{markChanged + " " + strings.Join(changes, "; ")}, what...)
	case since:
		what = append([]string{"unchanged"}, what...)
	}
	return doc.Clean(strings.Join(what, doc.Separator))
}
