package kbuild

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInTree holds what becomes of an environment that was taken from an
// external module's recipes.
func TestInTree(t *testing.T) {
	commands := map[string]string{
		"a.o": "gcc -D__KERNEL__ -fmacro-prefix-map=/src/= -c -o a.o /src/a.c",
		"b.o": "gcc -D__KERNEL__ -fmacro-prefix-map=/src/= -c -o b.o /src/b.c",
		"c.o": "rustc --edition=2021 --target=./scripts/target.json --remap-path-prefix=/src/= --remap-path-scope=macro /src/c.rs",
	}
	env := []string{
		"O=/build", "KBUILD_CPPFLAGS=-D__KERNEL__", "KBUILD_RUSTFLAGS=--target=/build/scripts/target.json --remap-path-scope=macro",
		"LINUXINCLUDE=-I/src/include -I/build/include -I./arch", "EMPTY=",
	}
	want := []string{
		"O=/build", "KBUILD_CPPFLAGS=-D__KERNEL__ -fmacro-prefix-map=/src/=",
		"KBUILD_RUSTFLAGS=--target=./scripts/target.json --remap-path-scope=macro --remap-path-prefix=/src/=",
		"LINUXINCLUDE=-I/src/include -I./include -I./arch", "EMPTY=",
	}
	if d := cmp.Diff(want, inTree(env, commands)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"KBUILD_CPPFLAGS=-D__KERNEL__"}, inTree(env[1:2], nil)); d != "" {
		t.Errorf("without commands: %s", d)
	}
	if env[2] != "KBUILD_RUSTFLAGS=--target=/build/scripts/target.json --remap-path-scope=macro" {
		t.Error("the environment itself was changed")
	}
}
