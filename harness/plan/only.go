package plan

import (
	"slices"

	"umlab/harness/kconfig"
	"umlab/harness/scenario"
)

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
