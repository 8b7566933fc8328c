package report

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// shownEntries is how many relocations of a group stand on the terminal's page;
// HTML and JSON have all.
const shownEntries = 3

// Explanation writes e for a terminal, as one page: flags, then for each module
// what was predicted, seen and why, and the scripts that repeat it. Scripts,
// quoted console lines and instructions are never folded. It returns the error
// of w.
func Explanation(w io.Writer, e *result.Explanation, opt Options) error {
	p := &printer{opt: opt}
	p.painted(bold, explainTitle(e))
	p.flow(explainFacts(e))
	p.wrap(msgChosen(e), "")
	for _, run := range e.Placement.Runs {
		p.wrap(msgConsole(run), "")
	}
	if e.Verdict != "" {
		p.line(p.paint(verdictStyle(e.Verdict), msgOverAll(e.Verdict)))
		p.wrap(clean(e.Reason), "  ")
	}
	if e.Infra != "" {
		p.line("")
		p.painted(loud, "!! "+msgInfra+" !!")
		p.wrap(clean(e.Infra), "   ")
	}
	p.line("")
	p.painted(bold, wordFlags)
	p.wrap(wordRequested+"  "+msgRequested(e), "  ")
	for _, f := range sameFlags(e) {
		p.flags(f)
	}
	for i := range e.Modules {
		p.line("")
		p.explained(e, &e.Modules[i])
	}
	for _, s := range e.Scripts {
		p.line("")
		p.painted(bold, msgScript(s))
		text := s.Text
		if s.Brief != "" {
			text = s.Brief
			p.wrap(msgBrief(s), "")
		}
		for l := range strings.Lines(text) { // not indented: it is there to be pasted
			p.line(clean(strings.TrimRight(l, "\n")))
		}
	}
	if len(e.Notes) > 0 {
		p.line("")
	}
	for _, n := range e.Notes {
		p.wrap(msgNote(clean(n)), "")
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

// ExplanationJSON writes e indented. It returns the error of w.
func ExplanationJSON(w io.Writer, e *result.Explanation) error { return indented(w, e) }

func explainTitle(e *result.Explanation) string {
	return clean(e.Cell) + ":" + clean(e.Placement.Name) + msgOn + clean(e.Tree.Name)
}

func explainFacts(e *result.Explanation) []string {
	var out []string
	for _, f := range []string{msgTree(e.Tree), msgToolchain(e.Toolchain), msgConfig(e.Config)} {
		if f != "" {
			out = append(out, f)
		}
	}
	return out
}

// sharedFlags are objects that rustc was given the same for.
type sharedFlags struct {
	Objects []string
	Options []result.GivenOption
}

// sameFlags puts together the objects of all modules with the same flags.
func sameFlags(e *result.Explanation) (out []sharedFlags) {
	for _, m := range e.Modules {
		for _, o := range m.Objects {
			i := slices.IndexFunc(out, func(f sharedFlags) bool { return reflect.DeepEqual(f.Options, o.Options) })
			if i < 0 {
				i = len(out)
				out = append(out, sharedFlags{Options: o.Options})
			}
			if !slices.Contains(out[i].Objects, o.Object) {
				out[i].Objects = append(out[i].Objects, o.Object)
			}
		}
	}
	return out
}

// models reports whether an option is about where code may lie.
func models(o result.GivenOption) bool { return strings.HasSuffix(o.Key, "-model") }

func (p *printer) flags(f sharedFlags) {
	p.wrap(wordEffective+"  "+clean(strings.Join(f.Objects, ", ")), "  ")
	var rest []string
	for _, o := range f.Options {
		switch {
		case models(o) && o.Overridden:
			p.wrap(p.paint(faint, fmt.Sprintf("%-30s %s", clean(o.Option), msgOrigin(o))), "      ")
		case models(o):
			p.wrap(fmt.Sprintf("%-30s %s", cmp.Or(clean(o.Option), "-C"+clean(o.Key)+": "+wordNone), msgOrigin(o)), "      ")
		case !o.Overridden:
			rest = append(rest, msgShortOrigin(o))
		}
	}
	if len(rest) > 0 {
		p.wrap(wordOthers+": "+strings.Join(rest, ", "), "      ")
	}
}

// explained prints one module.
func (p *printer) explained(e *result.Explanation, m *result.ExplainedModule) {
	p.line(p.paint(bold, clean(m.Name)) + "  " + p.paint(faint, clean(m.Path)))
	predicted := wordNothing
	if m.Predicted != nil {
		predicted = whole(*m.Predicted)
	}
	p.wrap(wordPredicted+"  "+predicted, "  ")
	mark := ""
	switch {
	case m.Agrees == nil:
	case *m.Agrees:
		mark = "  " + markAgrees + " " + wordAgree
	default:
		mark = "  " + markDiffers + " " + wordDisagree
	}
	st := outcomeStyle(m.Outcome.Kind)
	if m.Agrees != nil && !*m.Agrees {
		st = bad
	}
	p.line("  " + wordObserved + "   " + p.paint(st, whole(m.Outcome)+mark))
	if m.Outcome.Detail != "" {
		p.wrap(clean(m.Outcome.Detail), "            ")
	}
	if len(m.Reasoning) > 0 {
		p.line("  " + wordWhy)
		for _, s := range m.Reasoning {
			p.wrap(clean(s), "    ")
		}
	}
	for _, g := range m.Groups {
		p.wrap(clean(g.Summary), "  ")
		for _, r := range firstEntries(g.Entries) {
			p.relocation(r)
		}
		if n := len(g.Entries) - shownEntries; n > 0 {
			p.line(p.paint(faint, "      "+msgMoreEntries(n)))
		}
	}
	if m.Lines != "" {
		p.wrap(clean(m.Lines), "  ")
	}
	if len(m.Excerpt) > 0 {
		p.wrap(msgTranscript(m.Outcome), "  ")
		for _, l := range m.Excerpt {
			s := fmt.Sprintf("%6d  %s", l.Number, clean(l.Text))
			if l.Evidence {
				p.line("  " + p.paint(bold, ">"+s))
			} else {
				p.line("  " + p.paint(faint, " "+s))
			}
		}
	}
}

// firstEntries are the first entries, and the one that decides.
func firstEntries(list []result.RejectedLocation) []result.RejectedLocation {
	if len(list) <= shownEntries {
		return list
	}
	out := slices.Clone(list[:shownEntries])
	if i := slices.IndexFunc(list, func(r result.RejectedLocation) bool { return r.Decides }); i >= shownEntries {
		out[shownEntries-1] = list[i]
	}
	return out
}

func (p *printer) relocation(r result.RejectedLocation) {
	mark := " "
	if r.Decides {
		mark = ">"
	}
	p.wrap(mark+" "+msgRelocation(r), "    ")
	p.wrap(msgCode(r), "        ")
	if r.Detail != "" {
		p.wrap(clean(r.Detail), "        ")
	}
}

func tone(k outcome.Kind) string { return cssClass(outcomeStyle(k)) }
