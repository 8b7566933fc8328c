package kbuild

import (
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/store"
)

// A goal whose tree cannot be configured has no .config, and is one that fails; one that is made has a .config.
func TestGoalUnconfigured(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &Builder{Store: st}
	mk, err := b.newMake(Base{}, t.TempDir(), progress.Discard{}.Start("", progress.None, 0), watching{})
	if err != nil {
		t.Fatal(err)
	}
	defer mk.close()
	failed := &Goal{Errors: []Said{{Diagnostic: outcome.Diagnostic{Tool: "kconfig"}}}}
	if err := failed.finish(t.Context(), b, mk, GoalRequest{}, true); err != nil || failed.Log == "" {
		t.Errorf("%+v: %v", failed, err)
	}
	if err := (&Goal{}).finish(t.Context(), b, mk, GoalRequest{}, true); err == nil {
		t.Error("a goal was made without a .config")
	}
}
