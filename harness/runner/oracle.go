package runner

import (
	"context"
	"sync"

	"github.com/hashicorp/go-multierror"

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
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs *multierror.Error
	)
	thresholds := s.Oracle.Thresholds(c, p, *out)
	if len(thresholds) == 0 {
		return nil
	}
	out.Thresholds = make([]result.Threshold, len(thresholds))
	for _, t := range thresholds {
		s.task.Total(s.total.Add(int64(len(t.Probes))))
	}
	for i, t := range thresholds {
		out.Thresholds[i] = t.Threshold
		wg.Go(func() {
			probes, err := s.places(ctx, c, t.Probes, p)
			mu.Lock()
			defer mu.Unlock()
			out.Thresholds[i].Probes = probes
			errs = multierror.Append(errs, err)
			s.Oracle.Confirm(&out.Thresholds[i])
		})
	}
	wg.Wait()
	return errs.ErrorOrNil()
}
