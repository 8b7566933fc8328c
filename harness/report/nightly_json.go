package report

import (
	_ "embed"
	"io"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"umlab/harness/result"
)

//go:embed schema/umlab.nightly.v1.json
var nightlySchemaV1 []byte

// nightlyLocation is the name by which the schema of nights goes. It refers to
// those of sweeps and bisections by their names, beside it.
const nightlyLocation = "umlab.nightly.v1.json"

// NightlySchema returns the published JSON Schema (draft 2020-12) of
// umlab.nightly/v1, which refers to those of SweepSchema and BisectionSchema.
func NightlySchema() []byte { return slices.Clone(nightlySchemaV1) }

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

// ValidateNightlyJSON checks data against the published schema. The error names
// each place that is wrong as a JSON pointer.
func ValidateNightlyJSON(data []byte) error {
	schema, err := compileNightlySchema()
	if err != nil {
		return err
	}
	return validate(schema, data)
}

func compileNightlySchema() (*jsonschema.Schema, error) {
	return compile(nightlyLocation, map[string][]byte{
		nightlyLocation: nightlySchemaV1, sweepLocation: sweepSchemaV1, bisectionLocation: bisectionSchemaV1, deltaLocation: deltaSchemaV1, schemaLocation: schemaV1,
	})
}
