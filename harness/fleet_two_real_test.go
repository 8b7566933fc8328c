package harness_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	nats "github.com/nats-io/nats-server/v2/server"

	"umlab/harness/cache/cachetest"
	"umlab/harness/fleet"
	"umlab/harness/fleet/jetstream"
	"umlab/harness/result"
	"umlab/harness/store"
)

// farm is what machines share: the program, a queue, a cache, and a key.
type farm struct {
	program, queue, cache, own string
}

// newFarm has a nats-server and Debian's docker-registry.
func newFarm(t *testing.T) *farm {
	f := &farm{program: filepath.Join(t.TempDir(), "umlab-fleet"), own: t.TempDir()}
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", f.program, "./umlab-fleet").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if err := os.Mkdir(filepath.Join(f.own, "umlab"), 0o700); err != nil {
		t.Fatal(err)
	}
	cachetest.Key(t, filepath.Join(f.own, "umlab/cache_key"))
	f.cache = cachetest.StartDebian(t, os.DirFS("..")).Address
	s, err := nats.NewServer(&nats.Options{Host: "127.0.0.1", Port: nats.RANDOM_PORT, NoSigs: true, JetStream: true,
		StoreDir: t.TempDir(), SyncAlways: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("nats-server does not start")
	}
	f.queue = s.ClientURL()
	return f
}

// machine is one of a farm, by its store.
type machine struct {
	*exec.Cmd
	stdout, stderr *locked
}

// locked is what a process said so far.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start starts umlab on the machine with the store home.
func (f *farm) start(t *testing.T, home string, args ...string) *machine {
	t.Helper()
	m := &machine{exec.Command(f.program, args...), &locked{}, &locked{}}
	m.Stdout, m.Stderr = m.stdout, m.stderr
	m.Env = append(os.Environ(), "UMLAB_HOME="+home, "UMLAB_CACHE="+f.cache, "XDG_CONFIG_HOME="+f.own)
	m.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = m.Process.Kill() // it may have ended
		_ = m.Wait()
		if t.Failed() {
			t.Logf("%v in %s:\n%s", args, home, m.stderr)
		}
	})
	return m
}

// ends waits for the end of a program that is to succeed.
func (m *machine) ends(t *testing.T) {
	t.Helper()
	if err := m.Wait(); err != nil {
		t.Fatalf("%v: %v", m.Args, err)
	}
}

// TestTwoWorkers: two workers with stores of their own, and a planner with an empty one, come to the table of one machine. Each
// baseline is built once; one of the workers is killed in the middle. Trees and toolchains come from the cache, where the machine of
// the user's store puts its own, and no kernel.
func TestTwoWorkers(t *testing.T) {
	long(t)
	warm, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	const tree = "debian-7.3"
	toolchains := []string{"debian-rustc:1.85.0", "trixie", "debian-rustc:1.96.0", "trixie-backports"}
	f := newFarm(t)
	for _, tc := range toolchains {
		f.start(t, warm, "fetch", "-tree="+tree, "-toolchain="+tc).ends(t)
	}
	ask := []string{"matrix", "-tree=" + tree, "-toolchains=" + strings.Join(toolchains, ","), "-cells=stock,static-large", "-json=-"}
	var homes []string
	var workers []*machine
	for i := range 3 { // what the archive serves, every machine asks itself: here, what the first one was told
		home, err := os.MkdirTemp("", "umlab-machine-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.RemoveAll(home) }) // which the killed one may have left with directories that nobody may read
		copyRecords(t, warm, home)
		homes = append(homes, home)
		if i < 2 {
			workers = append(workers, f.start(t, home, "worker", "-join="+f.queue, "-jobs=1"))
		}
	}
	began := time.Now()
	planner := f.start(t, homes[2], append(ask, "-join="+f.queue)...)
	q, err := jetstream.Open(t.Context(), jetstream.Options{Where: f.queue})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	victim := ofTheFirst(t, q, workers)
	_ = workers[victim].Process.Kill()
	_ = workers[victim].Wait()
	t.Logf("worker %d was killed after %s", victim, time.Since(began).Round(time.Second))
	planner.ends(t)
	t.Logf("done after %s", time.Since(began).Round(time.Second))
	var many, one result.Sweep
	alone := f.start(t, warm, ask...)
	alone.ends(t)
	for m, s := range map[*machine]*result.Sweep{planner: &many, alone: &one} {
		if err := json.Unmarshal([]byte(m.stdout.String()), s); err != nil {
			t.Fatal(err)
		}
	}
	if len(many.Columns) != len(toolchains) || len(one.Columns) != len(toolchains) {
		t.Fatalf("%d and %d columns", len(many.Columns), len(one.Columns))
	}
	for i, c := range many.Columns {
		if c.Results == nil || one.Columns[i].Results == nil {
			t.Errorf("%s: %s %v", c.Toolchain, c.Infra, c.Refused)
		} else if d := cmp.Diff(unlikeMachines(t, one.Columns[i].Results), unlikeMachines(t, c.Results)); d != "" {
			t.Errorf("%s: one machine and workers (-one +workers):\n%s", c.Toolchain, d)
		}
	}
	built := map[string]int{}
	for _, w := range workers {
		for _, m := range regexp.MustCompile(`(?m)build (baseline .*?): started`).FindAllStringSubmatch(w.stderr.String(), -1) {
			built[m[1]]++
		}
	}
	t.Logf("built: %v", built)
	n := 0
	for _, times := range built {
		n += times
	}
	if n != len(toolchains) {
		t.Errorf("%d baselines were built for %d toolchains: %v", n, len(toolchains), built)
	}
	for _, kind := range []string{"tree", "sysroot", "baseline"} {
		if _, err := os.Stat(filepath.Join(homes[2], "v1/dirs", kind)); err == nil {
			t.Errorf("the planner has a %s", kind)
		}
	}
}

// ofTheFirst is which worker is at a cell while it builds no baseline, after one was answered.
func ofTheFirst(t *testing.T, q fleet.Queue, workers []*machine) int {
	t.Helper()
	for deadline := time.Now().Add(time.Hour); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		list, err := q.Workers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range list {
			builds := slices.ContainsFunc(w.Doing, func(d fleet.Doing) bool { return strings.Contains(d.Now, "baseline") })
			if builds || len(w.Doing) == 0 || w.Done == 0 {
				continue
			}
			return slices.IndexFunc(workers, func(m *machine) bool { return strings.Contains(w.ID, fmt.Sprintf("-%d-", m.Process.Pid)) })
		}
	}
	t.Fatal("no worker was seen at a cell")
	return -1
}
