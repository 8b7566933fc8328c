package report

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// shownEntries is how many relocations of a group stand on the terminal's page;
// HTML and JSON have all. A page shows so many unfolded.
const (
	shownEntries = 3
	openEntries  = 10
)

// Explanation is one cell, in full: flags, then for each module what was predicted,
// seen and why, and the scripts that repeat it. Scripts, quoted console lines and
// instructions are never folded.
func Explanation(e *result.Explanation) *doc.Document {
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(e.Cell, ":", e.Placement.Name, msgOn, e.Tree.Name)},
		factsOf(msgTree(e.Tree), msgToolchain(e.Toolchain), msgConfig(e.Config)), factsOf(msgChosen(e)))
	for _, run := range e.Placement.Runs {
		d.Add(doc.Facts{{Line: doc.Line{}.Mono(doc.Plain, msgConsole(run))}})
	}
	if e.Verdict != "" {
		over := doc.Toned(verdictStyle(e.Verdict), msgOverAll(e.Verdict))
		d.Add(doc.Only(doc.OnTerminal, paras(over, doc.Say("  ", e.Reason))...), doc.Only(doc.OnPage, doc.Para{Line: over.Say(": ", e.Reason)}))
	}
	if e.Infra != "" {
		d.Add(doc.Alarm{Head: msgInfra, Lines: doc.Lines(e.Infra)})
	}
	flags := doc.Section{Head: doc.Say(wordFlags), Blocks: []doc.Block{
		doc.Only(doc.OnTerminal, doc.Para{Line: doc.Say(wordRequested, "  ", msgRequested(e))}),
		doc.Only(doc.OnPage, doc.Para{Line: doc.Say(wordRequested, ": ").Code(msgRequested(e))}),
	}}
	for _, f := range sameFlags(e) {
		flags.Blocks = append(flags.Blocks, doc.Only(doc.OnTerminal, f.lines()), doc.Only(doc.OnPage, f.table()))
	}
	d.Add(flags)
	for i := range e.Modules {
		d.Add(explained(&e.Modules[i]))
	}
	for _, s := range e.Scripts {
		d.Add(explainScript(s))
	}
	if len(e.Notes) > 0 {
		d.Add(doc.Only(doc.OnTerminal, doc.Section{Blocks: paras(noteLines(e.Notes)...)}), doc.Only(doc.OnPage, section("Notes", e.Notes)))
	}
	d.Add(doc.Only(doc.OnPage, doc.Command{Text: e.Command}))
	return d
}

// ExplanationJSON writes e indented. It returns the error of w.
func ExplanationJSON(w io.Writer, e *result.Explanation) error { return indented(w, e) }

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

// optionName is an option as rustc spells it, and one that it was not given.
func optionName(o result.GivenOption) string {
	return cmp.Or(o.Option, "-C"+o.Key+": "+wordNone)
}

// lines are the flags for a terminal: those about where code may lie, then the rest
// on one.
func (f sharedFlags) lines() doc.Block {
	s := doc.Section{Head: doc.Say(wordEffective, "  ", strings.Join(f.Objects, ", ")), Tight: true}
	var rest []string
	for _, o := range f.Options {
		line := fmt.Sprintf("  %-30s %s", optionName(o), msgOrigin(o))
		switch {
		case models(o) && o.Overridden:
			s.Blocks = append(s.Blocks, doc.Para{Line: doc.Toned(doc.Faint, line)})
		case models(o):
			s.Blocks = append(s.Blocks, doc.Para{Line: doc.Say(line)})
		case !o.Overridden:
			rest = append(rest, msgShortOrigin(o))
		}
	}
	if len(rest) > 0 {
		s.Blocks = append(s.Blocks, doc.Para{Line: doc.Say("  ", wordOthers, ": ", strings.Join(rest, ", "))})
	}
	return s
}

