package harness

import (
	"slices"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// notOfOne are the flags of matrix that explain does not take, or that say how that run was made and written.
var notOfOne = []string{"cells", "placements", "placement", "mem", "scope", "repeat", "jobs", "fresh", "watch", "json", "junit", "ktap",
	"html", "md"}

// next is the command that explains what a reader of r asks about first, typed as r's own is: the cell that is not as
// expected, else the one that depends on most, else one that does not load. It is "" where nothing was booted.
func next(r *result.Results) string {
	cells := slices.DeleteFunc(slices.Clone(r.Cells), func(c result.Cell) bool { return c.Build.Outcome != nil || len(c.Placements) == 0 })
	if len(cells) == 0 {
		return ""
	}
	c := slices.MinFunc(cells, func(a, b result.Cell) int { return rank(a) - rank(b) })
	at := slices.IndexFunc(c.Placements, fails)
	p := c.Placements[max(at, 0)]
	if p.Name == p.Mem {
		return retarget(r.Command, "explain", []string{c.ID}, notOfOne, []string{"-mem=" + p.Mem})
	}
	return retarget(r.Command, "explain", []string{c.ID + ":" + p.Name}, notOfOne, nil)
}

// rank is how soon a reader asks about a cell.
func rank(c result.Cell) int {
	order := []result.Verdict{result.Broken, result.Flaky, result.Mixed, result.AddressDependent, result.Rejected,
		result.Unknown, result.Loads}
	at := slices.Index(order, c.Verdict)
	if c.AsExpected {
		at += len(order)
	}
	return at
}

// fails reports whether a module was seen not to load at a placement.
func fails(p result.Placement) bool {
	return slices.ContainsFunc(p.Runs, func(r result.Run) bool {
		return slices.ContainsFunc(r.Modules, func(m result.Module) bool { return m.Outcome.Kind != outcome.Loaded })
	})
}
