package scenario

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/usage"
)

var (
	scenarioName  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	placementName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	moduleName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	moduleParam   = regexp.MustCompile(`^[A-Za-z0-9_.]+(=[A-Za-z0-9_.,:/+-]*)?$`)
	cellPattern   = regexp.MustCompile(`^[A-Za-z0-9_.=+*-]+(@[a-z*]+)?$`)
)

// mostRepeat bounds the boots of one placement.
const mostRepeat = 1000

// verdicts are those that a scenario may expect: flaky and unknown prove
// nothing, so that nobody can want them.
func verdicts() []string {
	return []string{"loads", "rejected", "address-dependent", "mixed", "broken", "passes", "fails"}
}

// validator turns the tables of the file into the model.
type validator struct {
	*mistakes
	half bool // of half a file one cannot say what it lacks, nor what it means
	file *table
	s    *Scenario

	programs []text // of steps
	goal     pos    // of a goal that is a directory
}

func (v *validator) run() {
	v.head()
	v.origin()
	v.options(v.file.table("kconfig"))
	axes := v.file.table("axes")
	placements := axes.texts("placement")
	scopes := v.axes(axes)
	axes.finish()
	v.excludes(v.file.tables("exclude"))
	v.variants(v.file.tables("variant"))
	v.s.scopes = scopes
	v.modules(v.file.tables("module"))
	v.steps(v.file.tables("step"))
	v.placements(v.file.tables("placement"), placements)
	v.build()
	for _, t := range v.file.tables("control") {
		v.control(t)
		t.finish()
	}
	for _, t := range v.file.tables("expect") {
		v.expect(t)
		t.finish()
	}
	v.file.finish()
}

func (v *validator) add(p pos, format string, args ...any) {
	if !v.half {
		v.mistakes.add(p, format, args...)
	}
}

func (v *validator) lacks(p pos, where, key string) {
	if !v.half {
		v.mistakes.lacks(p, where, key)
	}
}

// require reads a key that must be there, and reports where it is not or is empty.
func (v *validator) require(t *table, key string) text {
	value := t.text(key)
	switch {
	case !value.given:
		v.lacks(value.pos, t.name, key)
	case value.set && strings.TrimSpace(value.value) == "":
		v.add(value.pos, "%s is empty", key)
	}
	return value
}

// oneOf reports a value that is not among the allowed, and returns whether it is.
func (v *validator) oneOf(what string, t text, allowed []string) bool {
	if slices.Contains(allowed, t.value) {
		return true
	}
	v.add(t.pos, "%s %q is unknown: allowed are %s%s", what, t.value, list(allowed), usage.Meant(t.value, allowed))
	return false
}

// form reports a value that does not look as it must.
func (v *validator) form(what string, t text, form *regexp.Regexp, allowed string) bool {
	if !t.set || form.MatchString(t.value) {
		return t.set
	}
	v.add(t.pos, "%s %q is not possible: %s", what, t.value, allowed)
	return false
}

// expression reports what is no regular expression, or an empty one.
func (v *validator) expression(key string, t text) (re *regexp.Regexp, ok bool) {
	re, err := regexp.Compile(t.value)
	if err != nil || t.value == "" {
		v.add(t.pos, "%s %q is no regular expression: write Go's syntax", key, t.value)
		return re, false
	}
	return re, true
}

func (v *validator) head() {
	f, s := v.file, v.s
	if schema := v.require(f, "schema"); schema.set && schema.value != Schema {
		v.add(schema.pos, "schema %q is unknown: this umlab reads %q", schema.value, Schema)
	}
	name := v.require(f, "name")
	v.form("name", name, scenarioName, "write lower-case words joined by -")
	s.Name, s.Title = name.value, v.require(f, "title").value
	s.description = strings.TrimSpace(f.text("description").value)
	s.Tree, s.Toolchain = v.require(f, "tree").value, v.require(f, "toolchain").value
	if !f.has("fragments") {
		v.lacks(f.pos, f.name, "fragments")
	}
	s.FragmentNames = v.files("fragment", ".config", f.texts("fragments"))
	for _, file := range v.files("patch", ".patch", f.texts("patches")) {
		s.Patches = append(s.Patches, Patch{File: file})
	}
}

// files checks the names of files beside the scenario or in configs/.
func (v *validator) files(what, suffix string, names []text) []string {
	var out []string
	for _, t := range names {
		switch {
		case path.Clean(t.value) != t.value || !below(t.value, v.s.Name) || !strings.HasSuffix(t.value, suffix) || path.Base(t.value) == suffix:
			v.add(t.pos, "%s %q is not possible: write the name of a *%s file, without a directory but the scenario's own", what, t.value, suffix)
		case slices.Contains(out, t.value):
			v.add(t.pos, "%s %q is named twice", what, t.value)
		default:
			out = append(out, t.value)
		}
	}
	return out
}

