package report

import (
	"cmp"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// How many lines of a list are shown; JSON has all.
const (
	shownChanges   = 10
	shownSymbols   = 8
	shownFunctions = 4
)

// deltaSection is why target, the cell of d or a part of it, changed: the conclusion,
// what differs, and what is equal or could not be compared.
func deltaSection(d *result.Delta, target string) doc.Block {
	s := doc.Section{Head: doc.Say(msgDeltaTitle(d, target)), Blocks: []doc.Block{doc.Para{Line: doc.Say(d.Conclusion)}}}
	var same []string
	add := func(aspect string, differs doc.Defs) {
		switch {
		case len(differs) > 0:
			s.Blocks = append(s.Blocks, doc.Section{Head: doc.Say(msgAspect(aspect)), Minor: true, Blocks: atMost(differs, shownChanges)})
		case !d.UnknownAspect(aspect):
			same = append(same, msgAspect(aspect))
		}
	}
	add(result.AspectTree, changes(d.Tree, msgNotThere))
	add(result.AspectToolchain, changes(d.Toolchain, msgNotThere))
	add(result.AspectFlags, flagChanges(d.Flags))
	add(result.AspectTarget, changes(d.Target, msgNotThere))
	add(result.AspectResolved, changes(d.Resolved, msgNotThere))
	add(result.AspectConfig, changes(d.Config, msgNotSet))
	for _, m := range d.Modules {
		s.Blocks = append(s.Blocks, moduleChanges(m))
	}
	var rest []doc.Line
	if len(same) > 0 {
		rest = doc.Lines(msgEqual + ": " + strings.Join(same, ", "))
	}
	for _, g := range d.Unknown {
		rest = append(rest, doc.Say(msgGap(g)))
	}
	if len(rest) > 0 {
		s.Blocks = append(s.Blocks, doc.Section{Blocks: []doc.Block{doc.Items(rest)}})
	}
	return s
}

func changes(list []result.Change, absent string) (defs doc.Defs) {
	for _, c := range list {
		defs = append(defs, def(c.Name, doc.Say(msgDeltaValue(c.Good, absent), markTo, msgDeltaValue(c.Bad, absent))))
	}
	return defs
}

func flagChanges(list []result.FlagsDelta) (defs doc.Defs) {
	flags := func(options []string) string { return cmp.Or(strings.Join(options, " "), msgNoFlags) }
	for _, f := range list {
		defs = append(defs, def(f.Object, doc.Say(flags(f.Good), markTo, flags(f.Bad))))
	}
	return defs
}

func moduleChanges(m result.ModuleDelta) doc.Block {
	says := msgCounts(m.Types)
	switch {
	case m.Same:
		says = msgSameBytes
	case len(m.Types)+len(m.Symbols)+len(m.Functions) == 0:
		says = msgSameTypes
	case len(m.Types) == 0:
		says = msgSameCounts
	}
	s := doc.Section{Head: doc.Say(m.Module, ": ", says), Minor: true}
	by := func(head string, list []result.CountsOfChange, n int) {
		var defs doc.Defs
		for _, c := range list {
			defs = append(defs, def(c.Name, doc.Say(msgCounts(c.Types))))
		}
		if defs != nil {
			s.Blocks = append(s.Blocks, doc.Section{Head: doc.Say(head), Minor: true, Tight: true, Blocks: atMost(defs, n)})
		}
	}
	by(msgBySymbol, m.Symbols, shownSymbols)
	by(msgByPlace(m.Functions), m.Functions, shownFunctions)
	return s
}

// atMost is the first n of defs, and how many there are besides. One line is not
// replaced by another.
func atMost(defs doc.Defs, n int) []doc.Block {
	if len(defs) <= n+1 {
		return []doc.Block{defs}
	}
	return []doc.Block{defs[:n], doc.Para{Line: doc.Say(msgMoreDeltas(len(defs) - n))}}
}
