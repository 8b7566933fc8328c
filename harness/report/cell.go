package report

import (
	"slices"

	"umlab/harness/report/doc"
)

// Cells of tables, in every document that has some.

// line is what one placement showed: "rust_print: 3/20 loaded, 17/20 overflow 11
// 32S". Folded, each outcome has a line of its own; folded again, so has the module.
func (e entry) line() doc.Line {
	var l doc.Line
	if e.Module != "" {
		l = l.Mono(doc.Plain, e.Module+":").Break(2, " ")
	}
	for i, p := range e.Parts {
		if i > 0 {
			l = l.Break(1, ", ")
		}
		l = l.Toned(outcomeStyle(p.Kind), p.Text)
	}
	if e.Agrees {
		l = l.Say(" " + markAgrees)
	}
	return l
}

// entryLines are the entries, each with what was predicted otherwise.
func entryLines(entries ...entry) []doc.Line {
	var lines []doc.Line
	for _, e := range entries {
		lines = append(lines, e.line())
		if e.Predicted != "" {
			lines = append(lines, doc.Toned(doc.Bad, markDiffers+" "+msgPredicted(e.Predicted)))
		}
	}
	return lines
}

// alarmsOf are alarms as blocks.
func alarmsOf(list []alarm) []doc.Block {
	var blocks []doc.Block
	for _, a := range list {
		blocks = append(blocks, doc.Alarm{Head: a.Head, Lines: doc.Lines(a.Lines...)})
	}
	return blocks
}

// same reports whether both showed the same, and were predicted alike.
func (e entry) same(f entry) bool {
	return e.Module == f.Module && e.Predicted == f.Predicted && slices.Equal(e.Parts, f.Parts)
}

// appendNew appends what is not in list yet.
func appendNew[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// An index is names by a key, keys in the order in which they came.
type index[K comparable] struct {
	Keys []K
	Of   map[K][]string
}

func (x *index[K]) add(key K, name string) {
	if x.Of == nil {
		x.Of = map[K][]string{}
	}
	x.Keys, x.Of[key] = appendNew(x.Keys, key), appendNew(x.Of[key], name)
}

// sentences are what say makes of each.
func sentences[T any](list []T, say func(T) string) (lines []string) {
	for _, v := range list {
		lines = append(lines, say(v))
	}
	return lines
}
