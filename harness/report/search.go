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
	found := doc.Line{}.Say(fmt.Sprintf("none of %d sets of up to %d settings gives it", s.Asked, s.Most))
	if len(s.Sets) > 0 {
		found = doc.Line{}
		for i, id := range s.Sets {
			if i > 0 {
				found = found.Say("; ")
			}
			flags := r.Cell(id).Build.Flags
			found = found.With(doc.Code(id))
			if len(flags) > 0 {
				found = found.Say(" (", strings.Join(flags, " "), ")")
			}
		}
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
