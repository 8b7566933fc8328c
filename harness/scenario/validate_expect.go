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
	name := v.require(t, "name")
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
	c := Control{Name: name.value, Cell: cell.value, Placement: placement.value, Module: module.value, Step: step.value,
		Unpatched: v.unpatched(t), Wants: v.wants(t, elf.EM_X86_64, true)}
	if name.set && slices.ContainsFunc(v.s.controls, func(other Control) bool { return other.Name == c.Name }) {
		v.add(name.pos, "control %q is there already", c.Name)
	}
	if cell.set {
		c.Cell = v.controlCell(cell)
	}
	if v.s.BuildOnly() {
		c.Cell = cmp.Or(c.Cell, Stock)
		v.buildControl(t, &c)
	}
	if placement.set {
		v.oneOf("placement", placement, names(v.s.known))
	}
	v.about(module, step)
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

// stepNames checks patterns of steps, and of tests of KUnit, whose names only the kernel knows.
func (v *validator) stepNames(ts []text) (patterns []string) {
	kunit := slices.ContainsFunc(v.s.Steps, func(s Step) bool { return s.Kind == StepKUnit })
	for _, t := range ts {
		_, err := path.Match(t.value, "")
		known := slices.ContainsFunc(v.s.Steps, func(s Step) bool { return glob(t.value, s.Name) })
		if err != nil || !known && !(kunit && strings.Contains(t.value, "/")) {
			v.add(t.pos, `step %q is unknown: allowed are %s, and "suite/test*" for tests of a kunit step%s`,
				t.value, list(names(v.s.Steps)), usage.Meant(t.value, names(v.s.Steps)))
			continue
		}
		patterns = append(patterns, t.value)
	}
	return patterns
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
	e := expectation{cells: v.cells(cells), verdict: verdict.value, subarch: subarch.value,
		placements: v.names("placement", placements, names(v.s.known)),
		modules:    v.names("module", modules, names(v.s.Modules)),
		steps:      v.stepNames(steps),
	}
	if e.given = len(modules) > 0 || len(steps) > 0; len(modules) > 0 && len(steps) > 0 {
		v.add(steps[0].pos, "an [[expect]] is of modules or of steps: make two of it")
	}
	for _, of := range []struct {
		key    string
		bounds *versions
	}{{"kernel", &e.kernel}, {"rustc", &e.rustc}, {"gcc", &e.gcc}} {
		if t := t.text(of.key); t.set {
			var err error
			if *of.bounds, err = parseVersions(t.value); err != nil {
				v.add(t.pos, "%s %v", of.key, err)
			}
		}
	}
	machine := elf.EM_X86_64
	if subarch.set && v.oneOf("subarch", subarch, slices.Sorted(maps.Keys(machines))) {
		machine = machines[subarch.value]
	}
	e.wants = v.wants(t, machine, !verdict.given) // a verdict alone is an expectation
	if verdict.set && v.oneOf("verdict", verdict, v.s.verdicts()) {
		if len(placements) > 0 || e.given {
			v.add(verdict.pos, "verdict is drawn from all placements, modules and steps of a cell: put it in an [[expect]] with none of them")
		} else {
			v.possible(verdict, e.wants)
		}
	}
	v.s.expectations = append(v.s.expectations, e)
}

// possible reports a verdict that no cell with one of the outcomes can have.
func (v *validator) possible(verdict text, wants []Want) {
	if len(wants) == 0 {
		return
	}
	loads := func(want Want) bool { return want.kind.Good() }
	impossible := map[string]bool{
		"loads":             !slices.ContainsFunc(wants, loads),
		"passes":            !slices.ContainsFunc(wants, loads),
		"fails":             !slices.ContainsFunc(wants, func(want Want) bool { return !loads(want) }),
		"rejected":          !slices.ContainsFunc(wants, func(want Want) bool { return !loads(want) }),
		"broken":            !slices.ContainsFunc(wants, func(want Want) bool { return !loads(want) && want.kind != outcome.Built }),
		"builds":            !slices.ContainsFunc(wants, func(want Want) bool { return want.kind == outcome.Built }),
		"address-dependent": len(wants) == 1,
	}
	if impossible[verdict.value] {
		v.add(verdict.pos, "verdict %q contradicts the outcome of the same [[expect]], %s", verdict.value, Wanted(wants))
	}
}

