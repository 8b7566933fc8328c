package kmake

import (
	"testing"

	"umlab/harness/scenario"
)

func TestByHand(t *testing.T) {
	rustc := func(name string) scenario.Axis {
		return scenario.Axis{Kind: scenario.OfRustc, Name: name, Prefix: "-C"}
	}
	settings := []scenario.Setting{{Axis: rustc("relocation-model"), Value: "static"}, {Axis: rustc("code-model"), Value: "small"}}
	cell := scenario.Cell{Variant: scenario.Variant{Settings: settings}, Scope: scenario.ScopeModule}
	got := Base{Compiler: Clang}.ByHand(cell, "samples/rust/rust_minimal.ko")
	want := "make ARCH=um O=build LLVM=1 RUSTFLAGS_MODULE='-Crelocation-model=static -Ccode-model=small' samples/rust/rust_minimal.ko"
	if got != want {
		t.Errorf("ByHand = %q\nwant     %q", got, want)
	}
	if got := (Base{Compiler: GCC}).ByHand(scenario.Cell{}); got != "make ARCH=um O=build" {
		t.Errorf("ByHand of stock = %q", got)
	}
}
