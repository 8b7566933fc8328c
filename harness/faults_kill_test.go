package harness_test

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"umlab/harness/debian"
)

// faultCells are the cells of most of these tests: of each verdict one.
const faultCells = "-cells=stock,static-small,static-large"

// A killing is a command that is killed, at any moment of it.
type killing struct {
	name   string
	args   func(round int) []string
	again  []string                                    // what is asked afterwards; nil: the same
	shows  func(t *testing.T, round int, e end) string // of what that prints, what does not depend on when and where it ran; nil: table
	rounds int
	long   bool // not without -long
}

// the is the arguments of a command that is the same in each round.
func the(args ...string) func(int) []string { return func(int) []string { return args } }

// killed kills the command, asks again each time what it says, and counts how often it lived when it was killed.
func (v *victim) killed(t *testing.T, k killing) (n int) {
	args := func(round int) []string {
		if k.again != nil {
			return k.again
		}
		return k.args(round)
	}
	show := k.shows
	if show == nil {
		show = func(t *testing.T, _ int, e end) string { return table(t, e) }
	}
	last := rounds(k.rounds)
	v.run(t, k.args(last)...) // what it finds out only once is known then
	began := time.Now()
	if e := v.run(t, k.args(last+1)...); e.code != 0 && e.code != 1 {
		t.Fatal(e)
	}
	takes := time.Since(began)
	undisturbed := v.run(t, args(last+1)...)
	want := show(t, last+1, undisturbed)
	for round := range last {
		rnd := rand.New(rand.NewPCG(uint64(round), 14))
		if began := time.Now(); v.kill(t, time.Duration(rnd.Int64N(int64(takes))), k.args(round)...) {
			n++
		} else {
			takes = min(takes, time.Since(began)) // the first one has also read all of the store that it uses
		}
		e := v.run(t, args(round)...)
		if e.code != undisturbed.code || show(t, round, e) != want {
			t.Errorf("round %d: %v\nundisturbed: exit code %d\n%s", round, e, undisturbed.code, want)
		}
	}
	t.Logf("%d of %d runs, of some %s each, were killed", n, last, takes.Round(10*time.Millisecond))
	if n == 0 {
		t.Error("no run was killed: nothing was tested")
	}
	return n
}

