package runner

import (
	"umlab/harness/kbuild"
	"umlab/harness/loader"
	"umlab/harness/scenario"
)

// relocations counts the relocations of a cell's modules, see
// result.Build.Relocations. They are read from the files each time: a build
// that the store recorded has them as well, and it costs milliseconds. A module
// that the loader would refuse before it comes to its relocations has none to
// count and is left out, and so is one that cannot be read: its boot will say.
func relocations(c scenario.Cell, p *kbuild.Product) map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, m := range c.Modules {
		if ko, err := loader.OpenFile(p.Modules[m.Path].Path); err == nil {
			out[m.Name] = ko.Census()
		}
	}
	return out
}
