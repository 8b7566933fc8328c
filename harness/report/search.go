package report

import (
	"fmt"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// searched is what a search for sets of settings found, and among which.
func searched(r *result.Results) doc.Block {
	s := r.Search
	var sets []doc.Line
	for _, id := range s.Sets {
		l := doc.Code(id)
		if flags := r.Cell(id).Build.Flags; len(flags) > 0 {
			l = l.Say(" (", strings.Join(flags, " "), ")")
		}
		sets = append(sets, l)
	}
	found := doc.Join(sets, doc.Say("; "))
	if sets == nil {
		found = doc.Say(fmt.Sprintf("none of %d sets of up to %d settings gives it", s.Asked, s.Most))
	}
	var places []string
	for _, p := range columns(r) {
		places = append(places, p.Name)
	}
	list := doc.Defs{
		def("Give "+string(s.Verdict), found),
		def("Asked", doc.Say(fmt.Sprintf("%d sets of up to %d settings; none with a set above in it; at %s; of %s",
			s.Asked, s.Most, strings.Join(places, ", "), s.Axes))),
	}
	if others := msgVerdicts(s.Others); len(others) > 0 {
		list = append(list, def("The others", doc.Say(strings.Join(others, ", "))))
	}
	return doc.Section{Head: doc.Say("Smallest sets of settings"), Blocks: []doc.Block{list}}
}
