package report

import (
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// meaning says what the cells and placements of a verification are, to readers who know
// the kernel and not umlab.
func meaning(pairs []result.Pair) doc.Block {
	var defs doc.Defs
	var places []column
	predicted := false
	at := map[column]string{} // where a module was seen
	for _, p := range pairs {
		for _, h := range halves(p) {
			predicted = predicted || h.Totals.Predicted > 0
			if h.Cell(stock) != nil && (len(defs) == 0 || defs[0].Term != stock) {
				what := "the kernel and modules as the tree's own Makefiles build them"
				if goal := h.Cell(stock).Build.Goal; goal != "" {
					what = "make " + goal + ", as the tree's own Makefiles have it"
				}
				defs = slices.Insert(defs, 0, def(stock, doc.Say(what, ": no flag is overridden")))
			}
			for _, c := range h.Cells {
				if flags := strings.Join(c.Build.Flags, " "); flags != "" && !slices.ContainsFunc(defs,
					func(d doc.Def) bool { return d.Term == c.ID }) {
					defs = append(defs, def(c.ID, doc.Say("built with ").Code(flags).Say(" for ", reachOf(c.Variant.Scope))))
				}
			}
			for _, col := range columns(h.Results) {
				places = appendNew(places, col)
			}
			if c := h.Cell(stock); c != nil {
				for _, p := range c.Placements {
					if a := seenAt(p); a != "" && at[columnOf(p)] == "" {
						at[columnOf(p)] = a
					}
				}
			}
		}
	}
	for _, p := range places {
		l := doc.Say("User-Mode Linux booted with mem=", p.Mem)
		if p.ASLR {
			l = l.Say(", its addresses randomised by the host")
		} else if at[p] != "" {
			l = l.Say("; a module that loaded lay at ", at[p])
		}
		defs = append(defs, def(p.Name, l))
	}
	if len(defs) == 0 {
		return nil
	}
	head := "What was built and booted"
	if len(places) == 0 {
		head = "What was built"
	}
	s := doc.Section{Head: doc.Say(head), Minor: true, Blocks: []doc.Block{defs}}
	if predicted && len(places) > 0 {
		s.Blocks = append(s.Blocks, doc.Para{Line: doc.Say("User-Mode Linux puts modules behind its memory: mem= decides at " +
			"which addresses they lie.")})
	}
	return s
}

// reachOf is what the flags of a scope are for, with the variable of make.
func reachOf(scope string) string {
	switch scope {
	case "module":
		return "modules (RUSTFLAGS_MODULE)"
	case "kernel":
		return "what is linked into the kernel (RUSTFLAGS_KERNEL)"
	}
	return "all of Rust (KRUSTFLAGS)"
}

// seenAt is where the first module that loaded lay; "" where none did.
func seenAt(p result.Placement) string {
	for _, run := range p.Runs {
		for _, m := range run.Modules {
			if m.Outcome.Address != "" {
				return m.Outcome.Address
			}
		}
	}
	return ""
}

// flagsOf are the flags that rustc got for modules of the stock cell, before and after
// the patches: what differs, and what says where code may lie.
func flagsOf(pairs []result.Pair) doc.Block {
	type flags struct{ before, after string }
	var modules, toolchains index[flags]
	for _, p := range pairs {
		before, after := p.Before.Cell(stock), p.After.Cell(stock)
		if before == nil || after == nil {
			continue
		}
		sorted(before.Build.Effective, func(m string, was []string) {
			is, built := after.Build.Effective[m]
			f := flags{shownFlags(was, is), shownFlags(is, was)}
			if !built {
				f.before, f.after = strings.Join(slices.DeleteFunc(slices.Clone(was), notModel), " "), "not built"
			}
			modules.add(f, m)
			toolchains.add(f, p.Before.Toolchain.Name)
		})
	}
	var defs doc.Defs
	for _, f := range modules.Keys {
		term := strings.Join(modules.Of[f], ", ")
		if len(toolchains.Of[f]) < len(pairs) {
			term = strings.Join(toolchains.Of[f], ", ") + ": " + term
		}
		if f.before == f.after {
			defs = append(defs, def(term, doc.Say("before and after: ").Code(f.before)))
		} else {
			defs = append(defs, def(term, doc.Say("before: ").Code(f.before), doc.Say("after:  ").Code(f.after)))
		}
	}
	if defs == nil {
		return nil
	}
	return doc.Section{Head: doc.Say("Flags of rustc for the modules"), Minor: true, Blocks: []doc.Block{defs}}
}

// shownFlags are those of list that other has not, and the models.
func shownFlags(list, other []string) string {
	shown := slices.DeleteFunc(slices.Clone(list), func(f string) bool { return notModel(f) && slices.Contains(other, f) })
	if len(shown) == 0 {
		return "no model of relocation or code"
	}
	return strings.Join(shown, " ")
}

func notModel(flag string) bool { return !strings.Contains(flag, "-model=") }

// mostDiff is how many lines of a diff a page shows.
const mostDiff = 2000

// diffs are the patches as they are, for a page.
func diffs(patches []result.Patch) doc.Block {
	s := doc.Section{Head: doc.Say("The diff")}
	for i, p := range patches {
		if p.Diff == "" {
			continue
		}
		var quote doc.Quote
		more := 0
		for l := range strings.Lines(p.Diff) {
			if len(quote.Lines) == mostDiff {
				more++
				continue
			}
			l = strings.TrimRight(l, "\r\n")
			quote.Lines = append(quote.Lines, doc.Toned(diffTone(l), l))
		}
		head := doc.Say(legible(p.Subject))
		d := doc.Details{Summary: head, Blocks: []doc.Block{quote}, Open: i == 0}
		if len(head) == 0 {
			d.Summary = doc.Say("patch")
		}
		if more > 0 {
			d.Blocks = append(d.Blocks, doc.Para{Line: doc.Toned(doc.Faint, "and "+plural(more, "more line", "more lines"))})
		}
		s.Blocks = append(s.Blocks, d)
	}
	if s.Blocks == nil {
		return nil
	}
	return doc.Only(doc.OnPage, s)
}

func diffTone(l string) doc.Tone {
	switch {
	case strings.HasPrefix(l, "+++ "), strings.HasPrefix(l, "--- "), strings.HasPrefix(l, "diff --git "):
		return doc.Strong
	case strings.HasPrefix(l, "+"):
		return doc.Good
	case strings.HasPrefix(l, "-"):
		return doc.Reject
	case strings.HasPrefix(l, "@@"), strings.HasPrefix(l, "index "):
		return doc.Faint
	}
	return doc.Plain
}
