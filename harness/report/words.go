package report

import (
	"slices"
	"strings"

	"umlab/harness/report/doc"
)

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

// lines are what line makes of each key and its names.
func (x *index[K]) lines(line func(K, []string) doc.Line) (lines []doc.Line) {
	for _, k := range x.Keys {
		lines = append(lines, line(k, x.Of[k]))
	}
	return lines
}

// sentences are what say makes of each.
func sentences[T any](list []T, say func(T) string) (lines []string) {
	for _, v := range list {
		lines = append(lines, say(v))
	}
	return lines
}

// legible is s as a line that begins and ends with something to read.
func legible(s string) string { return strings.TrimSpace(s) }

func legibles(from []string) []string { return sentences(from, legible) }

// present are the words that are not empty.
func present(words ...string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "" })
}

// described is a name with what is known of it.
func described(name string, more ...string) string {
	if more = present(more...); len(more) > 0 {
		name += " (" + strings.Join(more, ", ") + ")"
	}
	return name
}
