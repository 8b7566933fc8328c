package report

import (
	"io"
	"slices"

	"umlab/harness/result"
)

// NightlyJSON writes n indented, by the rules of JSON. It returns the error of w,
// or that of a number which JSON cannot hold.
func NightlyJSON(w io.Writer, n *result.Nightly) error {
	c := *n
	c.Schema = result.NightlySchema
	c.Members, c.Notes = list(c.Members), list(c.Notes)
	c.Changes = slices.Clone(list(c.Changes))
	for i := range c.Changes {
		c.Changes[i].From.Evidence = list(c.Changes[i].From.Evidence)
		c.Changes[i].To.Evidence = list(c.Changes[i].To.Evidence)
	}
	c.Bisections = slices.Clone(list(c.Bisections))
	for i := range c.Bisections {
		c.Bisections[i] = *completeBisection(&c.Bisections[i])
	}
	if c.Sweep != nil {
		c.Sweep = completeSweep(c.Sweep)
	}
	return writeJSON(w, result.NightlySchema, &c)
}
