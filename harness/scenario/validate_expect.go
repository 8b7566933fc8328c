package scenario

import (
	"cmp"
	"debug/elf"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
	"umlab/harness/usage"
)

// What a scenario knows beforehand, controls and expectations, refers to everything
// else, so it is validated last.

func (v *validator) control(t *table) {
	var c Control
	c.Name, _ = v.name("control", t, anyName, "", names(v.s.controls))
	step := t.text("step")
	var cell, placement text
	module := text{pos: t.pos}
	if v.s.BuildOnly() {
		cell = t.text("cell")
	} else {
		cell, placement = v.require(t, "cell"), v.require(t, "placement")
		if t.has("module") || !step.given {
			module = v.require(t, "module")
		}
	}
	c.Cell, c.Placement, c.Module, c.Step = Stock, placement.value, module.value, step.value
	patched := t.get("patched", kindBool, "true or false")
	if c.Unpatched = patched != nil && !patched.truth; c.Unpatched && len(v.s.Patches) == 0 {
		v.add(patched.pos, "patched = false, and the scenario has no patches")
	}
	c.Wants = v.wants(t, x8664, true)
	if cell.set {
		c.Cell = v.controlCell(cell)
	}
	if v.s.BuildOnly() { // the same goal where it is known how it ends
		if c.Toolchain = t.text("toolchain").value; c.Toolchain == "" && !c.Unpatched && c.Cell == Stock {
			v.add(t.pos, "%s is what the scenario shows itself: name another toolchain, patched = false, or a cell", t.name)
		}
	}
	if placement.set {
		v.oneOf("placement", placement, names(v.s.known))
	}
	v.about(module, step)
	v.shows(t, module.set, step)
	v.s.controls = append(v.s.controls, c)
}

// about checks that a control is of one module that is tried, or of one step.
func (v *validator) about(module, step text) {
	switch {
	case module.given && step.given:
		v.add(step.pos, "a control is of a module or of a step: write one of the two")
	case step.set:
		v.stepNames([]text{step})
		if strings.Contains(step.value, "*") {
			v.add(step.pos, "step %q is a pattern: a control is of one step, or of one test", step.value)
		}
	case module.set && v.oneOf("module", module, names(v.s.Modules)):
		if slices.Contains(names(v.s.stepped()), module.value) {
			v.add(module.pos, "module %q is a step's: name that step instead", module.value)
		}
	}
}

// shows reports outcomes that modules that are named cannot have, nor steps that are.
func (v *validator) shows(t *table, modules bool, steps ...text) {
	steps = slices.DeleteFunc(slices.Clone(steps), func(s text) bool { return !s.set })
	inserts := slices.ContainsFunc(v.s.Steps, func(s Step) bool {
		return s.Module != "" && slices.ContainsFunc(steps, func(t text) bool { return glob(t.value, s.Name) })
	})
	for _, o := range t.texts("outcome") {
		switch kind := outcome.Kind(o.value); {
		case modules && kind.Steps():
			v.add(o.pos, "outcome %q is a step's: of a module it is loaded, or how it was not", o.value)
		case len(steps) == 0:
		case kind == outcome.Loaded || kind == outcome.LoadedCorrupt:
			v.add(o.pos, "outcome %q is of a module that no step loads: a step that loads one is passed", o.value)
		case !inserts && slices.Contains([]outcome.Kind{outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.InitFailed,
			outcome.InsmodFailed}, kind):
			v.add(o.pos, "outcome %q is what insmod shows: none of the steps that are named inserts a module", o.value)
		}
	}
}

// stepNames checks patterns of steps, and of tests of KUnit, whose names only the kernel knows.
func (v *validator) stepNames(ts []text) []string {
	return values(ts, func(t text) bool {
		_, err := path.Match(t.value, "")
		ok := err == nil && (strings.Contains(t.value, "/") && v.s.kunit() ||
			slices.ContainsFunc(v.s.Steps, func(s Step) bool { return glob(t.value, s.Name) }))
		if !ok {
			v.add(t.pos, `step %q is unknown: allowed are %s, and "suite/test*" for tests of a kunit step%s`,
				t.value, list(names(v.s.Steps)), usage.Meant(t.value, names(v.s.Steps)))
		}
		return ok
	})
}

