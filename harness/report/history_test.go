package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// chronicled is a history with everything that one can hold: changes along
// toolchains and along time, what proves nothing, what was never run, a tree
// that moved, two configurations, and hostile text where foreign bytes can come
// from.
func chronicled() *result.History {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	columns := []result.HistoryColumn{
		{Toolchain: "trixie", Compiler: "clang", Rustc: "1.85.1", LLVM: "19.1.7"}, {Toolchain: "trixie-backports", Compiler: "clang", Rustc: "1.96.1", LLVM: "22.1.8"},
		{Toolchain: "sid", Compiler: "clang", Rustc: "1.97.1", LLVM: "22.1.8"}, {Toolchain: "sid-experimental", Compiler: "clang", Rustc: "1.98.1", LLVM: "22.1.8"},
	}
	unknown := result.SeenOutcome{Text: "relocation-unknown 9 GOTPCREL", Evidence: "subarch: rust_print: Unknown rela relocation: 9"}
	overflow := result.SeenOutcome{Text: "relocation-overflow 11 32S", Evidence: "subarch: overflow in relocation type 11 val a080d070"}
	loaded := result.SeenOutcome{Text: "loaded", Evidence: "rust_print 16384 0 - Live 0x0000000062804000\x1b[31m<script>"}
	failed := result.SeenOutcome{Text: "build-failed", Evidence: "error[E0658]: use of unstable library feature"}
	sights := func(low, high result.SeenOutcome) []result.Sight {
		return []result.Sight{
			{Placement: "high", Mem: "1G", ASLR: true, Module: "rust_minimal", Outcomes: []result.SeenOutcome{high}},
			{Placement: "high", Mem: "1G", ASLR: true, Module: "rust_print", Outcomes: []result.SeenOutcome{high}},
			{Placement: "low", Mem: "64M", Module: "rust_print", Outcomes: []result.SeenOutcome{low}},
		}
	}
	point := func(n, column int, v result.Verdict) result.HistoryPoint {
		return result.HistoryPoint{When: day(n), Result: fmt.Sprint(n, column), Toolchain: columns[column], TreeVersion: "6.12.107", TreeDigest: "49a7fd156baf58117cab", Verdict: v,
			ToolchainDigest: fmt.Sprintf("%dc01", column), Tools: map[string]string{"clang": "19.1.7"}, ConfigDigest: "cf01"}
	}
	entry := func(n, column int, v result.Verdict, reason string, seen []result.Sight) *result.HistoryEntry {
		return &result.HistoryEntry{Point: point(n, column, v), Reason: reason, Seen: seen, Sightings: n}
	}
	both := []result.SeenOutcome{loaded, overflow}
	stock := []*result.HistoryEntry{
		entry(1, 0, result.Rejected, "relocation-unknown 9 GOTPCREL everywhere", sights(unknown, unknown)), entry(2, 1, result.Rejected, "", sights(unknown, unknown)),
		entry(9, 2, result.Loads, "rust_minimal, rust_print loaded at low, high", sights(loaded, loaded)), entry(4, 3, result.Loads, "", sights(loaded, loaded)),
	}
	stock[2].Differs, stock[2].Moved = true, true
	small := []*result.HistoryEntry{
		entry(1, 0, result.AddressDependent, "", sights(loaded, overflow)), entry(2, 1, result.AddressDependent, "", sights(loaded, overflow)), nil,
		entry(4, 3, result.Broken, "", []result.Sight{{Outcomes: []result.SeenOutcome{failed}}}),
	}
	small[3].Differs = true
	large := []*result.HistoryEntry{
		entry(1, 0, result.Loads, "", sights(loaded, loaded)), entry(2, 1, result.Unknown, "infra", []result.Sight{{Outcomes: []result.SeenOutcome{{Text: "infra"}}}}),
		entry(9, 2, result.Flaky, "", sights(loaded, loaded)), entry(4, 3, result.Loads, "", sights(loaded, loaded)),
	}
	large[2].Differs, large[3].Differs = true, true
	moved := point(9, 2, result.Loads)
	moved.TreeVersion = "6.12.110"
	older := point(3, 2, result.Rejected)
	older.Toolchain.Rustc = "1.97.0"
	change := func(axis, cell string, from, to result.HistoryPoint, d ...result.Difference) result.HistoryChange {
		return result.HistoryChange{Axis: axis, Cell: cell, From: from, To: to, Differences: d}
	}
	diff := func(placement, module string, from, to []result.SeenOutcome) result.Difference {
		return result.Difference{Placement: placement, Module: module, From: from, To: to}
	}
	one := func(o result.SeenOutcome) []result.SeenOutcome { return []result.SeenOutcome{o} }
	fixed := []result.Difference{diff("high", "rust_print", one(unknown), one(loaded)), diff("low", "rust_print", one(unknown), one(loaded))}
	same := point(5, 0, result.Rejected)
	same.TreeDigest = "0123456789abcdef"
	relinked, reconfigured := point(6, 0, result.Rejected), point(7, 0, result.Rejected)
	relinked.ToolchainDigest, relinked.Tools = "99ff", map[string]string{"clang": "19.1.8"}
	reconfigured.ConfigDigest = "cf02"
	return &result.History{
		Schema: result.HistorySchema, Command: "go tool mage history", Results: 7, Unproved: 1, First: day(1), Last: day(9),
		Groups: []result.HistoryGroup{
			{
				Scenario: "unknown-rela-relocation", Tree: "debian-6.12", Patches: []string{}, Fragments: []string{"uml.config"}, Versions: []string{"6.12.107", "6.12.110"},
				Columns: columns, Rows: []result.HistoryRow{{Cell: "stock", Entries: stock}, {Cell: "static-small@module", Entries: small}, {Cell: "static-large@module", Entries: large}},
				Changes: []result.HistoryChange{
					change(result.AlongToolchains, "static-small@module", point(2, 1, result.AddressDependent), point(4, 3, result.Broken), diff("", "", both, one(failed))),
					change(result.AlongToolchains, "stock", point(2, 1, result.Rejected), moved, fixed...),
					change(result.AlongToolchains, "static-large@module", point(1, 0, result.Loads), point(9, 2, result.Flaky), diff("low", "rust_print", one(loaded), both)),
					change(result.AlongToolchains, "static-large@module", point(9, 2, result.Flaky), point(4, 3, result.Loads), diff("low", "rust_print", both, one(loaded))),
					change(result.AlongTime, "stock", older, moved, fixed...),
					change(result.AlongTime, "pie-small@module", older, moved, fixed...),
					change(result.AlongTime, "stock", point(1, 0, result.Rejected), same, diff("low", "rust_print", one(unknown), []result.SeenOutcome{{Text: "relocation-unknown 29 GOTPC64"}})),
					change(result.AlongTime, "stock", point(1, 0, result.Rejected), point(3, 0, result.Loads), fixed...),
					change(result.AlongTime, "stock", point(3, 0, result.Loads), relinked, diff("low", "rust_print", one(loaded), one(unknown))),
					change(result.AlongTime, "stock", point(3, 0, result.Loads), reconfigured, diff("low", "rust_print", one(loaded), one(unknown))),
				},
			},
			{
				Scenario: "unknown-rela-relocation", Tree: "debian-6.12", Patches: []string{}, Fragments: []string{"uml.config", "debug.config"}, Versions: []string{"6.12.107"},
				Columns: []result.HistoryColumn{columns[0], {Toolchain: "trixie", Compiler: "gcc", Rustc: "1.85.1", LLVM: "19.1.7"}},
				Rows:    []result.HistoryRow{{Cell: "stock", Entries: []*result.HistoryEntry{stock[0], stock[1]}}}, Changes: []result.HistoryChange{},
			},
			{
				Scenario: "unknown-rela-relocation", Tree: "debian-6.12", Patches: []string{}, Fragments: []string{"uml.config"}, Versions: []string{"6.12.107"},
				Own: []string{"modules hello (as of 0a1b2c3d4e5f)", "output ^hi", "at low, 512M"}, Question: "d2", Compiler: "clang",
				Columns: columns[:1], Rows: []result.HistoryRow{{Cell: "stock", Entries: stock[:1]}}, Changes: []result.HistoryChange{},
			},
			{
				Scenario: "unknown-rela-relocation", Tree: "/home/<b>/linux\x1b[2J", Patches: []string{"0123456789abcdef"}, Fragments: []string{}, Versions: []string{""},
				Columns: columns[:1], Rows: []result.HistoryRow{{Cell: "a|b`c", Entries: stock[:1]}}, Changes: []result.HistoryChange{},
			},
		},
	}
}

