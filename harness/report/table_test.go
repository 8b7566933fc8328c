package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

func render(t testing.TB, r *result.Results, o doc.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := doc.Terminal(&b, Matrix(r), o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Of each step that failed stands why, once; and where nothing was expected, nothing is as expected.
func TestStepsThatFail(t *testing.T) {
	failed := func(name, why string) result.Step {
		return result.Step{Name: name, Outcome: &outcome.Outcome{Kind: outcome.Failed, Status: 1, Detail: why}}
	}
	p := result.Placement{Name: "low", Runs: []result.Run{{Steps: []result.Step{failed("a", "no file"), failed("b", "no device")}}}}
	c := result.Cell{ID: "stock", Verdict: result.Fails, AsExpected: true, Placements: []result.Placement{p, p}}
	evidence := addEvidence(nil, &c, "")
	if len(evidence) != 2 || evidence[0].Detail != "no file" || evidence[1].Where != "stock:low b" {
		t.Errorf("%+v", evidence)
	}
	r := &result.Results{Cells: []result.Cell{c}, Totals: result.Totals{Cells: 1}}
	if got := msgExpectation(r); got != "nothing was expected" {
		t.Error(got)
	}
	if r.Cells[0].Expected = "fails"; msgExpectation(r) != "all as expected" {
		t.Error(msgExpectation(r))
	}
}

// At any width, no line is wider, no verdict and no evidence is
// lost, and the totals come last.
func TestTableWidths(t *testing.T) {
	for name, r := range fixtures() {
		var evidence doc.Evidence
		for i := range r.Cells {
			evidence = addEvidence(evidence, &r.Cells[i], "")
		}
		for _, width := range []int{0, 40, 60, 80, 100, 120, 160, 240} {
			for _, color := range []bool{false, true} {
				out := render(t, r, doc.Options{Width: width, Color: color})
				lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
				if !endsWith(text.StripEscape(out), strings.Join(msgTotals(r), separator), r.Next) {
					t.Errorf("%s at %d: it does not end with its totals:\n%s", name, width, out)
				}
				for _, l := range lines {
					verbatim := strings.Contains(l, "/store/") // of what a tool said whole, and the path of all of it
					for _, e := range evidence {
						verbatim = verbatim || slices.Contains(e.Frame, strings.TrimPrefix(text.StripEscape(l), "  "))
					}
					if width > 0 && text.StringWidthWithoutEscSequences(l) > width && !verbatim {
						t.Errorf("%s at %d: %d columns: %q", name, width, text.StringWidthWithoutEscSequences(l), l)
					}
				}
				words := strings.Join(strings.Fields(text.StripEscape(out)), " ")
				for _, rw := range r.Cells {
					if !strings.Contains(words, rw.ID) || !strings.Contains(words, string(rw.Verdict)) {
						t.Errorf("%s at %d: %s: %s is not told", name, width, rw.ID, rw.Verdict)
					}
				}
				for _, e := range evidence {
					if width >= 60 && !strings.Contains(words, headOf(e)) {
						t.Errorf("%s at %d: no evidence of %s", name, width, e.Outcome)
					}
				}
			}
		}
	}
}

// Colour adds nothing but colour.
func TestTableColor(t *testing.T) {
	for name, r := range fixtures() {
		for _, width := range []int{0, 40, 60, 120} {
			plain, color := render(t, r, doc.Options{Width: width}), render(t, r, doc.Options{Width: width, Color: true})
			if plain != text.StripEscape(color) {
				t.Errorf("%s at %d: without its colours, the coloured table is another:\n%s\n%s", name, width, plain, color)
			}
			if strings.Contains(plain, "\x1b") || !strings.Contains(color, "\x1b[") {
				t.Errorf("%s at %d: colours where none are wanted, or none where they are", name, width)
			}
		}
	}
}

func TestTableSays(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    *result.Results
		want []string // lines, but for the space at their ends
		none []string
	}{
		{"as expected", matrix(), []string{
			"static-small@module   address-dependent  loaded              overflow 11 32S",
			"controls: ✓ known-reject (stock:low), ✓ known-load (static-large@module:low)",
			"note: mirror of sid: InRelease is past its Valid-Until (allowed for this suite)",
		}, []string{markDiffers, "!!", "predicted"}},
		{"trouble", trouble(), []string{
			"!! PREDICTION AND OBSERVATION DISAGREE !!",
			"static-large@module:low rust_minimal and 1 more",
			"predicted loaded at 0x62804000",
			"observed  overflow 11 32S val 0x80804010 sec 5 idx 3: overflow in relocation type 11 val 80804010 sec 5 idx 3",
			"static-small@module  address-dependent    loaded ✓                            3/20 loaded, 17/20 overflow 11 32S  not run",
		}, []string{"!! " + msgInfra}},
		{"collapsed", collapsed(), []string{
			"!! INFRASTRUCTURE: this run proves nothing !!",
			"✗ control known-load (static-large@module:low) misbehaves: wanted loaded, got oops",
		}, []string{"all as expected"}},
		{"empty", &result.Results{}, []string{"nothing was run · 0 variants · 0 cells · 0 boots (0 cached) · 0 module loads · 0.00 s"}, []string{msgVerdict}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := render(t, tt.r, doc.Options{})
			lines := map[string]bool{}
			for l := range strings.SplitSeq(out, "\n") {
				lines[strings.TrimSpace(l)] = true
			}
			for _, w := range tt.want {
				if !lines[w] {
					t.Errorf("no line %q in:\n%s", w, out)
				}
			}
			for _, n := range tt.none {
				if strings.Contains(out, n) {
					t.Errorf("%q in:\n%s", n, out)
				}
			}
		})
	}
}

// headOf is what begins an exhibit on a terminal: nothing stands empty between its outcome and where it was seen.
func headOf(e doc.Exhibit) string {
	if e.Frame != nil {
		return e.Outcome + " [" + e.Where + "]:"
	}
	return e.Outcome + ": " + strings.Join(strings.Fields(e.Text()), " ")
}
