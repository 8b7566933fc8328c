package report

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

func TestVerificationJSON(t *testing.T) {
	for name, v := range verifications() {
		t.Run(name, func(t *testing.T) {
			back := roundTrip(t, result.VerificationSchema, JSON, v)
			want := v.Pairs[0].After.Cells[0].Placements
			if diff := cmp.Diff(want, back.Pairs[0].After.Cells[0].Placements); len(want) > 0 && diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
		})
	}
	roundTrip(t, result.VerificationSchema, JSON,
		&result.Verification{Conclusion: result.NoConclusion, Exit: 3, Pairs: []result.Pair{{}}, Findings: []result.Finding{{Tool: "t"}}})
}

func TestValidateVerificationJSONRefuses(t *testing.T) {
	pair := func(doc map[string]any) map[string]any { return doc["pairs"].([]any)[0].(map[string]any) }
	patch := func(doc map[string]any) map[string]any { return doc["patches"].([]any)[0].(map[string]any) }
	refuses(t, result.VerificationSchema, written(t, JSON, verifications()["fixed"]), map[string]func(map[string]any){
		"another schema":              func(d map[string]any) { d["schema"] = result.Schema },
		"an unknown key":              func(d map[string]any) { d["colour"] = 1 },
		"an unknown conclusion":       func(d map[string]any) { d["conclusion"] = "perhaps" },
		"no conclusion":               func(d map[string]any) { delete(d, "conclusion") },
		"null patches":                func(d map[string]any) { d["patches"] = nil },
		"success of what is no fix":   func(d map[string]any) { d["conclusion"] = "partly-fixed" },
		"a foreign exit":              func(d map[string]any) { d["exit"] = 4 },
		"no side after":               func(d map[string]any) { delete(pair(d), "after") },
		"a null side":                 func(d map[string]any) { pair(d)["before"] = nil },
		"a side that is no result":    func(d map[string]any) { pair(d)["before"].(map[string]any)["cells"] = 1 },
		"an unknown key, deep inside": func(d map[string]any) { pair(d)["after"].(map[string]any)["colour"] = 1 },
		"an abbreviated patch-id":     func(d map[string]any) { patch(d)["patch_id"] = "0123456789ab" },
		"a finding of nobody": func(d map[string]any) {
			d["findings"].([]any)[0].(map[string]any)["tool"] = ""
		},
	})
	for _, s := range []string{"", "{", "[]", `{"schema":"umlab.verification/v1"}`} {
		if published(result.VerificationSchema, []byte(s)) == nil {
			t.Errorf("%q is valid", s)
		}
	}
}

func TestVerificationJUnit(t *testing.T) {
	for name, want := range map[string][3]int{ // tests, failures, errors
		"fixed":          {1 + 2*6, 0, 0},
		"partly-fixed":   {1 + 6, 1 + 3, 0},
		"not-fixed":      {1 + 6, 1 + 6, 0},
		"no-effect":      {1 + 6, 1 + 6, 0},
		"regressed":      {1 + 6, 1 + 1, 0},
		"build-failed":   {1 + 6, 1 + 6, 0},
		"not-reproduced": {1 + 6, 1, 0},
		"infra":          {1 + 6, 0, 1 + 2},
	} {
		doc := parseJUnit(t, bytes.NewReader(written(t, verificationJUnit, verifications()[name])))
		if got := [3]int{doc.Tests, doc.Failures, doc.Errors}; got != want {
			t.Errorf("%s: %v tests, failures, errors; want %v", name, got, want)
		}
	}
}

// A build that failed fails, whether something was booted beside it or not.
func TestVerificationJUnitOfABuild(t *testing.T) {
	for kind, want := range map[outcome.Kind][2]int{outcome.BuildFailed: {1, 0}, outcome.ConfigDropped: {0, 1}, outcome.Infra: {0, 1}} {
		v := verifications()["build-failed"]
		for _, side := range []*result.Results{v.Pairs[0].Before, v.Pairs[0].After} {
			side.Cells = []result.Cell{{ID: stock, Build: result.Build{Outcome: &outcome.Outcome{Kind: kind, Evidence: "error: it is so"}}}}
		}
		v.Conclusion = result.Fixed // whatever else is said
		doc := parseJUnit(t, bytes.NewReader(written(t, verificationJUnit, v)))
		if got := [2]int{doc.Failures, doc.Errors}; got != want {
			t.Errorf("%s: %v failures, errors; want %v", kind, got, want)
		}
	}
}

