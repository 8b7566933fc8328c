package report

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are the published JSON Schemas (draft 2020-12). They refer to each
// other by the names of their files, and are generated from the types of package
// result by internal/schema.
//
//go:embed schema/*.json
var schemas embed.FS

const schemaDir = "schema"

// schemaFile is the file, in schemaDir, of the schema with that name: of
// umlab.sweep/v1 it is umlab.sweep.v1.json.
func schemaFile(name string) string { return strings.ReplaceAll(name, "/", ".") + ".json" }

// Validator returns what checks documents against the published schema with a
// name of package result, such as result.SweepSchema. Its error names each place
// that is wrong as a JSON pointer; that of Validator says that no schema has the
// name.
func Validator(name string) (func([]byte) error, error) {
	if _, err := schemas.ReadFile(path.Join(schemaDir, schemaFile(name))); err != nil {
		return nil, fmt.Errorf("no schema is published for %s: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := schemas.ReadDir(schemaDir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := schemas.ReadFile(path.Join(schemaDir, f.Name()))
		if err != nil {
			return nil, err
		}
		if err := addSchema(c, f.Name(), text); err != nil {
			return nil, err
		}
	}
	schema, err := c.Compile(schemaFile(name))
	if err != nil {
		return nil, fmt.Errorf("compile the schema %s: %w", name, err)
	}
	return func(data []byte) error { return validate(schema, data) }, nil
}

// addSchema gives c a schema under the name of its file: nothing is fetched.
func addSchema(c *jsonschema.Compiler, file string, text []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return c.AddResource(file, doc)
}

func validate(schema *jsonschema.Schema, data []byte) error {
	in, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: not JSON: %w", schema.Title, err)
	}
	if err := schema.Validate(in); err != nil {
		return fmt.Errorf("not valid %s: %w", schema.Title, err)
	}
	return nil
}
