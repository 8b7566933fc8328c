package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/conclude"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// nights are what can become of a night.
func nights() map[string]*result.Nightly {
	at := time.Date(2026, 11, 23, 3, 17, 0, 0, time.UTC)
	base := func(versions ...string) *result.Nightly {
		n := &result.Nightly{
			Date: "2026-11-23", Command: "go tool mage nightly -series=debian-rustc", Started: at, Seconds: 4.2, Series: "debian-rustc", Varies: "rustc",
			Scenario: matrix().Scenario, Tree: "debian-6.12",
			Sweep: &result.Sweep{Command: "go tool mage nightly -series=debian-rustc", Started: at, Seconds: 3.9, Scenario: matrix().Scenario},
		}
		for i, v := range versions {
			name := "debian-rustc:" + v
			n.Members = append(n.Members, result.NightlyMember{Name: name, Version: v, Detail: "rustc " + v + "+dfsg1-1 (sid)", New: i == len(versions)-1})
			r := matrix()
			r.Cells = r.Cells[:5]
			r.Toolchain.Name = name
			r.Toolchain.Identity["rustc"] = v
			judge(r)
			n.Sweep.Columns = append(n.Sweep.Columns, result.SweepColumn{Tree: "debian-6.12", Toolchain: name, Results: r})
		}
		return n
	}
	sum := func(n *result.Nightly) *result.Nightly {
		if n.Sweep != nil {
			n.Sweep.Totals, n.Sweep.Exit = conclude.Sweep(n.Sweep.Columns)
		}
		n.Exit = conclude.Night(n)
		return n
	}
	unchanged := base("1.85.1", "1.96.1", "1.97.1")
	for i := range unchanged.Members {
		unchanged.Members[i].New = false
	}

	changed := base("1.85.1", "1.96.1", "1.97.1", "1.98.1")
	stays := result.NightlyPoint{Toolchain: "debian-rustc:1.97.1", When: at.Add(-24 * time.Hour), Verdict: result.Rejected,
		Seen: "relocation-unknown 9 GOTPCREL", Evidence: []string{"subarch: rust_print: Unknown rela relocation: 9"}}
	loads := result.NightlyPoint{Toolchain: "debian-rustc:1.98.1", When: at, Verdict: result.Loads, Seen: "loaded",
		Evidence: []string{"rust_print 12288 0 - Live 0x0000000062804000"}}
	other := loads
	other.Verdict, other.Seen, other.Evidence = result.Rejected, "relocation-unknown 41 GOTPCRELX", nil
	replaced := stays
	replaced.Verdict, replaced.Seen = result.Broken, "oops"
	replaced.When = at
	changed.Changes = []result.NightlyChange{
		{Cell: "stock", From: stays, To: loads}, {Cell: "pie-small@module", From: stays, To: loads},
		{Cell: "pie-large@module", From: stays, To: other}, {Cell: "static-small@module", From: stays, To: replaced},
	}
	changed.Bisections = []result.Bisection{{
		Schema: result.BisectionSchema, Command: "go tool mage bisect debian-rustc:1.97.1 debian-rustc:1.98.1", Started: at, Axis: result.AxisToolchain,
		Series: "debian-rustc", Tree: "debian-6.12", Target: "stock:low:rust_print", Good: "debian-rustc:1.97.1", Bad: "debian-rustc:1.98.1",
		Conclusion: result.BisectedTo, Reason: "neighbours in the series", Probed: 2, Bound: 2,
		LastGood: &result.Boundary{Name: "debian-rustc:1.97.1"}, FirstBad: &result.Boundary{Name: "debian-rustc:1.98.1"},
	}}
	changed.Notes = []string{"sid: InRelease expired on 2026-11-06"}

	lost := base("1.96.1", "1.97.1")
	lost.Sweep.Columns[1].Results, lost.Sweep.Columns[1].Infra = nil, "fetch rustc: no route to host"
	refused := base("1.63.0", "1.97.1")
	refused.Sweep.Columns[0].Results = nil
	refused.Sweep.Columns[0].Refused = &result.Refusal{Reasons: []string{"rustc 1.63.0 is older than 1.78.0, which the tree asks for"}, Nearest: "debian-rustc:1.97.1"}
	void := base()
	void.Members, void.Sweep, void.Infra = nil, nil, "series debian-rustc: Get \"http://mirror.test/\": no route to host\nset UMLAB_DEBIAN_MIRROR"
	idle := base("1.85.1", "1.97.1")
	idle.Sweep = nil
	idle.Members[1].New = false
	return map[string]*result.Nightly{
		"unchanged": sum(unchanged), "changed": sum(changed), "lost": sum(lost), "refused": sum(refused), "void": sum(void), "idle": sum(idle),
	}
}