// unchanged is a history in which nothing ever changed.
func unchanged() *result.History {
	h := chronicled()
	g := &h.Groups[0]
	g.Changes, h.Unproved, h.Groups = []result.HistoryChange{}, 0, h.Groups[:1]
	g.Rows = g.Rows[:1]
	for i, e := range g.Rows[0].Entries {
		c := *g.Rows[0].Entries[0]
		c.Point.Toolchain = e.Point.Toolchain
		g.Rows[0].Entries[i] = &c
	}
	return h
}

// serial is a series of more toolchains than a page has room for words.
func serial() *result.History {
	h := unchanged()
	g := &h.Groups[0]
	first := *g.Rows[0].Entries[0]
	g.Columns, g.Rows[0].Entries = nil, nil
	for i := range 14 {
		e := first
		e.Point.Toolchain = result.HistoryColumn{Toolchain: fmt.Sprintf("debian-rustc:1.%d.0", 85+i), Compiler: "clang", Rustc: fmt.Sprintf("1.%d.0", 85+i), LLVM: "19.1.7"}
		if i >= 9 {
			e.Point.Verdict, e.Differs = result.Loads, i == 9
		}
		g.Columns, g.Rows[0].Entries = append(g.Columns, e.Point.Toolchain), append(g.Rows[0].Entries, &e)
	}
	return h
}