// below reports whether a file lies beside the scenario of that name, or in the directory that has its name.
func below(file, scenario string) bool { return path.Base(file) == file || path.Dir(file) == scenario }

func (v *validator) options(t *table) {
	inline := kconfig.Fragment{File: v.mistakes.file}
	for _, f := range t.v.fields {
		if !kconfig.ValidName(f.name) {
			v.mistakes.add(f.pos, "[kconfig] has no key %q: write the option with its prefix, CONFIG_RUST", f.name)
		} else if o := t.option(f.name); o.set {
			inline.Options = append(inline.Options, kconfig.Option{Name: f.name, Value: o.value, File: inline.File, Line: f.line})
		}
	}
	if len(inline.Options) > 0 {
		v.s.Fragments = append(v.s.Fragments, inline)
	}
}

// axes makes the variants of the product, or of the values side by side, and
// returns the scopes.
func (v *validator) axes(t *table) (scopes []string) {
	v.s.variants = []Variant{newVariant()}
	combine, scope := t.text("combine"), t.texts("scope")
	for _, f := range t.v.fields {
		if slices.Contains([]string{"combine", "scope", "placement"}, f.name) {
			continue
		}
		axis, values := v.axis(t, f.name)
		if len(values) > 0 {
			v.s.axes = append(v.s.axes, axisValues{axis, values})
		}
	}
	made := product(v.s.axes)
	if combine.set && v.oneOf("combine", combine, []string{"product", "zip"}) && combine.value == "zip" {
		for _, a := range v.s.axes {
			if n := len(v.s.axes[0].values); len(a.values) != n {
				v.add(combine.pos, "combine is zip, which takes the values side by side: %s has %d and %s has %d",
					v.s.axes[0].axis, n, a.axis, len(a.values))
				return nil
			}
		}
		made = zip(v.s.axes)
	}
	for _, variant := range made {
		v.variant(t.pos, variant, true)
	}
	for _, one := range scope {
		if slices.Contains(scopes, one.value) {
			v.add(one.pos, "scope %q is named twice", one.value)
		} else if v.oneOf("scope", one, Scopes()) {
			scopes = append(scopes, one.value)
		}
	}
	if !t.has("scope") {
		scopes = []string{ScopeModule}
	}
	return scopes
}

// axis reads the values of an axis, none where its name is none.
func (v *validator) axis(t *table, name string) (axis Axis, values []string) {
	axis, err := ParseAxis(name)
	if err != nil || axis.Kind == OfRustc && axis.Prefix == "" {
		known := slices.Concat(t.known, AxisNames())
		t.known = append(t.known, name)
		for _, f := range t.v.fields {
			if f.name == name {
				v.add(f.pos, "%s has no key %q: allowed are %s; other options of rustc begin with -C or -Z%s", t.name, name,
					list(known), usage.Meant(name, known))
			}
		}
		return axis, nil
	}
	for _, one := range t.texts(name) {
		switch err := axis.check(one.value); {
		case err != nil:
			v.add(one.pos, "%v", err)
		case slices.Contains(values, one.value):
			v.add(one.pos, "%s %q is named twice", name, one.value)
		default:
			values = append(values, one.value)
		}
	}
	return axis, values
}

// variant adds a variant. One of a product that sets nothing is stock.
func (v *validator) variant(at pos, one Variant, made bool) {
	i := slices.Index(names(v.s.variants), one.ID)
	switch {
	case i < 0:
		v.s.variants = append(v.s.variants, one)
	case made && one.ID == Stock:
	case one.ID == Stock:
		v.add(at, "[[variant]] sets nothing: write an axis, as in [axes]; stock is in every scenario")
	case v.s.variants[i].same(one):
		v.add(at, "variant %q is there already: remove this one, or a value from [axes]", one.ID)
	default:
		v.add(at, "two variants would be called %q", one.ID)
	}
}

func (v *validator) variants(tables []*table) {
	for _, t := range tables {
		var settings []Setting
		wrong := len(v.list)
		for _, f := range t.v.fields {
			axis, values := v.axis(t, f.name)
			if len(values) > 1 {
				v.add(f.pos, "%s has several values: a [[variant]] takes one of each axis", f.name)
			}
			for _, value := range values {
				settings = append(settings, Setting{axis, value})
			}
		}
		t.finish()
		if wrong == len(v.list) {
			v.variant(t.pos, newVariant(settings...), false)
		}
	}
}

