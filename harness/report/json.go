package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"umlab/harness/result"
)

//go:embed schema/umlab.results.v1.json
var schemaV1 []byte

// Schema returns the published JSON Schema (draft 2020-12) of umlab.results/v1.
func Schema() []byte { return slices.Clone(schemaV1) }

// JSON writes r indented, with keys in the order of the Go types and maps
// sorted. Lists and maps that are not optional are never null. It returns the
// error of w, or that of a number which JSON cannot hold.
func JSON(w io.Writer, r *result.Results) error {
	return writeJSON(w, result.Schema, complete(r))
}

// writeJSON writes all of v or, where JSON cannot hold it, nothing.
func writeJSON(w io.Writer, schema string, v any) error {
	var b bytes.Buffer
	if err := indented(&b, v); err != nil {
		return fmt.Errorf("write %s: %w", schema, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// complete is a copy of r without nil where the schema wants a list or an
// object, and with the schema's name.
func complete(r *result.Results) *result.Results {
	c := *r
	c.Schema = result.Schema
	c.Tree.Patches = list(c.Tree.Patches)
	c.Toolchain.Identity = object(c.Toolchain.Identity)
	c.Config.Fragments = list(c.Config.Fragments)
	c.Controls = list(c.Controls)
	c.Totals.Verdicts = object(c.Totals.Verdicts)
	c.Cells = slices.Clone(list(c.Cells))
	for i := range c.Cells {
		b := &c.Cells[i].Build
		b.Flags, b.Effective, b.Signature = list(b.Flags), object(b.Effective), object(b.Signature)
		if slices.ContainsFunc(mapValues(b.Effective), func(v []string) bool { return v == nil }) {
			effective := map[string][]string{}
			for k, v := range b.Effective {
				effective[k] = list(v)
			}
			b.Effective = effective
		}
		if slices.ContainsFunc(mapValues(b.Relocations), func(v map[string]int) bool { return v == nil }) {
			relocations := map[string]map[string]int{}
			for k, v := range b.Relocations {
				relocations[k] = object(v)
			}
			b.Relocations = relocations
		}
		c.Cells[i].Placements = completePlacements(c.Cells[i].Placements)
		ts := slices.Clone(c.Cells[i].Thresholds)
		c.Cells[i].Thresholds = ts
		for j := range ts {
			ts[j].Modules, ts[j].Probes = list(ts[j].Modules), completePlacements(ts[j].Probes)
		}
	}
	return &c
}

func completePlacements(from []result.Placement) []result.Placement {
	ps := slices.Clone(list(from))
	for j := range ps {
		ps[j].Runs = slices.Clone(list(ps[j].Runs))
		for k := range ps[j].Runs {
			run := &ps[j].Runs[k]
			run.Modules, run.Boots = list(run.Modules), slices.Clone(run.Boots)
			for l := range run.Boots {
				run.Boots[l].Modules = list(run.Boots[l].Modules)
			}
		}
	}
	return ps
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func object[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

func mapValues[K comparable, V any](m map[K]V) []V {
	var vs []V
	for _, v := range m {
		vs = append(vs, v)
	}
	return vs
}

// ValidateJSON checks data against the published schema. The error names each
// place that is wrong as a JSON pointer.
func ValidateJSON(data []byte) error {
	schema, err := compileSchema()
	if err != nil {
		return err
	}
	return validate(schema, data)
}

func compileSchema() (*jsonschema.Schema, error) {
	return compile(schemaLocation, map[string][]byte{schemaLocation: schemaV1})
}

// compile compiles the schema at location; nothing but sources is read for it.
func compile(location string, sources map[string][]byte) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for at, source := range sources {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
		if err != nil {
			return nil, err
		}
		if err := c.AddResource(at, doc); err != nil {
			return nil, err
		}
	}
	schema, err := c.Compile(location)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", location, err)
	}
	return schema, nil
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

// schemaLocation is the schema's name for itself; nothing is fetched from it.
const schemaLocation = "umlab.results.v1.json"
