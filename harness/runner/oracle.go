package runner

import (
	"context"

	"umlab/harness/kbuild"
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
