package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/result"
)

// Every sentence and label of a sweep stands in this file.

const (
	markSame  = "="
	markMoved = "→"

	msgToolchainWord = "toolchain"
	msgRefused       = "refused"
	msgInfraColumns  = "INFRASTRUCTURE: columns that prove nothing"
)

// msgSeries is where the names of the columns come from, all of one series.
func msgSeries(name string) string {
	if name == "" {
		return ""
	}
	return "series " + name
}

// msgTrees names what the columns are of.
func msgTrees(trees []string) string {
	switch len(trees) {
	case 0:
		return ""
	case 1:
		return "tree " + trees[0]
	}
	return "trees " + strings.Join(trees, ", ")
}

// fewColumns is how many columns are all named where they stand as one.
const fewColumns = 4

// msgColumns names columns: all of them where there are few.
func msgColumns(names []string) string {
	if len(names) <= fewColumns {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s … %s (%d columns)", names[0], names[len(names)-1], len(names))
}

// msgOfColumns is " (trixie, sid)", nothing where these are all.
func msgOfColumns(names, all []string) string {
	if slices.Equal(names, all) {
		return ""
	}
	return " (" + msgColumns(names) + ")"
}

// msgGroup is the heading of columns that stand as one, a line each.
func msgGroup(names []string) []string {
	if len(names) <= fewColumns {
		return names
	}
	return []string{names[0], "… " + names[len(names)-1], fmt.Sprintf("(%d columns)", len(names))}
}

// msgSameEverywhere says that n of all showed the same.
func msgSameEverywhere(where string, n, all int, what string) string {
	if n < all {
		what = "that ran"
	}
	if where != "" {
		where += ": "
	}
	if n == 2 {
		return where + "the same with both " + what
	}
	return fmt.Sprintf("%sthe same with all %d %s", where, n, what)
}

// msgRefusal is "refused: bookworm cannot build debian-7.3: rustc 1.63.0 is older than …".
func msgRefusal(c result.SweepColumn) string {
	reasons := strings.Join(present(legibles(c.Refused.Reasons)...), "; ")
	if reasons == "" {
		reasons = "no reason was given"
	}
	if n := legible(c.Refused.Nearest); n != "" {
		reasons += "; the nearest that would: " + n
	}
	return msgRefused + ": " + c.Toolchain + " cannot build " + c.Tree + ": " + reasons
}

// msgSweepTotals are the parts of the last line of every report of a sweep.
func msgSweepTotals(s *result.Sweep) []string {
	return append(msgSweepSums(s), took(s.Seconds))
}

func msgSweepSums(s *result.Sweep) []string {
	t := s.Totals
	var trees, chains []string
	for _, c := range s.Columns {
		trees, chains = appendNew(trees, c.Tree), appendNew(chains, c.Toolchain)
	}
	parts := []string{plural(len(trees), "tree", "trees") + " × " + plural(len(chains), "toolchain", "toolchains")}
	if n := len(variantsOf(s)); n > 0 {
		if parts = append(parts, plural(n, "variant", "variants")); slices.ContainsFunc(ran(s), goals) { // nothing was to be booted
			return append(msgSweepExpectation(t), parts...)
		}
		parts = append(parts, plural(t.Placements, "cell", "cells"))
	}
	probes := 0
	for _, r := range ran(s) {
		probes += probesOf(r)
	}
	sums := result.Totals{Loads: t.Loads, Steps: t.Steps, Boots: t.Boots, Cached: t.Cached, Predicted: t.Predicted, Disagreeing: t.Disagreeing}
	parts = append(parts, msgBoots(sums, probes), msgLoads(sums))
	return append(msgSweepExpectation(t), parts...)
}

func msgSweepExpectation(t result.SweepTotals) []string {
	return msgColumnExpectation(t, func(n int) string { return plural(n, "column", "columns") }, msgRefused)
}

// msgColumnExpectation says how many columns, as they are counted, are as their scenarios expect; refused is what is said of
// those that were not run.
func msgColumnExpectation(t result.SweepTotals, counted func(int) string, refused string) (parts []string) {
	expected, differs := t.States[result.ColumnExpected], t.States[result.ColumnDiffers]
	switch {
	case t.Columns == 0:
		return []string{"nothing was run"}
	case expected == t.Columns:
		return []string{"all as expected"}
	case expected > 0 && differs == 0:
		parts = append(parts, counted(expected)+" as expected")
	case differs > 0:
		parts = append(parts, fmt.Sprintf("%d of %s differ from what the scenario expects", differs, counted(expected+differs)))
	}
	if n := t.States[result.ColumnRefused]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", n, refused))
	}
	if n := t.States[result.ColumnInfra]; n > 0 {
		parts = append(parts, plural(n, "proves", "prove")+" nothing (infrastructure)")
	}
	return parts
}

// oneLine is a message of several lines on one.
func oneLine(s string) string {
	return strings.Join(present(legibles(strings.Split(s, "\n"))...), "; ")
}
