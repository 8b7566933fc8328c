package patch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// sides are the lines that a hunk wants, and those that it leaves.
func sides(h *gitdiff.TextFragment) (old, new []string) {
	for _, l := range h.Lines {
		if l.Old() {
			old = append(old, l.Line)
		}
		if l.New() {
			new = append(new, l.Line)
		}
	}
	return old, new
}

func header(h *gitdiff.TextFragment) string {
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldPosition, h.OldLines, h.NewPosition, h.NewLines)
}

// bare reports whether a hunk has no line of context.
func bare(h *gitdiff.TextFragment) bool {
	return !slices.ContainsFunc(h.Lines, func(l gitdiff.Line) bool { return l.Op == gitdiff.OpContext })
}

// fit applies the hunks as far as they fit, and returns the first that does not,
// or -1. A hunk without context fits at its own line alone, and one that only adds
// lines only where the whole file is known to be the one that it was made for.
func fit(lines []string, hunks []*gitdiff.TextFragment, known bool) (result []string, bad int) {
	for i, h := range hunks {
		old, new := sides(h)
		at := int(h.NewPosition) - 1
		switch {
		case bare(h) && h.OldPosition > 0:
			if len(new) == 0 {
				at++ // the number is of the line above
			}
			if len(old) > 0 && !stands(lines, old, at) || len(old) == 0 && (!known || at > len(lines)) {
				return lines, i
			}
		case len(old) > 0:
			if at = placeOf(lines, old, int(h.NewPosition)); at < 0 {
				return lines, i
			}
		}
		at = max(min(at, len(lines)), 0)
		lines = slices.Concat(lines[:at], new, lines[at+len(old):])
	}
	return lines, -1
}

// stands reports whether part, which is not empty, stands at index i of lines.
func stands(lines, part []string, i int) bool {
	return len(part) > 0 && i >= 0 && i+len(part) <= len(lines) && slices.Equal(lines[i:i+len(part)], part)
}

// placeOf returns the index of the place where part stands in lines that is nearest
// to line, or -1.
func placeOf(lines, part []string, line int) int {
	best := -1
	for i := 0; i+len(part) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(part)], part) && (best < 0 || abs(i+1-line) < abs(best+1-line)) {
			best = i
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

func loose(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.Join(strings.Fields(l), " ")
	}
	return out
}

// nearest returns the place of lines that is most like wanted. Every word that
// both have votes for the shift between them, a rare word more than a common
// one, and a line that is the same for more than its words. Of equal places the
// one nearer to line is taken.
func nearest(lines, wanted []string, line int) ([]string, int) {
	where := map[string][]int{} // a word, or a line behind a NUL -> the lines that have it
	keys := func(l string) []string {
		l = strings.Join(strings.Fields(l), " ")
		if l == "" {
			return nil
		}
		words := strings.FieldsFunc(l, func(r rune) bool { return strings.ContainsRune(" (),;", r) })
		slices.Sort(words)
		return append(slices.Compact(words), "\x00"+l)
	}
	for i, l := range lines {
		for _, k := range keys(l) {
			where[k] = append(where[k], i)
		}
	}
	votes := map[int]float64{}
	for j, l := range wanted {
		for _, k := range keys(l) {
			at := where[k]
			if len(at) > 64 {
				continue // says nothing
			}
			weight := 1 / float64(len(at))
			if k[0] == 0 {
				weight *= 4
			}
			for _, i := range at {
				votes[i-j] += weight
			}
		}
	}
	best, most := 0, 0.0
	for shift := range votes {
		// Some lines more or less in between do not make it another place.
		score := 0.0
		for near := -3; near <= 3; near++ {
			score += votes[shift+near] / float64(1+abs(near))
		}
		d, b := abs(shift+1-line), abs(best+1-line)
		if score > most || score == most && (d < b || d == b && shift < best) {
			best, most = shift, score
		}
	}
	if most == 0 {
		return nil, 0
	}
	from, to := max(best, 0), min(best+len(wanted), len(lines))
	return slices.Clone(lines[from:to]), from + 1
}

// nearestFile is the one of files that is called as name is, in the most similar
// place.
func nearestFile(name string, files map[string]string) string {
	best, most := "", 0
	parts := strings.Split(name, "/")
	for f := range files {
		if path.Base(f) != path.Base(name) {
			continue
		}
		n := 0
		for p := range strings.SplitSeq(f, "/") {
			if slices.Contains(parts, p) {
				n++
			}
		}
		if n > most || n == most && (len(f) < len(best) || len(f) == len(best) && f < best) {
			best, most = f, n
		}
	}
	return best
}