// uneven is a series in which other things were asked of the toolchains: fewer
// placements, other modules, and of some nothing.
func uneven() *result.History {
	h := serial()
	g := &h.Groups[0]
	row := g.Rows[0].Entries[:7]
	g.Columns = g.Columns[:7]
	full := row[0].Seen
	row[1].Seen = slices.DeleteFunc(slices.Clone(full), func(s result.Sight) bool { return s.Placement != "low" })
	row[2].Seen = slices.Clone(full)
	for i := range row[2].Seen {
		row[2].Seen[i].Module = "rust_driver_serdev"
	}
	row[4], row[5] = nil, nil
	other := slices.Clone(row)
	other[1], other[2], other[6] = nil, row[0], nil
	third := slices.Clone(row)
	third[1], third[2] = nil, nil
	broken := *row[0]
	broken.Point.Verdict, broken.Seen = result.Broken, []result.Sight{{Outcomes: []result.SeenOutcome{{Text: "build-failed"}}}}
	third[0] = &broken
	moved := *row[0]
	moved.Seen = slices.Clone(full)
	for i := range moved.Seen {
		moved.Seen[i].Mem = "2G"
	}
	third[6] = &moved
	g.Rows = []result.HistoryRow{{Cell: "stock", Entries: row}, {Cell: "pie-small@module", Entries: other}, {Cell: "static-small@module", Entries: third}}
	return h
}

