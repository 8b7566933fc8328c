package harness

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"umlab/harness/history"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/toolchain"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// Every way in which a flow can end has its exit code, and its sentence, here and
// in no target.
func TestExitCode(t *testing.T) {
	no := false
	differs := &result.Results{Exit: result.ExitDiffers, Totals: result.Totals{Cells: 14, Differing: 2}, Scenario: result.Scenario{Name: "s"}}
	sweep := &result.Sweep{Exit: result.ExitUsage, Columns: make([]result.SweepColumn, 3), Totals: result.SweepTotals{States: map[result.ColumnState]int{result.ColumnInfra: 1}}}
	void := *sweep
	void.Exit = result.ExitInfra
	for _, tt := range []struct {
		err  error
		code int
		text string
	}{
		{nil, result.ExitExpected, ""},
		{matrixEnd(&result.Results{}), result.ExitExpected, ""},
		{matrixEnd(differs), result.ExitDiffers, "2 of 14 cells differ from what scenario s expects"},
		{matrixEnd(&result.Results{Exit: result.ExitDiffers, Totals: result.Totals{Cells: 4, Disagreeing: 2, Predicted: 4}}), result.ExitDiffers,
			"2 of 4 module loads that were predicted went otherwise"},
		{matrixEnd(&result.Results{Exit: result.ExitInfra, Infra: "control x"}), result.ExitInfra, "control x"},
		{sweepEnd(sweep), result.ExitUsage, "no toolchain that was named can work with its tree: nothing was built"},
		{sweepEnd(&void), result.ExitInfra, "1 of 3 columns prove nothing"},
		{ended(result.ExitExpected, "fixed"), result.ExitExpected, ""},
		{ended(result.ExitDiffers, "%s", result.NoEffect), result.ExitDiffers, "no-effect"},
		{nightEnd(&result.Nightly{Exit: result.ExitDiffers, Changes: make([]result.NightlyChange, 2)}), result.ExitDiffers, "2 changes"},
		{nightEnd(&result.Nightly{Exit: result.ExitInfra}), result.ExitInfra, "this night proves nothing, or not all of it"},
		{explainEnd(&result.Explanation{}), result.ExitExpected, ""},
		{explainEnd(&result.Explanation{Modules: []result.ExplainedModule{{Module: result.Module{Agrees: &no}}}}), result.ExitDiffers, "prediction and observation disagree"},
		{explainEnd(&result.Explanation{Infra: "x"}), result.ExitInfra, "this run proves nothing"},
		{noBinary("stock", outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error: x"}, ""), result.ExitDiffers, "stock: build-failed: error: x"},
		{usage.Errorf("-x=%d", 1), result.ExitUsage, "-x=1"},
		{fmt.Errorf("toolchain t: %w", &toolchain.UnfitError{}), result.ExitUsage, "toolchain t: " + (&toolchain.UnfitError{}).Error()},
		{&patch.ApplyError{}, result.ExitUsage, (&patch.ApplyError{}).Error()},
		{history.ErrEmpty, result.ExitUsage, history.ErrEmpty.Error()},
		{errors.New("the disk is full"), result.ExitInfra, "the disk is full"},
		{fmt.Errorf("boot: %w", context.Canceled), result.ExitInterrupted, "boot: context canceled"},
	} {
		if code := ExitCode(tt.err); code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.err, code, tt.code)
		}
		if tt.err == nil && tt.text != "" || tt.err != nil && tt.err.Error() != tt.text {
			t.Errorf("got %v, want %q", tt.err, tt.text)
		}
	}
}
