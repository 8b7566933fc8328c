package report

import (
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// limited are the tracks of a scale of memory that have a threshold, those that are alike as one; nil for none: a terminal
// has less room than a page.
func limited(s doc.Scale) doc.Block {
	alike := func(a, b doc.Mark) bool {
		return a.Shape == b.Shape && a.From == b.From && a.To == b.To && a.Tone == b.Tone
	}
	var tracks []doc.Track
	for _, t := range s.Tracks {
		if !slices.ContainsFunc(t.Marks, func(m doc.Mark) bool { return m.Shape == doc.Limit }) {
			continue
		}
		at := slices.IndexFunc(tracks, func(u doc.Track) bool { return slices.EqualFunc(u.Marks, t.Marks, alike) })
		if at >= 0 {
			tracks[at].Name += ", …"
			if strings.HasSuffix(tracks[at].Name, ", …, …") {
				tracks[at].Name = strings.TrimSuffix(tracks[at].Name, ", …")
			}
			continue
		}
		tracks = append(tracks, t)
	}
	if tracks == nil {
		return nil
	}
	s.Tracks, s.Label = tracks, "mem= that was booted, and from where on it fails"
	s.Key = doc.Say("● loaded, ○ not; ▓ computed to load, up to │")
	return s
}

// legend says what the names of r's variants and placements mean, by one of each kind.
func legend(r *result.Results) doc.Line {
	var list []doc.Line
	if r.Cell(stock) != nil {
		list = append(list, doc.Code(stock).Say(": no flags but the tree's own"))
	}
	for _, scope := range []string{"module", "kernel", "all"} {
		at := slices.IndexFunc(r.Cells, func(c result.Cell) bool {
			return c.Variant.Scope == scope && c.Variant.RelocationModel+c.Variant.CodeModel != ""
		})
		if at < 0 {
			continue
		}
		c := r.Cells[at]
		var flags []string
		for _, f := range []struct{ name, value string }{{"-Crelocation-model=", c.Variant.RelocationModel},
			{"-Ccode-model=", c.Variant.CodeModel}} {
			if f.value != "" {
				flags = append(flags, f.name+f.value)
			}
		}
		list = append(list, doc.Code(c.ID).Say(": ").Code(strings.Join(flags, " ")).Say(" for ", reachOf(scope)))
	}
	if at := slices.IndexFunc(r.Cells, func(c result.Cell) bool { return len(c.Variant.Settings) > 0 }); at >= 0 {
		var set []string
		for _, s := range r.Cells[at].Variant.Settings {
			set = append(set, s.Axis+"="+s.Value)
		}
		list = append(list, doc.Code(r.Cells[at].ID).Say(": built or booted with ").Code(strings.Join(set, ", ")))
	}
	var names, mems []string
	random := false
	for _, p := range columns(r) {
		random = random || p.ASLR
		if p.Name != p.Mem {
			names, mems = append(names, p.Name), append(mems, p.Mem)
		}
	}
	if names != nil {
		list = append(list, doc.Code(strings.Join(names, ", ")).Say(": booted with mem=", strings.Join(mems, ", ")))
	}
	if random {
		list = append(list, doc.Code("aslr").Say(": at random addresses"))
	}
	return doc.Join(list, doc.Say("; "))
}
