package report

import (
	"strings"
	"testing"

	"umlab/harness/result"
)

// A variant that sets nothing of a kind does not stand for that kind.
func TestLegend(t *testing.T) {
	plt := result.Cell{ID: "plt=yes@module", Variant: result.Variant{Scope: "module",
		Settings: []result.Setting{{Axis: "-Zplt", Value: "yes"}}}}
	large := result.Cell{ID: "large@module", Variant: result.Variant{CodeModel: "large", Scope: "module"}}
	for _, tt := range []struct {
		cells      []result.Cell
		want, none string
	}{
		{[]result.Cell{plt}, "plt=yes@module: built or booted with -Zplt=yes", "for modules"},
		{[]result.Cell{plt, large}, "large@module: -Ccode-model=large for modules (RUSTFLAGS_MODULE); plt=yes@module: built or booted with -Zplt=yes", ":  "},
	} {
		if got := legend(&result.Results{Cells: tt.cells}).String(); !strings.Contains(got, tt.want) || strings.Contains(got, tt.none) {
			t.Errorf("%q", got)
		}
	}
}
