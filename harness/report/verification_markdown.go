package report

import (
	"bytes"
	"io"
	"strings"

	"umlab/harness/result"
)

// VerificationMarkdown writes v as GitHub-flavoured Markdown. It returns the
// error of w.
func VerificationMarkdown(w io.Writer, v *result.Verification) error {
	t := newTrial(v)
	words := newVerificationWords(t)
	d := &mdDocument{}
	d.line("## ", md(t.Title))
	d.line()
	if t.Scenario != "" {
		d.line("- ", words.Scenario, ": ", md(t.Scenario))
	}
	if t.Base != "" {
		d.line("- ", words.Base, ": ", md(t.Base), mdNamed(", ", md(t.BaseDigest), ""))
	}
	for _, x := range t.Patches {
		d.line("- ", words.Patch, ": ", md(x.Subject), mdNamed(" ("+words.From+" ", md(x.From), ")"), mdNamed(", "+words.PatchID+" ", code(x.PatchID), ""))
	}
	for _, c := range t.Toolchains {
		d.line("- ", words.Toolchain, ": ", md(c))
	}
	mdAlarms(&d.out, t.Alarms)
	d.blocks("", t.Stock, words, len(t.Stock) > 1)
	d.blocks(words.Others, t.Others, words, true)
	if t.Oracle != "" {
		d.line()
		d.line(md(t.Oracle))
	}
	d.list(words.Limits, t.Limits, md)
	d.line()
	d.line("**", md(words.Conclusion+": "+msgConcluded(t)), "**")
	d.list(words.Untested, t.Untested, md)
	d.evidence(words.Evidence, t.Evidence)
	d.list(words.Notes, t.Notes, md)
	if t.TestedBy != "" {
		d.line()
		d.line(mdCode(msgTestedBy + t.TestedBy))
	}
	if t.Command != "" {
		d.line()
		d.line(words.Repeat, " ", mdCode(t.Command), " (", md(msgTook(t.Took)), ")")
	}
	for i, f := range t.Findings {
		if i == 0 {
			d.head(words.Checkers)
		}
		d.list(f.Tool, f.Says(), mdCode)
	}
	for i, x := range t.Digests {
		if i == 0 {
			d.head(words.Digests)
			d.line()
		}
		d.line("- ", md(x.Of), ": ", mdCode(x.Value))
	}
	_, err := w.Write(d.out.Bytes())
	return err
}

type mdDocument struct{ out bytes.Buffer }

func (d *mdDocument) line(parts ...string) { d.out.WriteString(strings.Join(parts, "") + "\n") }

func (d *mdDocument) head(s string) {
	d.line()
	d.line("### ", md(s))
}

func (d *mdDocument) list(head string, lines []string, escape func(string) string) {
	for i, l := range lines {
		if i == 0 {
			d.line()
			d.line("**", md(head), "**")
			d.line()
		}
		d.line("- ", escape(l))
	}
}

func (d *mdDocument) evidence(head string, list []exhibit) {
	var lines []string
	for _, e := range list {
		lines = append(lines, e.Side+": "+mdEvidence(e.evidence))
	}
	d.list(head, lines, func(s string) string { return s })
}

func (d *mdDocument) blocks(head string, list []block, words verificationWords, heads bool) {
	if head != "" && len(list) > 0 {
		d.head(head)
	}
	plain := &printer{}
	for _, b := range list {
		d.line()
		if heads {
			d.line(md(msgBlock(b)))
			d.line()
		}
		mdRow(&d.out, b.columns([]string{words.Placement, words.Modules, words.Before, words.After}))
		mdRow(&d.out, b.columns([]string{"---", "---", "---", "---"}))
		for _, c := range b.Rows {
			mdRow(&d.out, b.columns([]string{md(c.Placement), md(c.Modules), mdLines(plain.entries([]entry{c.Before}, foldNone)),
				mdLines(plain.entries([]entry{c.After}, foldNone))}))
		}
	}
}

// mdNamed is s between its name and what closes it; nothing where s is empty.
func mdNamed(name, s, end string) string {
	if s == "" {
		return ""
	}
	return name + s + end
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return mdCode(s)
}
