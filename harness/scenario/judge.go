package scenario

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
)

// This file validates what a scenario knows beforehand: controls and
// expectations. They refer to everything else, so they come last.

func (v *validator) control(i int, w wireControl) {
	const where = "[[control]]"
	c := Control{
		Name: v.require(where, "name", w.name), Cell: v.require(where, "cell", w.cell),
		Placement: v.require(where, "placement", w.placement), Module: v.require(where, "module", w.module),
		Wants: v.want(where, w.want),
	}
	for _, other := range v.w.controls[:i] {
		if w.name.set && other.name.value == w.name.value {
			v.add(w.name.pos, "control %q is there already", c.Name)
		}
	}
	if w.cell.set {
		c.Cell = v.controlCell(w.cell)
	}
	if w.placement.set {
		v.oneOf("placement", w.placement, placementNames(v.s.known))
	}
	if w.module.set {
		v.oneOf("module", w.module, moduleNames(v.s.Modules))
	}
	v.s.Controls = append(v.s.Controls, c)
}

// controlCell resolves the cell of a control to an id with its scope.
func (v *validator) controlCell(t text) string {
	id, scope, scoped := strings.Cut(t.value, "@")
	ids := variantIDs(v.s.Variants)
	switch {
	case !slices.Contains(ids, id):
		v.add(t.pos, "cell %q is unknown: this scenario has the variants %s%s", t.value, list(ids), meant(id, ids))
	case id == Stock && scoped:
		v.add(t.pos, "cell %q is not possible: stock has no flags, so no scope", t.value)
	case scoped && !slices.Contains(Scopes(), scope):
		v.add(t.pos, "cell %q is not possible: the scopes are %s%s", t.value, list(Scopes()), meant(scope, Scopes()))
	case id != Stock && !scoped && len(v.s.Scopes) > 0:
		return cellID(id, v.s.Scopes[0])
	}
	return t.value
}

func (v *validator) expect(w wireExpect) {
	e := Expectation{Line: w.want.line, Cells: v.cells(w.cells), Verdict: w.verdict.value}
	e.Placements = v.names("placement", w.placements, placementNames(v.s.known))
	e.Modules = v.names("module", w.modules, moduleNames(v.s.Modules))
	if w.kernel.set {
		var err error
		if e.kernel, err = parseVersions(w.kernel.value); err != nil {
			v.add(w.kernel.pos, "kernel %v", err)
		}
	}
	where := "[[expect]]"
	if w.verdict.given {
		where = "" // a verdict alone is an expectation
	}
	e.Wants = v.want(where, w.want)
	if w.verdict.set && v.oneOf("verdict", w.verdict, verdicts()) {
		v.verdict(w, e.Wants)
	}
	v.s.Expectations = append(v.s.Expectations, e)
}

// verdict reports combinations that no cell can meet.
func (v *validator) verdict(w wireExpect, wants []Want) {
	if len(w.placements) > 0 || len(w.modules) > 0 {
		v.add(w.verdict.pos, "verdict is drawn from all placements and modules of a cell: put it in an [[expect]] with neither")
		return
	}
	if len(wants) == 0 {
		return
	}
	loads := func(want Want) bool { return want.Kind == outcome.Loaded }
	impossible := map[string]bool{
		"loads":             !slices.ContainsFunc(wants, loads),
		"rejected":          !slices.ContainsFunc(wants, func(want Want) bool { return !loads(want) }),
		"broken":            !slices.ContainsFunc(wants, func(want Want) bool { return !loads(want) }),
		"address-dependent": len(wants) == 1,
	}
	if impossible[w.verdict.value] {
		v.add(w.verdict.pos, "verdict %q contradicts the outcome of the same [[expect]], %s", w.verdict.value, Wanted(wants))
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
		return fmt.Errorf("%q has no such scope: allowed are %s%s", s, list(Scopes()), meant(scope, Scopes()))
	}
	return nil
}

// want checks an outcome with what it may carry, and spells the alternatives
// out. where is the table that must have it, "" where it may be absent.
func (v *validator) want(where string, w wireWant) []Want {
	var wants []Want
	var allowed []string
	for _, k := range outcome.Kinds() {
		if k != outcome.Infra {
			allowed = append(allowed, string(k))
		}
	}
	var relocates, fails, drops bool
	for _, t := range w.outcomes {
		if !v.oneOf("outcome", t, allowed) {
			continue
		}
		switch kind := outcome.Kind(t.value); kind {
		case outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.LoadedCorrupt:
			relocates = true
			if len(w.relocations) == 0 {
				wants = append(wants, Want{Kind: kind})
			}
			for _, r := range w.relocations {
				wants = append(wants, Want{Kind: kind, Relocation: outcome.NewRelocation(uint32(r.value))})
			}
		case outcome.InitFailed, outcome.InsmodFailed:
			fails = true
			if len(w.errnos) == 0 {
				wants = append(wants, Want{Kind: kind})
			}
			for _, e := range w.errnos {
				wants = append(wants, Want{Kind: kind, Errno: int(e.value)})
			}
		case outcome.ConfigDropped:
			drops = true
			wants = append(wants, Want{Kind: kind, Option: w.option.value, Got: w.got.value})
		default:
			wants = append(wants, Want{Kind: kind})
		}
	}
	for _, r := range w.relocations {
		if r.value < 1 || r.value > 255 {
			v.add(r.pos, "relocation %d is not possible: write a type of the x86-64 psABI, 1 to 255", r.value)
		} else if !relocates {
			v.add(r.pos, "relocation goes with outcome relocation-unknown, relocation-overflow or loaded-corrupt only")
		}
	}
	for _, e := range w.errnos {
		if e.value < 1 || e.value > 4095 {
			v.add(e.pos, "errno %d is not possible: write a positive errno, 1 to 4095", e.value)
		} else if !fails {
			v.add(e.pos, "errno goes with outcome init-failed or insmod-failed only")
		}
	}
	if w.option.set {
		if !kconfig.ValidName(w.option.value) {
			v.add(w.option.pos, "option %q is no Kconfig option: write it with its prefix, CONFIG_RUST", w.option.value)
		} else if !drops {
			v.add(w.option.pos, "option goes with outcome config-dropped only")
		}
	}
	if w.got.set && !w.option.set {
		v.add(w.got.pos, "got is the value that an option resolves to: name it with option")
	}
	if w.noOutcome && where != "" {
		v.lacks(w.pos, where, "outcome")
	}
	return wants
}
