package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// published is the directory of the schemas, seen from this package.
const published = "../../harness/report/schema"

// words are the values of the types that have only a few.
var words = map[reflect.Type][]any{
	reflect.TypeFor[outcome.Kind]():               list(outcome.Kinds()...),
	reflect.TypeFor[outcome.Missing]():            list(outcome.Missings()...),
	reflect.TypeFor[result.Verdict]():             list(result.Verdicts()...),
	reflect.TypeFor[result.Conclusion]():          list(result.Conclusions()...),
	reflect.TypeFor[result.BisectionConclusion](): list(result.BisectedTo, result.BisectedRange, result.BisectedFlaky, result.NotBisected),
	reflect.TypeFor[result.MinimiseConclusion]():  list(result.MinimiseConclusions()...),
	reflect.TypeFor[result.ColumnState]():         list(result.ColumnExpected, result.ColumnDiffers, result.ColumnRefused, result.ColumnInfra),
}

// later are words that the first version of a document does not have. Fields that it
// does not have are tagged since:"v2", and patterns of text that it had v1:"…".
var later = map[reflect.Type][]any{
	reflect.TypeFor[outcome.Kind]():   list(outcome.Built, outcome.Passed, outcome.Failed),
	reflect.TypeFor[result.Verdict](): list(result.Builds, result.Passes, result.Fails),
}

func list[T any](words ...T) []any {
	var l []any
	for _, w := range words {
		l = append(l, w)
	}
	return l
}

// rules hold between the fields of a type.
var rules = map[reflect.Type]string{
	reflect.TypeFor[outcome.Outcome](): `{"allOf": [
		{"if": {"properties": {"kind": {"enum": ["relocation-unknown", "relocation-overflow"]}}}, "then": {"required": ["relocation"]}},
		{"if": {"properties": {"kind": {"enum": ["loaded", "init-failed", "insmod-failed", "oops", "boot-failed", "build-failed",
			"config-dropped", "timeout", "infra"]}}}, "then": {"properties": {"relocation": false}}},
		{"if": {"required": ["stage"]}, "then": {"properties": {"kind": {"const": "timeout"}}}}]}`,
	reflect.TypeFor[result.SweepColumn](): `{"oneOf": [{"required": ["results"]}, {"required": ["refused"]}, {"required": ["infra"]}]}`,
	reflect.TypeFor[result.Nightly](): `{"allOf": [
		{"if": {"required": ["infra"]}, "then": {"properties": {"exit": {"const": 3}}}},
		{"if": {"properties": {"exit": {"const": 0}}}, "then": {"properties": {"changes": {"maxItems": 0}}}},
		{"if": {"properties": {"exit": {"const": 1}}}, "then": {"properties": {"changes": {"minItems": 1}}}}]}`,
	reflect.TypeFor[result.Verification](): `{"allOf": [
		{"if": {"properties": {"exit": {"const": 0}}}, "then": {"properties": {"conclusion": {"const": "fixed"}}}}]}`,
}

// file is the name of the file of a schema, by which others refer to it.
func file(schema string) string { return strings.ReplaceAll(schema, "/", ".") + ".json" }

// documents are the schemas, by file.
func documents() (map[string][]byte, error) {
	comments := &jsonschema.Reflector{}
	for _, dir := range []string{"result", "outcome"} {
		if err := comments.AddGoComments("umlab/internal/schema", "../../harness/"+dir, jsonschema.WithFullComment()); err != nil {
			return nil, err
		}
	}
	docs := map[string][]byte{}
	for name, root := range result.Documents() {
		s, err := document(name, root, comments.CommentMap)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		docs[file(name)] = append(text, '\n')
	}
	return docs, nil
}

