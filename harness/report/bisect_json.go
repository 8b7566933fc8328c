package report

import (
	"io"

	"umlab/harness/result"
)

// BisectionJSON writes b indented, by the rules of JSON. It returns the error of
// w, or that of a number which JSON cannot hold.
func BisectionJSON(w io.Writer, b *result.Bisection) error {
	return writeJSON(w, result.BisectionSchema, completeBisection(b))
}

// completeBisection is a copy of b without nil where the schema wants a list or
// an object, and with the schema's name.
func completeBisection(b *result.Bisection) *result.Bisection {
	c := *b
	c.Schema = result.BisectionSchema
	c.Candidates, c.Steps, c.Skipped, c.Notes = list(c.Candidates), list(c.Steps), list(c.Skipped), list(c.Notes)
	for _, side := range []**result.Boundary{&c.LastGood, &c.FirstBad} {
		if *side == nil {
			continue
		}
		at := **side
		at.Evidence, at.Tree.Patches, at.Toolchain.Identity = list(at.Evidence), list(at.Tree.Patches), object(at.Toolchain.Identity)
		*side = &at
	}
	return &c
}
