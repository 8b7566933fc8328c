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
	loaded := outcome.Outcome{Kind: outcome.Loaded}
	stays := result.Module{Name: "m", Outcome: outcome.Outcome{Kind: outcome.Loaded, Stays: true}, Predicted: &loaded, Agrees: &no}
	differs := &result.Results{Exit: result.ExitDiffers, Scenario: result.Scenario{Name: "s"}, Cells: []result.Cell{
		{ID: "stock", Verdict: result.Loads, Expected: "rejected"}, {ID: "x", AsExpected: true}, {ID: "y", Verdict: result.Broken},
		{ID: "z", Verdict: result.Broken}, {ID: "u", Verdict: result.Broken},
	}}
	missed := &result.Results{Exit: result.ExitDiffers, Totals: result.Totals{Cells: 1, Disagreeing: 1, Predicted: 4}, Cells: []result.Cell{
		{ID: "stock", AsExpected: true, Placements: []result.Placement{{Name: "low", Runs: []result.Run{{Modules: []result.Module{stays}}}}}},
	}}
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
		{matrixEnd(differs), result.ExitDiffers, "4 of 5 variants are not as scenario s expects: " +
			"stock is loads, expected rejected; y is broken, not as expected; z is broken, not as expected; and 1 more"},
		{matrixEnd(missed), result.ExitDiffers, "1 of 4 module loads that were predicted went otherwise; " +
			"stock:low m: predicted loaded, observed loaded, cannot be removed"},
		{matrixEnd(&result.Results{Exit: result.ExitInfra, Infra: "control x"}), result.ExitInfra, "control x"},
		{sweepEnd(sweep), result.ExitUsage, "no toolchain that was named can work with its tree: nothing was built"},
		{sweepEnd(&void), result.ExitInfra, "1 of 3 columns prove nothing"},
		{ended(result.ExitExpected, "fixed"), result.ExitExpected, ""},
		{ended(result.ExitDiffers, "%s", result.NoEffect), result.ExitDiffers, "no-effect"},
		{nightEnd(&result.Nightly{Exit: result.ExitDiffers, Changes: make([]result.NightlyChange, 2)}), result.ExitDiffers, "2 changes"},
		{nightEnd(&result.Nightly{Exit: result.ExitInfra}), result.ExitInfra, "this night proves nothing, or not all of it"},
		{explainEnd(&result.Explanation{}), result.ExitExpected, ""},
		{explainEnd(&result.Explanation{Cell: "stock", Placement: result.Placement{Name: "low"}, Modules: []result.ExplainedModule{{Module: stays}}}),
			result.ExitDiffers, "stock:low m: predicted loaded, observed loaded, cannot be removed"},
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
