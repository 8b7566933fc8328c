package report

import (
	_ "embed"
	"io"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"umlab/harness/result"
)

//go:embed schema/umlab.verification.v1.json
var verificationSchemaV1 []byte

// verificationLocation is the name by which the schema of verifications goes. It
// refers to that of results by its name, beside it.
const verificationLocation = "umlab.verification.v1.json"

// VerificationSchema returns the published JSON Schema (draft 2020-12) of
// umlab.verification/v1, which refers to that of Schema.
func VerificationSchema() []byte { return slices.Clone(verificationSchemaV1) }

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

// ValidateVerificationJSON checks data against the published schema. The error
// names each place that is wrong as a JSON pointer.
func ValidateVerificationJSON(data []byte) error {
	schema, err := compileVerificationSchema()
	if err != nil {
		return err
	}
	return validate(schema, data)
}

func compileVerificationSchema() (*jsonschema.Schema, error) {
	return compile(verificationLocation, map[string][]byte{verificationLocation: verificationSchemaV1, schemaLocation: schemaV1})
}
