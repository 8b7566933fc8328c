package outcome

import "umlab/harness/pattern"

// number is what differs between two sights of one event: addresses, process IDs, times; the offset in a function as well.
var number = pattern.New(`0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,}\b|\d+`)

// SameFailure reports whether two outcomes are not only the same event, but come from the same: the line that proves
// them says the same but for its numbers. Where nothing was built, the place in the source is the same to the line and
// column, unless the lines moved. What is loaded, and what a relocation decides, is as Same says.
func (o Outcome) SameFailure(p Outcome, moved bool) bool {
	if !o.Same(p) {
		return false
	}
	switch o.Kind {
	case Loaded, RelocationUnknown, RelocationOverflow, LoadedCorrupt:
		return o.Stays == p.Stays
	case BuildFailed:
		if o.Diagnostic == nil || p.Diagnostic == nil {
			return moved || o.Evidence == p.Evidence
		}
		return moved || o.Diagnostic.Place == p.Diagnostic.Place
	}
	return unnumbered(o.Evidence) == unnumbered(p.Evidence)
}

func unnumbered(s string) string { return number.ReplaceAllString(s, "#") }