func document(name string, root reflect.Type, comments map[string]string) (*jsonschema.Schema, error) {
	types := map[string]reflect.Type{} // by name in $defs
	first := root == reflect.TypeFor[result.Results]() && name == result.Schema
	mapper := func(t reflect.Type) *jsonschema.Schema { return mapped(t, first) }
	if root == reflect.TypeFor[result.Classification]() {
		mapper = orUnproved
	}
	r := &jsonschema.Reflector{
		ExpandedStruct: true, Anonymous: true, Mapper: mapper,
		Namer: func(t reflect.Type) string {
			if t.Name() == "" {
				return ""
			}
			n := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
			types[n] = t
			return n
		},
		Lookup: func(t reflect.Type) jsonschema.ID {
			for other, of := range result.Documents() {
				if of == t && t != root && other != result.Schema { // what can be in the second can be in others
					return jsonschema.ID(file(other))
				}
			}
			return ""
		},
		LookupComment: func(t reflect.Type, field string) string {
			key := t.PkgPath() + "." + t.Name()
			if field != "" {
				return strings.Join(strings.Fields(comments[key+"."+field]), " ")
			}
			text := strings.Join(strings.Fields(comments[key]), " ")
			for _, is := range []string{" is ", " are "} {
				if what, ok := strings.CutPrefix(text, t.Name()+is); ok {
					return strings.ToUpper(what[:1]) + what[1:]
				}
			}
			return text
		},
	}
	s := r.ReflectFromType(root)
	s.ID, s.Title = jsonschema.ID(file(name)), name
	s.Properties.Set("schema", &jsonschema.Schema{Const: name})
	if name == result.SchemaV2 { // the second has all that the first has
		s.Properties.Set("schema", &jsonschema.Schema{Enum: list(result.Schema, result.SchemaV2)})
	}
	for def, part := range s.Definitions {
		if err := finish(part, types[def], first); err != nil {
			return nil, err
		}
	}
	if err := finish(s, root, first); err != nil {
		return nil, err
	}
	return s, prune(s, first)
}

// orUnproved is mapped for a document in which an outcome may be one that no line proves.
func orUnproved(t reflect.Type) *jsonschema.Schema {
	s := mapped(t, false)
	if t == reflect.TypeFor[outcome.Kind]() {
		s.Enum = append([]any{outcome.Unproved}, s.Enum...)
	}
	return s
}

// mapped describes what is the same wherever it stands: words, counts of what
// was seen, and numbers, which are not negative but where a tag says so.
func mapped(t reflect.Type, first bool) *jsonschema.Schema {
	known := func(t reflect.Type) []any {
		return slices.DeleteFunc(slices.Clone(words[t]), func(w any) bool { return first && slices.Contains(later[t], w) })
	}
	switch enum := known(t); t.Kind() {
	case reflect.String:
		if enum != nil {
			return &jsonschema.Schema{Type: "string", Enum: enum}
		}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Int {
			count := &jsonschema.Schema{Type: "integer", Minimum: "1"}
			if t.Key() == reflect.TypeFor[result.Verdict]() {
				count.Minimum = "0" // umlab.results/v1 never asked for more
			}
			s := &jsonschema.Schema{Type: "object", AdditionalProperties: count}
			if enum = known(t.Key()); enum != nil {
				s.PropertyNames = &jsonschema.Schema{Enum: enum}
			}
			return s
		}
	case reflect.Uint32:
		return &jsonschema.Schema{Type: "integer", Minimum: "0", Maximum: "4294967295"}
	case reflect.Int, reflect.Int64:
		return &jsonschema.Schema{Type: "integer", Minimum: "0"}
	case reflect.Float64:
		return &jsonschema.Schema{Type: "number", Minimum: "0"}
	}
	return nil
}

// finish adds to the schema of a struct what its fields alone do not say.
func finish(s *jsonschema.Schema, t reflect.Type, first bool) error {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for at := s.Properties.Oldest(); at != nil; at = at.Next() {
		if at.Value.Enum != nil {
			at.Value.Minimum = ""
		}
	}
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		if first && tag.Get("since") != "" {
			s.Properties.Delete(name)
			continue
		}
		if pattern := tag.Get("v1"); first && pattern != "" {
			p, _ := s.Properties.Get(name)
			p.Pattern = pattern
		}
		// A list of pointers may have gaps.
		if f := t.Field(i).Type; f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Pointer {
			p, _ := s.Properties.Get(name)
			p.Items = &jsonschema.Schema{OneOf: []*jsonschema.Schema{p.Items, {Type: "null"}}}
		}
	}
	if rule := rules[t]; rule != "" {
		more := &jsonschema.Schema{}
		if err := json.Unmarshal([]byte(rule), more); err != nil {
			return err
		}
		s.AllOf, s.OneOf = more.AllOf, more.OneOf
	}
	return nil
}

var reference = regexp.MustCompile(`"\$ref":"#/\$defs/([^"]+)"`)

// prune takes out the definitions that nothing refers to, which are of fields that
// the first version does not have.
func prune(s *jsonschema.Schema, first bool) error {
	for first {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		used := map[string]bool{}
		for _, m := range reference.FindAllSubmatch(text, -1) {
			used[string(m[1])] = true
		}
		had := len(s.Definitions)
		maps.DeleteFunc(s.Definitions, func(name string, _ *jsonschema.Schema) bool { return !used[name] })
		first = len(s.Definitions) < had
	}
	return nil
}
