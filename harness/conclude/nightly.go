package conclude

import (
	"slices"
	"strings"

	"umlab/harness/result"
)

// NightlyChanges says what history found in the words of a night.
func NightlyChanges(from []result.HistoryChange) []result.NightlyChange {
	list := []result.NightlyChange{}
	for _, c := range from {
		side := func(p result.HistoryPoint, of func(result.Difference) []result.SeenOutcome) result.NightlyPoint {
			n := result.NightlyPoint{Toolchain: p.Toolchain.Toolchain, When: p.When, Verdict: p.Verdict, Evidence: []string{}}
			var seen []string
			for _, d := range c.Differences {
				for _, o := range of(d) {
					if !slices.Contains(seen, o.Text) {
						seen = append(seen, o.Text)
					}
					if o.Evidence != "" && !slices.Contains(n.Evidence, o.Evidence) {
						n.Evidence = append(n.Evidence, o.Evidence)
					}
				}
			}
			n.Seen = strings.Join(seen, " or ")
			return n
		}
		list = append(list, result.NightlyChange{
			Cell: c.Cell,
			From: side(c.From, func(d result.Difference) []result.SeenOutcome { return d.From }),
			To:   side(c.To, func(d result.Difference) []result.SeenOutcome { return d.To }),
		})
	}
	return list
}

// Night is the exit code of a night: 3 if it proves nothing, else 1 if something changed,
// else 3 if a toolchain proved nothing, for then nobody knows, else 0. A result
// that the scenario does not expect, but that is what it was, is no change.
func Night(n *result.Nightly) int {
	infra := func(c result.SweepColumn) bool { return c.State() == result.ColumnInfra }
	switch {
	case n.Infra != "":
		return result.ExitInfra
	case len(n.Changes) > 0:
		return result.ExitDiffers
	case n.Sweep != nil && slices.ContainsFunc(n.Sweep.Columns, infra):
		return result.ExitInfra
	}
	return result.ExitExpected
}
