package harness

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"umlab/harness/kconfig"
	"umlab/harness/progress/display"
	"umlab/harness/result"
	"umlab/harness/shrink"
	"umlab/harness/store"
)

// What is left is without what went for nothing, too; and what the journal knows is counted as known.
func TestTry(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{store: st, sink: display.New(io.Discard, false, false, time.Now)}
	j, err := l.openMinimiseJournal("q", "", false)
	if err != nil {
		t.Fatal(err)
	}
	var all []kconfig.Option
	for i := range 6 {
		all = append(all, kconfig.Option{Name: fmt.Sprintf("CONFIG_%d", i), Value: "y"})
	}
	of := func(keep []int) subject { return subject{options: chosen(all, keep)} }
	// Of 6 options the first two select the third and the fourth; only the first is needed.
	var keeps func(keep []int, from int)
	keeps = func(keep []int, from int) {
		a := shrink.Not
		if slices.Contains(keep, 0) {
			a = shrink.Holds
		}
		if err := j.put(of(keep).key(), a, "seen"); err != nil {
			t.Fatal(err)
		}
		for i := from; i < 6; i++ {
			keeps(append(slices.Clone(keep), i), i+1)
		}
	}
	keeps(nil, 0)
	m := &minimising{lab: l, journal: j, left: of([]int{0, 1, 2, 3, 4, 5}), result: &result.Minimisation{}}
	part := &result.MinimisedPart{Name: partKconfig}
	keep, err := m.try(t.Context(), part, 6, of, false, func(_ context.Context, keep []int) (string, error) {
		return fmt.Sprint(slices.DeleteFunc(slices.Clone(keep), func(i int) bool {
			return i == 2 && slices.Contains(keep, 0) || i == 3 && slices.Contains(keep, 1)
		})), nil
	})
	if err != nil || !slices.Equal(keep, []int{0}) || len(m.left.options) != 1 || m.left.options[0].Name != "CONFIG_0" {
		t.Errorf("%v, %v: %v", keep, err, m.left.options)
	}
	if part.Tried == 0 || part.Known != part.Tried || part.Free == 0 || !part.Minimal {
		t.Errorf("%+v", part)
	}
}
