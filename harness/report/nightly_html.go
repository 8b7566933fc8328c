package report

import (
	_ "embed"
	"io"

	"umlab/harness/result"
)

//go:embed nightly.html.tmpl
var nightlySource string

// NightlyHTML writes n as one page, of the look of HTML's, that loads nothing
// from elsewhere and runs no script. It returns the error of w.
func NightlyHTML(w io.Writer, n *result.Nightly) error {
	type group struct {
		News  string
		Sides []changeSide
	}
	var groups []group
	for _, g := range changeGroups(n) {
		groups = append(groups, group{g.news(), g.sides()})
	}
	var list []result.NightlyMember
	for _, m := range n.Members {
		list = append(list, result.NightlyMember{Name: clean(m.Name), Version: clean(m.Version), Detail: clean(m.Detail), New: m.New})
	}
	var sheet *sweepSheet
	var table sweepPage
	if n.Sweep != nil {
		sheet = newSweepSheet(n.Sweep)
		table = sheet.page()
	}
	return page(w, "nightly", nightlySource, map[string]any{
		"Night": n, "Sheet": sheet, "Table": table, "Reason": nightReason(n), "Words": newNightlyWords(), "Title": msgNightTitle(n), "News": msgNews(n), "Facts": nightPageFacts(n), "Totals": msgNightTotals(n),
		"Groups": groups, "Bisections": bisected(n), "Members": list, "Notes": notes(n), "Good": n.Exit == 0,
	})
}

// nightlyWords are the labels of the page.
type nightlyWords struct {
	Changes, Bisections, Members, Oldest, Version, State, Name, Detail, New, Known, Tonight, Summary, Cell, Evidence, Repeat string
}

func newNightlyWords() nightlyWords {
	return nightlyWords{
		Changes: msgNightlyChanges, Bisections: msgBisections, Members: msgMembers, Oldest: "Of the series, the oldest first", Version: "Version", State: "History",
		Name: "Name", Detail: "From", New: msgNew, Known: msgKnown, Tonight: msgTonight, Summary: "What each variant showed, with each toolchain", Cell: "Variant",
		Evidence: "Evidence", Repeat: "Repeat with",
	}
}
