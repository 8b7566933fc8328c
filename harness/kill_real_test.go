package harness_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"umlab/harness"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// TestKilledGuests: whatever ends guests from outside, the table is that of an undisturbed run, or
// the run says that the machine is at fault; and what was seen only because of that is not kept.
func TestKilledGuests(t *testing.T) {
	l, _ := real(t)
	o := harness.MatrixOptions{Select: scenario.Selection{Cells: []string{"stock", "static-small", "static-large"}}}
	want := verdicts(matrix(t, l, o))
	o.Fresh = true
	rounds := 3
	if os.Getenv("UMLAB_TEST_LONG") != "" {
		rounds = 60
	}
	var killed, infra, tried int
	for round := range rounds {
		rnd := rand.New(rand.NewPCG(uint64(round), 7))
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { killed += killGuests(ctx, rnd) })
		r := matrix(t, l, o)
		stop()
		wg.Wait()
		for _, c := range r.Cells {
			for _, p := range c.Booted() {
				for _, run := range p.Runs {
					tried += len(run.Discarded)
				}
			}
		}
		switch got := verdicts(r); {
		case r.Exit == result.ExitInfra && r.Infra != "":
			infra++
		case got != want || r.Exit != result.ExitExpected:
			t.Errorf("round %d: exit %d\n got  %s\n want %s", round, r.Exit, got, want)
		}
	}
	o.Fresh = false
	if r := matrix(t, l, o); verdicts(r) != want || r.Exit != result.ExitExpected {
		t.Errorf("afterwards: exit %d, %s\n%s", r.Exit, r.Infra, verdicts(r))
	}
	t.Logf("%d rounds, %d processes ended from outside: %d tries that did not count, %d runs that proved nothing", rounds, killed, tried, infra)
	if killed == 0 {
		t.Error("no process was ended: nothing was tested")
	}
}

func verdicts(r *result.Results) string {
	var all []string
	for _, c := range r.Cells {
		all = append(all, fmt.Sprintf("%s %s", c.ID, c.Verdict))
	}
	return strings.Join(all, ", ")
}

// killGuests ends processes of some guests of this test, now and then, until ctx does. Who ends every
// guest in the same way makes what nobody can tell from a kernel that does not boot.
func killGuests(ctx context.Context, rnd *rand.Rand) (killed int) {
	signals := []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGTERM, syscall.SIGBUS, syscall.SIGABRT}
	for ctx.Err() == nil && killed < 4 {
		time.Sleep(time.Duration(20+rnd.IntN(150)) * time.Millisecond)
		guests := ownGuests()
		if len(guests) == 0 || rnd.IntN(3) > 0 {
			continue
		}
		if syscall.Kill(guests[rnd.IntN(len(guests))], signals[rnd.IntN(len(signals))]) == nil {
			killed++
		}
	}
	return killed
}

// ownGuests are the processes of User-Mode Linux that descend from this one.
func ownGuests() (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if bytes.HasPrefix(command, []byte("/umlab/linux\x00")) && descends(dir) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			pids = append(pids, pid)
		}
	}
	return pids
}

func descends(dir string) bool {
	for range 20 {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if err != nil || len(fields) < 2 {
			return false
		}
		if fields[1] == strconv.Itoa(os.Getpid()) {
			return true
		}
		dir = "/proc/" + fields[1]
	}
	return false
}
