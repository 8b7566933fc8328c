package kbuild

import (
	"strings"
	"testing"

	"umlab/harness/scenario"
)

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
