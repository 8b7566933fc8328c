package harness

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"umlab/harness/kbuild"
	"umlab/harness/plan"
	"umlab/harness/runner"
	"umlab/harness/scenario"
)

// What a worker obtains before it runs a piece is all that the piece is built on: the build of another SUBARCH, too.
func TestObtainsOtherSubarch(t *testing.T) {
	l := realLab(t)
	version := fmt.Sprintf(`CONFIG_LOCALVERSION="-%d"`, time.Now().UnixNano()) // nobody has that
	p, err := l.plan(plan.Flags{Tree: "debian-7.3", Select: scenario.Selection{Axes: []string{"subarch=i386", version}, Cells: []string{"i386*"},
		Placements: []string{"low"}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.ask(t.Context(), l.sources, p, "")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(a.pieces, func(p plan.Piece) bool { return len(a.plan.Cells[p.Cell].Variant.Base()) == 2 })
	if at < 0 {
		t.Fatalf("no cell of both: %v", a.plan.Cells)
	}
	task, err := a.task(at)
	if err != nil {
		t.Fatal(err)
	}
	e, err := decode(task)
	if err != nil {
		t.Fatal(err)
	}
	l.slots = runner.NewSlots(0)
	w := &worker{lab: l, here: true}
	if _, err := w.make(t.Context(), task, e, func(string) {}, false); err != nil { // the plan's own
		t.Fatal(err)
	}
	if err := w.baseline(t.Context(), task, e, func(string) {}, true); !errors.Is(err, kbuild.ErrNone) || w.has(task.Baseline) {
		t.Errorf("a build for i386 that is nowhere is found: %v", err)
	}
}
