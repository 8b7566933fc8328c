package kbuild

import (
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/buildlog"
	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/remake"
	"umlab/harness/store"
)

// A goal whose tree cannot be configured has no .config, and is one that fails; one that is made has a .config.
func TestGoalUnconfigured(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &Builder{Runner: kmake.Runner{Store: st}}
	mk, err := b.newMake(kmake.Base{}, t.TempDir(), progress.Discard{}.Start("", progress.None, 0), kmake.Watching{})
	if err != nil {
		t.Fatal(err)
	}
	defer mk.close()
	failed := &Goal{Errors: []buildlog.Said{{Diagnostic: outcome.Diagnostic{Tool: "kconfig"}}}}
	if err := failed.finish(t.Context(), b, mk, GoalRequest{}, true); err != nil || failed.Log == "" {
		t.Errorf("%+v: %v", failed, err)
	}
	if err := (&Goal{}).finish(t.Context(), b, mk, GoalRequest{}, true); err == nil {
		t.Error("a goal was made without a .config")
	}
}

// What a goal goes on in has not the file that is asked for: make would take one that it has no rule for as made.
func TestCopyWithoutGoal(t *testing.T) {
	n := &near{bl: &Baseline{Dir: t.TempDir()}, rec: &remake.Record{}, m: &remake.Remake{}}
	was := fill(t, map[string]string{".config": "", "lib/notes": "no target", "lib/notes.c": "", "lib/sub/notes": ""})
	if err := os.Rename(was, n.bl.Build()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		goal string
		want []string
	}{
		{"lib/notes", []string{".config", "lib/notes.c", "lib/sub/notes"}},
		{"all", []string{".config", "lib/notes", "lib/notes.c", "lib/sub/notes"}},
		{"lib/", []string{".config", "lib/notes", "lib/notes.c", "lib/sub/notes"}},
	} {
		to := t.TempDir()
		if _, _, err := n.copyTo(t.Context(), to, c.goal); err != nil {
			t.Fatal(err)
		}
		var left []string
		err := objtree.Walk(t.Context(), to, func(rel string, _ fs.FileInfo) error {
			left = append(left, rel[len("build/"):])
			return nil
		})
		if diff := cmp.Diff(c.want, left); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", c.goal, err, diff)
		}
	}
}
