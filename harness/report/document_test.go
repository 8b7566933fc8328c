package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/report/doc"
)

// What every kind of document is held to.

// written is what render makes of v.
func written[T any](t testing.TB, render func(io.Writer, *T) error, v *T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onTerminal is the writer for a terminal with opt.
func onTerminal(opt Options) func(io.Writer, *doc.Document) error {
	return func(w io.Writer, d *doc.Document) error { return doc.Terminal(w, d, opt) }
}

// roundTrip writes v as JSON and reads it: it is valid, nothing in it is null,
// what was read is written as the same bytes, and v is what it was.
func roundTrip[T any](t *testing.T, schema string, render func(io.Writer, *T) error, v *T) *T {
	t.Helper()
	before, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	data := written(t, render, v)
	if err := Validate(schema, data); err != nil {
		t.Error(err)
	}
	if bytes.Contains(data, []byte(": null")) {
		t.Errorf("null in\n%s", data)
	}
	back := new(T)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(back); err != nil {
		t.Fatal(err)
	}
	if again := written(t, render, back); !bytes.Equal(data, again) {
		t.Errorf("what was read is written otherwise (-written +again):\n%s", cmp.Diff(string(data), string(again)))
	}
	if after, err := json.Marshal(v); err != nil || !bytes.Equal(before, after) {
		t.Errorf("writing changed what was given: %v", err)
	}
	return back
}

// refuses holds that a valid document is none after any of the changes.
func refuses(t *testing.T, schema string, document []byte, spoils map[string]func(map[string]any)) {
	t.Helper()
	check, err := Validator(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(document); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range spoils {
		var doc map[string]any
		if err := json.Unmarshal(document, &doc); err != nil {
			t.Fatal(err)
		}
		spoil(doc)
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if check(data) == nil {
			t.Errorf("%s is valid:\n%s", name, data)
		}
	}
}

// schemaOf is the published schema with that name, decoded.
func schemaOf(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// sameWords holds that the enum of a part of a schema lists want, in its order.
func sameWords[T ~string](t *testing.T, want []T, part map[string]any) {
	t.Helper()
	var words []T
	for _, w := range enum(part["enum"]) {
		words = append(words, T(w))
	}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("words (-Go +schema):\n%s", diff)
	}
}

// within is the part of a schema at the end of the path.
func within(part map[string]any, path ...string) map[string]any {
	for _, p := range path {
		part, _ = part[p].(map[string]any)
	}
	return part
}

// showPage holds what checkPage does. Set UMLAB_HTML to a directory to look at it.
func showPage(t *testing.T, name string, b []byte) {
	t.Helper()
	if dir := os.Getenv("UMLAB_HTML"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checkPage(t, b)
}

// A schema that is not published is asked for in vain, and said so.
func TestSchemaOfNobody(t *testing.T) {
	for _, name := range []string{"", "umlab.results/v2", "../golden_test.go", "umlab"} {
		if _, err := Schema(name); err == nil {
			t.Errorf("%q has a schema", name)
		}
		if Validate(name, []byte("{}")) == nil {
			t.Errorf("{} is a valid %q", name)
		}
	}
	// Every file there is has the name of what it describes.
	files, err := schemas.ReadDir(schemaDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := schemas.ReadFile(schemaDir + "/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		name, _ := within(schema, "properties", "schema")["const"].(string)
		if schemaFile(name) != f.Name() || schema["$id"] != f.Name() || !slices.Contains(enum(schema["required"]), "schema") {
			t.Errorf("%s describes %q, with the id %v", f.Name(), name, schema["$id"])
		}
	}
}
