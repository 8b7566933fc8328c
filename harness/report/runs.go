package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/shell"
)

// MatrixVerdict is what a matrix came to, in a few words.
func MatrixVerdict(r *result.Results) string {
	return strings.Join(append(msgVerdicts(r.Totals.Verdicts), msgExpectation(r)), ", ")
}

// SweepVerdict is what a sweep came to, in a few words.
func SweepVerdict(s *result.Sweep) string { return strings.Join(msgSweepExpectation(s.Totals), ", ") }

// VerificationVerdict is what a verification came to.
func VerificationVerdict(v *result.Verification) string { return legible(string(v.Conclusion)) }

// BisectionVerdict is what a bisection found.
func BisectionVerdict(b *result.Bisection) string {
	if b.Conclusion == result.BisectedTo && b.FirstBad != nil {
		return msgFar(b) + " " + b.FirstBad.Name
	}
	return legible(string(b.Conclusion))
}

// NightlyVerdict is the news of a night.
func NightlyVerdict(n *result.Nightly) string { return msgNews(n) }

// ExplanationVerdict is what the cell of an explanation is.
func ExplanationVerdict(e *result.Explanation) string { return string(e.Verdict) }

// ShortID is how much of an ID tells it from the others of a list, and at least so much that it is no word.
func ShortID(id string, all []result.Kept) string {
	const least = 6
	for n := least; n < len(id); n++ {
		if !slices.ContainsFunc(all, func(k result.Kept) bool { return k.ID != id && strings.HasPrefix(k.ID, id[:n]) }) {
			return id[:n]
		}
	}
	return id
}

// Runs is a list of runs, as it is given, of all that are kept.
func Runs(list, all []result.Kept, more int) *doc.Document {
	t := doc.Table{Label: "Runs, newest first", Columns: []doc.Column{
		{Head: doc.Say("run"), Role: doc.Key}, {Head: doc.Say("when (UTC)"), Role: doc.Key}, {Head: doc.Say("exit"), Role: doc.Key},
		{Head: doc.Say("verdict, and what was run")},
	}}
	for _, k := range list {
		tone := doc.Plain
		if k.Exit != result.ExitExpected {
			tone = doc.Bad
		}
		row := doc.Cells(doc.Code(ShortID(k.ID, all)), doc.Say(k.At.UTC().Format(historyMoment)), doc.Toned(tone, fmt.Sprint(k.Exit)))
		row.Cells = append(row.Cells, doc.Cell{Lines: []doc.Line{folding(tone, k.Verdict), folding(doc.Faint, typed(k))}})
		t.Rows = append(t.Rows, row)
	}
	d := &doc.Document{Wide: true}
	d.Add(t)
	totals := doc.Totals{Parts: []string{plural(len(all), "run is kept", "runs are kept")}, Tone: doc.Strong}
	if more > 0 {
		totals.Parts = append(totals.Parts, fmt.Sprintf("%d more of these: -most=0 lists all", more))
	}
	d.Add(totals)
	return d
}

// typed is a command without the program, and without the files that it wrote.
func typed(k result.Kept) string {
	words := shell.Split(k.Command)
	flow := k.Flow
	if flow == "sweep" {
		flow = "matrix"
	}
	if at := slices.Index(words, flow); at >= 0 {
		words = words[at:]
	} else {
		words = append([]string{flow}, words...)
	}
	words = slices.DeleteFunc(words, func(w string) bool {
		flag, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		return strings.HasPrefix(w, "-") && slices.Contains([]string{"json", "junit", "ktap", "html", "md"}, flag)
	})
	return shell.Join(words...)
}

// folding is text that becomes lines of few columns where a table has no room; words end there, and what has commas at these.
func folding(tone doc.Tone, text string) (l doc.Line) {
	const room = 42
	column := 0
	for i, w := range strings.Fields(text) {
		for j, part := range strings.SplitAfter(w, ",") {
			space := ""
			if i > 0 && j == 0 {
				space = " "
			}
			n := len([]rune(part))
			if column > 0 && column+len(space)+n > room {
				l, column = l.Break(1, space), n
			} else {
				l, column = l.Toned(tone, space), column+len(space)+n
			}
			l = l.Toned(tone, part)
		}
	}
	return l
}