// controlCell resolves the cell of a control to an id with its scope.
func (v *validator) controlCell(t text) string {
	id, scope, scoped := strings.Cut(t.value, "@")
	ids := names(v.s.variants)
	variant, known := named(v.s.variants, id)
	switch {
	case !known:
		v.add(t.pos, "cell %q is unknown: this scenario has the variants %s%s", t.value, list(ids), usage.Meant(id, ids))
	case scoped && !variant.scoped():
		v.add(t.pos, "cell %q is not possible: %s has no flags, so no scope", t.value, id)
	case scoped && !slices.Contains(Scopes(), scope):
		v.add(t.pos, "cell %q is not possible: the scopes are %s%s", t.value, list(Scopes()), usage.Meant(scope, Scopes()))
	case variant.scoped() && !scoped && len(v.s.scopes) > 0:
		return cellID(id, v.s.scopes[0])
	}
	return t.value
}

func (v *validator) expect(t *table) {
	cells, placements, modules, steps := t.texts("cell"), t.texts("placement"), t.texts("module"), t.texts("step")
	subarch, verdict := t.text("subarch"), t.text("verdict")
	e := expectation{cells: orAll(cells, v.cellPattern), verdict: verdict.value, subarch: subarch.value,
		placements: orAll(placements, func(p text) bool { return p.value == "*" || v.oneOf("placement", p, names(v.s.known)) }),
		modules:    orAll(modules, func(m text) bool { return m.value == "*" || v.oneOf("module", m, names(v.s.Modules)) }),
		steps:      v.stepNames(steps),
		kernel:     v.versions(t, "kernel"), rustc: v.versions(t, "rustc"), gcc: v.versions(t, "gcc"),
	}
	if e.given = len(modules) > 0 || len(steps) > 0; len(modules) > 0 && len(steps) > 0 {
		v.add(steps[0].pos, "an [[expect]] is of modules or of steps: make two of it")
	}
	if subarch.set {
		v.oneOf("subarch", subarch, slices.Sorted(maps.Keys(machines)))
	}
	v.shows(t, len(modules) > 0, steps...)
	e.wants = v.wants(t, cmp.Or(subarch.value, x8664), !verdict.given) // a verdict alone is an expectation
	if verdict.set && v.oneOf("verdict", verdict, v.s.verdicts()) {
		if len(placements) > 0 || e.given {
			v.add(verdict.pos, "verdict is drawn from all placements, modules and steps of a cell: put it in an [[expect]] with none of them")
		} else if len(e.wants) > 0 && impossible(verdict.value, e.wants) {
			v.add(verdict.pos, "verdict %q contradicts the outcome of the same [[expect]], %s", verdict.value, Wanted(e.wants))
		}
	}
	v.s.expectations = append(v.s.expectations, e)
}

// impossible reports a verdict that no cell with one of the outcomes can have.
func impossible(verdict string, wants []Want) bool {
	some := func(is func(outcome.Kind) bool) bool {
		return slices.ContainsFunc(wants, func(w Want) bool { return is(w.kind) })
	}
	switch verdict {
	case "loads", "passes":
		return !some(outcome.Kind.Good)
	case "fails", "rejected":
		return !some(func(k outcome.Kind) bool { return !k.Good() })
	case "broken":
		return !some(func(k outcome.Kind) bool { return !k.Good() && k != outcome.Built })
	case "builds":
		return !some(func(k outcome.Kind) bool { return k == outcome.Built })
	}
	return verdict == "address-dependent" && len(wants) == 1
}

// orAll is values, and "*" where nothing is named.
func orAll(ts []text, accepted func(text) bool) []string {
	if len(ts) == 0 {
		return []string{"*"}
	}
	return values(ts, accepted)
}

// cellPattern checks a pattern of an expectation, which must be able to apply.
func (v *validator) cellPattern(t text) bool {
	err := checkPattern(t.value)
	if err == nil && len(v.s.match(t.value, Scopes())) == 0 {
		err = fmt.Errorf("%q is no variant: %s%s", t.value, v.s.allowedCells(), v.s.meantCell(t.value))
	}
	if err != nil {
		v.add(t.pos, "cell %v", err)
	}
	return err == nil
}

