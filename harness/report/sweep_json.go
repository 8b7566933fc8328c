package report

import (
	_ "embed"
	"io"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"umlab/harness/result"
)

//go:embed schema/umlab.sweep.v1.json
var sweepSchemaV1 []byte

// sweepLocation is the name by which the schema of sweeps goes. It refers to that
// of results by its name, beside it.
const sweepLocation = "umlab.sweep.v1.json"

// SweepSchema returns the published JSON Schema (draft 2020-12) of
// umlab.sweep/v1, which refers to that of Schema.
func SweepSchema() []byte { return slices.Clone(sweepSchemaV1) }

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

// ValidateSweepJSON checks data against the published schema. The error names
// each place that is wrong as a JSON pointer.
func ValidateSweepJSON(data []byte) error {
	schema, err := compileSweepSchema()
	if err != nil {
		return err
	}
	return validate(schema, data)
}

func compileSweepSchema() (*jsonschema.Schema, error) {
	return compile(sweepLocation, map[string][]byte{sweepLocation: sweepSchemaV1, schemaLocation: schemaV1})
}