// What an entry does not say of its row's question stands beside its verdict.
func TestHistoryPartial(t *testing.T) {
	e := newVerdictTable(&uneven().Groups[0], 0)
	for i, want := range [][]string{
		{"rejected", "rejected (low only, rust_print only)", "rejected (rust_driver_serdev)", "rejected", markNever, markNever, "rejected"},
		{"rejected", markNever, "rejected", "rejected", markNever, markNever, markNever},
		{"broken", markNever, markNever, "rejected (high 1G aslr, low 64M)", markNever, markNever, "rejected"},
	} {
		var got []string
		for _, m := range e.Rows[i].Marks {
			got = append(got, m.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.Rows[i].Cell, diff)
		}
	}
	if got := e.folded().Columns; len(got) != 6 {
		t.Errorf("%d columns: %+v", len(got), got)
	}
	if diff := cmp.Diff([]span{{0, 4}, {4, 7}}, e.Rows[1].spans()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHistoryGolden(t *testing.T) {
	type renderer func(io.Writer, *result.History) error
	terminal := func(brief bool, o doc.Options) renderer {
		build := History
		if brief {
			build = HistoryChanges
		}
		return Form(build, onTerminal(o))
	}
	for name, tt := range map[string]struct {
		h      *result.History
		render renderer
	}{
		"history.100.txt":        {chronicled(), terminal(false, doc.Options{Width: 100})},
		"history.60.txt":         {chronicled(), terminal(false, doc.Options{Width: 60})},
		"history.color.txt":      {chronicled(), terminal(false, doc.Options{Width: 100, Color: true})},
		"history.changes.txt":    {chronicled(), terminal(true, doc.Options{Width: 100})},
		"history.unchanged.txt":  {unchanged(), terminal(false, doc.Options{Width: 100})},
		"history.series.txt":     {serial(), terminal(false, doc.Options{Width: 100})},
		"history.uneven.140.txt": {uneven(), terminal(false, doc.Options{Width: 140})},
		"history.uneven.60.txt":  {uneven(), terminal(false, doc.Options{Width: 60})},
		"history.uneven.md":      {uneven(), Form(History, doc.Markdown)},
		"history.series.md":      {serial(), Form(History, doc.Markdown)},
		"history.md":             {chronicled(), Form(History, doc.Markdown)},
		"history.html":           {chronicled(), Form(History, doc.HTML)},
		"history.json":           {unchanged(), JSON[result.History]},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := tt.render(&b, tt.h); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		})
	}
}

func TestHistoryHTML(t *testing.T) {
	for name, h := range map[string]*result.History{"history": chronicled(), "history-unchanged": unchanged(), "history-series": serial(), "history-uneven": uneven()} {
		showPage(t, name, written(t, Form(History, doc.HTML), h))
	}
}

// No width makes a line wider than it, or loses a verdict; no text moves the
// cursor.
func TestHistoryWidths(t *testing.T) {
	for _, h := range []*result.History{chronicled(), unchanged(), serial(), uneven()} {
		for width := 40; width <= 140; width++ {
			var b bytes.Buffer
			if err := doc.Terminal(&b, History(h), doc.Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			totals := strings.Join(historyTotals(h), separator)
			for l := range strings.Lines(b.String()) {
				l = strings.TrimSuffix(l, "\n")
				if n := len([]rune(l)); n > width {
					t.Errorf("width %d: a line of %d: %s", width, n, l)
				}
				for _, r := range l {
					if !unicode.IsPrint(r) {
						t.Fatalf("width %d: %q in %q", width, r, l)
					}
				}
			}
			if !endsWith(b.String(), totals, "") {
				t.Errorf("width %d: it does not end with its totals", width)
			}
		}
	}
}

func TestHistoryJSON(t *testing.T) {
	for name, h := range map[string]*result.History{"chronicled": chronicled(), "unchanged": unchanged(), "serial": serial()} {
		t.Run(name, func(t *testing.T) {
			roundTrip(t, result.HistorySchema, JSON, h)
			data := written(t, JSON, h)
			if err := published(result.HistorySchema, bytes.Replace(data, []byte(`"verdict": "rejected"`), []byte(`"verdict": "fine"`), 1)); err == nil {
				t.Error("a verdict that is none is valid")
			}
		})
	}
}

func TestHistoryWriteErrors(t *testing.T) {
	for name, render := range map[string]func(io.Writer, *result.History) error{
		"terminal": Form(History, onTerminal(doc.Options{})),
		"markdown": Form(History, doc.Markdown), "html": Form(History, doc.HTML), "json": JSON[result.History],
	} {
		if err := render(fullDisk{}, chronicled()); err == nil {
			t.Errorf("%s: a full disk went unnoticed", name)
		}
	}
}
