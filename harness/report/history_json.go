package report

import (
	_ "embed"
	"io"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"umlab/harness/result"
)

//go:embed schema/umlab.history.v1.json
var historySchemaV1 []byte

// historyLocation is the name by which the schema of histories goes.
const historyLocation = "umlab.history.v1.json"

// HistorySchema returns the published JSON Schema (draft 2020-12) of
// umlab.history/v1.
func HistorySchema() []byte { return slices.Clone(historySchemaV1) }

// HistoryJSON writes h indented. It returns the error of w.
func HistoryJSON(w io.Writer, h *result.History) error {
	return writeJSON(w, result.HistorySchema, h)
}

// ValidateHistoryJSON checks data against the published schema. The error names
// each place that is wrong as a JSON pointer.
func ValidateHistoryJSON(data []byte) error {
	schema, err := compileHistorySchema()
	if err != nil {
		return err
	}
	return validate(schema, data)
}

func compileHistorySchema() (*jsonschema.Schema, error) {
	return compile(historyLocation, map[string][]byte{historyLocation: historySchemaV1})
}

// Validator returns ValidateJSON for many documents: the schema is compiled once.
func Validator() (func([]byte) error, error) {
	schema, err := compileSchema()
	if err != nil {
		return nil, err
	}
	return func(data []byte) error { return validate(schema, data) }, nil
}