// excludes takes out of the variants those that have all settings of a table.
func (v *validator) excludes(tables []*table) {
	for _, t := range tables {
		out := v.s.variants[1:]
		asked := false
		for _, f := range t.v.fields {
			axis, values := v.axis(t, f.name)
			asked = asked || len(values) > 0
			has := func(one Variant) bool { return slices.Contains(values, cmp.Or(one.Value(axis.Kind, axis.Name), Off)) }
			out = slices.DeleteFunc(slices.Clone(out), func(one Variant) bool { return !has(one) })
		}
		t.finish()
		if asked && len(out) == 0 {
			v.add(t.pos, "[[exclude]] excludes nothing: no variant has all of this")
		}
		if asked {
			v.s.variants = slices.DeleteFunc(v.s.variants, func(one Variant) bool { return slices.Contains(names(out), one.ID) })
		}
	}
}

func (v *validator) modules(tables []*table) {
	for _, t := range tables {
		name, target, output := v.require(t, "name"), v.require(t, "path"), t.text("output")
		ok := v.form("module", name, moduleName, "write it as /proc/modules shows it: letters, digits and _")
		if ok && slices.Contains(names(v.s.Modules), name.value) {
			v.add(name.pos, "module %q is there already", name.value)
			ok = false
		}
		if target.set && !validTarget(target.value) {
			v.add(target.pos, `path %q is not possible: write a target of the tree that ends in .ko, as in "samples/rust/rust_minimal.ko"`,
				target.value)
			ok = false
		}
		m := newModule(name.value, target.value)
		if output.value == OutputBuilt {
			m.Output = nil
		} else if output.set {
			re, valid := v.expression("output", output)
			m.Output, ok = re, ok && valid
		}
		for _, p := range t.texts("params") {
			if v.form("params", p, moduleParam, `write arguments of insmod without spaces, as in "name=value"`) {
				m.Params = append(m.Params, p.value)
			}
		}
		t.finish()
		if ok {
			v.s.Modules = append(v.s.Modules, m)
		}
	}
}

// ValidParam reports whether s can be among the params of a module.
func ValidParam(s string) bool { return moduleParam.MatchString(s) }

// OutputBuilt is the output of a module of which umlab finds out itself, from the built module, what its init prints.
const OutputBuilt = "*"

func newModule(name, target string) Module {
	return Module{Name: name, Path: target, Output: regexp.MustCompile("^" + regexp.QuoteMeta(name) + ": ")}
}

var targetForm = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\.ko$`)

// validTarget wants a make target: a path below O= that no shell and no make
// reads as anything else.
func validTarget(s string) bool { return targetForm.MatchString(s) }

// placements reads those that have a name here, and picks those that are booted.
func (v *validator) placements(tables []*table, booted []text) {
	known := builtin()
	var seen []string
	for _, t := range tables {
		name, size := v.require(t, "name"), t.text("mem")
		aslr, repeat := t.get("aslr", kindBool, "true or false"), t.get("repeat", kindInteger, "an integer")
		t.finish()
		if !v.form("placement", name, placementName, "write a lower-case word") {
			continue
		}
		if slices.Contains(seen, name.value) {
			v.add(name.pos, "placement %q is there already", name.value)
			continue
		}
		seen = append(seen, name.value)
		i := slices.Index(names(known), name.value)
		if i < 0 {
			v.require(t, "mem")
			known = append(known, Placement{Name: name.value, Repeat: 1})
			i = len(known) - 1
		}
		if size.set {
			mem, err := ParseMem(size.value)
			if err != nil {
				v.add(size.pos, "%v", err)
			}
			known[i].Mem, known[i].MemText = mem, size.value
		}
		if aslr != nil {
			known[i].ASLR = aslr.truth
		}
		if repeat != nil {
			if repeat.number < 1 || repeat.number > mostRepeat {
				v.add(repeat.pos, "repeat is %d: allowed is 1 to %d", repeat.number, mostRepeat)
			}
			known[i].Repeat = int(repeat.number)
		}
	}
	v.s.known = known
	if len(booted) == 0 {
		booted = []text{{value: "low"}, {value: "high"}}
	}
	for _, t := range booted {
		if slices.Contains(names(v.s.placements), t.value) {
			v.add(t.pos, "placement %q is named twice", t.value)
		} else if v.oneOf("placement", t, names(known)) {
			p, _ := named(v.s.known, t.value)
			v.s.placements = append(v.s.placements, p)
		}
	}
}
