package harness_test

import (
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// faultCells are the cells of most of these tests: of each verdict one.
const faultCells = "-cells=stock,static-small,static-large"

// TestKilled ends umlab with SIGKILL, at any moment of a run of each kind. The same command then gives what it gives undisturbed.
func TestKilled(t *testing.T) {
	cached := []string{"matrix", faultCells, "-json=-"}
	v := lent(t, cached)
	page := filepath.Join(t.TempDir(), "page.html")
	export := filepath.Join(t.TempDir(), "all.json")
	if e := v.run(t, cached...); e.code != 0 {
		t.Fatal(e)
	}
	if e := v.run(t, "history", "-export="+export); e.code != 0 {
		t.Fatal(e)
	}
	killed := 0
	for _, k := range []struct {
		name   string
		args   []string
		again  []string // what is asked afterwards; nil: the same
		rounds int
	}{
		{"matrix", cached, nil, 60},
		{"report", []string{"report", "last", "-html=" + page, "-json=-"}, nil, 60},
		{"history", []string{"history", "-import=" + export}, cached, 60},
	} {
		t.Run(k.name, func(t *testing.T) {
			again := k.again
			if again == nil {
				again = k.args
			}
			began := time.Now()
			if e := v.run(t, k.args...); e.code != 0 && e.code != 1 {
				t.Fatal(e)
			}
			takes := time.Since(began)
			undisturbed := v.run(t, again...)
			want := table(t, undisturbed)
			for round := range rounds(k.rounds) {
				rnd := rand.New(rand.NewPCG(uint64(round), 14))
				c := v.command(k.args...)
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rnd.Int64N(int64(takes))))
				_ = c.Process.Kill()
				_ = c.Wait()
				if c.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
					killed++
				}
				nothingLives(t)
				if e := v.run(t, again...); e.code != undisturbed.code || table(t, e) != want {
					t.Errorf("round %d: %v\nundisturbed: exit code %d\n%s", round, e, undisturbed.code, want)
				}
			}
		})
	}
	v.nothingLeft(t)
	t.Logf("%d runs were killed", killed)
	if killed == 0 {
		t.Error("no run was killed: nothing was tested")
	}
}
