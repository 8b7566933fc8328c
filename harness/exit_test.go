package harness

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/toolchain"
	"umlab/harness/usage"
)

// Every way in which a flow can end has its exit code, and its sentence, here and
// not in the magefile.
func TestExit(t *testing.T) {
	no := false
	differs := &result.Results{Exit: ExitDiffers, Totals: result.Totals{Cells: 14, Differing: 2}, Scenario: result.Scenario{Name: "s"}}
	sweep := &result.Sweep{Exit: ExitUsage, Columns: make([]result.SweepColumn, 3), Totals: result.SweepTotals{States: map[result.ColumnState]int{result.ColumnInfra: 1}}}
	void := *sweep
	void.Exit = ExitInfra
	for _, tt := range []struct {
		err  error
		code int
		text string
	}{
		{nil, ExitExpected, ""},
		{matrixEnd(&result.Results{}), ExitExpected, ""},
		{matrixEnd(differs), ExitDiffers, "2 of 14 cells differ from what scenario s expects"},
		{matrixEnd(&result.Results{Exit: ExitInfra, Infra: "control x"}), ExitInfra, "control x"},
		{sweepEnd(sweep), ExitUsage, "no toolchain that was named can work with its tree: nothing was built"},
		{sweepEnd(&void), ExitInfra, "1 of 3 columns prove nothing"},
		{verifyEnd(&result.Verification{Conclusion: result.Fixed}), ExitExpected, ""},
		{verifyEnd(&result.Verification{Exit: ExitDiffers, Conclusion: result.NoEffect}), ExitDiffers, "no-effect"},
		{bisectEnds(&result.Bisection{Exit: ExitUsage, Reason: "the ends are alike"}), ExitUsage, "the ends are alike"},
		{nightEnd(&result.Nightly{Exit: ExitDiffers, Changes: make([]result.NightlyChange, 2)}), ExitDiffers, "2 changes"},
		{nightEnd(&result.Nightly{Exit: ExitInfra}), ExitInfra, "this night proves nothing, or not all of it"},
		{explainEnd(&result.Explanation{}), ExitExpected, ""},
		{explainEnd(&result.Explanation{Modules: []result.ExplainedModule{{Module: result.Module{Agrees: &no}}}}), ExitDiffers, "prediction and observation disagree"},
		{explainEnd(&result.Explanation{Infra: "x"}), ExitInfra, "this run proves nothing"},
		{&NoBinaryError{Cell: "stock", Outcome: outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error: x"}}, ExitDiffers, "stock: build-failed: error: x"},
		{&NothingProvedError{"-"}, ExitDiffers, (&NothingProvedError{"-"}).Error()},
		{usage.Errorf("-x=%d", 1), ExitUsage, "-x=1"},
		{fmt.Errorf("toolchain t: %w", &toolchain.UnfitError{}), ExitUsage, "toolchain t: " + (&toolchain.UnfitError{}).Error()},
		{errors.New("the disk is full"), ExitInfra, "the disk is full"},
		{fmt.Errorf("boot: %w", context.Canceled), result.ExitInterrupted, "interrupted: what was finished is kept, and the same command goes on from there"},
	} {
		err := Exit(tt.err)
		if tt.code == ExitExpected {
			if err != nil {
				t.Errorf("%v for %v", err, tt.err)
			}
			continue
		}
		var coded interface{ ExitStatus() int }
		if !errors.As(err, &coded) || coded.ExitStatus() != tt.code || err.Error() != tt.text {
			t.Errorf("%v: got %v, want %d %q", tt.err, err, tt.code, tt.text)
		}
	}
}