func TestNightlyNews(t *testing.T) {
	all := nights()
	for name, want := range map[string]struct {
		news string
		exit int
	}{
		"unchanged": {"unchanged: 3 toolchains, newest rustc 1.97.1", 0},
		"changed":   {"changed: stock, pie-small@module: rejected → loads between 1.97.1 and 1.98.1; and 2 more changes", 1},
		"lost":      {"infrastructure: nothing changed where something was proved: 2 toolchains, 1 of them new, newest rustc 1.97.1", 3},
		"refused":   {"unchanged: 2 toolchains, 1 of them new, newest rustc 1.97.1", 0},
		"void":      {`infrastructure: this night proves nothing: no route to host`, 3},
		"idle":      {"unchanged: 2 toolchains, newest rustc 1.97.1", 0},
	} {
		n := all[name]
		if got := msgNews(n); !strings.HasPrefix(got, want.news) || n.Exit != want.exit {
			t.Errorf("%s: exit %d, %q; want %d, %q", name, n.Exit, got, want.exit, want.news)
		}
		for form, render := range map[string]func(io.Writer, *result.Nightly) error{
			"text":     Form(Nightly, onTerminal(doc.Options{Width: 60})),
			"markdown": Form(Nightly, doc.MarkdownMail),
		} {
			first, _, _ := strings.Cut(string(written(t, render, n)), "\n")
			if first = strings.NewReplacer("# ", "", `\`, "").Replace(first); first != msgNews(n) {
				t.Errorf("%s: the first line of %s is %q, not the news", name, form, first)
			}
		}
	}
	if len(all) != 6 {
		t.Errorf("%d nights, of which some are not looked at", len(all))
	}
}

// A first line has room for the cause, not for where it came from; the reason
// stands once, below.
func TestNightlyCause(t *testing.T) {
	for infra, want := range map[string]string{
		"get x: dial: no such host; set Y": "no such host", "no disk": "no disk", "a: b\nc: d": "b", "": "",
		"x: " + strings.Repeat("long ", 20): "",
	} {
		if got := msgCause(infra); got != want {
			t.Errorf("%q: %q, want %q", infra, got, want)
		}
	}
	void := nights()["void"]
	for form, render := range map[string]func(io.Writer, *result.Nightly) error{
		"text": Form(Nightly, onTerminal(doc.Options{})), "markdown": Form(Nightly, doc.MarkdownMail), "html": Form(Nightly, doc.HTML),
	} {
		out := strings.Join(strings.Fields(string(written(t, render, void))), " ")
		if strings.Count(out, "set UMLAB_DEBIAN_MIRROR") != 1 || strings.Contains(out, msgTonight) {
			t.Errorf("%s:\n%s", form, out)
		}
	}
}

// The case that holds the news says what kind of news it is.
func TestNightlyCaseNames(t *testing.T) {
	for name, n := range nights() {
		want := "news"
		if name == "void" || name == "lost" {
			want = "infrastructure"
		}
		if got := parseJUnit(t, bytes.NewReader(written(t, nightlyJUnit, n))).Suites[0].Testcases[0].Name; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// What stays in words is told by what was seen, and a toolchain that was
// replaced by when.
func TestNightlyWords(t *testing.T) {
	groups := changeGroups(nights()["changed"])
	if len(groups) != 3 {
		t.Fatalf("%d groups", len(groups))
	}
	for i, want := range []string{
		"stock, pie-small@module: rejected → loads between 1.97.1 and 1.98.1",
		"pie-large@module: relocation-unknown 9 GOTPCREL → relocation-unknown 41 GOTPCRELX between 1.97.1 and 1.98.1",
		"static-small@module: rejected → broken with 1.97.1 since 2026-11-22",
	} {
		if got := groups[i].news(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNightlyGolden(t *testing.T) {
	for _, name := range []string{"changed", "unchanged", "void", "refused", "idle"} {
		n := nights()[name]
		golden(t, "nightly."+name+".txt", written(t, Form(Nightly, onTerminal(doc.Options{Width: 100})), n))
		golden(t, "nightly."+name+".md", written(t, Form(Nightly, doc.MarkdownMail), n))
	}
	golden(t, "nightly.changed.xml", written(t, nightlyJUnit, nights()["changed"]))
	golden(t, "nightly.changed.ktap", written(t, nightlyKTAP, nights()["changed"]))
}

func TestNightlyJSON(t *testing.T) {
	all := nights()
	all["zero"] = &result.Nightly{Date: "2026-11-23", Bisections: []result.Bisection{{Conclusion: result.NotBisected, Axis: result.AxisToolchain}}}
	for name, n := range all {
		t.Run(name, func(t *testing.T) { roundTrip(t, result.NightlySchema, JSON, n) })
	}
	refuses(t, result.NightlySchema, written(t, JSON, nights()["changed"]), map[string]func(map[string]any){
		"another schema":        func(d map[string]any) { d["schema"] = result.SweepSchema },
		"a date of words":       func(d map[string]any) { d["date"] = "yesterday" },
		"null changes":          func(d map[string]any) { d["changes"] = nil },
		"changed, and exit 0":   func(d map[string]any) { d["exit"] = 0 },
		"exit 1 without change": func(d map[string]any) { d["changes"] = []any{} },
		"infra, and exit 1":     func(d map[string]any) { d["infra"] = "x" },
		"a usage error":         func(d map[string]any) { d["exit"] = 2 },
		"a sweep of nothing":    func(d map[string]any) { d["sweep"] = map[string]any{} },
		"a bisection of words":  func(d map[string]any) { d["bisections"] = []any{"found"} },
		"an unknown verdict": func(d map[string]any) {
			d["changes"].([]any)[0].(map[string]any)["to"].(map[string]any)["verdict"] = "guilty"
		},
	})
}

// What a machine counts: each change is a failure, each toolchain that proves
// nothing an error, and a night without news has neither.
func TestNightlyCounts(t *testing.T) {
	for name, want := range map[string][2]int{ // failures, errors
		"unchanged": {0, 0}, "idle": {0, 0}, "refused": {0, 0}, "changed": {4, 0}, "lost": {0, 1}, "void": {0, 1},
	} {
		n := nights()[name]
		doc := parseJUnit(t, bytes.NewReader(written(t, nightlyJUnit, n)))
		if got := [2]int{doc.Failures, doc.Errors}; got != want {
			t.Errorf("%s: %v failures and errors, want %v", name, got, want)
		}
		ktap := string(written(t, nightlyKTAP, n))
		if good := strings.HasSuffix(ktap, "\nok 1 Nightly 2026-11-23: debian-rustc\n"); good != (n.Exit == 0) {
			t.Errorf("%s: exit %d, and KTAP ends in %q", name, n.Exit, ktap[max(0, len(ktap)-60):])
		}
	}
}

func TestNightlyHTML(t *testing.T) {
	for name, n := range nights() {
		b := written(t, Form(Nightly, doc.HTML), n)
		showPage(t, "nightly."+name, b)
		for _, c := range n.Changes {
			for _, e := range append(c.From.Evidence, c.To.Evidence...) {
				if !bytes.Contains(b, []byte(e)) {
					t.Errorf("%s: the page does not show %q", name, e)
				}
			}
		}
	}
}

func TestNightlyChanges(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	got := conclude.NightlyChanges([]result.HistoryChange{{
		Axis: result.AlongToolchains, Cell: "stock",
		From: result.HistoryPoint{When: at, Toolchain: result.HistoryColumn{Toolchain: "s:1"}, Verdict: result.Rejected},
		To:   result.HistoryPoint{When: at, Toolchain: result.HistoryColumn{Toolchain: "s:2"}, Verdict: result.Loads},
		Differences: []result.Difference{
			{Module: "a", From: []result.SeenOutcome{{Text: "oops", Evidence: "BUG"}}, To: []result.SeenOutcome{{Text: "loaded", Evidence: "a Live"}}},
			{Module: "b", From: []result.SeenOutcome{{Text: "oops", Evidence: "BUG"}, {Text: "timeout boot"}}, To: []result.SeenOutcome{{Text: "loaded", Evidence: "b Live"}}},
		},
	}})
	want := []result.NightlyChange{{Cell: "stock",
		From: result.NightlyPoint{Toolchain: "s:1", When: at, Verdict: result.Rejected, Seen: "oops or timeout boot", Evidence: []string{"BUG"}},
		To:   result.NightlyPoint{Toolchain: "s:2", When: at, Verdict: result.Loads, Seen: "loaded", Evidence: []string{"a Live", "b Live"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNightlyWriteErrors(t *testing.T) {
	for name, render := range map[string]func(io.Writer, *result.Nightly) error{
		"text":     Form(Nightly, onTerminal(doc.Options{})),
		"markdown": Form(Nightly, doc.MarkdownMail), "html": Form(Nightly, doc.HTML), "json": JSON[result.Nightly], "junit": nightlyJUnit, "ktap": nightlyKTAP,
	} {
		if err := render(fullDisk{}, nights()["changed"]); err == nil {
			t.Errorf("%s: a full disk went unnoticed", name)
		}
	}
}

// FuzzNightly puts foreign bytes where consoles, mirrors and names can put them,
// and holds that no format breaks.
func FuzzNightly(f *testing.F) {
	for _, s := range []string{"x", "\x1b[2J", "a\nb", "]]>", "</pre><script>alert(1)</script>", "{{.}}", "1..0 # SKIP", "```\n# x", "\xff\x00\u202e", "", " ", "::error::"} {
		f.Add(s)
	}
	check, err := Validator(result.NightlySchema)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := nights()["changed"]
		r := spoiled(s)
		for i := range r.Cells {
			r.Cells[i].ID += fmt.Sprint(i) // no scenario has a variant twice
		}
		n.Sweep.Columns[0].Results, n.Sweep.Scenario, n.Sweep.Command = r, r.Scenario, s
		n.Sweep.Columns[1].Results, n.Sweep.Columns[1].Infra = nil, "x"+s
		n.Command, n.Series, n.Varies, n.Scenario, n.Tree, n.Notes = s, s, s, r.Scenario, s, []string{s}
		for i := range n.Members {
			n.Members[i].Name, n.Members[i].Version, n.Members[i].Detail = s, s, s
		}
		for i := range n.Changes {
			c := &n.Changes[i]
			c.Cell = fmt.Sprint("x", s, i)
			for _, p := range []*result.NightlyPoint{&c.From, &c.To} {
				p.Toolchain, p.Seen, p.Evidence = s, s, []string{s}
			}
		}
		b := &n.Bisections[0]
		b.Target, b.Reason, b.LastGood.Name, b.FirstBad.Name = "x"+s, s, "x"+s, "x"+s
		n.Sweep.Totals, n.Sweep.Exit = conclude.Sweep(n.Sweep.Columns)
		n.Exit = conclude.Night(n)
		text := string(written(t, Form(Nightly, onTerminal(doc.Options{Width: 72})), n))
		for _, c := range text {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Fatalf("%q in the text", c)
			}
		}
		if !strings.HasPrefix(text, strings.TrimRight(doc.Clean(msgNews(n)), " ")+"\n") || !endsWith(text, strings.Join(msgNightTotals(n), separator), "") {
			t.Fatalf("it does not begin with the news and end with the totals:\n%s", text)
		}
		if err := check(written(t, JSON, n)); err != nil {
			t.Fatal(err)
		}
		checkPage(t, written(t, Form(Nightly, doc.HTML), n))
		var title bytes.Buffer
		if err := doc.MarkdownMail(&title, &doc.Document{Blocks: []doc.Block{doc.Title{Line: doc.Say(msgNews(n)), Whole: true}}}); err != nil {
			t.Fatal(err)
		}
		if text := written(t, Form(Nightly, doc.MarkdownMail), n); !bytes.HasPrefix(text, title.Bytes()) || !bytes.HasPrefix(text, []byte("# ")) {
			t.Fatalf("Markdown begins with %.100q, not with %q", text, title.String())
		}
		failures := 0
		for _, g := range changeGroups(n) {
			failures += len(g.Cells)
		}
		doc := parseJUnit(t, bytes.NewReader(written(t, nightlyJUnit, n)))
		if failures != len(n.Changes) || doc.Suites[0].Failures != failures {
			t.Fatalf("%d changes, %d failures", len(n.Changes), doc.Suites[0].Failures)
		}
		if ktap := string(written(t, nightlyKTAP, n)); strings.Count(ktap, "\n    not ok") < 1 || !strings.Contains(ktap, "\nnot ok 1 ") {
			t.Fatalf("KTAP:\n%s", ktap)
		}
	})
}
