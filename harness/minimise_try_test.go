package harness

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
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
	err = m.try(t.Context(), part, 6, of, false, func(_ context.Context, keep []int) (string, error) {
		return fmt.Sprint(slices.DeleteFunc(slices.Clone(keep), func(i int) bool {
			return i == 2 && slices.Contains(keep, 0) || i == 3 && slices.Contains(keep, 1)
		})), nil
	})
	if err != nil || len(m.left.options) != 1 || m.left.options[0].Name != "CONFIG_0" {
		t.Errorf("%v: %v", err, m.left.options)
	}
	if part.Tried == 0 || part.Known != part.Tried || part.Free == 0 || !part.Minimal {
		t.Errorf("%+v", part)
	}
}

// A function goes when what calls it did: lines are no end, functions are tried again.
func TestSourceLevels(t *testing.T) {
	text := strings.Split("int f(void)\n{\n int a = 1;\n return a;\n}\nint g(void)\n{\n return f();\n}\nint main(void)\n{\n int b = g();\n return 1;\n}", "\n")
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	compiles := func(lines []string) bool { // as far as the text above can be wrong
		has := func(i int) bool { return lines[i] != "" }
		whole := func(head, end int) bool { return has(head) && has(head+1) && has(end) }
		nothing := func(from, to int) bool { return strings.Join(lines[from:to+1], "") == "" }
		return whole(9, 13) && has(12) && (nothing(0, 4) || whole(0, 4) && has(3)) && (nothing(5, 8) || whole(5, 8) && has(7)) &&
			(!has(11) || has(5)) && (!has(7) || has(0)) && (!has(3) || has(2))
	}
	m := &minimising{lab: &Lab{store: st, sink: display.New(io.Discard, false, false, time.Now)}, left: subject{files: []sourceFile{{"ext/x", "x.c", text}}}}
	if m.journal, err = m.lab.openMinimiseJournal("q", "", true); err != nil {
		t.Fatal(err)
	}
	m.probe = func(_ context.Context, s subject) (shrink.Answer, string, error) {
		if compiles(s.files[0].lines) {
			return shrink.Holds, "", nil
		}
		return shrink.Not, "", nil
	}
	part := &result.MinimisedPart{Name: partSource}
	if err := m.sourceLevels(t.Context(), part); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.left.files[0].lines, "|"); got != "|||||||||int main(void)|{|| return 1;|}" || !part.Minimal {
		t.Errorf("%q, %+v", got, part)
	}
}

// Kconfig is asked once for all that turns something off, and once for each other request.
func TestResolveSame(t *testing.T) {
	m := &minimising{lab: &Lab{sink: display.New(io.Discard, false, false, time.Now)}}
	for name, tt := range map[string]struct {
		off   func(i int) bool
		want  []int
		asked int
	}{
		"those that are off are for nothing": {func(i int) bool { return i >= 10 }, []int{0, 2, 3, 4, 5, 6, 7, 8, 9}, 1 + 1 + 10},
		"one of them is not":                 {func(i int) bool { return i >= 9 }, []int{0, 2, 3, 4, 5, 6, 7, 8, 9}, 1 + 1 + 30},
		"none is off":                        {func(int) bool { return false }, []int{0, 2, 3, 4, 5, 6, 7, 8, 9}, 1 + 30},
	} {
		asked := 0
		got, err := m.resolveSame(t.Context(), 30, tt.off, func(_ context.Context, keep []int) (string, error) {
			asked++
			return fmt.Sprint(slices.DeleteFunc(slices.Clone(keep), func(i int) bool { return i >= 10 || i == 1 })), nil
		})
		if err != nil || !slices.Equal(got, tt.want) || asked != tt.asked {
			t.Errorf("%s: %v, %d asked, %v", name, got, asked, err)
		}
	}
	if got, err := m.resolveSame(t.Context(), 3, func(int) bool { return true }, func(context.Context, []int) (string, error) { return "", io.EOF }); err != io.EOF || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}
