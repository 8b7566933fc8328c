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
		data := marshal(t, r)
		if err := ValidateJSON(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var back result.Results
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(complete(r), &back); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
		if again := marshal(t, &back); !bytes.Equal(data, again) {
			t.Errorf("%s: what was read is written otherwise", name)
		}
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
	for _, v := range verdictOrder() {
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
		before, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		data := marshal(t, r)
		if bytes.Contains(data, []byte("null")) {
			t.Errorf("%s: null in\n%s", name, data)
		}
		if err := ValidateJSON(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := json.Marshal(r); !bytes.Equal(before, after) {
			t.Errorf("%s: JSON changed the results it was given", name)
		}
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
			if err := ValidateJSON(data); err == nil {
				t.Errorf("valid:\n%s", data)
			}
		})
	}
	for _, text := range []string{"", "{", "[]", "null", `{"schema":"umlab.results/v1"}`} {
		if err := ValidateJSON([]byte(text)); err == nil {
			t.Errorf("%q is valid", text)
		}
	}
}

// The schema and the Go types name the same fields, require the same ones, and
// list the same kinds and verdicts.
func TestSchemaMatchesTypes(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	defs := schema["$defs"].(map[string]any)
	matchTypes(t, reflect.TypeFor[result.Results](), schema)
	var kinds, verdicts []string
	for _, k := range outcome.Kinds() {
		kinds = append(kinds, string(k))
	}
	for _, v := range verdictOrder() {
		verdicts = append(verdicts, string(v))
	}
	kind := defs["outcome"].(map[string]any)["properties"].(map[string]any)["kind"].(map[string]any)
	if diff := cmp.Diff(kinds, enum(kind["enum"])); diff != "" {
		t.Errorf("kinds (-Go +schema):\n%s", diff)
	}
	if diff := cmp.Diff(verdicts, enum(defs["verdict"].(map[string]any)["enum"])); diff != "" {
		t.Errorf("verdicts (-Go +schema):\n%s", diff)
	}
}

// matchTypes holds that schema describes typ, field by field, and nothing else.
func matchTypes(t *testing.T, typ reflect.Type, schema map[string]any) {
	t.Helper()
	defs := schema["$defs"].(map[string]any)
	seen := map[string]bool{}
	var walk func(path string, typ reflect.Type, node map[string]any)
	walk = func(path string, typ reflect.Type, node map[string]any) {
		if ref, ok := node["$ref"].(string); ok {
			name, ok := strings.CutPrefix(ref, "#/$defs/")
			if !ok {
				others := map[string]reflect.Type{ // documents with schemas of their own, beside it
					schemaLocation: reflect.TypeFor[*result.Results](), "umlab.sweep.v1.json": reflect.TypeFor[*result.Sweep](),
					"umlab.bisect.v1.json": reflect.TypeFor[result.Bisection](), deltaLocation: reflect.TypeFor[*result.Delta](),
				}
				if others[ref] != typ {
					t.Errorf("%s: %v is not what %s describes", path, typ, ref)
				}
				return
			}
			node = defs[name].(map[string]any)
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
	walk("", typ, schema)
	for name := range defs {
		if !seen[name] {
			t.Errorf("$defs/%s: nothing of the Go types leads there", name)
		}
	}
}

func enum(v any) (list []string) {
	for _, e := range v.([]any) {
		list = append(list, e.(string))
	}
	return list
}
