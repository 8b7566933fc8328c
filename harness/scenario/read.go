package scenario

import (
	"slices"
	"strconv"

	"umlab/harness/kconfig"
	"umlab/harness/usage"
)

// text is a string of the file with its place.
type text struct {
	pos          // of the value; of the table where the key is absent
	value string // "" unless set
	set   bool   // the key is there with the right type
	given bool   // the key is there
}

// table reads the keys of one TOML table and remembers which it was asked for,
// so that what remains is unknown.
type table struct {
	*value
	name  string // for messages: "the file", "[axes]", "[[module]]"
	m     *mistakes
	known []string
}

func (t *table) get(key string, want kind, but string) *value {
	if !slices.Contains(t.known, key) {
		t.known = append(t.known, key)
	}
	v := t.field(key)
	if v == nil || want == "" || v.kind == want {
		return v
	}
	t.wrong(v, key, but)
	return nil
}

func (t *table) has(key string) bool { return t.field(key) != nil }

func (t *table) wrong(v *value, key, but string) {
	t.m.add(v.pos, "%s must be %s, not %s", key, but, v.kind)
}

func (t *table) text(key string) text {
	v := t.get(key, kindString, "a string")
	if v == nil {
		return text{pos: t.pos, given: t.has(key)}
	}
	return text{v.pos, v.text, true, true}
}

// items returns the elements of key that have the right type; a single value
// stands for a list of one.
func (t *table) items(key string, want kind, but string) []*value {
	v := t.get(key, "", "")
	if v == nil {
		return nil
	}
	if v.kind == want {
		return []*value{v}
	}
	if v.kind != kindArray || v.tables {
		t.wrong(v, key, but+" or a list of them")
		return nil
	}
	if len(v.items) == 0 {
		t.m.add(v.pos, "%s is an empty list: name at least one, or leave the key out", key)
	}
	var out []*value
	for _, item := range v.items {
		if item.kind != want {
			t.wrong(item, "an element of "+key, but)
			continue
		}
		out = append(out, item)
	}
	return out
}

func (t *table) texts(key string) []text {
	var out []text
	for _, v := range t.items(key, kindString, "a string") {
		out = append(out, text{v.pos, v.text, true, true})
	}
	return out
}

// table returns the table [key], an empty one where there is none.
func (t *table) table(key string) *table {
	v := t.get(key, kindTable, "a table: write ["+key+"]")
	if v == nil {
		v = &value{pos: t.pos, kind: kindTable}
	}
	return &table{value: v, name: "[" + key + "]", m: t.m}
}

// tables returns the tables [[key]].
func (t *table) tables(key string) []*table {
	const but = "tables: write "
	v := t.get(key, kindArray, but+"[["+key+"]]")
	if v == nil {
		return nil
	}
	var out []*table
	for _, item := range v.items {
		if item.kind != kindTable {
			t.wrong(item, key, but+"[["+key+"]]")
			continue
		}
		out = append(out, &table{value: item, name: "[[" + key + "]]", m: t.m})
	}
	return out
}

// option reads a Kconfig value: y, m, n and 0x hex are themselves, an integer
// is a number, and any other string a Kconfig string.
func (t *table) option(key string) text {
	v := t.get(key, "", "")
	switch {
	case v == nil:
		return text{pos: t.pos}
	case v.kind == kindInteger:
		return text{v.pos, strconv.FormatInt(v.number, 10), true, true}
	case v.kind == kindString && literal(v.text):
		return text{v.pos, v.text, true, true}
	case v.kind == kindString:
		return text{v.pos, kconfig.Quote(v.text), true, true}
	}
	t.wrong(v, key, `"y", "m", "n", an integer or a string`)
	return text{pos: t.pos, given: true}
}

// finish reports the keys that nobody asked for.
func (t *table) finish() {
	for _, f := range t.fields {
		if !slices.Contains(t.known, f.name) {
			t.m.add(f.pos, "%s has no key %q: allowed are %s%s", t.name, f.name, list(t.known), usage.Meant(f.name, t.known))
		}
	}
}
