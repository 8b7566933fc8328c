package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

func sweepTable(o doc.Options) func(io.Writer, *result.Sweep) error {
	return Form(Sweep, onTerminal(o))
}

func TestSweepGolden(t *testing.T) {
	for name, s := range sweeps(t) {
		for ext, render := range map[string]func(io.Writer, *result.Sweep) error{
			"200.txt": sweepTable(doc.Options{Width: 200}), "120.txt": sweepTable(doc.Options{Width: 120}), "80.txt": sweepTable(doc.Options{Width: 80}),
			"50.txt": sweepTable(doc.Options{Width: 50}), "color.txt": sweepTable(doc.Options{Width: 120, Color: true}),
			"md": Form(Sweep, doc.MarkdownMail), "ktap": sweepKTAPOf, "xml": sweepJUnit,
		} {
			switch {
			case name == "every" || name == "empty" && ext != "80.txt":
				continue // widths, schema and parsers judge those
			case (ext == "color.txt" || ext == "ktap" || ext == "xml") && name != "unlike":
				continue // one to look at is enough
			}
			t.Run(name+"."+ext, func(t *testing.T) {
				golden(t, "sweep."+name+"."+ext, written(t, render, s))
			})
		}
	}
}

// At any width no line is wider, colour adds nothing but colour,
// no variant, verdict, evidence or column is lost, and the totals come
// last.
func TestSweepWidths(t *testing.T) {
	for name, s := range sweeps(t) {
		sheet := newSweepSheet(s)
		for _, width := range []int{0, 40, 50, 72, 80, 100, 120, 160, 200, 300} {
			out := string(written(t, sweepTable(doc.Options{Width: width}), s))
			colored := string(written(t, sweepTable(doc.Options{Width: width, Color: true}), s))
			if diff := cmp.Diff(out, text.StripEscape(colored)); diff != "" {
				t.Errorf("%s at %d: without its colours, the coloured table is another:\n%s", name, width, diff)
			}
			lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			if !endsWith(out, strings.Join(msgSweepTotals(s), separator), "") {
				t.Errorf("%s at %d: it does not end with its totals:\n%s", name, width, out)
			}
			for _, l := range lines {
				if width > 0 && text.StringWidth(l) > width {
					t.Errorf("%s at %d: %d columns: %q", name, width, text.StringWidth(l), l)
				}
			}
			words := strings.Join(strings.Fields(out), " ")
			for _, rw := range sheet.Rows {
				if !strings.Contains(words, rw.ID) {
					t.Errorf("%s at %d: %s is not told", name, width, rw.ID)
				}
				for _, c := range rw.Cells {
					if c.Cell != nil && !strings.Contains(words, string(c.Cell.Verdict)) {
						t.Errorf("%s at %d: %s: %s is not told", name, width, rw.ID, c.Cell.Verdict)
					}
				}
			}
			for _, c := range s.Columns {
				if c.Results == nil && !strings.Contains(words, "refused: "+c.Toolchain) && !strings.Contains(words, c.Toolchain+": "+c.Infra[:min(len(c.Infra), 20)]) {
					t.Errorf("%s at %d: nothing is told of %s", name, width, c.Toolchain)
				}
			}
			for _, e := range sheet.Evidence {
				if width != 40 && !strings.Contains(words, headOf(e)) {
					t.Errorf("%s at %d: no evidence of %s", name, width, e.Outcome)
				}
			}
		}
	}
}

func TestSweepMarkdownIsMail(t *testing.T) {
	for name, s := range sweeps(t) {
		for l := range strings.Lines(string(written(t, Form(Sweep, doc.MarkdownMail), s))) {
			if n := text.StringWidth(strings.TrimSuffix(l, "\n")); n > doc.MailWidth {
				t.Errorf("%s: %d columns: %q", name, n, l)
			}
		}
	}
}

