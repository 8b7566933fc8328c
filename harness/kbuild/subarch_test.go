package kbuild

import (
	"slices"
	"strings"
	"testing"

	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// A SUBARCH is part of what a base is and of every command that builds it; without one, both are what they were.
func TestSubarch(t *testing.T) {
	base := kmake.Base{Tree: &tree.Tree{Digest: "d"}, Toolchain: &toolchain.Toolchain{Digest: "c"}, Compiler: kmake.GCC}
	if was := store.Key("baseline", version, "d", "c", kmake.GCC, kconfig.Text(nil)); baseKey(base) != was {
		t.Error("the key of a base of x86_64 is another one than before there was a choice")
	}
	small := base
	small.Subarch = "i386"
	if baseKey(small) == baseKey(base) {
		t.Error("one key for both")
	}
	if got := base.ByHand(scenario.Cell{}); got != "make ARCH=um O=build" {
		t.Error(got)
	}
	if got := small.ByHand(scenario.Cell{}); got != "make ARCH=um SUBARCH=i386 O=build" {
		t.Error(got)
	}
	if slices.Contains(base.Make(), "SUBARCH=i386") || !slices.Contains(small.Make(), "SUBARCH=i386") {
		t.Error(strings.Join(small.Make(), " "))
	}
}
