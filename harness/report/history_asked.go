package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/result"
)

// asked is what an entry answers: where it was asked, and of which modules. It is
// empty where nothing was built.
type asked struct {
	Places  []column
	Modules []string
}

func newAsked(e *result.HistoryEntry) (a asked) {
	for _, s := range e.Seen {
		p := column{s.Placement, s.Mem, s.ASLR}
		if s.Placement != "" && !slices.Contains(a.Places, p) {
			a.Places = append(a.Places, p)
		}
		if m := s.Module; m != "" && !slices.Contains(a.Modules, m) {
			a.Modules = append(a.Modules, m)
		}
	}
	return a
}

// fullest is what was asked most of a row: of the most modules at the most
// placements, with the newest of the toolchains where that is alike.
func fullest(r result.HistoryRow) (full asked) {
	for _, e := range r.Entries {
		if e == nil {
			continue
		}
		if a := newAsked(e); len(a.Places)*len(a.Modules) >= len(full.Places)*len(full.Modules) {
			full = a
		}
	}
	return full
}

// partOf says which part of full's question a answers, or which other one: "low
// only", "rust_driver_serdev"; "" where it is that question.
func partOf(a, full asked) string {
	if len(a.Places) == 0 {
		return "" // not built, not booted: it holds for every question
	}
	var parts []string
	note := func(all, mine []string) {
		other := slices.ContainsFunc(mine, func(s string) bool { return !slices.Contains(all, s) })
		switch {
		case other:
			parts = append(parts, msgFew(mine))
		case len(mine) > 0 && len(mine) < len(all):
			parts = append(parts, msgFew(mine)+" only")
		}
	}
	title := func(p column) string {
		return strings.TrimSpace(p.Name + " " + strings.ReplaceAll(strings.Trim(p.detail(), "()"), ",", ""))
	}
	var all, mine []string
	for _, p := range full.Places {
		all = append(all, title(p))
	}
	for _, p := range a.Places {
		name := title(p)
		// Its name says enough where that stands for the same.
		if i := slices.Index(all, name); i >= 0 {
			all[i], name = p.Name, p.Name
		}
		mine = append(mine, name)
	}
	note(all, mine)
	note(full.Modules, a.Modules)
	return strings.Join(parts, ", ")
}

// msgFew names things, the first of them where there are many.
func msgFew(names []string) string {
	const few = 2
	if len(names) <= few+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