// checkPattern reports a pattern that is none, or that can match nothing
// because of its scope.
func checkPattern(s string) error {
	if !cellPattern.MatchString(s) {
		return fmt.Errorf(`%q is no pattern: write a variant, "pie-*" or "static-small@kernel"`, s)
	}
	id, scope, scoped := strings.Cut(s, "@")
	switch {
	case scoped && id == Stock:
		return fmt.Errorf("%q is not possible: stock has no flags, so no scope: write %q", s, Stock)
	case scoped && !slices.ContainsFunc(Scopes(), func(name string) bool { return glob(scope, name) }):
		return fmt.Errorf("%q has no such scope: allowed are %s%s", s, list(Scopes()), usage.Meant(scope, Scopes()))
	}
	return nil
}

// machines are those of the SUBARCHes, whose types of relocations have names of their own.
var machines = map[string]elf.Machine{x8664: elf.EM_X86_64, "i386": elf.EM_386}

// wants reads an outcome with what it may carry, and spells the alternatives out.
func (v *validator) wants(t *table, subarch string, required bool) (wants []Want) {
	var failed, built []said
	var differs []string
	if v.s.BuildOnly() { // no other scenario has such keys
		failed, built = v.saidOf(t)
	}
	if v.s.BuildOnly() && t.name != "[[control]]" { // which is held against no stock
		differs = values(t.texts("differs"), func(f text) bool {
			return v.possible("differs", f, ValidGoal(f.value), `write a file of the build directory, as in "linux"`)
		})
	}
	outcomes := values(t.texts("outcome"), func(o text) bool { return v.oneOf("outcome", o, v.s.outcomes()) })
	relocations := v.numbers(t, "relocation", 255, "a type of the "+strings.ReplaceAll(subarch, "_", "-")+" psABI")
	errnos := v.numbers(t, "errno", 4095, "a positive errno")
	option, got := t.text("option"), t.option("got")
	for _, o := range outcomes {
		w, before := Want{kind: outcome.Kind(o)}, len(wants)
		switch w.kind {
		case outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.LoadedCorrupt:
			for _, n := range relocations {
				w.relocation = outcome.RelocationOf(machines[subarch], uint32(n))
				wants = append(wants, w)
			}
		case outcome.InitFailed, outcome.InsmodFailed:
			for _, n := range errnos {
				w.errno = int(n)
				wants = append(wants, w)
			}
		case outcome.BuildFailed:
			w.said = failed
		case outcome.Built:
			w.said, w.differs = built, differs
		case outcome.ConfigDropped:
			w.option, w.got = option.value, got.value
		}
		if len(wants) == before {
			wants = append(wants, w)
		}
	}
	v.carried(t, outcomes)
	if option.set && !kconfig.ValidName(option.value) {
		v.add(option.pos, "option %q is no Kconfig option: write it with its prefix, CONFIG_RUST", option.value)
	}
	if got.set && !option.set {
		v.add(got.pos, "got is the value that an option resolves to: name it with option")
	}
	if required && !t.has("outcome") {
		v.lacks(t.pos, t.name, "outcome")
	}
	return wants
}

// numbers reads a list of them.
func (v *validator) numbers(t *table, key string, most int64, is string) (list []int64) {
	for _, n := range t.items(key, kindInteger, "an integer") {
		if n.number < 1 || n.number > most {
			v.add(n.pos, "%s %d is not possible: write %s, 1 to %d", key, n.number, is, most)
		}
		list = append(list, n.number)
	}
	return list
}

// carried reports keys that go with other outcomes than those.
func (v *validator) carried(t *table, outcomes []string) {
	of := "build-failed" // is what the place and the tool of no warning
	if t.has("warning") {
		of = "build-failed or built"
	}
	for key, with := range map[string]string{
		"relocation": "relocation-unknown, relocation-overflow or loaded-corrupt", "errno": "init-failed or insmod-failed",
		"option": "config-dropped", "message": "build-failed", "place": of, "tool": of,
		"warning": "built", "no-warning": "built", "differs": "built",
	} {
		goes := func(o string) bool {
			return slices.Contains(strings.FieldsFunc(with, func(r rune) bool { return r == ' ' || r == ',' }), o)
		}
		if got := t.field(key); got != nil && slices.Contains(t.known, key) && !slices.ContainsFunc(outcomes, goes) {
			v.add(got.pos, "%s goes with outcome %s only", key, with)
		}
	}
}
