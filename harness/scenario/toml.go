package scenario

import (
	"errors"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// kind is the type of a TOML value, in the words of messages.
type kind string

const (
	kindTable   kind = "a table"
	kindArray   kind = "an array"
	kindString  kind = "a string"
	kindInteger kind = "an integer"
	kindBool    kind = "true or false"
	kindFloat   kind = "a float"
	kindDate    kind = "a date or time"
)

// value is a TOML value that knows where it stands. go-toml's own decoder
// stops at the first wrong type and forgets positions, so that neither all
// mistakes nor the place of an impossible combination could be told.
type value struct {
	pos
	kind   kind
	text   string  // kindString
	number int64   // kindInteger
	truth  bool    // kindBool
	fields []field // kindTable, in the order of the file
	items  []*value
	tables bool // kindArray made of [[headers]]
}

type field struct {
	pos
	name  string
	value *value
}

func (v *value) field(name string) *value {
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// parseTOML reads data into a tree. A mistake of syntax ends the reading: the
// tree then holds what stood before it.
func parseTOML(data []byte, m *mistakes) *value {
	var b builder
	// The decoder finds what the parser alone does not: keys set twice,
	// tables defined twice, numbers and dates that do not exist.
	var discard map[string]any
	if err := toml.Unmarshal(data, &discard); err != nil {
		p := pos{1, 1}
		if de, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, col := de.Position()
			p = pos{max(line, 1), max(col, 1)}
		}
		m.add(p, "%s", strings.TrimPrefix(err.Error(), "toml: "))
	}
	root := &value{pos: pos{1, 1}, kind: kindTable}
	current := root
	b.Reset(data)
	for b.NextExpression() {
		e := b.Expression()
		switch e.Kind {
		case unstable.KeyValue:
			b.assign(current, e)
		case unstable.Table:
			current = root.within(b.keys(e))
		case unstable.ArrayTable:
			current = root.another(b.keys(e))
		}
	}
	if err := b.Error(); err != nil {
		if len(m.list) == 0 { // the decoder reads the same syntax
			m.add(pos{1, 1}, "%v", err)
		}
		m.half = true
	}
	return root
}

type builder struct{ unstable.Parser }

func (b *builder) pos(n *unstable.Node) pos {
	at := b.Shape(n.Raw).Start
	return pos{at.Line, at.Column}
}

// keys returns the parts of a dotted key.
func (b *builder) keys(n *unstable.Node) []field {
	var parts []field
	for it := n.Key(); it.Next(); {
		parts = append(parts, field{pos: b.pos(it.Node()), name: string(it.Node().Data)})
	}
	return parts
}

// child finds the value of a key in the table v, or makes an empty table there, or
// an array of tables.
func (v *value) child(k field, kind kind) *value {
	child := v.field(k.name)
	if child == nil {
		child = &value{pos: k.pos, kind: kind, tables: kind == kindArray}
		v.fields = append(v.fields, field{k.pos, k.name, child})
	}
	return child
}

// within is the table below t that keys lead to, the last of an array of them. Where a key has another value, which the
// decoder has reported, it is one that nobody sees.
func (t *value) within(keys []field) *value {
	for _, k := range keys {
		if t = t.child(k, kindTable); t.tables {
			t = t.items[len(t.items)-1]
		}
		if t.kind != kindTable {
			return &value{pos: k.pos, kind: kindTable}
		}
	}
	return t
}

// another is a new table of the array [[keys]] below t.
func (t *value) another(keys []field) *value {
	last := keys[len(keys)-1]
	added := &value{pos: last.pos, kind: kindTable}
	if array := t.within(keys[:len(keys)-1]).child(last, kindArray); array.tables {
		array.items = append(array.items, added)
	}
	return added
}

// assign stores a key = value into t.
func (b *builder) assign(t *value, n *unstable.Node) {
	keys := b.keys(n)
	k := keys[len(keys)-1]
	if t = t.within(keys[:len(keys)-1]); t.field(k.name) == nil {
		t.fields = append(t.fields, field{k.pos, k.name, b.value(n.Value(), k.pos)})
	}
}

// value converts a value node. Arrays have no place of their own: theirs is
// that of the key.
func (b *builder) value(n *unstable.Node, key pos) *value {
	v := &value{pos: key}
	if n.Kind != unstable.Array && n.Kind != unstable.InlineTable {
		v.pos = b.pos(n)
	}
	switch n.Kind {
	case unstable.String:
		v.kind, v.text = kindString, string(n.Data)
	case unstable.Bool:
		v.kind, v.truth = kindBool, string(n.Data) == "true"
	case unstable.Integer:
		v.kind = kindInteger
		// One out of range was reported by the decoder.
		v.number, _ = strconv.ParseInt(strings.ReplaceAll(string(n.Data), "_", ""), 0, 64)
	case unstable.Float:
		v.kind = kindFloat
	case unstable.Array:
		v.kind = kindArray
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, b.value(it.Node(), key))
		}
	case unstable.InlineTable:
		v.kind = kindTable
		for it := n.Children(); it.Next(); {
			b.assign(v, it.Node())
		}
	default:
		v.kind = kindDate
	}
	return v
}
