package report

import (
	"io"
	"slices"

	"umlab/harness/result"
)

// SweepJSON writes s indented, by the rules of JSON. It returns the error of w,
// or that of a number which JSON cannot hold.
func SweepJSON(w io.Writer, s *result.Sweep) error {
	return writeJSON(w, result.SweepSchema, completeSweep(s))
}

// completeSweep is for sweeps what complete is for results.
func completeSweep(s *result.Sweep) *result.Sweep {
	c := *s
	c.Schema = result.SweepSchema
	c.Columns = slices.Clone(list(c.Columns))
	c.Totals.States = object(c.Totals.States)
	for i := range c.Columns {
		col := &c.Columns[i]
		if col.Results != nil {
			col.Results = complete(col.Results)
		}
		if col.Refused != nil {
			refused := *col.Refused
			refused.Reasons = list(refused.Reasons)
			col.Refused = &refused
		}
	}
	return &c
}