func TestSweepSays(t *testing.T) {
	all := sweeps(t)
	for _, tt := range []struct {
		name  string
		width int
		want  []string // lines, but for the space at their ends
		none  []string
	}{
		{"same", 200, []string{"the same with all 4 toolchains", "= as in the column to its left"}, []string{"→", "≠"}},
		{"same", 80, []string{"sid-experimental: rustc 1.98.1 (LLVM 22.1.8), clang 21.1.8", "as predicted          ✓ 144/144"}, []string{"= as in"}},
		{"series", 80, []string{"(7 columns)"}, nil},
		{"unlike", 200, []string{
			"→ trixie-backports to sid: pie-large@module: rejected: 29 GOTPC64 before, now rejected: 42 REX_GOTPCRELX",
			"→ trixie-backports to sid: static-small@module: address-dependent: low loaded, high overflow 11 32S before, now loads",
			"refused: bookworm cannot build debian-6.12: rustc 1.63.0 is older than 1.78.0, which scripts/min-tool-version.sh asks for; the nearest that would: trixie",
			"rust-nightly:2026-11-21: toolchain rust-nightly:2026-11-21: the server does not answer; try again later",
		}, []string{"the same with"}},
		{"series", 200, []string{"→ 1.96.1 to 1.97.1: stock: rejected: 9 GOTPCREL before, now rejected: low unknown 42 REX_GOTPCRELX, high unknown 9 GOTPCREL"}, []string{"debian-rustc:"}},
		{"trees", 200, []string{"debian-6.12: the same with both toolchains"}, nil},
		{"onetoolchain", 200, []string{"→ debian-6.12 to debian-7.3: static-kernel@module: address-dependent: low loaded, high overflow 11 32S before, now loads"}, nil},
	} {
		out := string(written(t, sweepTable(doc.Options{Width: tt.width}), all[tt.name]))
		for _, want := range tt.want {
			found := false
			for l := range strings.Lines(out) {
				found = found || strings.Contains(l, want)
			}
			if !found {
				t.Errorf("%s at %d lacks %q:\n%s", tt.name, tt.width, want, out)
			}
		}
		for _, none := range tt.none {
			if strings.Contains(out, none) {
				t.Errorf("%s at %d says %q:\n%s", tt.name, tt.width, none, out)
			}
		}
	}
}

func TestSweepJSON(t *testing.T) {
	for name, s := range sweeps(t) {
		t.Run(name, func(t *testing.T) { roundTrip(t, result.SweepSchema, JSON, s) })
	}
	roundTrip(t, result.SweepSchema, JSON, &result.Sweep{Columns: []result.SweepColumn{{Tree: "t", Toolchain: "c", Refused: &result.Refusal{}}}})
}

func TestValidateSweepJSONRefuses(t *testing.T) {
	column := func(doc map[string]any, i int) map[string]any { return doc["columns"].([]any)[i].(map[string]any) }
	refuses(t, result.SweepSchema, written(t, JSON, unlikeSweep(t)), map[string]func(map[string]any){
		"another schema":              func(d map[string]any) { d["schema"] = result.Schema },
		"an unknown key":              func(d map[string]any) { d["colour"] = 1 },
		"a foreign exit":              func(d map[string]any) { d["exit"] = 4 },
		"null columns":                func(d map[string]any) { d["columns"] = nil },
		"a column of nothing":         func(d map[string]any) { delete(column(d, 0), "results") },
		"a column of two things":      func(d map[string]any) { column(d, 0)["infra"] = "down" },
		"an infra without a word":     func(d map[string]any) { column(d, 5)["infra"] = "" },
		"a column of no tree":         func(d map[string]any) { column(d, 0)["tree"] = "" },
		"a refusal without reasons":   func(d map[string]any) { delete(column(d, 4)["refused"].(map[string]any), "reasons") },
		"an unknown key, deep inside": func(d map[string]any) { column(d, 0)["results"].(map[string]any)["colour"] = 1 },
		"an unknown state":            func(d map[string]any) { d["totals"].(map[string]any)["states"].(map[string]any)["odd"] = 1 },
	})
}

