package plan

import (
	"slices"

	"umlab/harness/kconfig"
	"umlab/harness/scenario"
)

// Piece is what of a plan can be done by itself: a cell, with the controls that it shows, or a control that no cell shows. The kernel
// is that of the whole plan.
type Piece struct {
	Cell    int // index into the plan's cells; of a control len of them
	Control int // index into its controls; of a cell len of them
}

// Pieces are all of a plan, its cells first.
func (p *Plan) Pieces() (list []Piece) {
	for i := range p.Cells {
		list = append(list, Piece{i, len(p.Controls)})
	}
	for i, c := range p.Controls {
		if !c.Selected || p.Scenario.BuildOnly() {
			list = append(list, Piece{len(p.Cells), i})
		}
	}
	return list
}

// NameOf is what people call a piece.
func (p *Plan) NameOf(piece Piece) string {
	if piece.Cell < len(p.Cells) {
		return p.Cells[piece.Cell].ID()
	}
	return "control " + p.Controls[piece.Control].Name
}

// ControlsOf are the indices of the controls that a piece decides.
func (p *Plan) ControlsOf(piece Piece) (list []int) {
	if piece.Cell == len(p.Cells) {
		return []int{piece.Control}
	}
	for i, c := range p.Controls {
		if c.Selected && !p.Scenario.BuildOnly() && c.Shown.ID() == p.Cells[piece.Cell].ID() {
			list = append(list, i)
		}
	}
	return list
}

// Piece is q, which is p or what that came to, when only a piece of it is to be done: see Cut.
func (p *Plan) Piece(q *Plan, piece Piece) *Plan {
	return q.but(func(r *Plan) { r.cut = &cut{piece, p.ControlsOf(piece)} })
}

// cut is a piece with the controls that it decides.
type cut struct {
	Piece
	controls []int
}

// Whole reports whether all of the plan is done.
func (p *Plan) Whole() bool { return p.cut == nil }

// Cut is the plan of the piece alone. What the plan was made of, its modules and its base, is that of the whole.
func (p *Plan) Cut() *Plan {
	if p.Whole() {
		return p
	}
	q := *p
	q.Cells, q.Controls = nil, nil
	if p.cut.Cell < len(p.Cells) {
		q.Cells = slices.Clone(p.Cells[p.cut.Cell : p.cut.Cell+1])
	}
	for _, i := range p.cut.controls {
		c := p.Controls[i]
		c.Selected = c.Selected && len(q.Cells) > 0
		q.Controls = append(q.Controls, c)
	}
	return &q
}

// ControlNames are the names of the plan's controls, in the order in which results have them.
func (p *Plan) ControlNames() (names []string) {
	groups := p.Groups()
	if p.Scenario.BuildOnly() { // which makes one build after the other
		groups = groups[:1]
	}
	for at := range groups {
		for i, c := range p.Controls {
			if len(groups) == 1 || p.GroupOf(groups, Piece{len(p.Cells), i}) == at {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// GroupOf is the group of a list that a piece is built with, -1 for none.
func (p *Plan) GroupOf(groups []*Group, piece Piece) int {
	variant, unpatched := p.built(piece)
	return slices.IndexFunc(groups, func(g *Group) bool { return slices.Equal(g.Settings, variant.Base()) && g.Unpatched == unpatched })
}

// built is the variant that a piece is built as, and whether that is without the scenario's patches.
func (p *Plan) built(piece Piece) (variant scenario.Variant, unpatched bool) {
	if piece.Cell < len(p.Cells) {
		return p.Cells[piece.Cell].Variant, false
	}
	c := p.Controls[piece.Control]
	return c.Shown.Variant, c.Unpatched
}

// Part is what is to be kept of a plan's first cell.
type Part struct {
	Settings []scenario.Setting
	Options  []kconfig.Option
	At       scenario.Placement
	Modules  func(scenario.Module) []scenario.Module // what stands where a module stood
	Steps    func(scenario.Step) bool
}

// Only is the plan of a part of its first cell, without controls.
func (p *Plan) Only(part Part) *Plan {
	q := p.replaced(part.Modules)
	cell := q.Cells[0].With(part.Settings)
	cell.Placements = []scenario.Placement{part.At}
	cell.Steps = slices.DeleteFunc(slices.Clone(cell.Steps), func(s scenario.Step) bool { return !part.Steps(s) })
	q.Cells, q.Controls, q.Options = []scenario.Cell{cell}, nil, part.Options
	return q
}