// table is the flags for a page, with those that another overrides.
func (f sharedFlags) table() doc.Block {
	t := doc.Table{Label: wordEffective + ": " + strings.Join(f.Objects, ", "),
		Columns: []doc.Column{{Head: doc.Say("option")}, {Head: doc.Say("comes from")}}}
	for _, first := range []bool{true, false} {
		for _, o := range f.Options {
			if models(o) != first {
				continue
			}
			row := doc.Cells(doc.Line{}.Mono(doc.Plain, optionName(o)), doc.Say(msgOrigin(o)))
			if o.Overridden {
				row.Class = "overridden"
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// explained is one module.
func explained(m *result.ExplainedModule) doc.Block {
	predicted := doc.Say(wordNothing)
	if m.Predicted != nil {
		predicted = outcomeLine(*m.Predicted, whole).On(doc.OnPage).With(doc.Say(whole(*m.Predicted)).On(doc.OnTerminal))
	}
	observed := outcomeLine(m.Outcome, whole)
	switch {
	case m.Agrees == nil:
	case *m.Agrees:
		observed = observed.Say("  ").Toned(doc.Good, markAgrees+" "+wordAgree)
	default:
		observed = observed.Say("  ").Toned(doc.Bad, markDiffers+" "+wordDisagree)
	}
	seen := doc.Def{Term: wordObserved, Lines: []doc.Line{observed}, Whole: true}
	if m.Outcome.Detail != "" {
		seen.Lines = append(seen.Lines, doc.Say(m.Outcome.Detail))
	}
	short := doc.Defs{{Term: wordPredicted, Lines: []doc.Line{predicted}}, seen}
	full := append(short[:2:2], doc.Def{Term: "module", Lines: []doc.Line{doc.Line{}.Mono(doc.Plain, m.Path)}})
	s := doc.Section{Head: doc.Line{}.Mono(doc.Strong, m.Name).With(doc.Say("  ").Toned(doc.Faint, m.Path).On(doc.OnTerminal))}
	if len(m.Reasoning) > 0 {
		why := doc.Lines(m.Reasoning...)
		full = append(full, doc.Def{Term: wordWhy, Lines: why})
		s.Blocks = append(s.Blocks, doc.Only(doc.OnTerminal, short, doc.Section{Head: doc.Say(wordWhy), Blocks: paras(why...), Tight: true}))
	} else {
		s.Blocks = append(s.Blocks, doc.Only(doc.OnTerminal, short))
	}
	s.Blocks = append(s.Blocks, doc.Only(doc.OnPage, full))
	var groups []doc.Block
	for _, g := range m.Groups {
		groups = append(groups, doc.Details{Summary: doc.Say(g.Summary), Open: len(g.Entries) <= openEntries, Blocks: []doc.Block{
			doc.Only(doc.OnTerminal, relocations(firstEntries(g.Entries), len(g.Entries)-shownEntries)),
			doc.Only(doc.OnPage, relocations(g.Entries, 0)),
		}})
	}
	if m.Lines != "" {
		groups = append(groups, doc.Para{Line: doc.Say(m.Lines)})
	}
	if len(m.Groups) > 0 {
		head := doc.Say("relocations that the loader refuses or writes wrong")
		s.Blocks = append(s.Blocks, doc.Only(doc.OnTerminal, groups...), doc.Only(doc.OnPage, doc.Section{Head: head, Blocks: groups}))
	}
	if len(m.Excerpt) > 0 {
		var quote doc.Quote
		for _, l := range m.Excerpt {
			mark, tone := " ", doc.Faint
			if l.Evidence {
				mark, tone = ">", doc.Strong
			}
			quote.Lines = append(quote.Lines, doc.Toned(tone, fmt.Sprintf("%s%6d  %s", mark, l.Number, l.Text)))
		}
		s.Blocks = append(s.Blocks, doc.Section{Head: doc.Say(msgTranscript(m.Outcome)), Blocks: []doc.Block{quote}, Tight: true, Flat: true})
	}
	return s
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

// relocations are entries, the one that decides marked, and how many more there are.
func relocations(entries []result.RejectedLocation, more int) doc.Block {
	var list doc.List
	for _, r := range entries {
		it := doc.Item{Line: doc.Say("  ").On(doc.OnTerminal).Mono(doc.Plain, msgRelocation(r))}
		if r.Decides {
			it = doc.Item{Line: doc.Say("> ").On(doc.OnTerminal).Mono(doc.Plain, msgRelocation(r)), Tone: doc.Strong}
		}
		for _, l := range []string{msgCode(r), r.Detail} {
			if l != "" {
				it.Sub = append(it.Sub, doc.Item{Line: doc.Say("  ").On(doc.OnTerminal).Mono(doc.Plain, l)})
			}
		}
		list.Items = append(list.Items, it)
	}
	if more > 0 {
		list.Items = append(list.Items, doc.Item{Line: doc.Toned(doc.Faint, "  "+msgMoreEntries(more))})
	}
	return list
}

// explainScript is a script to be pasted: a page has all of it, a terminal the short
// form where there is one.
func explainScript(s result.ExplanationScript) doc.Block {
	quote := func(text string) doc.Block {
		return doc.Quote{Lines: doc.Lines(strings.Split(strings.TrimSuffix(text, "\n"), "\n")...), Margin: true}
	}
	short := []doc.Block{quote(s.Text)}
	if s.Brief != "" {
		short = []doc.Block{doc.Para{Line: doc.Say(msgBrief(s))}, quote(s.Brief)}
	}
	blocks := []doc.Block{doc.Only(doc.OnTerminal, short...), doc.Only(doc.OnPage, quote(s.Text))}
	return doc.Section{Head: doc.Say(msgScript(s)), Flat: true, Blocks: blocks}
}
