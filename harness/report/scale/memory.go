package scale

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// closest is how near to each other two names of ticks may stand.
const closest = 0.09

// Memory is the sizes of memory that the cells of r were booted with, a track a cell:
// what each boot showed, and from which size on modules do not load any more. Tone is
// that of an outcome. ok is false where there are less than two sizes. The line is
// logarithmic, from the least size to the greatest.
func Memory(r *result.Results, tone func(outcome.Kind) doc.Tone) (s doc.Scale, ok bool) {
	s.Label = "What each variant was booted with (mem=), and from where on it fails"
	var least, most uint64
	for _, c := range r.Cells {
		for _, b := range boots(c) {
			most = max(most, b.size)
			if least == 0 || b.size < least {
				least = b.size
			}
		}
	}
	if least == most {
		return s, false
	}
	const margin = 0.04
	place := func(size uint64) float64 {
		return margin + (1-2*margin)*math.Log(float64(size)/float64(least))/math.Log(float64(most)/float64(least))
	}
	var sizes []boot
	for _, c := range r.Cells {
		if track := track(c, place, tone); track.Marks != nil {
			s.Tracks = append(s.Tracks, track)
		}
		for _, p := range c.Placements {
			if n, ok := bytesOf(p.Mem); ok && len(p.Runs) > 0 {
				sizes = append(sizes, boot{mem: p.Mem, size: n})
			}
		}
	}
	slices.SortStableFunc(sizes, func(a, b boot) int { return cmp.Compare(a.size, b.size) })
	for _, b := range sizes {
		if n := len(s.Ticks); n == 0 || place(b.size)-s.Ticks[n-1].At >= closest {
			s.Ticks = append(s.Ticks, doc.Tick{At: place(b.size), Label: b.mem})
		}
	}
	return s, true
}

// A boot is what a cell showed at one size of memory.
type boot struct {
	mem   string
	size  uint64 // bytes
	place result.Placement
}

// boots are those of a cell, by size.
func boots(c result.Cell) (list []boot) {
	for _, p := range c.Booted() {
		if n, ok := bytesOf(p.Mem); ok && len(p.Runs) > 0 {
			list = append(list, boot{p.Mem, n, p})
		}
	}
	slices.SortStableFunc(list, func(a, b boot) int { return cmp.Compare(a.size, b.size) })
	return list
}

// track is one cell, with what each size showed in its note. Up to a threshold, modules are computed to load from the least
// size on that was booted.
func track(c result.Cell, place func(uint64) float64, tone func(outcome.Kind) doc.Tone) doc.Track {
	t := doc.Track{Name: c.ID}
	list := boots(c)
	if len(list) == 0 {
		return t
	}
	var bars, limits, dots []doc.Mark
	var said, mems []string
	for i, b := range list {
		what, t, ok := showed(b.place, tone)
		if !ok {
			continue
		}
		dots = append(dots, doc.Mark{Shape: doc.Dot, From: place(b.size), To: place(b.size), Tone: t, Tip: "mem=" + b.mem + ": " + what})
		mems = append(mems, b.mem)
		next := ""
		if i+1 < len(list) {
			next, _, _ = showed(list[i+1].place, tone)
		}
		if next != what {
			said = append(said, strings.Join(mems, ", ")+" "+what)
			mems = nil
		}
	}
	for _, limit := range c.Thresholds {
		n, ok := bytesOf(limit.Mem)
		if !ok || n < list[0].size || !limit.Holds {
			continue // what boots did not bear out is told in words alone
		}
		of := strings.Join(limit.Modules, ", ")
		bars = append(bars, doc.Mark{Shape: doc.Bar, From: place(list[0].size), To: place(n), Tone: doc.Good, Tip: of + ": computed to load"})
		limits = append(limits, doc.Mark{Shape: doc.Limit, From: place(n), To: place(n), Tone: doc.Bad,
			Tip: of + ": not from mem=" + limit.Mem + " on"})
	}
	t.Marks = slices.Concat(bars, limits, dots)
	t.Note = doc.Say(strings.Join(said, "; "))
	return t
}

// showed is what modules did, with its tone; ok is false where that is not known.
func showed(p result.Placement, tone func(outcome.Kind) doc.Tone) (what string, t doc.Tone, ok bool) {
	var words []string
	var tones []doc.Tone
	for _, tally := range p.Tallies() {
		for _, n := range tally.Counts {
			if s := n.Outcome.Brief(); !slices.Contains(words, s) {
				words = append(words, s)
			}
			if t := tone(n.Outcome.Kind); !slices.Contains(tones, t) {
				tones = append(tones, t)
			}
		}
	}
	if len(tones) == 0 {
		return "", doc.Faint, false
	}
	if t = tones[0]; len(tones) > 1 && slices.Contains(tones, doc.Good) {
		t = doc.Warn // some load, some do not
	}
	what = strings.Join(words, ", ")
	if p.ASLR {
		what += " (aslr)"
	}
	return what, t, true
}
