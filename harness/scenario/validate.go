package scenario

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/kconfig"
)

var (
	scenarioName  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	placementName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	moduleName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	moduleParam   = regexp.MustCompile(`^[A-Za-z0-9_.]+(=[A-Za-z0-9_.,:/+-]*)?$`)
	cellPattern   = regexp.MustCompile(`^[a-z*]+(-[a-z*]+)?(@[a-z*]+)?$`)
)

// mostRepeat bounds the boots of one placement.
const mostRepeat = 1000

// verdicts are those that a scenario may expect: flaky and unknown prove
// nothing, so that nobody can want them.
func verdicts() []string {
	return []string{"loads", "rejected", "address-dependent", "mixed", "broken"}
}

// validator turns the wire format into the model.
type validator struct {
	*mistakes
	w wire
	s *Scenario
}

func (v *validator) run() {
	v.head()
	v.options()
	v.axes()
	v.modules()
	v.placements()
	for i, c := range v.w.controls {
		v.control(i, c)
	}
	for _, e := range v.w.expects {
		v.expect(e)
	}
}

// require reports an absent or empty value, and returns it.
func (v *validator) require(where, key string, t text) string {
	switch {
	case !t.given:
		v.lacks(t.pos, where, key)
	case t.set && strings.TrimSpace(t.value) == "":
		v.add(t.pos, "%s is empty", key)
	}
	return t.value
}

