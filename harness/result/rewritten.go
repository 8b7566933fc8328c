package result

import "reflect"

// Rewritten is a copy of v, a document or a part of one, with f of each string in it.
func Rewritten[T any](v T, f func(string) string) T {
	return rewritten(reflect.ValueOf(&v).Elem(), f).Interface().(T)
}

// rewritten is a copy of v with f of each string.
func rewritten(v reflect.Value, f func(string) string) reflect.Value {
	t := v.Type()
	to := reflect.New(t).Elem()
	to.Set(v)
	switch t.Kind() {
	case reflect.String:
		to.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			to.Set(reflect.New(t.Elem()))
			to.Elem().Set(rewritten(v.Elem(), f))
		}
	case reflect.Slice:
		if !v.IsNil() {
			to.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
			for i := range v.Len() {
				to.Index(i).Set(rewritten(v.Index(i), f))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			to.Set(reflect.MakeMap(t))
			for key, x := range v.Seq2() {
				to.SetMapIndex(rewritten(key, f), rewritten(x, f))
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				to.Field(i).Set(rewritten(v.Field(i), f))
			}
		}
	}
	return to
}
