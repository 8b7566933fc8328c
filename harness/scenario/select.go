package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/usage"
)

// Selection is what the user narrows or widens. Nil and zero fields leave the
// scenario's own choice.
type Selection struct {
	Axes       []string // "direct-access-external-data=yes,no": one more axis, or other values for one; Off leaves it alone
	Cells      []string // patterns: "static-small", "pie-*@kernel", or a variant that the scenario lacks
	Scope      []string // for all cells whose pattern names none
	Placements []string // names
	Mem        []string // sizes, "512M"; each is a placement of its own, with randomisation off
	Modules    []string // names of the scenario or of samples, targets of the tree ("drivers/misc/dummy-irq.ko"), directories, AllModules
	Output     string   // regexp of a line that the init of such a module prints, where the scenario does not say; "none" for a silent one
	Repeat     int      // boots of every placement
	Confidence int      // in percent, of every placement: so many boots as it takes
	ASLR       *bool    // of every placement
}

// Plan is what to build and boot.
type Plan struct {
	Cells    []Cell
	Controls []PlannedControl
}

// PlannedControl is a control with the cell that shows it, at its one
// placement with its one module, or with all steps. Narrowing never removes it.
type PlannedControl struct {
	Control
	Shown    Cell
	Selected bool // the plan's cells contain it, so that nothing more is to be booted
}

// Select applies a selection. Every unknown name and impossible value is
// reported, as *usage.Error, with what is allowed.
func (s *Scenario) Select(sel Selection) (*Plan, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, usage.Errorf(format, args...)) }
	if s.BuildOnly() && (len(sel.Placements)+len(sel.Mem)+len(sel.Modules)+sel.Repeat+sel.Confidence > 0 ||
		sel.ASLR != nil || sel.Output != "") {
		wrong("scenario %s is about a build (make %s): nothing is booted, so that there are no placements, modules and repeats to choose",
			s.Name, s.Goal)
	}
	modules := s.selectModules(sel, wrong)
	for _, m := range (Cell{Modules: modules, Steps: s.Steps}).Tried() {
		if slices.Contains(names(s.Steps), m.Name) {
			wrong("scenario %s has a step and a module that are called %s: give the step another name", s.Name, m.Name)
		}
	}
	placements := s.selectPlacements(sel, wrong)
	cells := s.varied(sel.Axes, wrong).selectCells(sel, wrong)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var controls []PlannedControl
	for _, c := range s.controls {
		controls = append(controls, s.shown(c))
	}
	plan := planOf(Cell{Placements: placements, Modules: modules, Steps: s.Steps, Guest: s.Guest}.all(cells), controls)
	return &plan, nil
}

// planOf is the plan of cells, with controls that some of them may show.
func planOf(cells []Cell, controls []PlannedControl) Plan {
	controls = slices.Clone(controls)
	for i := range controls {
		controls[i].Selected = controls[i].in(cells)
	}
	return Plan{cells, controls}
}

// all are cells with what c has beside variant and scope.
func (c Cell) all(cells []Cell) []Cell {
	for i, one := range cells {
		cells[i] = Cell{one.Variant, one.Scope, slices.Clone(c.Placements), slices.Clone(c.Modules), c.Steps, c.Guest}
	}
	return cells
}

// shown is a control with the cell that shows it.
func (s *Scenario) shown(c Control) PlannedControl {
	p, _ := named(s.known, c.Placement)
	m, _ := named(s.Modules, c.Module)
	id, scope, _ := strings.Cut(c.Cell, "@")
	i := slices.Index(names(s.variants), id)
	pc := PlannedControl{Control: c, Shown: Cell{Variant: s.variants[i], Scope: scope}}
	switch {
	case s.BuildOnly(): // nothing is booted
	case c.Step != "":
		pc.Shown.Placements = []Placement{p}
		pc.Shown.Modules, pc.Shown.Steps, pc.Shown.Guest = s.stepped(), s.Steps, s.Guest
	default:
		pc.Shown.Placements, pc.Shown.Modules = []Placement{p}, []Module{m}
	}
	return pc
}

// in reports whether the cells contain the control.
func (c PlannedControl) in(cells []Cell) bool {
	return c.Toolchain == "" && !c.Unpatched && slices.ContainsFunc(cells, func(cell Cell) bool {
		return cell.ID() == c.Cell && among(c.Shown.Placements, cell.Placements, Placement.same) &&
			among(c.Shown.Modules, cell.Modules, Module.same)
	})
}

// Replace is the plan with what resolve says of a module where the module stood in
// each cell, after the tree told which modules there are. p stays as it is.
func (p Plan) Replace(resolve func(Module) []Module) Plan {
	cells := slices.Clone(p.Cells)
	for i := range cells {
		cells[i].Modules = nil
		for _, m := range p.Cells[i].Modules {
			cells[i].Modules = append(cells[i].Modules, resolve(m)...)
		}
	}
	return planOf(cells, p.Controls)
}

// Vary is the plan with what change makes of each axis.
func (p Plan) Vary(change func(Axis) Axis) Plan {
	q := Plan{slices.Clone(p.Cells), slices.Clone(p.Controls)}
	for i, c := range q.Cells {
		settings := slices.Clone(c.Variant.Settings)
		for n := range settings {
			settings[n].Axis = change(settings[n].Axis)
		}
		q.Cells[i].Variant.Settings = settings
	}
	return q
}

// Confidences that can be asked for, in percent.
const leastConfidence, mostConfidence = 50, 99

type usageFunc func(format string, args ...any)