// oneOf reports a value that is not among the allowed, and returns whether it is.
func (v *validator) oneOf(what string, t text, allowed []string) bool {
	if slices.Contains(allowed, t.value) {
		return true
	}
	v.add(t.pos, "%s %q is unknown: allowed are %s%s", what, t.value, list(allowed), meant(t.value, allowed))
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

func (v *validator) head() {
	w, s := v.w, v.s
	if v.require("the file", "schema", w.schema) != Schema && w.schema.set {
		v.add(w.schema.pos, "schema %q is unknown: this umlab reads %q", w.schema.value, Schema)
	}
	s.Name = v.require("the file", "name", w.name)
	v.form("name", w.name, scenarioName, "write lower-case words joined by -")
	s.Title = v.require("the file", "title", w.title)
	s.Tree = v.require("the file", "tree", w.tree)
	s.Toolchain = v.require("the file", "toolchain", w.toolchain)
	s.Description = strings.TrimSpace(w.description.value)
	if w.noFragments {
		v.lacks(pos{1, 1}, "the file", "fragments")
	}
	s.FragmentNames = v.files("fragment", ".config", w.fragments)
	s.Patches = v.files("patch", ".patch", w.patches)
}

// files checks the names of files beside the scenario or in configs/.
func (v *validator) files(what, suffix string, names []text) []string {
	var out []string
	for _, t := range names {
		switch {
		case path.Base(t.value) != t.value || !strings.HasSuffix(t.value, suffix) || t.value == suffix:
			v.add(t.pos, "%s %q is not possible: write the name of a *%s file, without a directory", what, t.value, suffix)
		case slices.Contains(out, t.value):
			v.add(t.pos, "%s %q is named twice", what, t.value)
		default:
			out = append(out, t.value)
		}
	}
	return out
}

func (v *validator) options() {
	inline := kconfig.Fragment{File: v.file}
	for _, o := range v.w.options {
		if o.value.set {
			inline.Options = append(inline.Options, kconfig.Option{Name: o.name.name, Value: o.value.value, File: v.file, Line: o.name.line})
		}
	}
	if len(inline.Options) > 0 {
		v.s.Fragments = append(v.s.Fragments, inline)
	}
}

func (v *validator) axes() {
	w, s := v.w, v.s
	s.Variants = []Variant{newVariant("", "")}
	keep := func(ts []text, what string, allowed []string) []string {
		var out []string
		for _, t := range ts {
			if slices.Contains(out, t.value) {
				v.add(t.pos, "%s %q is named twice", what, t.value)
			} else if v.oneOf(what, t, allowed) {
				out = append(out, t.value)
			}
		}
		return out
	}
	relocationModels := keep(w.relocationModels, "relocation-model", RelocationModels())
	codeModels := keep(w.codeModels, "code-model", CodeModels())
	if len(relocationModels)+len(codeModels) > 0 {
		for _, r := range orNone(relocationModels) {
			for _, c := range orNone(codeModels) {
				s.Variants = append(s.Variants, newVariant(r, c))
			}
		}
	}
	for _, one := range w.variants {
		r, c := one.relocationModel, one.codeModel
		okR := !r.set || v.oneOf("relocation-model", r, RelocationModels())
		okC := !c.set || v.oneOf("code-model", c, CodeModels())
		if !okR || !okC {
			continue
		}
		variant := newVariant(r.value, c.value)
		switch {
		case variant.ID == Stock:
			v.add(one.pos, "[[variant]] sets nothing: write relocation-model or code-model; stock is in every scenario")
		case slices.Contains(s.Variants, variant):
			v.add(one.pos, "variant %q is there already: remove this one, or a model from [axes]", variant.ID)
		default:
			s.Variants = append(s.Variants, variant)
		}
	}
	s.Scopes = keep(w.scopes, "scope", Scopes())
	if len(w.scopes) == 0 {
		s.Scopes = []string{ScopeModule}
	}
}

// orNone makes a product with an absent axis possible.
func orNone(names []string) []string {
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

func (v *validator) modules() {
	for _, w := range v.w.modules {
		name := v.require("[[module]]", "name", w.name)
		target := v.require("[[module]]", "path", w.path)
		ok := v.form("module", w.name, moduleName, "write it as /proc/modules shows it: letters, digits and _")
		if ok && slices.Contains(moduleNames(v.s.Modules), name) {
			v.add(w.name.pos, "module %q is there already", name)
			ok = false
		}
		if w.path.set && !validTarget(target) {
			v.add(w.path.pos, `path %q is not possible: write a target of the tree that ends in .ko, as in "samples/rust/rust_minimal.ko"`, target)
			ok = false
		}
		m := newModule(name, target)
		if w.output.set {
			re, err := regexp.Compile(w.output.value)
			if err != nil || w.output.value == "" {
				v.add(w.output.pos, "output %q is no regular expression: write Go's syntax", w.output.value)
				ok = false
			}
			m.Output = re
		}
		for _, p := range w.params {
			if v.form("params", p, moduleParam, `write arguments of insmod without spaces, as in "name=value"`) {
				m.Params = append(m.Params, p.value)
			}
		}
		if ok {
			v.s.Modules = append(v.s.Modules, m)
		}
	}
}

func newModule(name, target string) Module {
	return Module{Name: name, Path: target, Output: regexp.MustCompile("^" + regexp.QuoteMeta(name) + ": ")}
}

var targetForm = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\.ko$`)

// validTarget wants a make target: a path below O= that no shell and no make
// reads as anything else.
func validTarget(s string) bool { return targetForm.MatchString(s) }

func (v *validator) placements() {
	known := builtin()
	var seen []string
	for _, w := range v.w.placements {
		name := v.require("[[placement]]", "name", w.name)
		if !v.form("placement", w.name, placementName, "write a lower-case word") {
			continue
		}
		if slices.Contains(seen, name) {
			v.add(w.name.pos, "placement %q is there already", name)
			continue
		}
		seen = append(seen, name)
		i := slices.IndexFunc(known, func(p Placement) bool { return p.Name == name })
		if i < 0 {
			v.require("[[placement]]", "mem", w.mem)
			known = append(known, Placement{Name: name, Repeat: 1})
			i = len(known) - 1
		}
		if w.mem.set {
			mem, err := ParseMem(w.mem.value)
			if err != nil {
				v.add(w.mem.pos, "%v", err)
			}
			known[i].Mem, known[i].MemText = mem, w.mem.value
		}
		if w.aslr.set {
			known[i].ASLR = w.aslr.value
		}
		if w.repeat != nil {
			if w.repeat.value < 1 || w.repeat.value > mostRepeat {
				v.add(w.repeat.pos, "repeat is %d: allowed is 1 to %d", w.repeat.value, mostRepeat)
			}
			known[i].Repeat = int(w.repeat.value)
		}
	}
	v.s.known = known
	names := v.w.placementNames
	if len(names) == 0 {
		names = []text{{value: "low"}, {value: "high"}}
	}
	for _, t := range names {
		if slices.Contains(placementNames(v.s.Placements), t.value) {
			v.add(t.pos, "placement %q is named twice", t.value)
		} else if v.oneOf("placement", t, placementNames(known)) {
			p, _ := v.s.placement(t.value)
			v.s.Placements = append(v.s.Placements, p)
		}
	}
}