func TestSweepJUnitAndKTAP(t *testing.T) {
	all := sweeps(t)
	for name, want := range map[string]struct {
		suites, skipped, failures, errors int
		ok                                bool
	}{
		"same":    {4, 0, 0, 0, true},
		"unlike":  {6, 1, 3, 1, false}, // two verdicts and a prediction; the column that was lost
		"refused": {4, 4, 0, 0, true},
		"trees":   {4, 1, 0, 0, true},
	} {
		s := all[name]
		doc := parseJUnit(t, bytes.NewReader(written(t, sweepJUnit, s)))
		skipped := 0
		for _, suite := range doc.Suites {
			skipped += suite.Skipped
		}
		if len(doc.Suites) != want.suites || skipped != want.skipped || doc.Failures != want.failures || doc.Errors != want.errors {
			t.Errorf("%s: %d suites, %d skipped, %d failures, %d errors; want %+v", name, len(doc.Suites), skipped, doc.Failures, doc.Errors, want)
		}
		root := sweepKTAP(t, s)
		if root.ok != want.ok || len(root.subtests) != want.suites {
			t.Errorf("%s: KTAP is ok=%v with %d subtests; want %+v", name, root.ok, len(root.subtests), want)
		}
		for i, c := range root.subtests {
			if skip := strings.HasPrefix(c.note, "SKIP "); skip != (s.Columns[i].Refused != nil) {
				t.Errorf("%s: %s: %q", name, c.name, c.note)
			}
		}
	}
}

func sweepKTAP(t testing.TB, s *result.Sweep) ktapNode {
	t.Helper()
	out := strings.TrimSuffix(string(written(t, sweepKTAPOf, s)), "\n")
	_, tests, rest, err := parseKTAP(strings.Split(out, "\n"), 0)
	if err != nil || len(rest) > 0 || len(tests) != 1 {
		t.Fatalf("%v; %d tests, left: %q\n%s", err, len(tests), rest, out)
	}
	return tests[0]
}

func TestSweepHTML(t *testing.T) {
	for name, s := range sweeps(t) {
		b := written(t, Form(Sweep, doc.HTML), s)
		showPage(t, "sweep."+name, b)
		for i := range s.Columns {
			if !bytes.Contains(b, fmt.Appendf(nil, `id="column-%d"`, i)) {
				t.Errorf("%s: column %d is not told", name, i)
			}
		}
	}
}

