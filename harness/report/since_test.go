package report

import (
	"io"
	"slices"
	"strings"
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// TestMatrixSince: what differs from the run before is marked, in the table and in a line, and nothing else is.
func TestMatrixSince(t *testing.T) {
	was, is := matrix(), matrix()
	load := func(c *result.Cell) {
		for i := range c.Placements {
			c.Placements[i].Runs = []result.Run{boot(c.Placements[i].Mem, loaded)}
		}
	}
	load(is.Cell("stock"))
	is.Cell("stock").Verdict = result.Loads
	is.Cell("pie-large@module").Placements[1].Runs = []result.Run{boot("1G", unknown(9))}
	was.Cells = slices.DeleteFunc(was.Cells, func(c result.Cell) bool { return c.ID == "static-large@module" })
	for _, r := range []*result.Results{nil, is} {
		if marked := tableSince(t, r, is); strings.Contains(marked, markChanged) {
			t.Errorf("nothing changed, and this is marked:\n%s", marked)
		}
	}
	got := tableSince(t, was, is)
	for row, want := range map[string][]string{
		"stock":                {"Δ was unknown 9 GOTPCREL", "Δ was rejected"},
		"pie-large@module":     {"Δ was unknown 29 GOTPC64"},
		"static-large@module":  {"Δ new"},
		"pie-small@module":     nil,
		"static-kernel@module": nil,
	} {
		if have := rowOf(got, row); strings.Count(have, markChanged) < len(want) || len(want) == 0 && strings.Contains(have, markChanged) {
			t.Errorf("row %s is\n%s\nand is to say %q", row, have, want)
		} else {
			for _, w := range want {
				if !strings.Contains(have, w) {
					t.Errorf("row %s lacks %q:\n%s", row, w, have)
				}
			}
		}
	}
	line := MatrixLine(was, is)
	want := "Δ stock: rejected → loads; pie-large@module:high: unknown 29 GOTPC64 → unknown 9 GOTPCREL; " +
		"static-large@module: new → loads · all as expected · 7 variants: "
	if !strings.HasPrefix(line, want) {
		t.Errorf("%s\nwant %s", line, want)
	}
	if line := MatrixLine(is, is); !strings.HasPrefix(line, "unchanged · all as expected · 7 variants: ") {
		t.Error(line)
	}
	if line := MatrixLine(nil, is); !strings.HasPrefix(line, "all as expected · 7 variants: ") {
		t.Error(line)
	}
}

func tableSince(t *testing.T, was, is *result.Results) string {
	t.Helper()
	var b strings.Builder
	if err := onTerminal(doc.Options{Width: 120})(&b, MatrixSince(was, is)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// rowOf is the lines of a table that begin with name, and those below without one.
func rowOf(text, name string) string {
	var row []string
	for l := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(l, name+" "), row != nil && strings.HasPrefix(l, "  ") && strings.TrimSpace(l) != "":
			row = append(row, l)
		case row != nil:
			return strings.Join(row, "")
		}
	}
	return strings.Join(row, "")
}

func TestLine(t *testing.T) {
	got := line(true, []string{"a", "b", "c", "d", "e"}, "x", "y")
	if want := "Δ a; b; c; 2 more · x · y"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestVerificationChanges(t *testing.T) {
	was, is := &result.Verification{Conclusion: result.NotFixed, Pairs: []result.Pair{{Before: matrix(), After: matrix()}}},
		&result.Verification{Conclusion: result.Fixed, Pairs: []result.Pair{{Before: matrix(), After: matrix()}}}
	is.Pairs[0].After.Cell("stock").Verdict = result.Loads
	got := VerificationChanges(was, is)
	if want := []string{"not-fixed → fixed", "after the patch, trixie: stock: rejected → loads"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := VerificationChanges(nil, is); got != nil {
		t.Errorf("of a first run: %q", got)
	}
	mail := func(w io.Writer, v *result.Verification) error {
		return doc.Mail(w, Since(Verification(v), VerificationChanges(was, v)))
	}
	if text := string(written(t, mail, is)); !strings.Contains(text, "Δ not-fixed → fixed") {
		t.Error(text)
	}
}

func TestExplanationChanges(t *testing.T) {
	page := func(v result.Verdict, place string, o outcome.Outcome) *result.Explanation {
		return &result.Explanation{Cell: "stock", Verdict: v, Placement: result.Placement{Name: place},
			Modules: []result.ExplainedModule{{Module: result.Module{Name: "rust_print", Outcome: o}}}}
	}
	was, is := page(result.Rejected, "low", unknown(9)("")), page(result.Loads, "high", loaded(""))
	got := ExplanationChanges(was, is)
	if want := []string{"rejected → loads", "explained at low → high", "rust_print: unknown 9 GOTPCREL → loaded"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if line := ExplanationLine(is, is); line != "unchanged · stock:high: loads" {
		t.Error(line)
	}
}
