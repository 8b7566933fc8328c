package kbuild

import (
	"slices"
	"strings"
	"testing"

	"umlab/harness/scenario"
)

func TestGiven(t *testing.T) {
	for command, want := range map[string][]string{
		"": nil,
		"rustc --edition=2021 -Cpanic=abort -C relocation-model=pie --codegen opt-level=2 -Crelocation-model=static -Cdebuginfo=2 a.rs": {
			"-Cpanic=abort", "-Crelocation-model=pie", "-Copt-level=2", "-Crelocation-model=static"},
		"rustc '-Ctarget-feature=-sse,-avx' x.rs -C": {"-Ctarget-feature=-sse,-avx"},
		"gcc -c -Wall": nil,
	} {
		if got := given(command); !slices.Equal(got, want) {
			t.Errorf("%s:\n got  %q\n want %q", command, got, want)
		}
	}
}

func TestDebugFlags(t *testing.T) {
	v := variant(t, "relocation-model=static", "code-model=large")
	for scope, want := range map[string]string{
		"":                   "RUSTFLAGS_MODULE=-Cdebuginfo=2 CFLAGS_MODULE=-g",
		scenario.ScopeModule: "RUSTFLAGS_MODULE=-Crelocation-model=static -Ccode-model=large -Cdebuginfo=2 CFLAGS_MODULE=-g",
		scenario.ScopeAll:    "RUSTFLAGS_MODULE=-Crelocation-model=static -Ccode-model=large -Cdebuginfo=2 CFLAGS_MODULE=-g",
		scenario.ScopeKernel: "RUSTFLAGS_MODULE=-Cdebuginfo=2 CFLAGS_MODULE=-g", // the modules do not get them
	} {
		c := scenario.Cell{Variant: v, Scope: scope}
		if scope == "" {
			c.Variant = scenario.Variant{}
		}
		if got := strings.Join(debugVars(Request{Cell: c}), " "); got != want {
			t.Errorf("scope %q: %s, want %s", scope, got, want)
		}
	}
}
