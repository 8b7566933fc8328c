package runner

import (
	"context"

	"umlab/harness/kbuild"
	"umlab/harness/loader"
	"umlab/harness/oracle"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// Oracle says what runs should have shown, and where to look closer. It is asked
// by several goroutines at once.
type Oracle interface {
	// Judge sets the predictions of a run's modules, and makes of their outcomes
	// what only it can tell. What it does is not kept in the store.
	Judge(c scenario.Cell, p *kbuild.Product, place scenario.Placement, run *result.Run)
	// Thresholds says where the outcomes of a cell change with the address, given
	// its runs.
	Thresholds(c scenario.Cell, p *kbuild.Product, cell result.Cell) []oracle.Threshold
	// Confirm judges a threshold whose probes have their runs.
	Confirm(t *result.Threshold)
}

// confirm finds a cell's thresholds and boots around them.
func (s *session) confirm(ctx context.Context, c scenario.Cell, p *kbuild.Product, out *result.Cell) error {
	thresholds := s.Oracle.Thresholds(c.Alone(), p, *out)
	if len(thresholds) == 0 {
		return nil
	}
	out.Thresholds = make([]result.Threshold, len(thresholds))
	for _, t := range thresholds {
		s.task.Total(s.total.Add(int64(len(t.Probes))))
	}
	return each(len(thresholds), func(i int) (err error) {
		t := &out.Thresholds[i]
		*t = thresholds[i].Threshold
		t.Probes, err = s.places(ctx, c, thresholds[i].Probes, p)
		s.Oracle.Confirm(t)
		return err
	})
}

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
