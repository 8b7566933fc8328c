package report

import (
	"io"
	"slices"

	"umlab/harness/result"
)

// VerificationJSON writes v indented, by the rules of JSON. It returns the error
// of w, or that of a number which JSON cannot hold.
func VerificationJSON(w io.Writer, v *result.Verification) error {
	c := *v
	c.Schema = result.VerificationSchema
	c.Patches, c.Untested, c.Notes = list(c.Patches), list(c.Untested), list(c.Notes)
	c.Pairs = sides(v)
	for i := range c.Pairs {
		c.Pairs[i] = result.Pair{Before: complete(c.Pairs[i].Before), After: complete(c.Pairs[i].After)}
	}
	c.Findings = slices.Clone(list(c.Findings))
	for i := range c.Findings {
		c.Findings[i].Lines = list(c.Findings[i].Lines)
	}
	return writeJSON(w, result.VerificationSchema, &c)
}
