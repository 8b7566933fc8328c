package report

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/report/scale"
	"umlab/harness/result"
)

// shownEntries is how many relocations of a group stand on the terminal's page;
// HTML and JSON have all. A page shows so many unfolded.
const (
	shownEntries = 3
	openEntries  = 10
)

// Explanation is one cell, in full: flags, then for each module what was predicted,
// seen and why, and on a page the scripts that repeat it. Scripts, quoted console lines and
// instructions are never folded.
func Explanation(e *result.Explanation) *doc.Document {
	aslr := "off"
	if e.Placement.ASLR {
		aslr = "on"
	}
	var consoles []string
	for _, run := range e.Placement.Runs {
		consoles = append(consoles, "console: "+run.Transcript)
	}
	d := &doc.Document{}
	d.Add(doc.Title{Line: doc.Say(e.Cell, ":", e.Placement.Name, " on ", e.Tree.Name)},
		factsOf(msgTree(e.Tree), msgToolchain(e.Toolchain), msgConfig(e.Config)),
		factsOf(fmt.Sprintf("mem=%s, address randomisation %s (%s)", e.Placement.Mem, aslr, e.Chosen)),
		doc.Only(^doc.OnTerminal, factsOf(consoles...)))
	for _, c := range consoles {
		d.Add(doc.Only(doc.OnTerminal, doc.Para{Line: doc.Say(c), Whole: true}))
	}
	var verdict doc.Block
	if e.Verdict != "" {
		over := "over the placements that were booted: " + string(e.Verdict)
		verdict = doc.Para{Line: doc.Toned(verdictStyle(e.Verdict), over).Say(": ", e.Reason)}
		d.Add(doc.Only(^doc.OnTerminal, verdict))
	}
	if e.Infra != "" {
		d.Add(doc.Alarm{Head: msgInfra, Lines: doc.Lines(e.Infra)})
	}
	for _, s := range scale.Addresses(e.Modules) {
		s.Key = doc.Say("█ kernel; ░ its memory; ▒ added for the gap before brk; │ modules begin; ● the module; ▓ what the field can hold; " +
			"▶ what the code needs; ○ where it gets to")
		d.Add(doc.Only(doc.OnPage|doc.OnTerminal, s))
	}
	requested := cmp.Or(e.Requested, "nothing: the tree's own flags")
	flags := doc.Section{Head: doc.Say("Flags"), Blocks: paras(doc.Say("requested  ").Code(requested))}
	for _, f := range sameFlags(e) {
		flags.Blocks = append(flags.Blocks, doc.Only(doc.OnTerminal, f.lines()), doc.Only(doc.OnPage, f.table()))
	}
	d.Add(flags)
	// A terminal ends with why: that is what one sees of a page that is longer than the screen.
	var whys []doc.Block
	for i := range e.Modules {
		m := &e.Modules[i]
		head, why, proof := doc.Line{}.Mono(doc.Strong, m.Name), explained(m), proofOf(m)
		d.Add(doc.Only(^doc.OnTerminal, doc.Section{Head: head, Blocks: append([]doc.Block{why}, proof...)}),
			doc.Only(doc.OnTerminal, doc.Section{Head: head, Blocks: append([]doc.Block{doc.Para{Line: doc.Say("module  ",
				m.Path), Whole: true}}, proof...)}))
		whys = append(whys, doc.Section{Head: head, Blocks: []doc.Block{why}})
	}
	passed := 0
	for i := range e.Steps {
		s := &e.Steps[i]
		step := explainedStep(s)
		d.Add(doc.Only(^doc.OnTerminal, step))
		if s.Test != "" && s.Outcome != nil && s.Outcome.Kind == outcome.Passed {
			passed++
			continue
		}
		whys = append(whys, step)
	}
	if passed > 0 {
		whys = append(whys, doc.Section{Blocks: paras(doc.Say(plural(passed, "test", "tests"), " passed"))})
	}
	var scripts []string
	for _, s := range e.Scripts {
		d.Add(doc.Only(doc.OnPage, explainScript(s)))
		scripts = append(scripts, s.Name+".sh ("+s.Title+")")
	}
	d.Add(section("Notes", e.Notes), doc.Only(doc.OnPage, doc.Command{Text: e.Command}))
	if scripts != nil {
		d.Add(doc.Only(doc.OnTerminal, doc.Section{Blocks: paras(doc.Say("by hand: -script=DIR writes ", strings.Join(scripts, ", ")))}))
	}
	d.Add(doc.Only(doc.OnTerminal, whys...), doc.Only(doc.OnTerminal, doc.Section{Blocks: []doc.Block{verdict}}))
	return d
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

// optionName is an option as rustc spells it, and one that it was not given.
func optionName(o result.GivenOption) string {
	return cmp.Or(o.Option, "-C"+o.Key+": not given")
}

// lines are the flags for a terminal: those about where code may lie, then the rest
// on one.
func (f sharedFlags) lines() doc.Block {
	s := doc.Section{Head: doc.Say("effective  ", strings.Join(f.Objects, ", ")), Tight: true}
	var rest []string
	for _, o := range f.Options {
		line := fmt.Sprintf("  %-30s %s", optionName(o), origin(o))
		switch {
		case models(o) && o.Overridden:
			s.Blocks = append(s.Blocks, doc.Para{Line: doc.Toned(doc.Faint, line)})
		case models(o):
			s.Blocks = append(s.Blocks, doc.Para{Line: doc.Say(line)})
		case !o.Overridden:
			rest = append(rest, described(o.Option, strings.Join(o.Origins, " or ")))
		}
	}
	if len(rest) > 0 {
		s.Blocks = append(s.Blocks, doc.Para{Line: doc.Say("  others: ", strings.Join(rest, ", "))})
	}
	return s
}

// table is the flags for a page, with those that another overrides.
func (f sharedFlags) table() doc.Block {
	t := doc.Table{Label: "effective: " + strings.Join(f.Objects, ", "),
		Columns: []doc.Column{{Head: doc.Say("option")}, {Head: doc.Say("comes from")}}}
	for _, first := range []bool{true, false} {
		for _, o := range f.Options {
			if models(o) != first {
				continue
			}
			row := doc.Cells(doc.Line{}.Mono(doc.Plain, optionName(o)), doc.Say(origin(o)))
			if o.Overridden {
				row.Class = "overridden"
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// origin says where an option comes from.
func origin(o result.GivenOption) string {
	var s string
	switch {
	case len(o.Origins) == 0 && o.Option == "":
		return "so rustc's own choice for its --target"
	case len(o.Origins) == 0:
		s = "origin unknown: no Makefile spells it"
	case len(o.Origins) == 1:
		s = o.Origins[0]
	default:
		s = "one of " + strings.Join(o.Origins, ", ")
	}
	if o.Overridden {
		s += ", overridden"
	}
	return s
}

// explained is what was predicted of a module, what was seen, and why.
func explained(m *result.ExplainedModule) doc.Block {
	predicted := doc.Say("nothing")
	if m.Predicted != nil {
		predicted = outcomeLine(*m.Predicted, whole)
	}
	observed := []doc.Line{outcomeLine(m.Outcome, whole)}
	switch {
	case m.Agrees == nil:
	case *m.Agrees:
		observed = append(observed, doc.Toned(doc.Good, markAgrees+" as predicted"))
	default:
		observed = append(observed, doc.Toned(doc.Bad, markDiffers+" NOT as predicted"))
	}
	if m.Outcome.Detail != "" {
		observed = append(observed, doc.Say(m.Outcome.Detail))
	}
	defs := doc.Defs{def("predicted", predicted), def("observed", observed...)}
	if len(m.Reasoning) > 0 {
		defs = append(defs, def("why", doc.Lines(m.Reasoning...)...))
	}
	return defs
}

// proofOf is what of the module and of the console proves it.
func proofOf(m *result.ExplainedModule) (blocks []doc.Block) {
	blocks = append(blocks, doc.Only(^doc.OnTerminal, doc.Defs{def("module", doc.Line{}.Mono(doc.Plain, m.Path))}))
	refused := doc.Section{Head: doc.Say("relocations that the loader refuses or writes wrong"), Tight: true}
	for _, g := range m.Groups {
		few := firstEntries(g.Entries)
		refused.Blocks = append(refused.Blocks, doc.Details{Summary: doc.Say(g.Summary), Open: len(g.Entries) <= openEntries, Blocks: []doc.Block{
			doc.Only(doc.OnTerminal, relocations(few, len(g.Entries)-len(few))), doc.Only(doc.OnPage, relocations(g.Entries, 0)),
		}})
	}
	if m.Lines != "" {
		refused.Blocks = append(refused.Blocks, doc.Para{Line: doc.Say(m.Lines)})
	}
	if len(m.Groups) > 0 {
		blocks = append(blocks, refused)
	}
	if len(m.Excerpt) > 0 {
		blocks = append(blocks, consoleAt(m.Excerpt, m.Outcome.Offset))
	}
	return blocks
}

// consoleAt is a part of the console, around the evidence at offset.
func consoleAt(lines []result.ConsoleLine, offset int64) doc.Block {
	var quote doc.Quote
	for _, l := range lines {
		mark, tone := " ", doc.Faint
		if l.Evidence {
			mark, tone = ">", doc.Strong
		}
		quote.Lines = append(quote.Lines, doc.Toned(tone, fmt.Sprintf("%s%6d  %s", mark, l.Number, l.Text)))
	}
	return doc.Section{Head: doc.Say(fmt.Sprintf("console, at byte %d of the transcript:", offset)),
		Blocks: []doc.Block{quote}, Tight: true, Flat: true}
}

// explainedStep is one step, or one test of KUnit: what it did, what was wanted and
// what was seen.
func explainedStep(s *result.ExplainedStep) doc.Block {
	var seen []doc.Line
	if s.Outcome == nil {
		seen = doc.Lines(msgNotRun(s.Step))
	} else if seen = []doc.Line{outcomeLine(*s.Outcome, whole)}; s.Outcome.Detail != "" {
		seen = append(seen, doc.Say(s.Outcome.Detail))
	}
	var defs doc.Defs
	if s.Did != "" {
		defs = append(defs, def("step", doc.Line{}.Mono(doc.Plain, s.Did)))
	}
	if s.Command != "" && s.Command != s.Did && s.Command != strings.TrimPrefix(s.Did, s.Kind+" ") {
		defs = append(defs, def("command", doc.Codes(strings.Split(s.Command, "\n"))...))
	}
	if len(s.Wanted) > 0 {
		defs = append(defs, def("wanted", doc.Say(strings.Join(s.Wanted, ", "))))
	}
	defs = append(defs, doc.Def{Term: "seen", Lines: seen, Whole: true})
	b := doc.Section{Head: doc.Line{}.Mono(doc.Strong, s.Of()), Blocks: []doc.Block{defs}}
	if len(s.Excerpt) > 0 {
		b.Blocks = append(b.Blocks, consoleAt(s.Excerpt, s.Outcome.Offset))
	}
	return b
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
		mark, place, tone := "  ", r.Entry+" to "+r.Symbol, doc.Plain
		if r.Value != "" {
			place += " = " + r.Value
		}
		if r.Decides {
			mark, place, tone = "> ", place+", the one that decides", doc.Strong
		}
		it := doc.Item{Line: doc.Say(mark).On(doc.OnTerminal).Mono(doc.Plain, place), Tone: tone}
		for _, l := range present(codeOf(r), r.Detail) {
			it.Sub = append(it.Sub, doc.Item{Line: doc.Say("  ").On(doc.OnTerminal).Mono(doc.Plain, l)})
		}
		list.Items = append(list.Items, it)
	}
	if more > 0 {
		list.Items = append(list.Items, doc.Item{Line: doc.Toned(doc.Faint, fmt.Sprintf("  and %d more, in -html= and -json=", more))})
	}
	return list
}

// codeOf is the code that a relocation is of.
func codeOf(r result.RejectedLocation) string {
	at, inlined := "", ""
	switch {
	case r.Function != "":
		at = fmt.Sprintf("in %s+0x%x", r.Function, r.Within)
	case r.Instruction == "":
		at = "data"
	}
	if r.Inlined != "" {
		inlined = "inlined from " + r.Inlined
	}
	return strings.Join(present(r.Instruction, at, r.Source, inlined), separator)
}

// explainScript is a script to be pasted.
func explainScript(s result.ExplanationScript) doc.Block {
	text := doc.Quote{Lines: doc.Lines(strings.Split(strings.TrimSuffix(s.Text, "\n"), "\n")...), Margin: true}
	return doc.Section{Head: doc.Say("By hand: ", s.Title), Flat: true, Blocks: []doc.Block{text}}
}
