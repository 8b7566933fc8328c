package harness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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

	"golang.org/x/sys/unix"

	"umlab/harness"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

var cachedRun = []string{"matrix", faultCells, "-json=-", "-q"}

// told holds that a run gave the undisturbed table, or proved nothing and said whose fault that is.
func told(t *testing.T, e end, want, blames string) {
	t.Helper()
	switch {
	case e.code == result.ExitExpected && table(t, e) == want:
	case e.code == result.ExitInfra && blames != "" && regexp.MustCompile(blames).MatchString(e.said):
	default:
		t.Errorf("want the undisturbed table, or exit code 3 and %q: %v\n%s", blames, e, want)
	}
}

// apart is what runs a shell script in a mount namespace of its own, and then the command that is given to it.
func apart(t *testing.T, script string) []string {
	t.Helper()
	through := []string{"unshare", "-m"}
	if os.Geteuid() != 0 {
		through = []string{"unshare", "-Urm"}
	}
	if out, err := exec.Command(through[0], append(through[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("this machine has no mount namespaces for this user: %v %s", err, out)
	}
	return append(through, "sh", "-e", "-c", script+"\n\"$@\"", "sh")
}

func shell(script string) []string { return []string{"bash", "-c", script + "\nexec \"$@\"", "bash"} }

// TestMachineFaults: what the machine lacks is told as that. It is the cached table that is asked for: what is written and waited for
// is all of a run but builds and boots.
func TestMachineFaults(t *testing.T) {
	v := lent(t, cachedRun)
	want := table(t, v.run(t, cachedRun...))
	tried := 0
	for _, f := range []struct {
		name    string
		through func(t *testing.T) []string
		blames  string // what an error says; "" where there must be none
		must    bool   // there must be an error
	}{
		{"40 descriptors", func(*testing.T) []string { return shell("ulimit -n 40") }, "", false},
		{"12 descriptors", func(*testing.T) []string { return shell("ulimit -n 12") }, "too many open files.*ulimit -n", false},
		{"1.5 GB of memory", func(*testing.T) []string { return shell("ulimit -v 1500000") }, "ulimit -v", true},
		{"small files only", func(*testing.T) []string { return shell("ulimit -f 8") }, "file too large", false},
		{"store read-only", func(t *testing.T) []string {
			return apart(t, fmt.Sprintf("mount --bind %[1]q %[1]q; mount -o remount,ro,bind %[1]q", v.home))
		}, "read-only file system.*UMLAB_HOME", true},
		{"store noexec", func(t *testing.T) []string {
			return apart(t, fmt.Sprintf("mount --bind %[1]q %[1]q; mount -o remount,noexec,bind %[1]q", v.home))
		}, "", false},
		{"store of another", func(t *testing.T) []string {
			if os.Geteuid() != 0 {
				t.Skip("only root becomes another")
			}
			return []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
		}, "permission denied.*UMLAB_HOME", true},
		{"closed standard output", func(*testing.T) []string { return shell("exec 2>&-") }, "", false},
		{"standard output without a reader", func(*testing.T) []string {
			return []string{"bash", "-c", `"$@" | true; exit ${PIPESTATUS[0]}`, "bash"}
		}, "broken pipe", true},
		{"full standard output", func(*testing.T) []string { return shell("exec >/dev/full") }, "standard output: no space left on device", true},
		{"full standard error", func(*testing.T) []string { return shell("exec 2>/dev/full") }, "", false},
	} {
		t.Run(f.name, func(t *testing.T) {
			faulty := *v
			faulty.through = f.through(t)
			e := faulty.run(t, cachedRun...)
			tried++
			if f.name == "store of another" && strings.Contains(e.said, faulty.program) {
				t.Skip("the other cannot run umlab at all")
			}
			told(t, e, want, f.blames)
			if f.must && e.code == 0 {
				t.Errorf("exit code 0: %v", e)
			}
			told(t, v.run(t, cachedRun...), want, "") // and afterwards all is well
		})
	}
	v.nothingLeft(t)
	t.Logf("%d faults of the machine", tried)
}

// nobody is the user and the group that a store is given to, as a machine has them for who owns nothing.
const nobody = 65534

// ofAnother gives the victim to another user: the directories of its store, whose files are read-only in any case, and copies of the
// files of its baselines, over which builds lay their own.
func (v *victim) ofAnother(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root becomes another user")
	}
	for _, dir := range []string{v.home, v.temp} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() && strings.HasPrefix(path, filepath.Join(dir, "v1/dirs/baseline")) {
				_, cerr := store.CopyFile(path+".own", path, info.Mode())
				if err := errors.Join(cerr, os.Chtimes(path+".own", info.ModTime(), info.ModTime()), os.Rename(path+".own", path)); err != nil {
					return err
				}
			} else if !d.IsDir() {
				return err
			}
			return os.Lchown(path, nobody, nobody)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{v.home, v.temp, v.program} {
		for dir := filepath.Dir(path); dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	v.through = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"}
	v.env = append(v.env, "HOME="+v.temp)
	for _, can := range [][]string{{v.program, "--version"}, {"sh", "-c", `for d in "$1"/v1/dirs/*/*; do cd "$d"; done`, "sh", v.home}} {
		if out, err := exec.Command(v.through[0], append(v.through[1:], can...)...).CombinedOutput(); err != nil {
			t.Skipf("the other user cannot run umlab here: %v\n%s", err, out)
		}
	}
}

// TestAnotherUser: a user who may have few processes, which is nothing that holds root, gets the table or is told so; and who is not the
// one that made the store's baselines is told that, and not what the tools say of it.
func TestAnotherUser(t *testing.T) {
	long(t)
	v := lent(t, cachedRun)
	v.ofAnother(t)
	fresh := slices.Concat(cachedRun, []string{"-fresh"})
	want := table(t, v.run(t, cachedRun...))
	for _, f := range []struct {
		most   int
		args   []string
		blames string
	}{
		{8, cachedRun, "8 processes.*ulimit -u"}, {100, fresh, "100 processes.*ulimit -u"}, {128, cachedRun, ""}, {128, fresh, ""},
	} {
		few := *v
		few.through = append([]string{"prlimit", fmt.Sprintf("--nproc=%d", f.most)}, v.through...)
		e := few.run(t, f.args...)
		if told(t, e, want, f.blames); f.blames != "" && e.code == 0 {
			t.Errorf("%d processes: exit code 0: %v", f.most, e)
		}
	}
	builds, err := filepath.Glob(filepath.Join(v.home, "v1/dirs/baseline/*/build"))
	if err != nil || len(builds) == 0 {
		t.Fatal("no baseline", err)
	}
	for _, dir := range builds {
		if err := os.Lchown(dir, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	told(t, v.run(t, cachedRun...), want, "")
	e := v.run(t, fresh...)
	if told(t, e, "", "belongs to user 0.*chown"); e.code == 0 {
		t.Errorf("exit code 0: %v", e)
	}
	v.nothingLeft(t)
}

// TestOddStores: where the store lies does not matter.
func TestOddStores(t *testing.T) {
	v := lent(t, cachedRun)
	want := table(t, v.run(t, cachedRun...))
	for _, name := range []string{
		"with space", `quo'te"s`, "new\nline", "ümläut-日本", "per%cent%s", "-dash", "co:lon,comma", `back\slash`, "$HOME`id`",
	} {
		odd := *v
		odd.home = filepath.Join(t.TempDir(), name)
		if err := os.Symlink(v.home, odd.home); err != nil {
			t.Fatal(err)
		}
		told(t, odd.run(t, cachedRun...), want, "")
		if err := os.Remove(odd.home); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(v.home, odd.home); err != nil {
			t.Skip("the store does not move: ", err)
		}
		told(t, odd.run(t, cachedRun...), want, "")
		if err := os.Rename(odd.home, v.home); err != nil {
			t.Fatal(err)
		}
	}
	v.nothingLeft(t)
}

// TestNoSpace: a disk that becomes full at any moment of a run, of its builds and boots too, is told as that, and when there is space
// again, all is well.
func TestNoSpace(t *testing.T) {
	v := lent(t, cachedRun)
	v.run(t, cachedRun...)
	t.Run("cached", func(t *testing.T) { v.noSpace(t, rounds(40), 400, "files dirs/*", "matrix", faultCells, "-json=-") }) // history, the kept run and locks
	t.Run("fresh", func(t *testing.T) {
		v.noSpace(t, rounds(20), 12_000, "dirs/*", "matrix", "-fresh", faultCells, "-json=-")
	})
	v.nothingLeft(t)
}

// noSpace makes a run so often with up to so many KiB free, of a store that has some of its directories elsewhere.
func (v *victim) noSpace(t *testing.T, times, most int, elsewhere string, args ...string) {
	want := table(t, v.run(t, cachedRun...))
	full := 0
	for round := range times {
		rnd := rand.New(rand.NewPCG(uint64(round), 15))
		free := rnd.IntN(most)
		if round == 0 {
			free = 0
		}
		again := filepath.Join(t.TempDir(), "again")
		disk := filepath.Join(t.TempDir(), "disk")
		if err := os.Mkdir(disk, 0o755); err != nil {
			t.Fatal(err)
		}
		faulty := *v
		faulty.home = disk
		faulty.through = apart(t, fmt.Sprintf(`mount -t tmpfs -o size=1g tmpfs %[1]q
cd %[2]q/v1; mkdir -p %[1]q/v1/dirs
for d in *; do case $d in dirs|files|locks|tmp|partial) ;; *) cp -a $d %[1]q/v1/ ;; esac; done
for d in %[5]s; do case $d in dirs/run) ;; *) ln -s %[2]q/v1/$d %[1]q/v1/$d ;; esac; done
cd /
left=$(df --output=avail -k %[1]q | tail -1)
fallocate -l $(((left - %[3]d) * 1024)) %[1]q/fill
code=0; "$@" || code=$?
rm %[1]q/fill
"$@" >%[4]q 2>%[4]q.said || echo "exit code $?" >>%[4]q.said
exit $code
`, disk, v.home, free, again, elsewhere))
		e := faulty.run(t, args...)
		lacks := strings.Contains(strings.ToLower(e.said), "no space")
		if lacks {
			full++
		}
		told(t, e, want, "(?i)no space")
		if free < 16 && !lacks {
			t.Errorf("%d KiB were free, and nothing was said: %v", free, e)
		}
		out, _ := os.ReadFile(again)
		said, _ := os.ReadFile(again + ".said")
		told(t, end{0, string(out), string(said)}, want, "")
	}
	t.Logf("%d of %d runs had too little space", full, times)
}

// TestLeft: a terminal that goes, and a user who leaves, end a run with the code for that, at any moment.
func TestLeft(t *testing.T) {
	v := lent(t, cachedRun)
	began := time.Now()
	want := table(t, v.run(t, cachedRun...))
	takes := time.Since(began)
	ended := 0
	for round := range rounds(60) {
		rnd := rand.New(rand.NewPCG(uint64(round), 16))
		c := v.command(cachedRun...)
		var out, said bytes.Buffer
		c.Stdout, c.Stderr = &out, &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30*time.Millisecond + time.Duration(rnd.Int64N(int64(takes)))) // before, Go itself has no handler yet
		_ = syscall.Kill(-c.Process.Pid, []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM}[rnd.IntN(3)])
		_ = c.Wait()
		e := end{c.ProcessState.ExitCode(), out.String(), said.String()}
		switch {
		case e.code == result.ExitInterrupted && strings.Contains(e.said, "interrupted"):
			ended++
		case e.code == -1 && e.said == "" && e.out == "": // so early that nothing had begun
			ended++
		default:
			told(t, e, want, "")
		}
		nothingLives(t)
	}
	told(t, v.run(t, cachedRun...), want, "")
	v.nothingLeft(t)
	t.Logf("%d of %d runs were left", ended, rounds(60))
	if ended == 0 {
		t.Error("no run was left: nothing was tested")
	}
}

// TestManyAndClean: eight runs and a `clean -all` on one store. A run that comes after the clean finds nothing, and says what it needs.
func TestManyAndClean(t *testing.T) {
	v := lent(t, cachedRun)
	want := table(t, v.run(t, cachedRun...))
	mirror := httptest.NewServer(http.NotFoundHandler()) // which, other than one that does not answer, is asked once
	defer mirror.Close()
	v.env = []string{"UMLAB_DEBIAN_MIRROR=" + mirror.URL}
	var wg sync.WaitGroup
	ends := make([]end, 8)
	var clean end
	for i := range ends {
		wg.Go(func() { ends[i] = v.run(t, cachedRun...) })
	}
	wg.Go(func() {
		time.Sleep(time.Duration(rand.New(rand.NewPCG(1, 17)).IntN(300)) * time.Millisecond)
		clean = v.run(t, "clean", "-all")
	})
	wg.Wait()
	for _, e := range ends {
		told(t, e, want, regexp.QuoteMeta(mirror.URL))
	}
	if clean.code != 0 && (clean.code != result.ExitInfra || !strings.Contains(clean.said, "another umlab is using the store")) {
		t.Errorf("clean -all: %v", clean)
	}
	if e := v.run(t, "clean", "-all"); e.code != 0 {
		t.Errorf("clean -all, alone: %v", e)
	}
	if e := v.run(t, cachedRun...); e.code != result.ExitInfra || !strings.Contains(e.said, mirror.URL) {
		t.Errorf("with nothing there and nothing at the mirror: %v", e)
	}
	v.nothingLeft(t)
}

// TestClocks: a clock that is wrong, or jumps while umlab works, changes no result.
func TestClocks(t *testing.T) {
	v := lent(t, cachedRun)
	want := table(t, v.run(t, cachedRun...))
	home := func(name string) string {
		if name == "UMLAB_HOME" {
			return v.home
		}
		return os.Getenv(name)
	}
	for round := range rounds(40) {
		rnd := rand.New(rand.NewPCG(uint64(round), 18))
		var mu sync.Mutex
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(time.Duration(rnd.Int64N(int64(20*365*24*time.Hour))) - 10*365*24*time.Hour)
		}
		out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		l, err := harness.Open(harness.Options{Project: os.DirFS(".."), Getenv: home, Stdout: out, Stderr: out, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Matrix(context.Background(), harness.MatrixOptions{Command: "go test", Select: scenario.Selection{
			Cells: []string{"stock", "static-small", "static-large"}}}, harness.Outputs{JSON: "-"})
		l.Close()
		text, _ := os.ReadFile(out.Name())
		said := fmt.Sprint(err)
		at := bytes.IndexByte(text, '{')
		told(t, end{harness.ExitCode(err), string(text[max(at, 0):]), said}, want, "clock|date|signature|expire|valid")
	}
	told(t, v.run(t, cachedRun...), want, "")
}

// TestStopped: a machine that sleeps in the middle of a run (a laptop's lid) changes no result.
func TestStopped(t *testing.T) {
	long(t)
	fresh := []string{"matrix", "-fresh", faultCells, "-json=-", "-q"}
	v := lent(t, cachedRun)
	want := table(t, v.run(t, fresh...)) // which also reads all of the store that it uses
	began := time.Now()
	told(t, v.run(t, fresh...), want, "")
	takes := time.Since(began)
	times := 0
	for seed := uint64(0); times < 6 && seed < 20; seed++ {
		rnd := rand.New(rand.NewPCG(seed, 19))
		c := v.command(fresh...)
		var out, said bytes.Buffer
		c.Stdout, c.Stderr = &out, &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rnd.Int64N(int64(takes))))
		stopped := offspring(false)
		for _, pid := range stopped {
			_ = unix.Kill(pid, unix.SIGSTOP)
		}
		if len(stopped) > 0 { // it has not ended yet
			times++
			time.Sleep([]time.Duration{70 * time.Second, 200 * time.Second}[times%2])
		}
		for _, pid := range stopped {
			_ = unix.Kill(pid, unix.SIGCONT)
		}
		_ = c.Wait()
		told(t, end{c.ProcessState.ExitCode(), out.String(), said.String()}, want, "machine|stopped|paused")
		told(t, v.run(t, cachedRun...), want, "")
	}
	if times == 0 {
		t.Error("no run was stopped: nothing was tested")
	}
	t.Logf("%d runs were stopped, of some %s each", times, takes.Round(10*time.Millisecond))
	v.nothingLeft(t)
}
