package scale

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// beyond is how much longer than what lies on it a line is.
const beyond = 1.04

// A line is a scale of addresses while it is made: its places are addresses.
type line struct {
	top   float64 // the highest address so far
	scale doc.Scale
}

// A mark is a doc.Mark by addresses.
type mark struct {
	shape    doc.Shape
	from, to uint64
	tone     doc.Tone
	tip      string
}

func (l *line) see(at uint64) float64 {
	l.top = max(l.top, float64(at))
	return float64(at)
}

func (l *line) track(name string, note doc.Line, marks ...mark) {
	t := doc.Track{Name: name, Note: note}
	for _, m := range marks {
		t.Marks = append(t.Marks, doc.Mark{Shape: m.shape, From: l.see(m.from), To: l.see(m.to), Tone: m.tone, Tip: m.tip})
	}
	l.scale.Tracks = append(l.scale.Tracks, t)
}

func (l *line) tick(at uint64, label string) {
	l.scale.Ticks = append(l.scale.Ticks, doc.Tick{At: l.see(at), Label: label})
}

// drawn is the scale with its places from 0 to 1.
func (l *line) drawn(label string) doc.Scale {
	l.scale.Label = label
	length := l.top * beyond
	for i := range l.scale.Ticks {
		l.scale.Ticks[i].At /= length
	}
	slices.SortStableFunc(l.scale.Ticks, func(a, b doc.Tick) int { return cmp.Compare(a.At, b.At) })
	for _, t := range l.scale.Tracks {
		for i := range t.Marks {
			t.Marks[i].From /= length
			t.Marks[i].To /= length
		}
	}
	return l.scale
}

type span struct{ first, end uint64 }

// spanOf reads a range; ok is false for one that is none.
func spanOf(r result.AddressRange) (s span, ok bool) {
	first, ok := address(r.First)
	end, ok2 := address(r.End)
	return span{first, end}, ok && ok2 && first < end
}

// address reads a hexadecimal number; ok is false where s is none.
func address(s string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	return n, err == nil
}

// signed is address of what may be negative.
func signed(s string) (n int64, ok bool) {
	n, err := strconv.ParseInt(s, 0, 64)
	return n, err == nil
}

func hex(n uint64) string { return fmt.Sprintf("0x%x", n) }

func signedHex(n int64) string {
	if n < 0 {
		return fmt.Sprintf("-0x%x", uint64(-n))
	}
	return hex(uint64(n))
}

// size is a number of bytes as people read it: "64 MiB".
func size(n uint64) string { return humanize.IBytes(n) }

// bytesOf reads a value of mem=, such as "504M"; ok is false where s is none.
func bytesOf(s string) (n uint64, ok bool) {
	if s = strings.ToUpper(s); strings.TrimRight(s, "KMG") != s {
		s += "iB"
	}
	n, err := humanize.ParseBytes(s)
	return n, err == nil && n > 0
}
