package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"umlab/harness/result"
)

// JSON writes a document of package result indented, with keys in the order of the
// Go types and maps sorted. Lists, maps and objects that are not optional are never
// null, and every document has the name of its schema. A type without a published
// schema is refused. It returns the error of w, or that of a number which JSON cannot
// hold; then nothing was written.
func JSON[T any](w io.Writer, v *T) error {
	if !slices.Contains(slices.Collect(maps.Values(result.Documents())), reflect.TypeFor[T]()) {
		return fmt.Errorf("write JSON: no schema is published for %T", *v)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(filled(reflect.ValueOf(v)).Interface()); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	text := bytes.ReplaceAll(b.Bytes(), []byte("##"), []byte(`#\u0023`)) // a CI system may read it, see doc.Clean
	_, err := w.Write(text)
	return err
}

// filled is a copy of v without nil where a schema wants a list or an object.
func filled(v reflect.Value) reflect.Value {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer && !v.IsNil():
		to := reflect.New(t.Elem())
		to.Elem().Set(filled(v.Elem()))
		return to
	case t.Kind() == reflect.Slice:
		to := reflect.MakeSlice(t, v.Len(), v.Len())
		for i := range v.Len() {
			to.Index(i).Set(filled(v.Index(i)))
		}
		return to
	case t.Kind() == reflect.Map:
		to := reflect.MakeMap(t)
		for key, x := range v.Seq2() {
			to.SetMapIndex(key, filled(x))
		}
		return to
	case t.Kind() == reflect.Struct:
		to := reflect.New(t).Elem()
		to.Set(v)
		for i := range t.NumField() {
			switch f, x := t.Field(i), v.Field(i); {
			case !f.IsExported():
			case f.Name == "Schema":
				if versions, several := v.Interface().(interface{ Version() string }); several {
					to.Field(i).SetString(versions.Version())
					break
				}
				for name, document := range result.Documents() {
					if document == t {
						to.Field(i).SetString(name)
					}
				}
			case x.Kind() == reflect.Pointer && x.IsNil() && !strings.Contains(f.Tag.Get("json"), ",omitempty"):
				to.Field(i).Set(filled(reflect.New(f.Type.Elem())))
			default:
				to.Field(i).Set(filled(x))
			}
		}
		return to
	}
	return v
}
