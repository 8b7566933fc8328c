package report

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/result"
	"umlab/harness/shell"
)

// mailWidth is what a mail holds without folding, in columns.
const mailWidth = 72

// VerificationText writes v as the text of a mail: at most 72 columns, but
// for a trailer with a very long name, and no colours. Nothing that is quoted stands at the margin, so that neither mbox nor
// git take it for a header or a trailer; a Tested-by line is there only where the
// conclusion is fixed. It returns the error of w.
func VerificationText(w io.Writer, v *result.Verification) error {
	t := newTrial(v)
	words := newVerificationWords(t)
	p := &printer{opt: Options{Width: mailWidth}}
	p.wrap(t.Title, "")
	p.section(words.Scenario, t.Scenario)
	p.section(words.Base, t.Base, t.BaseDigest)
	if len(t.Patches) > 0 {
		p.heading(words.Patch)
	}
	for _, x := range t.Patches {
		p.wrap(x.Subject, "  ")
		if x.From != "" {
			p.wrap(words.From+": "+x.From, "    ")
		}
		if x.PatchID != "" {
			p.wrap(words.PatchID+" "+x.PatchID, "    ")
		}
	}
	p.section(words.Toolchain, t.Toolchains...)
	for _, a := range t.Alarms {
		p.heading("!! " + a.Head + " !!")
		for _, l := range a.Lines {
			p.wrap(l, "  ")
		}
	}
	p.blocks(t.Stock, words, len(t.Stock) > 1)
	if len(t.Others) > 0 {
		p.heading(words.Others)
		p.blocks(t.Others, words, true)
	}
	if t.Oracle != "" {
		p.line("")
		p.wrap(t.Oracle, "  ")
	}
	p.section(words.Limits, t.Limits...)
	p.section(words.Conclusion, msgConcluded(t))
	p.items(words.Untested, t.Untested)
	p.mailEvidence(words, t.Evidence)
	p.items(words.Notes, t.Notes)
	if t.TestedBy != "" {
		// A trailer is one line, however long a name is: folded, git reads half.
		p.line("")
		p.line(msgTestedBy + t.TestedBy)
	}
	if t.Command != "" {
		p.heading(words.Repeat + " (" + msgTook(t.Took) + ")")
		for _, l := range shell.Fold(t.Command, "  ", mailWidth) {
			p.line(l)
		}
	}
	p.findings(words, t.Findings)
	if len(t.Digests) > 0 {
		p.heading(words.Digests)
	}
	for _, d := range t.Digests {
		p.wrap(d.Of, "  ")
		p.wrap(d.Value, "    ")
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

// heading begins a section, at the margin.
func (p *printer) heading(s string) {
	p.line("")
	p.wrap(s, "")
}

// section is a heading with lines; without any there is none.
func (p *printer) section(head string, lines ...string) {
	if strings.Join(lines, "") == "" {
		return
	}
	p.heading(head)
	for _, l := range lines {
		if l != "" {
			p.wrap(l, "  ")
		}
	}
}

func (p *printer) items(head string, lines []string) {
	for i, l := range lines {
		if i == 0 {
			p.heading(head)
		}
		p.wrap("- "+l, "  ")
	}
}

func (p *printer) mailEvidence(words verificationWords, list []exhibit) {
	for i, e := range list {
		if i == 0 {
			p.heading(words.Evidence)
		}
		p.wrap(e.Side+": "+e.Outcome+"  ["+e.Where+"]", "  ")
		p.wrap(strings.TrimSpace(e.text()), "    ")
	}
}

func (p *printer) findings(words verificationWords, list []finding) {
	for i, f := range list {
		if i == 0 {
			p.heading(words.Checkers)
		}
		p.wrap(f.Tool+":", "  ")
		for _, l := range f.Says() {
			p.wrap(l, "    ")
		}
	}
}

// Says is what the checker said, or why it did not.
func (f finding) Says() []string {
	switch {
	case f.Failed != "":
		return append([]string{msgNotRun(f.Failed)}, f.Lines...)
	case len(f.Lines) == 0:
		return []string{msgNothingFound}
	}
	return f.Lines
}

// blocks prints the tables, each as a list where it is too wide.
func (p *printer) blocks(list []block, words verificationWords, heads bool) {
	for _, b := range list {
		p.line("")
		if heads {
			p.wrap(msgBlock(b), "  ")
		}
		grid := p.contrasts(b, words)
		if text.LongestLineLen(grid)+2 > p.opt.Width {
			p.contrastList(b, words)
			continue
		}
		for l := range strings.SplitSeq(grid, "\n") {
			p.line("  " + l)
		}
	}
}

func (p *printer) contrasts(b block, words verificationWords) string {
	t := table.NewWriter()
	st := gridStyle()
	st.Box.MiddleHorizontal, st.Box.MiddleSeparator, st.Box.LeftSeparator, st.Box.RightSeparator = "-", "-", "-", "-"
	t.SetStyle(st)
	row := func(cells ...string) table.Row {
		var r table.Row
		for _, c := range b.columns(cells) {
			r = append(r, c)
		}
		return r
	}
	t.AppendHeader(row(words.Placement, words.Modules, words.Before, words.After))
	placement := ""
	for i, c := range b.Rows {
		shown := c.Placement
		if i > 0 && shown == placement {
			shown = ""
		}
		placement = c.Placement
		t.AppendRow(row(shown, strings.ReplaceAll(c.Modules, ", ", ",\n"), p.part(c.Before), p.part(c.After)))
	}
	return t.Render()
}

func (p *printer) part(e entry) string {
	return strings.Join(p.entries([]entry{e}, foldRuns), "\n")
}

func (p *printer) contrastList(b block, words verificationWords) {
	for _, c := range b.Rows {
		p.wrap(strings.Trim(c.Placement+" "+c.Modules, " ")+":", "  ")
		for i, e := range []entry{c.Before, c.After} {
			p.wrap([]string{words.Before, words.After}[i]+": "+strings.Join(p.entries([]entry{e}, foldNone), "; "), "    ")
		}
	}
}