func (s *Scenario) selectPlacements(sel Selection, wrong usageFunc) []Placement {
	var out []Placement
	for _, name := range sel.Placements {
		p, ok := named(s.known, name)
		if !ok {
			known := names(s.known)
			wrong("placement %q is unknown: allowed are %s; -mem= takes any size%s", name, list(known), usage.Meant(name, known))
			continue
		}
		out = append(out, p)
	}
	for _, size := range sel.Mem {
		mem, err := ParseMem(size)
		if err != nil {
			wrong("-mem: %v", err)
			continue
		}
		out = append(out, Placement{Name: strings.ToUpper(size), Mem: mem, MemText: strings.ToUpper(size), Repeat: 1})
	}
	if len(sel.Placements)+len(sel.Mem) == 0 {
		out = slices.Clone(s.placements)
	}
	if sel.Repeat < 0 || sel.Repeat > mostRepeat {
		wrong("-repeat=%d is not possible: allowed is 1 to %d", sel.Repeat, mostRepeat)
	}
	switch c := sel.Confidence; {
	case c != 0 && (c < leastConfidence || c > mostConfidence):
		wrong("-confidence=%d is not possible: allowed is %d to %d, in percent", c, leastConfidence, mostConfidence)
	case c != 0 && sel.Repeat != 0:
		wrong("-repeat= says how many boots, and -confidence= how sure to be: give one of them")
	}
	var unique []Placement
	for _, p := range out {
		if p.Confidence = sel.Confidence; p.Confidence > 0 {
			p.Repeat = 1
		}
		if sel.Repeat > 0 {
			p.Repeat = sel.Repeat
		}
		if sel.ASLR != nil {
			p.ASLR = *sel.ASLR
		}
		if !slices.Contains(names(unique), p.Name) {
			unique = append(unique, p)
		}
	}
	return unique
}

func (s *Scenario) selectCells(sel Selection, wrong usageFunc) []Cell {
	for _, name := range sel.Scope {
		if err := unknown("scope", name, Scopes()); err != nil {
			wrong("%w", err)
		}
	}
	scopes := s.scopesOf(sel)
	patterns := sel.Cells
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	var out []Cell
	for _, pattern := range patterns {
		if err := checkPattern(pattern); err != nil {
			wrong("cell %v", err)
			continue
		}
		found := s.match(pattern, scopes)
		if len(found) == 0 && len(scopes) > 0 {
			wrong("cell %q is unknown: %s%s", pattern, s.allowedCells(), s.meantCell(pattern))
		}
		for _, c := range found {
			if !slices.ContainsFunc(out, func(have Cell) bool { return have.ID() == c.ID() }) {
				out = append(out, c)
			}
		}
	}
	return out
}

// scopesOf are the scopes of cells whose pattern names none.
func (s *Scenario) scopesOf(sel Selection) []string {
	if len(sel.Scope) > 0 {
		return sel.Scope
	}
	return s.scopes
}

// match returns the cells that a pattern names: of the scenario's variants,
// or, where none of them fits, of all that can be expressed. A pattern without
// @ is taken at the given scopes; @* means these as well. What has no option of
// rustc has no scope.
func (s *Scenario) match(pattern string, scopes []string) []Cell {
	id, scope, scoped := strings.Cut(pattern, "@")
	if scoped && scope != "*" {
		scopes = slices.DeleteFunc(Scopes(), func(name string) bool { return !glob(scope, name) })
	}
	asked := func(v Variant) bool { return glob(id, v.ID) && (!scoped || v.scoped()) }
	if out := cells(s.variants, scopes, asked); len(out) > 0 {
		return out
	}
	return cells(s.expressible(), scopes, asked)
}

// cells are those of the variants that are asked for, scope by scope.
func cells(variants []Variant, scopes []string, asked func(Variant) bool) (out []Cell) {
	for _, scope := range append([]string{""}, scopes...) { // first what has none
		for _, v := range variants {
			if v.scoped() == (scope != "") && asked(v) {
				out = append(out, Cell{Variant: v, Scope: scope})
			}
		}
	}
	return out
}

// expressible returns stock and every variant that can be made of the axes of the
// scenario and of those that every scenario has.
func (s *Scenario) expressible() []Variant {
	own := slices.DeleteFunc(slices.Clone(s.axes), func(a axisValues) bool { return axisAt(usual, a.axis) >= 0 })
	axes := slices.Concat(usual, own[:min(len(own), mostAxes)])
	for i, a := range axes {
		others := slices.DeleteFunc(slices.Clone(a.values), func(v string) bool { return v == Off })
		axes[i].values = append([]string{Off}, others...)
	}
	return product(axes)
}

// mostAxes bounds how many axes of its own a scenario has in what can be expressed, whose product would have no end.
const mostAxes = 4

// allowedCells says which cells there are, for messages.
func (s *Scenario) allowedCells() string {
	return fmt.Sprintf("scenario %s has %s; %s with %s is allowed too; scopes are %s", s.Name,
		list(names(s.variants)), list(usual[0].values), list(usual[1].values), list(Scopes()))
}

// meantCell suggests a variant, and keeps the scope that was written.
func (s *Scenario) meantCell(pattern string) string {
	id, scope, _ := strings.Cut(pattern, "@")
	for _, variants := range [][]Variant{s.variants, s.expressible()} {
		if n := usage.Nearest(id, names(variants)); n != "" {
			return fmt.Sprintf("; did you mean %q?", cellID(n, scope))
		}
	}
	return ""
}

// Choices are the names that a selection can take from the scenario: of its cells, of placements, of its modules.
func (s *Scenario) Choices() (cells, placements, modules []string) {
	for _, c := range s.match("*", s.scopes) {
		cells = append(cells, c.ID())
	}
	return cells, names(s.known), names(s.Modules)
}
