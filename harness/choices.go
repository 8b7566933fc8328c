package harness

import (
	"cmp"
	"io/fs"
	"maps"
	"slices"

	"umlab/harness/parcel"
	"umlab/harness/plan"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/tree"
)

// Choices are the names that flags take, sorted, as far as they are known without a store and without the network.
type Choices struct{ Trees, Toolchains, Series, Scenarios, Subarches []string }

// NewChoices reads the configuration of a project, and what adds to it in the user's own directory.
func NewChoices(project fs.FS, own string) (c Choices, err error) {
	configs, err := fs.Sub(project, "configs")
	if err != nil {
		return c, err
	}
	set, err := settings.Load(configs, parcel.Machine, own)
	if err != nil {
		return c, err
	}
	c.Scenarios, err = scenario.Library{Project: project, Own: own}.Names()
	c.Trees, c.Toolchains = slices.Sorted(maps.Keys(set.Trees)), slices.Sorted(maps.Keys(set.Toolchains))
	c.Subarches = append(slices.Sorted(maps.Keys(set.Subarches)), sources.X8664)
	c.Series = slices.Sorted(maps.Keys(set.Series))
	return c, err
}

// ScenarioChoices are the names of cells, placements and modules of a scenario; of the usual one where name is "".
func ScenarioChoices(project fs.FS, own, name string) (cells, placements, modules []string, err error) {
	s, err := scenario.Library{Project: project, Own: own}.Load(cmp.Or(name, plan.DefaultScenario))
	if err != nil {
		return nil, nil, nil, err
	}
	cells, placements, modules = s.Choices()
	return cells, placements, modules, nil
}

// KernelTree is the version of the kernel whose top directory dir is; ok is false where it is none that UML can be built from.
func KernelTree(dir string) (version string, ok bool) {
	version, err := tree.Version(dir)
	return version, err == nil
}
