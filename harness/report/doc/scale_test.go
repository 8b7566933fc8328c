package doc

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A scale is drawn where a terminal can show it and has room, and told in words elsewhere.
func TestScaleOnTerminal(t *testing.T) {
	s := Scale{Label: "what", Key: Say("● here"), Ticks: []Tick{{0.5, "half"}, {0.52, "a name too long for it"}, {1, "end"}},
		Tracks: []Track{
			{Name: "a", Note: Say("in words"), Marks: []Mark{{Shape: Bar, From: 0, To: 0.5, Tone: Good}, {Shape: Limit, From: 0.5, Tone: Bad},
				{Shape: Dot, From: 0.5, Tone: Reject}, {Shape: Dot, From: 0.9, Tone: Reject}}},
			{Name: "long", Marks: []Mark{{Shape: Arrow, From: 0.9, To: 0.1, Tone: Bad}, {Shape: Dot, From: 7, Tone: Strong}}},
		}}
	draw := func(o Options) string {
		var b bytes.Buffer
		if err := Terminal(&b, &Document{Blocks: []Block{s}}, o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := "what\n" +
		"a     " + strings.Repeat("▓", 17) + "│" + strings.Repeat(" ", 12) + "○\n" +
		"long  " + strings.Repeat(" ", 3) + "◀" + strings.Repeat("─", 27) + "  ●\n" +
		"      " + strings.Repeat("─", 17) + "┴" + strings.Repeat("─", 15) + "┴\n" +
		"      " + strings.Repeat(" ", 17) + "half" + strings.Repeat(" ", 10) + "end\n" +
		"● here\n"
	if diff := cmp.Diff(want, draw(Options{Width: 40, Draw: true})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, o := range []Options{{Width: 80}, {Width: 20, Draw: true}, {}} {
		if got := draw(o); got != "what\n  a  in words\n" {
			t.Errorf("%+v: %q", o, got)
		}
	}
	for width := 36; width < 200; width++ {
		for l := range strings.SplitSeq(draw(Options{Width: width, Draw: true, Color: true}), "\n") {
			if n := text.StringWidthWithoutEscSequences(l); n > width {
				t.Errorf("%d columns at %d: %q", n, width, l)
			}
		}
	}
}