// names checks a list of names or "*"; absent means "*".
func (v *validator) names(what string, ts []text, allowed []string) []string {
	if len(ts) == 0 {
		return []string{"*"}
	}
	var out []string
	for _, t := range ts {
		if t.value == "*" || v.oneOf(what, t, allowed) {
			out = append(out, t.value)
		}
	}
	return out
}

// cells checks the patterns of an expectation: each must be able to apply.
func (v *validator) cells(ts []text) []string {
	if len(ts) == 0 {
		return []string{"*"}
	}
	var out []string
	for _, t := range ts {
		if err := checkPattern(t.value); err != nil {
			v.add(t.pos, "cell %v", err)
			continue
		}
		if len(v.s.match(t.value, Scopes())) == 0 {
			v.add(t.pos, "cell %q is no variant: %s%s", t.value, v.s.allowedCells(), v.s.meantCell(t.value))
			continue
		}
		out = append(out, t.value)
	}
	return out
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
func (v *validator) wants(t *table, machine elf.Machine, required bool) []Want {
	allowed := v.s.outcomes()
	failed, built := v.saidOf(t)
	differs := v.differs(t)
	outcomes := t.texts("outcome")
	relocations, errnos := t.items("relocation", kindInteger, "an integer"), t.items("errno", kindInteger, "an integer")
	option, got := t.text("option"), t.option("got")
	var wants []Want
	var relocates, fails, drops bool
	for _, o := range outcomes {
		if !v.oneOf("outcome", o, allowed) {
			continue
		}
		w := Want{kind: outcome.Kind(o.value)}
		switch w.kind {
		case outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.LoadedCorrupt:
			relocates = true
			for _, r := range relocations {
				w.relocation = outcome.RelocationOf(machine, uint32(r.number))
				wants = append(wants, w)
			}
		case outcome.InitFailed, outcome.InsmodFailed:
			fails = true
			for _, e := range errnos {
				w.errno = int(e.number)
				wants = append(wants, w)
			}
		case outcome.BuildFailed:
			w.said, failed = failed, nil
		case outcome.Built:
			w.said, built = built, nil
			w.differs, differs = differs, nil
		case outcome.ConfigDropped:
			drops = true
			w.option, w.got = option.value, got.value
		}
		if w.relocation == nil && w.errno == 0 {
			wants = append(wants, w)
		}
	}
	psABI := "a type of the x86-64 psABI"
	if machine == elf.EM_386 {
		psABI = "a type of the i386 psABI"
	}
	v.carried("relocation", relocations, 255, psABI, relocates,
		"relocation-unknown, relocation-overflow or loaded-corrupt")
	v.carried("errno", errnos, 4095, "a positive errno", fails, "init-failed or insmod-failed")
	switch {
	case len(failed) > 0:
		v.add(t.pos, "message, place and tool of an error go with outcome build-failed only")
	case len(built) > 0 || len(differs) > 0:
		v.add(t.pos, "warning, no-warning and differs go with outcome built only")
	}
	if option.set {
		if !kconfig.ValidName(option.value) {
			v.add(option.pos, "option %q is no Kconfig option: write it with its prefix, CONFIG_RUST", option.value)
		} else if !drops {
			v.add(option.pos, "option goes with outcome config-dropped only")
		}
	}
	if got.set && !option.set {
		v.add(got.pos, "got is the value that an option resolves to: name it with option")
	}
	if required && !t.has("outcome") {
		v.lacks(t.pos, t.name, "outcome")
	}
	return wants
}

// carried checks numbers that go with some outcomes only.
func (v *validator) carried(key string, numbers []*value, most int64, is string, goes bool, with string) {
	for _, n := range numbers {
		if n.number < 1 || n.number > most {
			v.add(n.pos, "%s %d is not possible: write %s, 1 to %d", key, n.number, is, most)
		} else if !goes {
			v.add(n.pos, "%s goes with outcome %s only", key, with)
		}
	}
}
