package harness_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// measured is what a process has, and its store.
type measured struct {
	heap                                   uint64 // bytes in use after a collection
	descriptors, goroutines, lives, mounts int
	store                                  int64 // bytes
}

func measure(t *testing.T, home string) (m measured) {
	t.Helper()
	runtime.GC()
	runtime.GC() // finalizers of the first
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	m = measured{heap: s.HeapInuse, descriptors: len(fds), goroutines: runtime.NumGoroutine(), lives: len(offspring(false)),
		mounts: strings.Count(string(mounts), "\n")}
	for _, dir := range []string{"records", "files", "needs", "seals", "stamps", "tmp", "locks", "dirs/run"} {
		m.store += store.Allocated(filepath.Join(home, "v1", dir))
	}
	return m
}

// TestLongLife: what one process takes for many matrices on one store levels off; so does the store, but for the history.
func TestLongLife(t *testing.T) {
	all := 20
	if os.Getenv("UMLAB_TEST_LONG") != "" {
		all = 500
	}
	o := harness.MatrixOptions{Command: "go test", Select: scenario.Selection{Cells: []string{"stock", "static-small", "static-large"}}}
	first, last := lives(t, all, o)
	if all >= 500 && last.store > first.store+first.store/20 {
		t.Errorf("the store goes on growing: %d, then %d bytes", first.store, last.store)
	}
}

// TestManyBoots: so does what one process takes for many boots, each of them made.
func TestManyBoots(t *testing.T) {
	all, boots := 2, 10
	if os.Getenv("UMLAB_TEST_LONG") != "" {
		all, boots = 20, 100
	}
	lives(t, all, harness.MatrixOptions{Command: "go test", Fresh: true, Select: scenario.Selection{
		Cells: []string{"static-large"}, Placements: []string{"low"}, Modules: []string{"rust_minimal"}, Repeat: boots}})
}

// lives makes a matrix so often in one process, and measures at half of them and after them.
func lives(t *testing.T, all int, o harness.MatrixOptions) (first, last measured) {
	v := lent(t, cachedRun)
	home := func(name string) string {
		if name == "UMLAB_HOME" {
			return v.home
		}
		return os.Getenv(name)
	}
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	l, err := harness.Open(harness.Options{Project: os.DirFS(".."), Getenv: home, Stdout: out, Stderr: out})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	boots := 0
	for i := range all {
		r, err := l.Matrix(t.Context(), o, harness.Outputs{})
		if err != nil || r.Exit != result.ExitExpected {
			t.Fatal(i, err)
		}
		boots += r.Totals.Boots - r.Totals.Cached
		if i == all/2 {
			first = measure(t, v.home) // what is read once was read, and as many runs are kept as are
		}
	}
	last = measure(t, v.home)
	t.Logf("%d matrices, %d boots: at half of them %+v, after them %+v", all, boots, first, last)
	const room = 8 << 20 // what a heap varies by
	if last.heap > first.heap+room || last.descriptors > first.descriptors+2 || last.goroutines > first.goroutines+2 ||
		last.lives > first.lives || last.mounts > first.mounts {
		t.Errorf("it goes on growing: %+v, then %+v", first, last)
	}
	return first, last
}
