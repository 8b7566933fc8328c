package report

import (
	"fmt"
	"strconv"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/checks"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// ZooTitle is what a zoo is called.
func ZooTitle(z *result.Zoo) string {
	var names []string
	for _, e := range z.Entries {
		names = appendNew(names, e.Scenario.Name)
	}
	if len(names) == 1 {
		return title(z.Entries[0].Scenario)
	}
	return plural(len(names), "scenario", "scenarios")
}

// ZooVerdict is what a zoo came to, in a few words.
func ZooVerdict(z *result.Zoo) string { return strings.Join(msgZooExpectation(z.Totals), ", ") }

// Zoo is what many scenarios showed: a row each, why some were skipped, and one line of totals. A page
// has what each is made of besides.
func Zoo(z *result.Zoo) *doc.Document {
	totals := doc.Totals{Parts: msgZooTotals(z), Tone: exitTone(z.Exit)}
	d := &doc.Document{Wide: true}
	d.Add(doc.Title{Line: doc.Say(ZooTitle(z))}, doc.Only(doc.OnPage, totals))
	d.Add(alarmsOf(zooAlarms(z))...)
	if len(z.Entries) > 0 {
		d.Add(zooTable(z))
	}
	said, details := []doc.Line(nil), []doc.Block(nil)
	for i, e := range z.Entries {
		switch e.Column.State() {
		case result.ColumnRefused:
			said = append(said, doc.Say(zooName(e), ": ", msgSkippedZoo(e)))
		case result.ColumnDiffers:
			said = append(said, doc.Toned(doc.Bad, markDiffers).Say(" ", zooName(e), ": ", Differences(e.Column.Results)))
		}
		details = append(details, zooDetails(i, e))
	}
	d.Add(below("What differs, and what was skipped", said, nil, zooNotes(z)))
	d.Add(doc.Only(doc.OnPage, doc.Section{Head: doc.Say("Scenarios"), Blocks: details}))
	d.Add(doc.Only(^doc.OnPage, totals), doc.Only(^doc.OnTerminal, doc.Command{Text: legible(z.Command)}))
	d.Add(startedAt(z.Started))
	return d
}

// zooAlarms are why entries prove nothing.
func zooAlarms(z *result.Zoo) []alarm {
	infra := alarm{Head: msgInfraEntries}
	for _, e := range z.Entries {
		switch c := e.Column; {
		case c.State() != result.ColumnInfra:
		case c.Results == nil:
			infra.Lines = append(infra.Lines, zooName(e)+": "+oneLine(c.Infra))
		default:
			infra.Lines = append(infra.Lines, zooName(e)+": "+oneLine(c.Results.Infra))
		}
	}
	if infra.Lines == nil {
		return nil
	}
	return []alarm{infra}
}

// zooTable has a row for each entry.
func zooTable(z *result.Zoo) doc.Table {
	t := doc.Table{Label: "What each scenario showed", Columns: []doc.Column{
		{Head: doc.Say("scenario"), Role: doc.Key}, {Head: doc.Say("tree, toolchain"), Role: doc.Key},
		{Head: doc.Say("what was seen")}, {Head: doc.Say("time")},
	}}
	seen := map[result.ColumnState]bool{}
	for i, e := range z.Entries {
		c := e.Column
		time := ""
		if c.Results != nil {
			time = took(c.Results.Seconds)
		}
		t.Rows = append(t.Rows, doc.Cells(doc.Line{}.Link(columnAnchor(i), e.Scenario.Name), doc.Say(c.Tree).Break(1, ", ").Say(c.Toolchain),
			zooMark(c.State()).With(zooSeen(e)), doc.Toned(doc.Faint, time)))
		seen[c.State()] = true
	}
	if seen[result.ColumnExpected] {
		t.Legend = append(t.Legend, doc.Say(markAgrees, " as the scenario expects"))
	}
	if seen[result.ColumnDiffers] {
		t.Legend = append(t.Legend, doc.Say(markDiffers, " other than the scenario expects, or than was predicted"))
	}
	return t
}

// zooSeen is what the only cell of an entry showed, or how many cells have which verdict.
func zooSeen(e result.ZooEntry) doc.Line {
	r := e.Column.Results
	switch {
	case e.Column.Refused != nil:
		return doc.Toned(doc.Faint, msgSkipped)
	case r == nil || len(r.Cells) == 0:
		return doc.Toned(doc.Faint, "infra")
	case len(r.Cells) == 1:
		return zooCell(&r.Cells[0])
	}
	var said []doc.Line
	for _, v := range result.Verdicts() {
		if n := r.Totals.Verdicts[v]; n > 0 {
			said = append(said, doc.Say(fmt.Sprint(n, " ")).Toned(verdictStyle(v), string(v)))
		}
	}
	return doc.Join(said, doc.Line{}.Break(1, ", "))
}

// zooCell is the verdict of a cell and, unless that says it all, how often each outcome was seen.
func zooCell(c *result.Cell) doc.Line {
	verdict := doc.Toned(verdictStyle(c.Verdict), string(c.Verdict))
	if c.Verdict == result.Loads || c.Verdict == result.Passes || c.Verdict == result.Builds {
		return verdict
	}
	var kinds []outcome.Kind
	count := map[outcome.Kind]int{}
	add := func(k outcome.Kind) {
		kinds = appendNew(kinds, k)
		count[k]++
	}
	if o := c.Build.Outcome; o != nil {
		add(o.Kind)
	}
	for _, p := range c.Placements {
		for _, t := range p.Tallies() {
			for _, n := range t.Counts {
				add(n.Outcome.Kind)
			}
		}
	}
	var said []doc.Line
	for _, k := range kinds {
		one := doc.Toned(outcomeStyle(k), string(k))
		if count[k] > 1 || len(kinds) > 1 {
			one = doc.Say(fmt.Sprint(count[k], " ")).With(one)
		}
		said = append(said, one)
	}
	if said == nil {
		return verdict
	}
	return verdict.Break(1, ": ").With(doc.Join(said, doc.Line{}.Break(1, ", ")))
}

// zooMark says whether that is what the scenario expects.
func zooMark(s result.ColumnState) doc.Line {
	switch s {
	case result.ColumnExpected:
		return doc.Say(markAgrees, " ")
	case result.ColumnDiffers:
		return doc.Toned(doc.Bad, markDiffers).Say(" ")
	case result.ColumnInfra:
		return doc.Toned(doc.Loud, "PROVES NOTHING").Break(1, ": ")
	}
	return nil
}

// zooNotes are those of all entries, each once, but for what each kernel was built on from.
func zooNotes(z *result.Zoo) (notes []string) {
	for _, e := range z.Entries {
		r := e.Column.Results
		if r == nil {
			continue
		}
		for _, n := range r.Notes {
			if r.Kernel == nil || r.Kernel.From == "" || !strings.HasSuffix(n, " "+r.Kernel.From) {
				notes = appendNew(notes, msgNote(oneLine(n)))
			}
		}
	}
	return notes
}

// zooDetails are what entry i is about, and what it was made of or why it was not.
func zooDetails(i int, e result.ZooEntry) doc.Block {
	d := sweepColumn{SweepColumn: e.Column}.details(i)
	d.Summary = doc.Say(zooName(e), " ").Toned(doc.Faint, e.Scenario.Title)
	if from := doc.Codes(e.Source); from != nil {
		d.Blocks = append([]doc.Block{doc.Defs{def("Source", from...)}}, d.Blocks...)
	}
	return d
}

// zooName is an entry in a sentence.
func zooName(e result.ZooEntry) string {
	return e.Scenario.Name + " (" + e.Column.Tree + ", " + e.Column.Toolchain + ")"
}

const (
	msgSkipped      = "skipped"
	msgInfraEntries = "INFRASTRUCTURE: entries that prove nothing"
)

// msgSkippedZoo is why nothing was run.
func msgSkippedZoo(e result.ZooEntry) string {
	reasons := strings.Join(present(sentences(e.Column.Refused.Reasons, oneLine)...), "; ")
	if n := legible(e.Column.Refused.Nearest); n != "" {
		reasons += "; the nearest that would: " + n
	}
	return msgSkipped + ": " + reasons
}

// msgZooExpectation says how many entries are as their scenarios expect.
func msgZooExpectation(t result.SweepTotals) []string {
	return msgColumnExpectation(t, strconv.Itoa, msgSkipped)
}

// msgZooTotals are the parts of the last line.
func msgZooTotals(z *result.Zoo) []string {
	t, boots := z.Totals, result.Totals{Boots: z.Totals.Boots, Cached: z.Totals.Cached}
	return append(msgZooExpectation(t), plural(len(z.Entries), "entry", "entries"), msgBoots(boots, 0), took(z.Seconds))
}

// ZooChecks are those of each entry's matrix. What was skipped is skipped.
func ZooChecks(z *result.Zoo) checks.Check {
	root := checks.Check{Name: "zoo", Seconds: z.Seconds}
	for _, e := range z.Entries {
		one := columnChecks(&result.Sweep{Scenario: e.Scenario, Columns: []result.SweepColumn{e.Column}})[0]
		one.Name = e.Scenario.Name + " " + one.Name
		if e.Column.Refused != nil {
			one.Note = msgSkippedZoo(e)
		}
		root.Add(one)
	}
	return root
}
