package report

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Every conclusion has a fixture that is judged so, and its files.
func TestVerificationGolden(t *testing.T) {
	all := verifications()
	for _, c := range result.Conclusions() {
		v := all[string(c)]
		if v == nil || v.Conclusion != c {
			t.Fatalf("no fixture is %s", c)
		}
		t.Run(string(c), func(t *testing.T) {
			golden(t, "verify."+string(c)+".txt", written(t, verificationMail, v))
			if c == result.PartlyFixed || c == result.Fixed {
				golden(t, "verify."+string(c)+".md", written(t, verificationMarkdown, v))
				golden(t, "verify."+string(c)+".xml", written(t, verificationJUnit, v))
			}
		})
	}
}

// narrow holds what a mail must be: no line is wider than 72 columns, ends in
// space or holds what is not printed, and only one that was tested says so.
func narrow(t testing.TB, v *result.Verification, mail string) {
	t.Helper()
	tested := 0
	for l := range strings.SplitSeq(mail, "\n") {
		// git reads a trailer up to the end of its line, so that one is never folded.
		if n := text.StringWidth(l); n > 72 && !strings.HasPrefix(l, "Tested-by:") || strings.TrimRight(l, " ") != l {
			t.Errorf("%d columns: %q", n, l)
		}
		if strings.HasPrefix(l, "Tested-by:") {
			tested++
		}
		for _, r := range l {
			if !unicode.IsPrint(r) {
				t.Errorf("%q in %q", r, l)
			}
		}
	}
	want := 0
	if v.Conclusion == result.Fixed && legible(v.TestedBy) != "" {
		want = 1
	}
	if tested != want {
		t.Errorf("%d lines say Tested-by, want %d:\n%s", tested, want, mail)
	}
}

// words is s without what its width makes of it.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestVerificationTextSays(t *testing.T) {
	for name, v := range verifications() {
		mail := string(written(t, verificationMail, v))
		narrow(t, v, mail)
		_, after, found := strings.Cut(mail, "\nConclusion\n")
		if !found || !strings.Contains(words(after), words(string(v.Conclusion)+": "+doc.Clean(v.Reason))) {
			t.Errorf("%s: the conclusion is not told:\n%s", name, mail)
		}
		for _, f := range v.Findings {
			if !strings.Contains(after, "  "+f.Tool+":\n") {
				t.Errorf("%s: %s does not stand below the conclusion", name, f.Tool)
			}
		}
		full := []string{strings.TrimPrefix(v.Pairs[0].Before.Tree.Digest, "sha256:")}
		for _, p := range v.Patches {
			full = append(full, p.PatchID, strings.TrimPrefix(p.Digest, "sha256:"))
		}
		for _, d := range full {
			if !strings.Contains(mail, d) {
				t.Errorf("%s: %s does not stand in full", name, d)
			}
		}
	}
	mail := string(written(t, verificationMail, verifications()["regressed"]))
	if i, j := strings.Index(mail, "!! "+msgDisagree+" !!"), strings.Index(mail, "\n  placement"); i < 0 || i > j {
		t.Errorf("the disagreement is not the headline:\n%s", mail)
	}
	v := verifications()["fixed"]
	v.TestedBy = ""
	narrow(t, v, string(written(t, verificationMail, v)))
}

// Rows that agree share one, and only those.
func TestVerificationBlocks(t *testing.T) {
	split := func(m string) outcome.Outcome {
		if m == "rust_print" {
			return unknown(9)(m)
		}
		return loaded(m)
	}
	one := func(toolchain string, s ...show) *result.Results { return trialSide(toolchain, false, s...) }
	for _, tt := range []struct {
		name  string
		pairs []result.Pair
		want  []string // heading, then the rows
	}{
		{"toolchains agree", []result.Pair{{Before: one("a", unknown(9)), After: one("a", loaded)}, {Before: one("b", unknown(9)), After: one("b", loaded)}},
			[]string{"a, b: stock", "low (64M)||unknown 9 GOTPCREL|loaded"}},
		{"toolchains differ", []result.Pair{{Before: one("a", unknown(9)), After: one("a", loaded)}, {Before: one("b", unknown(9)), After: one("b", unknown(29))}},
			[]string{"a: stock", "low (64M)||unknown 9 GOTPCREL|loaded", "b: stock", "low (64M)||unknown 9 GOTPCREL|unknown 29 GOTPC64"}},
		{"modules differ after", []result.Pair{{Before: one("a", unknown(9)), After: one("a", split)}},
			[]string{"a: stock", "low (64M)|rust_minimal|unknown 9 GOTPCREL|loaded", "low (64M)|rust_print|unknown 9 GOTPCREL|unknown 9 GOTPCREL"}},
		{"a placement only after", []result.Pair{{Before: one("a", unknown(9)), After: one("a", loaded, loaded)}},
			[]string{"a: stock", "low (64M)||unknown 9 GOTPCREL|loaded", "high (1G)||not run|loaded"}},
		{"one side is missing", []result.Pair{{Before: one("a", unknown(9))}}, []string{"a: stock", "low (64M)||unknown 9 GOTPCREL|not run"}},
	} {
		var got []string
		ofStock, _ := contrastBlocks(sides(&result.Verification{Pairs: tt.pairs}))
		for _, b := range ofStock {
			got = append(got, b.title())
			for _, c := range b.Rows {
				got = append(got, strings.Join([]string{c.Placement, strings.Join(c.Modules, ", "), briefly(c.Before), briefly(c.After)}, "|"))
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A module that only one side tried is not run on the other, even where that
// side has one result for all that it tried.
func TestVerificationOfAnotherModule(t *testing.T) {
	v := verifications()["fixed"]
	for _, p := range v.Pairs {
		run := &p.Before.Cells[0].Placements[0].Runs[0]
		run.Modules = run.Modules[:1]
	}
	ofStock, _ := contrastBlocks(sides(v))
	row := ofStock[0].Rows[1]
	if !slices.Equal(row.Modules, []string{"rust_print"}) || briefly(row.Before) != msgNoRun || briefly(row.After) != "loaded" {
		t.Errorf("%s: %s, then %s", row.Modules, briefly(row.Before), briefly(row.After))
	}
}

func TestVerificationLimits(t *testing.T) {
	c := result.Cell{ID: "stock"}
	limit := result.Threshold{Modules: []string{"m"}, Mem: "504M", Base: "0x80000000", Before: loaded("m"), After: overflow(11)("m")}
	for want, change := range map[string]func(*result.Threshold){
		"computed, not booted":              func(*result.Threshold) {},
		"confirmed by boots":                func(l *result.Threshold) { l.Probes, l.Holds = []result.Placement{{Runs: []result.Run{{}}}}, true },
		"THE BOOTS WENT OTHERWISE":          func(l *result.Threshold) { l.Probes = []result.Placement{{Runs: []result.Run{{}}}} },
		"stock fails from mem=504M on (m),": func(*result.Threshold) {},
	} {
		l := limit
		change(&l)
		if got := msgLimit(c, l); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
