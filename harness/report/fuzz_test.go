package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"umlab/harness/conclude"
	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// FuzzForeign puts foreign bytes wherever consoles, file names and scenarios
// can put them, and holds that no format breaks: the table stays printable, the
// others stay parseable and say as many things as before.
func FuzzForeign(f *testing.F) {
	for _, s := range []string{
		"rust_print: Unknown rela relocation: 9", "\x1b[2J\x1b]0;title\x07", "]]>", "</code><script>alert(1)</script>", "{{.}}",
		"not ok 1 - x\n1..0", "# SKIP", "| a | b |\n", "`````", "a\r\nb\x00\xff\xfe\u202e\u2028", "Kernel panic - not syncing: VFS: x",
		"reboot: System halted", "", " ", "\"><a href=javascript:x>", "   leading", "KTAP version 1", "日本語 ≠ wide",
	} {
		f.Add(s, 60)
	}
	check, err := Validator(result.SchemaV2)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = min(max(width, 0), 300)
		r := spoiled(s)
		table := render(t, r, doc.Options{Width: width})
		for _, c := range table {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Fatalf("%q in the table", c)
			}
		}
		if !endsWith(table, strings.Join(msgTotals(r), separator), r.Next) {
			t.Fatalf("the table does not end with its totals:\n%s", table)
		}
		if err := check(marshal(t, r)); err != nil {
			t.Fatal(err)
		}
		root, suites := readKTAP(t, r), readJUnit(t, r)
		if root.ok || len(root.subtests) != len(r.Cells)+1 || len(suites.Suites) != len(r.Cells)+1 {
			t.Fatalf("KTAP ok=%v with %d subtests, %d suites, %d cells", root.ok, len(root.subtests), len(suites.Suites), len(r.Cells))
		}
		for _, end := range []string{"List of all partitions:", "Kernel panic - not syncing: VFS:", "reboot: System halted"} {
			var b bytes.Buffer
			if err := matrixKTAP(&b, r); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), end) {
				t.Fatalf("kunit.py would stop at %q", end)
			}
		}
		var page, text bytes.Buffer
		if err := doc.HTML(&page, Matrix(r)); err != nil {
			t.Fatal(err)
		}
		checkPage(t, page.Bytes())
		if err := doc.Markdown(&text, Matrix(r)); err != nil {
			t.Fatal(err)
		}
		rows := 0
		for l := range strings.SplitSeq(text.String(), "\n") {
			if strings.HasPrefix(l, "| ") {
				rows++
			}
		}
		if want := len(r.Cells) + 2; rows != want {
			t.Fatalf("%d rows of Markdown, want %d:\n%s", rows, want, text.String())
		}
	})
}

// spoiled is trouble with s in every text that is not of a closed list.
func spoiled(s string) *result.Results {
	r := trouble()
	name := "x" + s // names are never empty: the scenario is checked before
	r.Scenario.Name, r.Scenario.Title, r.Command = s, s, s
	r.Tree = result.Tree{Name: s, Version: s, Package: s, Digest: s, Patches: []string{s}}
	r.Toolchain.Name, r.Toolchain.Digest = s, s
	r.Toolchain.Identity = map[string]string{"rustc": s, "rustc-llvm": s, "gcc": s, s: s}
	r.Config = result.Config{Digest: s, Fragments: []string{s}, Resolved: s}
	r.Notes, r.Infra = []string{s}, name
	r.Controls = []result.Control{{Name: s, Cell: s, Want: s, Got: s}}
	spoil := func(o *outcome.Outcome) {
		if o != nil {
			o.Evidence, o.Detail = s, s
		}
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		c.ID, c.Reason, c.Expected = name, s, s
		c.Build.Flags, c.Build.Command, c.Build.Log = []string{s}, s, s
		c.Build.Effective, c.Build.Signature = map[string][]string{s: {s}}, map[string]string{s: s}
		spoil(c.Build.Outcome)
		for j := range c.Placements {
			p := &c.Placements[j]
			p.Runs = p.Runs[:min(len(p.Runs), 2)]
			p.Name, p.Mem = name+string(rune('a'+j)), s
			for k := range p.Runs {
				run := &p.Runs[k]
				run.Command, run.Transcript, run.Kernel = s, s, s
				for m := range run.Modules {
					spoil(&run.Modules[m].Outcome)
					spoil(run.Modules[m].Predicted)
					run.Modules[m].Name = name + string(rune('0'+m))
				}
			}
		}
	}
	r.Totals = conclude.Totals(r.Cells)
	return r
}
