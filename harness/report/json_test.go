package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

func marshal(t testing.TB, r *result.Results) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestJSONRoundTrip(t *testing.T) {
	for name, r := range fixtures() {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(complete(r), roundTrip(t, result.Schema, JSON, r)); diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
		})
	}
	if s := string(marshal(t, trouble())); !strings.Contains(s, "can't find crate for `core`") {
		t.Error("evidence is not verbatim in JSON")
	}
}

// Every kind of outcome that outcome.Kinds lists is in the fixtures, and so is
// every verdict, or the tests of this package see less than they claim.
func TestFixturesAreComplete(t *testing.T) {
	kinds, verdicts := map[outcome.Kind]bool{}, map[result.Verdict]bool{}
	for _, r := range fixtures() {
		for _, c := range r.Cells {
			verdicts[c.Verdict] = true
			if c.Build.Outcome != nil {
				kinds[c.Build.Outcome.Kind] = true
			}
			for _, p := range c.Placements {
				for _, run := range p.Runs {
					for _, m := range run.Modules {
						kinds[m.Outcome.Kind] = true
					}
				}
			}
		}
	}
	for _, k := range outcome.Kinds() {
		if !kinds[k] {
			t.Errorf("no fixture has the outcome %s", k)
		}
	}
	for _, v := range result.Verdicts() {
		if !verdicts[v] {
			t.Errorf("no fixture has the verdict %s", v)
		}
	}
}

// What is missing in Go is empty in JSON, never null.
func TestJSONOfNothing(t *testing.T) {
	for name, r := range map[string]*result.Results{
		"zero": {},
		"zero all the way down": {Cells: []result.Cell{{ID: "stock", Verdict: result.Unknown, Placements: []result.Placement{
			{Name: "low", Runs: []result.Run{{}}}, {Name: "high"}}, Build: result.Build{Effective: map[string][]string{"m": nil}, Relocations: map[string]map[string]int{"m": nil}}}}},
	} {
		t.Run(name, func(t *testing.T) { roundTrip(t, result.Schema, JSON, r) })
	}
}

func TestValidateJSONRefuses(t *testing.T) {
	at := func(doc any, path ...any) (any, any) { // the parent of path, and its last step
		for _, step := range path[:len(path)-1] {
			switch k := step.(type) {
			case string:
				doc = doc.(map[string]any)[k]
			case int:
				doc = doc.([]any)[k]
			}
		}
		return doc, path[len(path)-1]
	}
	set := func(value any, path ...any) func(any) {
		return func(doc any) {
			parent, last := at(doc, path...)
			switch k := last.(type) {
			case string:
				parent.(map[string]any)[k] = value
			case int:
				parent.([]any)[k] = value
			}
		}
	}
	remove := func(path ...any) func(any) {
		return func(doc any) {
			parent, last := at(doc, path...)
			delete(parent.(map[string]any), last.(string))
		}
	}
	cell := []any{"cells", 0}
	in := func(base []any, more ...any) []any { return append(slices.Clone(base), more...) }
	module := in(cell, "placements", 0, "runs", 0, "modules", 0)
	object := map[string]any{}
	check, err := Validator(result.Schema)
	if err != nil {
		t.Fatal(err)
	}
	for name, mutate := range map[string]func(any){
		"another schema":         set("umlab.results/v2", "schema"),
		"no schema":              remove("schema"),
		"an unknown key":         set(1, "colour"),
		"an unknown key, deep":   set(1, in(module, "outcome", "colour")...),
		"null cells":             set(nil, "cells"),
		"null runs":              set(nil, in(cell, "placements", 0, "runs")...),
		"no cells":               remove("cells"),
		"an unknown kind":        set("exploded", in(module, "outcome", "kind")...),
		"an unknown verdict":     set("guilty", in(cell, "verdict")...),
		"a verdict in totals":    set(3, "totals", "verdicts", "guilty"),
		"a foreign exit":         set(4, "exit"),
		"a text for seconds":     set("18.3", "seconds"),
		"a negative offset":      set(-1, in(module, "outcome", "offset")...),
		"a fraction of a boot":   set(1.5, "totals", "boots"),
		"a zero errno":           set(0, in(module, "outcome", "errno")...),
		"no relocation":          remove(in(module, "outcome", "relocation")...),
		"a relocation by name":   set("R_X86_64_GOTPCREL", in(module, "outcome", "relocation")...),
		"a nameless relocation":  set(object, in(module, "outcome", "relocation")...),
		"a relocation of oops":   set("oops", in(module, "outcome", "kind")...),
		"a stage of no timeout":  set("boot", in(module, "outcome", "stage")...),
		"an address of words":    set("low", in(module, "outcome", "address")...),
		"a code model of fancy":  set("fancy", in(cell, "variant", "code_model")...),
		"agrees as text":         set("yes", in(module, "agrees")...),
		"a date of last Tuesday": set("last Tuesday", "started"),
		"a compiler named tcc":   set("tcc", "toolchain", "compiler"),
		"an empty infra":         set("", "infra"),
	} {
		t.Run(name, func(t *testing.T) {
			var doc any
			if err := json.Unmarshal(marshal(t, matrix()), &doc); err != nil {
				t.Fatal(err)
			}
			mutate(doc)
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if err := check(data); err == nil {
				t.Errorf("valid:\n%s", data)
			}
		})
	}
	for _, text := range []string{"", "{", "[]", "null", `{"schema":"umlab.results/v1"}`} {
		if err := check([]byte(text)); err == nil {
			t.Errorf("%q is valid", text)
		}
	}
}

