package runner

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// What a run comes to when its boots go as given. A letter is what a boot showed:
// L loaded, R rejected, O an oops, T a timeout, I infra; behind it ' where a guest did not
// end as asked, * where its kernel is known to boot, + where all was foreseen, - where a prediction was contradicted.
func TestSure(t *testing.T) {
	kinds := map[byte]outcome.Kind{'L': outcome.Loaded, 'R': outcome.RelocationUnknown, 'O': outcome.Oops, 'T': outcome.Timeout, 'I': outcome.Infra, 'B': outcome.BootFailed}
	for _, tt := range []struct {
		name, boots, want string
		discarded         int
	}{
		{"nothing wrong", "L", "L", 0},
		{"as foreseen, at once, whatever the end", "O'+", "O", 0},
		{"an oops counts when it is seen twice", "O' O'", "O", 0},
		{"somebody ended the guest once", "O' L", "L", 1},
		{"somebody ended it twice, each time otherwise", "O' T' L", "L", 2},
		{"the third time like the first", "O' T' O'", "O", 1},
		{"a contradiction counts when it is seen twice", "L- L-", "L", 0},
		{"a console that lost a line", "R- L+", "L", 1},
		{"infra is tried again", "I L", "L", 0},
		{"infra, for good", "I I I", "I", 0},
		{"three ways", "O' T' R'", "I", 2},
		{"a kernel that does not boot", "B' B'", "B", 0},
		{"a kernel that is known to boot", "B'* B'* B'*", "I", 0},
		{"a kernel that is known to boot, and did", "B' B'* L", "L", 1},
		{"twice, but the host's doing", "I' I' O'", "I", 0},
	} {
		boots := strings.Fields(tt.boots)
		n := 0
		boot := func() (attempt, error) {
			k := kinds[boots[n][0]]
			a := attempt{cut: strings.Contains(boots[n], "'")}
			a.Modules, a.Transcript = []result.Module{{Name: "m", Outcome: outcome.Outcome{Kind: k, Evidence: boots[n]}}}, fmt.Sprint(n)
			n++
			return a, nil
		}
		run, err := sure(boot, func(result.Run) (all, contradicted bool) {
			return strings.HasSuffix(boots[n-1], "+"), strings.HasSuffix(boots[n-1], "-")
		}, func(attempt) bool { return strings.HasSuffix(boots[n-1], "*") })
		if err != nil || n != len(boots) {
			t.Errorf("%s: %d boots of %d, %v", tt.name, n, len(boots), err)
		}
		if got := run.Modules[0].Outcome.Kind; got != kinds[tt.want[0]] || len(run.Discarded) != tt.discarded {
			t.Errorf("%s: %s, %+v", tt.name, got, run.Discarded)
		}
		for _, d := range run.Discarded {
			if d.Transcript == run.Transcript || d.Seen == "" {
				t.Errorf("%s: %+v was discarded, and %s counts", tt.name, d, run.Transcript)
			}
		}
	}
	broken := errors.New("no sandbox")
	if _, err := sure(func() (attempt, error) { return attempt{}, broken }, nil, nil); !errors.Is(err, broken) {
		t.Errorf("a fault of the machine: %v", err)
	}
}
