package scenario

import (
	"cmp"
	"errors"
	"path"
	"regexp"
	"regexp/syntax"
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
	// A target of make is a path below O= that no shell and no make reads as anything else.
	targetForm = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\.ko$`)
	anyName    = regexp.MustCompile(``)
)

// mostRepeat bounds the boots of one placement.
const mostRepeat = 1000

// validator turns the tables of the file into the model.
type validator struct {
	*mistakes
	file *table
	s    *Scenario

	programs []text // of steps
	goal     pos    // of a goal that is a directory
}

func (v *validator) run() {
	v.head()
	v.options(v.file.table("kconfig"))
	axes := v.file.table("axes")
	placements := axes.texts("placement")
	scopes := v.axes(axes)
	v.each("exclude", v.exclude)
	v.each("variant", v.variant)
	v.s.scopes = scopes
	v.each("module", v.module)
	v.each("step", v.step)
	v.placements(placements)
	v.build()
	v.each("control", v.control)
	v.each("expect", v.expect)
	v.file.finish()
}

// each reads the tables [[key]].
func (v *validator) each(key string, read func(*table)) {
	for _, t := range v.file.tables(key) {
		read(t)
		t.finish()
	}
}

func (v *validator) add(p pos, format string, args ...any) {
	if !v.half {
		v.mistakes.add(p, format, args...)
	}
}

// require reads a key that must be there, and reports where it is not or is empty.
func (v *validator) require(t *table, key string) text {
	value := t.text(key)
	if !value.given {
		v.lacks(value.pos, t.name, key)
	} else if value.set && strings.TrimSpace(value.value) == "" {
		v.add(value.pos, "%s is empty", key)
	}
	return value
}

// oneOf reports a value that is not among the allowed, and returns whether it is.
func (v *validator) oneOf(what string, t text, allowed []string) bool {
	err := unknown(what, t.value, allowed)
	if err != nil {
		v.add(t.pos, "%v", err)
	}
	return err == nil
}

// unknown says that a value is not among the allowed; nil where it is.
func unknown(what, value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	if len(allowed) == 0 {
		return usage.Errorf("%s %q is unknown: the scenario has none, write a [[%s]]", what, value, what)
	}
	return usage.Errorf("%s %q is unknown: allowed are %s%s", what, value, list(allowed), usage.Meant(value, allowed))
}

// possible reports a value that cannot be meant, and returns whether there is one that can.
func (v *validator) possible(what string, t text, can bool, allowed string) bool {
	if t.set && !can {
		v.add(t.pos, "%s %q is not possible: %s", what, t.value, allowed)
	}
	return t.set && can
}

// name reads the name of what a table is about, which nothing else of there may have.
func (v *validator) name(what string, t *table, form *regexp.Regexp, allowed string, there []string) (name string, ok bool) {
	value := v.require(t, "name")
	ok = v.possible(what, value, form.MatchString(value.value), allowed)
	if ok && slices.Contains(there, value.value) {
		v.add(value.pos, "%s %q is there already", what, value.value)
		ok = false
	}
	return value.value, ok
}

// expression is a regular expression; nil where there is none, or what is reported.
func (v *validator) expression(key string, t text) *regexp.Regexp {
	if !t.set {
		return nil
	}
	re, err := regexp.Compile(t.value)
	if err != nil || t.value == "" {
		why := ""
		if bad, ok := errors.AsType[*syntax.Error](err); ok {
			why = ": " + bad.Code.String()
		}
		v.add(t.pos, "%s %q is no regular expression: write Go's syntax%s", key, t.value, why)
	}
	return re
}

// versions reads bounds.
func (v *validator) versions(t *table, key string) versions {
	bounds := t.text(key)
	vs, err := parseVersions(bounds.value)
	if err != nil && bounds.set {
		v.add(bounds.pos, "%s %v", key, err)
	}
	return vs
}

// values are those of ts that are accepted.
func values(ts []text, accepted func(text) bool) (out []string) {
	for _, t := range ts {
		if accepted(t) {
			out = append(out, t.value)
		}
	}
	return out
}

// once is values, none of which may stand there twice.
func (v *validator) once(what string, ts []text, accepted func(text) bool) (out []string) {
	for _, t := range ts {
		if slices.Contains(out, t.value) {
			v.add(t.pos, "%s %q is named twice", what, t.value)
		} else if accepted(t) {
			out = append(out, t.value)
		}
	}
	return out
}

func (v *validator) head() {
	f, s := v.file, v.s
	if schema := v.require(f, "schema"); schema.set && schema.value != Schema {
		v.add(schema.pos, "schema %q is unknown: this umlab reads %q", schema.value, Schema)
	}
	s.Name, _ = v.name("name", f, scenarioName, "write lower-case words joined by -", nil)
	s.Title = v.require(f, "title").value
	s.description = strings.TrimSpace(f.text("description").value)
	s.Tree, s.Toolchain = v.require(f, "tree").value, v.require(f, "toolchain").value
	if !f.has("fragments") {
		v.lacks(f.pos, f.name, "fragments")
	}
	s.FragmentNames = v.files("fragment", ".config", f.texts("fragments"))
	for _, file := range v.files("patch", ".patch", f.texts("patches")) {
		s.Patches = append(s.Patches, Patch{File: file})
	}
	s.Source = values(f.texts("source"), func(t text) bool {
		ok := commitForm.MatchString(t.value) || strings.HasPrefix(t.value, "https://")
		if !ok {
			v.add(t.pos, "source %q is neither a commit (12 to 40 hexadecimal digits) nor the https:// address of a thread", t.value)
		}
		return ok
	})
	s.trees = v.versions(f, "trees")
}

// files checks the names of files beside the scenario or in configs/.
func (v *validator) files(what, suffix string, names []text) []string {
	return v.once(what, names, func(t text) bool {
		base := path.Base(t.value)
		below := base == t.value || path.Dir(t.value) == v.s.Name
		return v.possible(what, t, path.Clean(t.value) == t.value && below && strings.HasSuffix(base, suffix) && base != suffix,
			"write the name of a *"+suffix+" file, without a directory but the scenario's own")
	})
}

func (v *validator) options(t *table) {
	inline := kconfig.Fragment{File: v.mistakes.file}
	for _, f := range t.fields {
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
	v.s.axes = v.axesOf(t)
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
		v.addVariant(t.pos, variant, true)
	}
	if !t.has("scope") {
		return []string{ScopeModule}
	}
	return v.once("scope", scope, func(t text) bool { return v.oneOf("scope", t, Scopes()) })
}

// axesOf reads all axes of a table: what it was not asked for before.
func (v *validator) axesOf(t *table) (axes []axisValues) {
	own := slices.Clone(t.known)
	for _, f := range t.fields {
		if slices.Contains(own, f.name) {
			continue
		}
		axis, err := ParseAxis(f.name)
		if err != nil || axis.Kind == OfRustc && axis.Prefix == "" {
			known := slices.Concat(t.known, AxisNames())
			t.known = append(t.known, f.name)
			v.add(f.pos, "%s has no key %q: allowed are %s; other options of rustc begin with -C or -Z%s", t.name, f.name,
				list(known), usage.Meant(f.name, known))
			continue
		}
		values := v.once(f.name, t.texts(f.name), func(one text) bool {
			err := axis.check(one.value)
			if err != nil {
				v.add(one.pos, "%v", err)
			}
			return err == nil
		})
		if len(values) > 0 {
			axes = append(axes, axisValues{axis, values})
		}
	}
	return axes
}

// addVariant adds a variant. One of a product that sets nothing is stock.
func (v *validator) addVariant(at pos, one Variant, made bool) {
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
		v.add(at, "two variants would be called %q: make scenarios of their own of them", one.ID)
	}
}

func (v *validator) variant(t *table) {
	wrong := len(v.list)
	axes := v.axesOf(t)
	for _, f := range t.fields {
		if len(f.value.items) > 1 {
			v.add(f.pos, "%s has several values: a [[variant]] takes one of each axis", f.name)
		}
	}
	if wrong == len(v.list) {
		v.addVariant(t.pos, product(axes)[0], false)
	}
}

// exclude takes out of the variants those that have all settings of a table.
func (v *validator) exclude(t *table) {
	axes := v.axesOf(t)
	if len(axes) == 0 {
		return
	}
	left := slices.DeleteFunc(slices.Clone(v.s.variants), func(one Variant) bool {
		return one.ID != Stock && !slices.ContainsFunc(axes, func(a axisValues) bool {
			return !slices.Contains(a.values, cmp.Or(one.Value(a.axis.Kind, a.axis.Name), Off))
		})
	})
	if len(left) == len(v.s.variants) {
		v.add(t.pos, "[[exclude]] excludes nothing: no variant has all of this")
	}
	v.s.variants = left
}

func (v *validator) module(t *table) {
	name, ok := v.name("module", t, moduleName, "write it as /proc/modules shows it: letters, digits and _", names(v.s.Modules))
	target, output := v.require(t, "path"), t.text("output")
	v.possible("path", target, targetForm.MatchString(target.value),
		`write a target of the tree that ends in .ko, as in "samples/rust/rust_minimal.ko"`)
	m := Module{Name: name, Path: target.value, Output: regexp.MustCompile("^" + regexp.QuoteMeta(name) + ": ")}
	switch {
	case output.value == OutputBuilt:
		m.Output = nil
	case output.set:
		m.Output = v.expression("output", output)
	}
	m.Params = values(t.texts("params"), func(p text) bool {
		return v.possible("params", p, ValidParam(p.value), `write arguments of insmod without spaces, as in "name=value"`)
	})
	if ok {
		v.s.Modules = append(v.s.Modules, m)
	}
}

// ValidParam reports whether s can be among the params of a module.
func ValidParam(s string) bool { return moduleParam.MatchString(s) }

// OutputBuilt is the output of a module of which umlab finds out itself, from the built module, what its init prints.
const OutputBuilt = "*"

// placements reads those that have a name here, and picks those that are booted.
func (v *validator) placements(booted []text) {
	known, seen := builtin(), []string(nil)
	v.each("placement", func(t *table) {
		name, ok := v.name("placement", t, placementName, "write a lower-case word", seen)
		size, aslr := t.text("mem"), t.get("aslr", kindBool, "true or false")
		repeat := t.get("repeat", kindInteger, "an integer")
		if !ok {
			return
		}
		seen = append(seen, name)
		i := slices.Index(names(known), name)
		if i < 0 {
			v.require(t, "mem")
			i, known = len(known), append(known, Placement{Name: name, Repeat: 1})
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
	})
	v.s.known = known
	if len(booted) == 0 {
		booted = []text{{value: "low"}, {value: "high"}}
	}
	for _, name := range v.once("placement", booted, func(t text) bool { return v.oneOf("placement", t, names(known)) }) {
		p, _ := named(known, name)
		v.s.placements = append(v.s.placements, p)
	}
}
