package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"umlab/harness/history"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// EndError says how a flow ended that did its work and did not end as was hoped
// for. Its result is there.
type EndError struct {
	Code int // an exit code
	Text string
}

func (e *EndError) Error() string { return e.Text }

// ended is the error of a flow that ended with an exit code; nil where that is the
// one that was hoped for.
func ended(code int, format string, args ...any) error {
	if code == result.ExitExpected {
		return nil
	}
	return &EndError{code, fmt.Sprintf(format, args...)}
}

// ExitCode is the exit code of a flow that returned err.
func ExitCode(err error) int {
	var end *EndError
	var wrong *usage.Error
	var mistake *scenario.Mistake
	var unfit *toolchain.UnfitError
	var misfit *patch.ApplyError
	var foreign *scenario.TreeError
	var nothing *history.NothingError
	var input *history.InputError
	var not *tree.NotKernelError
	switch {
	case err == nil:
		return result.ExitExpected
	case errors.Is(err, context.Canceled):
		return result.ExitInterrupted
	case errors.As(err, &end):
		return end.Code
	case errors.As(err, &wrong), errors.As(err, &mistake), errors.As(err, &unfit), errors.As(err, &misfit), errors.As(err, &foreign),
		errors.As(err, &nothing), errors.As(err, &input), errors.As(err, &not), errors.Is(err, history.ErrEmpty):
		return result.ExitUsage
	}
	return result.ExitInfra
}

// Interrupted is what a user who left is told.
const Interrupted = "interrupted: what was finished is kept, and the same command goes on from there (but with -fresh " +
	"it makes its cells anew)"

// matrixEnd is how a matrix ended, as an error.
func matrixEnd(r *result.Results) error {
	switch {
	case r.Exit == result.ExitDiffers:
		return ended(r.Exit, "%s", report.Differences(r))
	}
	return ended(r.Exit, "%s", r.Infra)
}

func sweepEnd(s *result.Sweep) error {
	n := s.Totals.States
	switch s.Exit {
	case result.ExitDiffers:
		return ended(s.Exit, "%d of %d columns differ from what scenario %s expects", n[result.ColumnDiffers], len(s.Columns), s.Scenario.Name)
	case result.ExitUsage:
		return ended(s.Exit, "no toolchain that was named can work with its tree: nothing was built")
	}
	return ended(s.Exit, "%d of %d columns prove nothing", n[result.ColumnInfra], len(s.Columns))
}

func zooEnd(z *result.Zoo) error {
	n := z.Totals.States
	switch z.Exit {
	case result.ExitDiffers:
		return ended(z.Exit, "%d of %d entries differ from what their scenarios expect", n[result.ColumnDiffers], len(z.Entries))
	case result.ExitUsage:
		return ended(z.Exit, "no scenario that was named is for these trees and toolchains: nothing was built")
	}
	return ended(z.Exit, "%d of %d entries prove nothing", n[result.ColumnInfra], len(z.Entries))
}

func nightEnd(n *result.Nightly) error {
	if n.Exit == result.ExitDiffers {
		return ended(n.Exit, "%d changes", len(n.Changes))
	}
	return ended(n.Exit, "this night proves nothing, or not all of it")
}

// explainEnd is how an explanation ended: it differs where a prediction and an
// observation disagree.
func explainEnd(e *result.Explanation) error {
	disagrees := func(m result.ExplainedModule) bool { return m.Agrees != nil && !*m.Agrees }
	switch {
	case e.Infra != "":
		return ended(result.ExitInfra, "this run proves nothing")
	case slices.ContainsFunc(e.Modules, disagrees):
		m := e.Modules[slices.IndexFunc(e.Modules, disagrees)]
		return ended(result.ExitDiffers, "%s", report.Missed(e.Cell, e.Placement.Name, m.Module))
	}
	return nil
}
