package report

import (
	_ "embed"
	"io"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"umlab/harness/result"
)

//go:embed schema/umlab.bisect.v1.json
var bisectionSchemaV1 []byte

// bisectionLocation is the name by which the schema of bisections goes. It refers
// to those of results and of deltas by their names, beside it.
const bisectionLocation = "umlab.bisect.v1.json"

// BisectionSchema returns the published JSON Schema (draft 2020-12) of
// umlab.bisect/v1, which refers to those of Schema and DeltaSchema.
func BisectionSchema() []byte { return slices.Clone(bisectionSchemaV1) }

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

// ValidateBisectionJSON checks data against the published schema. The error names
// each place that is wrong as a JSON pointer.
func ValidateBisectionJSON(data []byte) error {
	schema, err := compileBisectionSchema()
	if err != nil {
		return err
	}
	return validate(schema, data)
}

func compileBisectionSchema() (*jsonschema.Schema, error) {
	return compile(bisectionLocation, map[string][]byte{bisectionLocation: bisectionSchemaV1, deltaLocation: deltaSchemaV1, schemaLocation: schemaV1})
}