func TestVerificationHTML(t *testing.T) {
	for name, v := range verifications() {
		b := written(t, verificationPage, v)
		showPage(t, "verify."+name, b)
		if !bytes.Contains(b, []byte(v.Patches[0].PatchID)) || !bytes.Contains(b, []byte(v.Conclusion)) {
			t.Errorf("%s: the page lacks patch-id or conclusion", name)
		}
	}
}

func TestVerificationWriteErrors(t *testing.T) {
	for name, render := range verificationRenderers() {
		if render(fullDisk{}, verifications()["fixed"]) == nil {
			t.Errorf("%s: a full disk went unnoticed", name)
		}
	}
}

var (
	verificationMail     = Form(Verification, doc.Mail)
	verificationMarkdown = Form(Verification, doc.Markdown)
	verificationPage     = Form(Verification, doc.HTML)
)

func verificationRenderers() map[string]func(io.Writer, *result.Verification) error {
	return map[string]func(io.Writer, *result.Verification) error{
		"text": verificationMail, "markdown": verificationMarkdown, "html": verificationPage, "json": JSON[result.Verification], "junit": verificationJUnit,
	}
}

// FuzzVerification puts foreign bytes where patches, consoles, checkers and
// users can put them, and holds that no format breaks.
func FuzzVerification(f *testing.F) {
	for _, s := range []string{
		"rust_print: Unknown rela relocation: 9", "\nTested-by: Nobody <n@example.org>", "\x1b[2J\x07", "]]>", "</pre><script>alert(1)</script>", "{{.}}",
		"| a | b |\n", "`````", "a\r\nb\x00\xff\xfe\u202e\u2028", "'", `"\`, "", " ", "           leading", "日本語 ≠ wide 日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語",
		strings.Repeat("wide", 60), strings.Repeat("many words ", 30), "From nobody", "---",
	} {
		f.Add(s)
	}
	check, err := Validator(result.VerificationSchema)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := spoiledVerification(s)
		narrow(t, v, string(written(t, verificationMail, v)))
		checkPage(t, written(t, verificationPage, v))
		doc := parseJUnit(t, bytes.NewReader(written(t, verificationJUnit, v)))
		if len(doc.Suites) != 1+len(v.Pairs) {
			t.Fatalf("%d suites", len(doc.Suites))
		}
		rows := 0
		ofStock, others := contrastBlocks(sides(v))
		for l := range strings.SplitSeq(string(written(t, verificationMarkdown, v)), "\n") {
			if strings.HasPrefix(l, "| ") {
				rows++
			}
		}
		want := 0
		for _, list := range [][]block{ofStock, others} {
			for _, b := range list {
				want += 2 + len(b.Rows)
			}
		}
		if rows != want {
			t.Fatalf("%d rows of Markdown, want %d", rows, want)
		}
		for i := range v.Patches {
			v.Patches[i].PatchID = "" // git's own words
		}
		if err := check(written(t, JSON, v)); err != nil {
			t.Fatal(err)
		}
	})
}

func spoiledVerification(s string) *result.Verification {
	v := &result.Verification{Conclusion: result.Fixed, Reason: s, Untested: []string{s}, Notes: []string{s}, TestedBy: s, Command: s,
		Patches:  []result.Patch{{Subject: s, From: s, PatchID: s, Digest: s}, {}},
		Findings: []result.Finding{{Tool: "x" + s, Lines: []string{s}, Failed: "x" + s}, {Tool: "y" + s}}}
	for range 2 {
		p := result.Pair{Before: spoiled(s), After: spoiled(s)}
		p.After.Cells[0].Thresholds = []result.Threshold{{Modules: []string{"x" + s}, Mem: s, Base: "0x0", Before: loaded(s), After: overflow(11)(s)}}
		p.Before.Cells[1].ID, p.After.Cells[1].ID = stock, stock
		v.Pairs = append(v.Pairs, p)
	}
	return v
}
