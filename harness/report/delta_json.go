package report

import (
	_ "embed"
	"io"
	"slices"

	"umlab/harness/result"
)

//go:embed schema/umlab.delta.v1.json
var deltaSchemaV1 []byte

// deltaLocation is the name by which the schema of deltas goes; that of
// bisections refers to it.
const deltaLocation = "umlab.delta.v1.json"

// DeltaSchema returns the published JSON Schema (draft 2020-12) of
// umlab.delta/v1.
func DeltaSchema() []byte { return slices.Clone(deltaSchemaV1) }

// DeltaJSON writes d, of result.Compare, indented. It returns the error of w.
func DeltaJSON(w io.Writer, d *result.Delta) error { return writeJSON(w, result.DeltaSchema, d) }

// ValidateDeltaJSON checks data against the published schema. The error names
// each place that is wrong as a JSON pointer.
func ValidateDeltaJSON(data []byte) error {
	schema, err := compile(deltaLocation, map[string][]byte{deltaLocation: deltaSchemaV1})
	if err != nil {
		return err
	}
	return validate(schema, data)
}