// kill ends a run with SIGKILL when it has gone on for so long, and says whether it still lived.
func (v *victim) kill(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	c := v.command(args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	moment := time.AfterFunc(after, func() { _ = c.Process.Kill() })
	_ = c.Wait()
	moment.Stop()
	nothingLives(t)
	return c.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

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
	all := 0
	for _, k := range []killing{
		{name: "matrix", args: the(cached...), rounds: 60},
		{name: "report", args: the("report", "last", "-html="+page, "-json=-"), rounds: 60},
		{name: "history", args: the("history", "-import="+export), again: cached, rounds: 60},
	} {
		t.Run(k.name, func(t *testing.T) { all += v.killed(t, k) })
	}
	v.nothingLeft(t)
	t.Logf("%d runs were killed", all)
}

// TestKilledAtWork is TestKilled of runs that build and boot, each round something that was not built or not booted yet.
func TestKilledAtWork(t *testing.T) {
	config, nights := t.TempDir(), t.TempDir()
	series := "[series.killed]\nvaries = \"rustc\"\nc = \"trixie\"\nsuites = [\"trixie\"]\n" // no night of anybody's is one of these
	if err := os.MkdirAll(filepath.Join(config, "umlab"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "umlab/toolchains.toml"), []byte(series), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", config)
	patches := patchesOf(t)
	mem := func(round int) string { return fmt.Sprintf("%dM", 80+round) }
	nightly := func(round int) []string {
		return []string{"nightly", "-series=killed", "-cells=stock,static-large", "-mem=" + mem(round), "-dir=" + nights}
	}
	bisect := []string{"bisect", "1.85.1", "1.98.1", "-tree=debian-6.12", "-until=rust_print:GOTPCREL<17", "-json=-"}
	again := slices.Concat(bisect, []string{"-fresh"}) // which uses all that it is lent
	fresh := []string{"matrix", "-fresh", faultCells, "-json=-"}
	warm := [][]string{cachedRun}
	if os.Getenv("UMLAB_TEST_LONG") != "" {
		warm = append(warm, again, nightly(-1))
	}
	v := lent(t, warm...)
	all := 0
	for _, k := range []killing{
		{name: "matrix -fresh", args: the(fresh...), again: cachedRun, rounds: 100},
		{name: "matrix -fresh, and fresh again", args: the(fresh...), rounds: 20, long: true},
		{name: "verify", args: func(round int) []string { return []string{"verify", patches(round), "-tree=debian-6.12", "-json=-"} }, rounds: 40, long: true},
		{name: "bisect", args: the(again...), again: bisect, rounds: 40, long: true},
		{name: "nightly", args: nightly, rounds: 40, long: true, shows: func(t *testing.T, round int, e end) string {
			text, err := os.ReadFile(filepath.Join(nights, "latest/results.json"))
			if err != nil {
				t.Error(err, e)
				return ""
			}
			e.out = string(text)
			return strings.ReplaceAll(table(t, e), mem(round), "MEM")
		}},
	} {
		t.Run(k.name, func(t *testing.T) {
			if k.long {
				long(t)
			}
			all += v.killed(t, k)
		})
	}
	v.nothingLeft(t)
	t.Logf("%d runs were killed", all)
}

// patchesOf makes patches that change nothing but a comment, each round another one.
func patchesOf(t *testing.T) func(round int) string {
	text, err := os.ReadFile("../scenarios/unknown-rela-relocation/comment-only.patch")
	if err != nil {
		t.Fatal(err)
	}
	const line = "+# The kernel is a program of the host"
	if strings.Count(string(text), line) != 1 {
		t.Fatalf("no %q in the patch", line)
	}
	dir := t.TempDir()
	return func(round int) string {
		path := filepath.Join(dir, strconv.Itoa(round)+".patch")
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), line, fmt.Sprintf("%s %d", line, round), 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

// TestKilledFetch kills what fetches and unpacks a tree and a toolchain into an empty store, until it has done all. Then the store has
// what that of an undisturbed one has, byte for byte. Each scale of time is as likely as any other, from a start to all that it takes:
// what is unpacked is unpacked from its beginning again, so that most kills cost seconds, and few runs come to the end.
func TestKilledFetch(t *testing.T) {
	long(t)
	v := emptied(t)
	v.env = []string{"UMLAB_DEBIAN_MIRROR=" + mirrored(t)}
	empty := func() {
		if err := os.RemoveAll(v.home); err != nil {
			t.Fatal(err)
		}
	}
	fetch := func() {
		if e := v.run(t, "fetch"); e.code != 0 {
			t.Fatal(e)
		}
	}
	began := time.Now()
	fetch() // the mirror has it all then
	takes := time.Since(began)
	want := v.holds(t)
	empty()
	const soonest = 50 * time.Millisecond
	killed, whole := 0, 0
	at := map[string]int{} // by how far the store was when the run was killed
	for seed := uint64(0); killed < 60; seed++ {
		scale := math.Pow(float64(takes)/float64(soonest), rand.New(rand.NewPCG(seed, 20)).Float64())
		if v.kill(t, time.Duration(scale*float64(soonest)), "fetch") { // the next one goes on
			killed++
			at[v.stage()]++
			t.Logf("killed %d: %s", killed, v.stage())
			continue
		}
		whole++
		if got := v.holds(t); got != want {
			t.Errorf("after seed %d the store holds\n%s\nundisturbed\n%s", seed, got, want)
		}
		e := v.run(t, "fsck") // which removes what the killed ones left
		for line := range strings.Lines(e.out) {
			if kind, _, fault := strings.Cut(line, ": "); fault && kind != "leftovers" {
				t.Errorf("fsck after seed %d: %v", seed, e)
			}
		}
		if e := v.run(t, "fsck", "-dry-run"); e.code != 0 {
			t.Errorf("fsck again, after seed %d: %v", seed, e)
		}
		v.nothingLeft(t)
		empty()
	}
	fetch()
	if got := v.holds(t); got != want {
		t.Errorf("in the end the store holds\n%s\nundisturbed\n%s", got, want)
	}
	v.nothingLeft(t)
	t.Logf("%d runs were killed, until the store was whole %d times: %v", killed, whole+1, at)
}

// stage is how far a fetch into an empty store has come.
func (v *victim) stage() string {
	in := func(pattern string) int {
		names, _ := filepath.Glob(filepath.Join(v.home, "v1", pattern))
		return len(names)
	}
	switch files, dirs := in("files/*/*"), in("dirs/*/*"); {
	case dirs > 0:
		return fmt.Sprintf("%d directories there", dirs)
	case files > 0:
		return "files there"
	}
	return "nothing there"
}

// holds lists the directories of a store with a digest of what is in them, read anew by the listing of what was stored.
func (v *victim) holds(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	seals, err := filepath.Glob(filepath.Join(v.home, "v1/seals/*/*"))
	if err != nil || len(seals) == 0 {
		t.Fatal("an empty store", err)
	}
	for _, path := range seals {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := fnv.New64a()
		for line := range strings.Lines(string(text)) {
			name, rest, _ := strings.Cut(line, "\t")
			stamp, content, _ := strings.Cut(rest, "\t")
			mode, _, _ := strings.Cut(stamp, " ")
			fmt.Fprintln(sum, name, mode, content)
		}
		fmt.Fprintf(&b, "%s/%s %x\n", filepath.Base(filepath.Dir(path)), filepath.Base(path), sum.Sum64())
	}
	return b.String()
}

// mirrored serves what the user's mirror serves, and asks it for each file once.
func mirrored(t *testing.T) (url string) {
	t.Helper()
	upstream := debian.Mirror(os.Getenv, os.DirFS("/etc"))
	dir := t.TempDir()
	var asked sync.Map // path -> *sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := filepath.Join(dir, strings.ReplaceAll(r.URL.Path, "/", "_"))
		once, _ := asked.LoadOrStore(path, new(sync.Once))
		once.(*sync.Once).Do(func() {
			answer, err := http.Get(upstream + r.URL.Path)
			if err != nil {
				return
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return
			}
			f, err := os.Create(path + ".part")
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			if _, err := io.Copy(f, answer.Body); err == nil {
				_ = os.Rename(f.Name(), path)
			}
		})
		http.ServeFile(w, r, path)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