// The schema and the Go types name the same fields, require the same ones, and
// list the same kinds and verdicts.
func TestSchemaMatchesTypes(t *testing.T) {
	schema := schemaOf(t, result.Schema)
	matchTypes(t, reflect.TypeFor[result.Results](), schema)
	sameWords(t, outcome.Kinds(), within(schema, "$defs", "outcome", "properties", "kind"))
	sameWords(t, result.Verdicts(), within(schema, "$defs", "verdict"))
}

// matchTypes holds that schema describes typ, field by field, and nothing else.
func matchTypes(t *testing.T, typ reflect.Type, schema map[string]any) {
	t.Helper()
	seen := matchPart(t, "", typ, schema, schema)
	for name := range schema["$defs"].(map[string]any) {
		if !seen[name] {
			t.Errorf("$defs/%s: nothing of the Go types leads there", name)
		}
	}
}

// matchPart holds that node, a part of schema, describes typ. It returns which
// of the schema's definitions it went through.
func matchPart(t *testing.T, at string, typ reflect.Type, schema, node map[string]any) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	var walk func(path string, typ reflect.Type, node map[string]any)
	walk = func(path string, typ reflect.Type, node map[string]any) {
		if ref, ok := node["$ref"].(string); ok {
			file, name, part := strings.Cut(ref, "#/$defs/")
			switch {
			case !part:
				others := map[string]reflect.Type{ // documents with schemas of their own, beside it
					schemaFile(result.Schema): reflect.TypeFor[*result.Results](), schemaFile(result.SweepSchema): reflect.TypeFor[*result.Sweep](),
					schemaFile(result.BisectionSchema): reflect.TypeFor[result.Bisection](), schemaFile(result.DeltaSchema): reflect.TypeFor[*result.Delta](),
				}
				if others[ref] != typ {
					t.Errorf("%s: %v is not what %s describes", path, typ, ref)
				}
				return
			case file == schemaFile(result.Schema):
				other := schemaOf(t, result.Schema)
				matchPart(t, path, typ, other, within(other, "$defs", name))
				return
			}
			node = within(schema, "$defs", name)
			seen[name] = true
		}
		switch typ.Kind() {
		case reflect.Pointer:
			walk(path, typ.Elem(), node)
		case reflect.Slice:
			walk(path+"[]", typ.Elem(), node["items"].(map[string]any))
		case reflect.Map:
			if names, ok := node["propertyNames"].(map[string]any); ok {
				walk(path+"{}", typ.Key(), names)
			}
			walk(path+"{}", typ.Elem(), node["additionalProperties"].(map[string]any))
		case reflect.Struct:
			if typ == reflect.TypeFor[time.Time]() {
				return
			}
			if node["additionalProperties"] != false {
				t.Errorf("%s: not strict", path)
			}
			var required []string
			for _, r := range node["required"].([]any) {
				required = append(required, r.(string))
			}
			props := node["properties"].(map[string]any)
			var names []string
			for i := range typ.NumField() {
				name, opts, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				if name == "-" {
					continue
				}
				names = append(names, name)
				prop, ok := props[name].(map[string]any)
				if !ok {
					t.Errorf("%s.%s is not in the schema", path, name)
					continue
				}
				if optional := strings.Contains(opts, "omitempty"); optional == slices.Contains(required, name) {
					t.Errorf("%s.%s: omitempty is %v, required is %v", path, name, optional, !optional)
				}
				walk(path+"."+name, typ.Field(i).Type, prop)
			}
			for name := range props {
				if !slices.Contains(names, name) {
					t.Errorf("%s.%s is in the schema only", path, name)
				}
			}
		}
	}
	walk(at, typ, node)
	return seen
}

func enum(v any) (list []string) {
	for _, e := range v.([]any) {
		list = append(list, e.(string))
	}
	return list
}
