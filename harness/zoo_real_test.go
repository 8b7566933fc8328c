package harness_test

import (
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/report"
	"umlab/harness/result"
)

// runZoo runs a zoo and holds what each must hold.
func runZoo(t *testing.T, o harness.ZooOptions) *result.Zoo {
	t.Helper()
	l, _ := real(t)
	o.Command = "go test"
	z, err := l.Zoo(t.Context(), o, harness.Outputs{})
	if fault(z == nil, err) {
		t.Fatal(err)
	}
	valid(t, result.ZooSchema, report.JSON, z)
	for _, e := range z.Entries {
		switch state := e.Column.State(); {
		case state == result.ColumnInfra:
			t.Errorf("%s proves nothing: %s", e.Scenario.Name, report.ZooVerdict(z))
		case state == result.ColumnDiffers:
			t.Errorf("%s: %s", e.Scenario.Name, report.Differences(e.Column.Results))
		case e.Column.Results != nil && len(e.Column.Results.Controls) == 0:
			t.Errorf("%s has no control", e.Scenario.Name)
		}
	}
	return z
}

// TestZoo runs a scenario where it shows its bug, and one on a tree that it is not for.
func TestZoo(t *testing.T) {
	z := runZoo(t, harness.ZooOptions{Scenarios: []string{"hostfs-new-mount-*"}})
	if z.Exit != result.ExitExpected || len(z.Entries) != 1 {
		t.Fatalf("exit %d, %d entries", z.Exit, len(z.Entries))
	}
	z = runZoo(t, harness.ZooOptions{Scenarios: []string{"sscanf-field-width"}, Trees: []string{"debian-7.3"}})
	if z.Exit != result.ExitUsage || len(z.Entries) != 1 {
		t.Fatalf("exit %d, %d entries", z.Exit, len(z.Entries))
	}
	if r := z.Entries[0].Column.Refused; r == nil || !strings.Contains(r.Reasons[0], "it is for kernels >=6.12, <6.15") {
		t.Errorf("not skipped for its tree: %+v", r)
	}
}

// TestZooWhole runs all that umlab ships, each where it shows its bug.
func TestZooWhole(t *testing.T) {
	long(t)
	z := runZoo(t, harness.ZooOptions{})
	if n := z.Totals.States[result.ColumnExpected]; n != len(z.Entries) || n < 12 {
		t.Errorf("%d of %d as expected", n, len(z.Entries))
	}
}
