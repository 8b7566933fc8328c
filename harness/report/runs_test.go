package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// A list of runs fits terminals of 80 columns, and says of each what was run without the files that it wrote.
func TestRunsList(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	list := []result.Kept{
		{ID: "0a1b2c3d4e5f", At: at.Add(time.Hour), Flow: "sweep", Verdict: "all as expected",
			Command: "go tool mage matrix -toolchains=trixie,trixie-backports,sid,sid-experimental -tree=debian-6.12 -html=x.html --json=y"},
		{ID: "0a1b2cff4e5f", At: at, Flow: "nightly", Exit: 1, Verdict: "changed: stock: rejected → loads between 1.96.1 and 1.97.1; and 3 more changes",
			Command: "umlab nightly"},
		{ID: "ffff2cff4e5f", At: at, Flow: "verify", Exit: 1, Verdict: "fixed\x1b[2J"},
	}
	for _, width := range []int{80, 100, 200} {
		var out bytes.Buffer
		if err := doc.Terminal(&out, Runs(list, list, 2), doc.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
		golden(t, fmt.Sprintf("runs.%d.txt", width), out.Bytes())
	}
}

// What became good again is not called bad in a list of runs, either.
func TestBisectionVerdict(t *testing.T) {
	for fixed, want := range map[bool]string{false: "first bad c", true: "first good c"} {
		b := &result.Bisection{Conclusion: result.BisectedTo, Fixed: fixed, FirstBad: &result.Boundary{Name: "c"}}
		if got := BisectionVerdict(b); got != want {
			t.Errorf("fixed %t: %q, not %q", fixed, got, want)
		}
	}
}
