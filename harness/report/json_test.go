package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
			back := roundTrip(t, r.Version(), JSON, r)
			if r.Schema = r.Version(); back.Schema != r.Schema {
				t.Errorf("schema %q", back.Schema)
			}
			if diff := cmp.Diff(r, back, cmpopts.EquateEmpty()); diff != "" {
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
					for _, m := range run.Items() {
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

func TestJSONOfNoDocument(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, &result.Cell{}); err == nil || b.Len() > 0 {
		t.Errorf("%v, and written: %q", err, b.String())
	}
}
