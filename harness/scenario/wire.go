package scenario

import "umlab/harness/kconfig"

// The wire types mirror the file key by key, with places and nothing checked
// but the types. model.go holds what the rest of umlab sees.
type wire struct {
	schema, name, title, description, tree, toolchain text

	fragments, patches []text
	noFragments        bool // the key is absent
	options            []wireOption

	relocationModels, codeModels, scopes, placementNames []text

	variants   []wireVariant
	modules    []wireModule
	placements []wirePlacement
	controls   []wireControl
	expects    []wireExpect
}

type wireOption struct {
	name  field
	value text
}

type wireVariant struct {
	pos
	relocationModel, codeModel text
}

type wireModule struct {
	name, path, output text
	params             []text
}

type wirePlacement struct {
	name, mem text
	aslr      flag
	repeat    *number
}

type wireWant struct {
	pos                      // of the table
	noOutcome           bool // the key is absent
	outcomes            []text
	relocations, errnos []number
	option, got         text
}

type wireControl struct {
	name, cell, placement, module text
	want                          wireWant
}

type wireExpect struct {
	cells, placements, modules []text
	kernel, verdict            text
	want                       wireWant
}

// decode reads the tree into the wire types and reports unknown keys and
// wrong types.
func decode(root *value, m *mistakes) wire {
	t := &table{pos: pos{1, 1}, v: root, name: "the file", m: m}
	w := wire{
		schema: t.text("schema"), name: t.text("name"), title: t.text("title"), description: t.text("description"),
		tree: t.text("tree"), toolchain: t.text("toolchain"),
		noFragments: !t.has("fragments"), fragments: t.texts("fragments"), patches: t.texts("patches"),
	}
	if k := t.table("kconfig"); k != nil {
		for _, f := range k.v.fields {
			if !kconfig.ValidName(f.name) {
				m.add(f.pos, "[kconfig] has no key %q: write the option with its prefix, CONFIG_RUST", f.name)
				continue
			}
			w.options = append(w.options, wireOption{f, k.option(f.name)})
		}
	}
	if a := t.table("axes"); a != nil {
		w.relocationModels, w.codeModels = a.texts("relocation-model"), a.texts("code-model")
		w.scopes, w.placementNames = a.texts("scope"), a.texts("placement")
		a.finish()
	}
	for _, v := range t.tables("variant") {
		w.variants = append(w.variants, wireVariant{v.pos, v.text("relocation-model"), v.text("code-model")})
		v.finish()
	}
	for _, v := range t.tables("module") {
		w.modules = append(w.modules, wireModule{v.text("name"), v.text("path"), v.text("output"), v.texts("params")})
		v.finish()
	}
	for _, v := range t.tables("placement") {
		w.placements = append(w.placements, wirePlacement{v.text("name"), v.text("mem"), v.flag("aslr"), v.number("repeat")})
		v.finish()
	}
	for _, v := range t.tables("control") {
		w.controls = append(w.controls, wireControl{v.text("name"), v.text("cell"), v.text("placement"), v.text("module"), decodeWant(v)})
		v.finish()
	}
	for _, v := range t.tables("expect") {
		w.expects = append(w.expects, wireExpect{
			cells: v.texts("cell"), placements: v.texts("placement"), modules: v.texts("module"),
			kernel: v.text("kernel"), verdict: v.text("verdict"), want: decodeWant(v),
		})
		v.finish()
	}
	t.finish()
	return w
}

func decodeWant(t *table) wireWant {
	return wireWant{
		pos: t.pos, noOutcome: !t.has("outcome"), outcomes: t.texts("outcome"), relocations: t.numbers("relocation"), errnos: t.numbers("errno"),
		option: t.text("option"), got: t.option("got"),
	}
}