// Where a page has no room for them, neighbours that read alike are one column.
func TestSweepPage(t *testing.T) {
	for name, want := range map[string]int{"series": 2, "same": 4} {
		page := written(t, Form(Sweep, doc.HTML), sweeps(t)[name])
		_, head, _ := bytes.Cut(page, []byte(`<th scope="col">variant</th>`))
		head, _, _ = bytes.Cut(head, []byte("</tr>"))
		if n := bytes.Count(head, []byte(`<th scope="col">`)); n != want {
			t.Errorf("%s: %d heads, want %d: %s", name, n, want, head)
		}
	}
	for want, n := range map[string][2]int{
		"the same with all 7 toolchains": {7, 7}, "the same with all 6 that ran": {6, 7}, "the same with both that ran": {2, 3}, "the same with both toolchains": {2, 2},
	} {
		if got := msgSameEverywhere("", n[0], n[1], "toolchains"); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}

func TestSweepWriteErrors(t *testing.T) {
	for name, render := range sweepRenderers() {
		if render(fullDisk{}, readSweep(t)) == nil {
			t.Errorf("%s: a full disk went unnoticed", name)
		}
	}
}

func sweepRenderers() map[string]func(io.Writer, *result.Sweep) error {
	return map[string]func(io.Writer, *result.Sweep) error{
		"table": sweepTable(doc.Options{}), "markdown": Form(Sweep, doc.MarkdownMail), "html": Form(Sweep, doc.HTML), "json": JSON[result.Sweep], "junit": sweepJUnit, "ktap": sweepKTAPOf,
	}
}

// FuzzSweep puts foreign bytes wherever consoles, servers and names can put
// them, and holds that no format breaks.
func FuzzSweep(f *testing.F) {
	for _, s := range []string{
		"rust_print: Unknown rela relocation: 9", "\x1b[2J\x07", "]]>", "</pre><script>alert(1)</script>", "{{.}}", "# SKIP", "a:b", ":",
		"```\n# head", "a\r\nb\x00\xff\xfe\u202e\u2028", "", " ", "- - -", "1. one", "===", strings.Repeat("wide", 60), strings.Repeat("- words ", 30), "日本語 ≠ wide",
	} {
		f.Add(s, 80)
	}
	check, err := Validator(result.SweepSchema)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = min(max(width, 0), 300)
		sweep := spoiledSweep(s)
		out := string(written(t, sweepTable(doc.Options{Width: width}), sweep))
		for _, c := range out {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Fatalf("%q in the table", c)
			}
		}
		if !endsWith(out, strings.Join(msgSweepTotals(sweep), separator), "") {
			t.Fatalf("the table does not end with its totals:\n%s", out)
		}
		if err := check(written(t, JSON, sweep)); err != nil {
			t.Fatal(err)
		}
		checkPage(t, written(t, Form(Sweep, doc.HTML), sweep))
		if doc := parseJUnit(t, bytes.NewReader(written(t, sweepJUnit, sweep))); len(doc.Suites) != len(sweep.Columns) {
			t.Fatalf("%d suites", len(doc.Suites))
		}
		if root := sweepKTAP(t, sweep); root.ok || len(root.subtests) != len(sweep.Columns) {
			t.Fatalf("KTAP ok=%v with %d subtests", root.ok, len(root.subtests))
		}
		// Nothing of what is quoted ends the block that it is quoted in.
		open, blocks := "", 0
		for l := range strings.Lines(string(written(t, Form(Sweep, doc.MarkdownMail), sweep))) {
			l = strings.TrimSpace(l)
			switch isFence := len(l) >= 3 && strings.Trim(l, "`") == ""; {
			case isFence && open == "":
				open = l
				blocks++
			case isFence && len(l) >= len(open):
				open = ""
			}
		}
		if open != "" || blocks < 2 || blocks > 3 { // table, evidence, and the command if there is one
			t.Fatalf("%d blocks, open: %q\n%s", blocks, open, written(t, Form(Sweep, doc.MarkdownMail), sweep))
		}
	})
}

func spoiledSweep(s string) *result.Sweep {
	name := "x" + s // names are never empty: they were asked for
	sweep := &result.Sweep{Command: s, Scenario: result.Scenario{Name: s, Title: s, Digest: s}}
	for i := range 3 {
		r := spoiled(s)
		r.Infra, r.Controls = "", nil
		distinct(r)
		if i == 2 {
			r.Cells[0].Placements[0].Runs[0].Modules[0].Outcome = outcome.Outcome{Kind: outcome.Loaded, Evidence: s}
		}
		sweep.Columns = append(sweep.Columns, result.SweepColumn{Tree: name, Toolchain: fmt.Sprintf("%s:%d", name, i), Results: r})
	}
	sweep.Columns = append(sweep.Columns, result.SweepColumn{Tree: name + "2", Toolchain: name, Refused: &result.Refusal{Reasons: []string{s}, Nearest: s}},
		result.SweepColumn{Tree: name + "2", Toolchain: name, Infra: name}, result.SweepColumn{Tree: name + "2", Toolchain: name + "3", Results: spoiled(s)})
	distinct(sweep.Columns[5].Results)
	return summed(sweep)
}

// distinct gives the cells names that differ, as those of a plan do.
func distinct(r *result.Results) {
	for i := range r.Cells {
		r.Cells[i].ID += fmt.Sprint(i)
	}
}
