package kmake

import (
	"testing"

	"umlab/harness/scenario"
)

func TestByHand(t *testing.T) {
	cell := scenario.Cell{Variant: staticSmall(t), Scope: scenario.ScopeModule}
	got := Base{Compiler: Clang}.ByHand(cell, "samples/rust/rust_minimal.ko")
	want := "make ARCH=um O=build LLVM=1 RUSTFLAGS_MODULE='-Crelocation-model=static -Ccode-model=small' samples/rust/rust_minimal.ko"
	if got != want {
		t.Errorf("ByHand = %q\nwant     %q", got, want)
	}
	if got := (Base{Compiler: GCC}).ByHand(scenario.Cell{}); got != "make ARCH=um O=build" {
		t.Errorf("ByHand of stock = %q", got)
	}
}

// staticSmall is the variant of -Crelocation-model=static -Ccode-model=small.
func staticSmall(t *testing.T) (v scenario.Variant) {
	for _, s := range [][2]string{{"relocation-model", "static"}, {"code-model", "small"}} {
		axis, err := scenario.ParseAxis(s[0])
		if err != nil {
			t.Fatal(err)
		}
		v.Settings = append(v.Settings, scenario.Setting{Axis: axis, Value: s[1]})
	}
	return v
}
