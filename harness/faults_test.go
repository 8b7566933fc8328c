package harness_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umlab/harness/result"
	"umlab/harness/store"
)

// The tests of faults_*_test.go run the program umlab as a user does, and do to it, to its store or to the machine what happens in
// months of use. Each holds that what then is printed is the table of an undisturbed run, or an error that says whose fault it is;
// and that nothing stays behind. What they do is drawn from a seed, the number of the round.

// rounds is how often a fault is tried: a handful, or with `test -long` as often as asked for.
func rounds(most int) int {
	if os.Getenv("UMLAB_TEST_LONG") != "" {
		return most
	}
	return min(most, 5)
}

// builtIn is the directory of built, which TestMain removes.
var builtIn string

// built is the program umlab, built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "umlab-faults-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	out, err := exec.Command("go", "build", "-o", dir, "umlab/harness/umlab").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build umlab: %w\n%s", err, out)
	}
	return filepath.Join(dir, "umlab"), nil
})

// victim is the program umlab with a store of its own.
type victim struct {
	program string
	home    string   // UMLAB_HOME
	temp    string   // TMPDIR
	env     []string // in addition
	through []string // what umlab is called by: a command and its arguments, before umlab's
}

// emptied is a victim with an empty store, and a mirror that does not answer.
func emptied(t *testing.T) *victim {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(adopts(t))
	return &victim{program: program, home: filepath.Join(t.TempDir(), "store"), temp: t.TempDir(),
		env: []string{"UMLAB_DEBIAN_MIRROR=http://127.0.0.1:9/debian"}}
}

// lent is a victim on a store that has what the runs of the user's store just used: files that are never written to are links to
// those, so that it takes no space, and what is done to it does nothing to the user's. Trees and sysroots, of a hundred thousand files
// that no test writes to, are links to the user's as they are.
func lent(t *testing.T, warm ...[]string) *victim {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a kernel: not with -short")
	}
	v := emptied(t)
	v.env = nil
	of, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, args := range warm {
		own := *v
		own.home = of
		if e := own.run(t, args...); e.code != 0 && e.code != 1 {
			t.Fatalf("umlab %s, undisturbed: %v", strings.Join(args, " "), e)
		}
	}
	from := filepath.Join(of, "v1")
	var whole []string
	lend(t, from, filepath.Join(v.home, "v1"), func(rel string) bool {
		parts := strings.Split(rel, "/")
		if len(parts) != 3 || parts[0] != "dirs" {
			return !slices.Contains([]string{"locks", "tmp", "partial", "history.db", "reports"}, parts[0])
		}
		info, err := os.Stat(filepath.Join(from, rel))
		if err != nil || info.ModTime().Before(began.Add(-2*time.Minute)) { // a use within a minute is not noted again
			return false
		}
		if slices.Contains([]string{"tree", "sysroot"}, parts[1]) {
			whole = append(whole, rel)
			return false
		}
		return slices.Contains([]string{"baseline", "layer"}, parts[1])
	})
	for _, rel := range whole {
		to := filepath.Join(v.home, "v1", rel)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Symlink(filepath.Join(from, rel), to)); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// lend makes a directory that has, as links, the files below from of which want says so, or of whose directories it does not say no.
func lend(t *testing.T, from, to string, want func(rel string) bool) {
	t.Helper()
	var modes []func() error // of directories, which may not be written to then
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another umlab works on it
		}
		rel, _ := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case rel != "." && !want(rel) && d.IsDir():
			return fs.SkipDir
		case rel != "." && !want(rel):
			return nil
		case d.IsDir():
			info, err := d.Info()
			if err != nil {
				return err
			}
			modes = append(modes, func() error { return os.Chmod(filepath.Join(to, rel), info.Mode()) })
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, filepath.Join(to, rel))
		}
		err = os.Link(path, filepath.Join(to, rel))
		if errors.Is(err, unix.EXDEV) {
			_, err = store.CopyFile(filepath.Join(to, rel), path, 0o644)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	for _, mode := range modes {
		err = errors.Join(err, mode())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// end is how a run of the program ended.
type end struct {
	code      int // -1 where a signal ended it
	out, said string
}

func (e end) String() string { return fmt.Sprintf("exit code %d\n%s%s", e.code, e.out, e.said) }

// command is umlab, called with arguments, in a process group of its own.
func (v *victim) command(args ...string) *exec.Cmd {
	argv := append(append(slices.Clone(v.through), v.program), args...)
	c := exec.Command(argv[0], argv[1:]...)
	c.Env = append(append(os.Environ(), "UMLAB_HOME="+v.home, "TMPDIR="+v.temp), v.env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// run runs umlab to its end.
func (v *victim) run(t *testing.T, args ...string) end {
	t.Helper()
	c := v.command(args...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return end{c.ProcessState.ExitCode(), out.String(), said.String()}
}

// table is what the JSON of a run says that does not depend on when and where it ran.
func table(t *testing.T, e end) string {
	t.Helper()
	var b strings.Builder
	cells := func(r *result.Results) {
		for _, c := range r.Cells {
			fmt.Fprintf(&b, "%s %s %t\n", c.ID, c.Verdict, c.AsExpected)
		}
		kinds := outcomes(r)
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range kinds {
				if !yield(name) {
					return
				}
			}
		}) {
			fmt.Fprintf(&b, "%s %s\n", name, kinds[name])
		}
	}
	var head struct {
		Schema string `json:"schema"`
	}
	read := func(v any) {
		if err := json.Unmarshal([]byte(e.out), v); err != nil {
			t.Fatalf("no JSON: %v\n%v", err, e)
		}
	}
	read(&head)
	switch head.Schema {
	case result.Schema, result.SchemaV2:
		var r result.Results
		read(&r)
		cells(&r)
	case result.VerificationSchema:
		var v result.Verification
		read(&v)
		fmt.Fprintf(&b, "%s: %s\n", v.Conclusion, v.Reason)
		for _, p := range v.Pairs {
			cells(p.Before)
			cells(p.After)
		}
	case result.BisectionSchema:
		var s result.Bisection
		read(&s)
		fmt.Fprintf(&b, "%s: %s\n", s.Conclusion, s.Reason)
	case result.NightlySchema:
		var n result.Nightly
		read(&n)
		fmt.Fprintf(&b, "%d changes\n", len(n.Changes))
		for _, r := range n.Results() {
			cells(r)
		}
	default:
		t.Fatalf("a document of no kind that is known: %q\n%v", head.Schema, e)
	}
	return b.String()
}

// adopts makes this process the parent of what its dead children leave, so that it is found.
func adopts(t *testing.T) (undo func()) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	return func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) }
}

// offspring are the processes that descend from this one, those that are dead and nobody waited for left out. With reap, those that
// were left to this process are waited for: it is for when it waits for none itself.
func offspring(reap bool) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if err != nil || !descends(dir) {
			continue
		}
		switch {
		case !strings.HasPrefix(rest, "Z "):
			pids = append(pids, pid)
		case reap && strings.HasPrefix(rest, "Z "+strconv.Itoa(os.Getpid())+" "):
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
	return pids
}

// nothingLives waits until nothing lives of what this process started.
func nothingLives(t *testing.T) {
	t.Helper()
	var left []int
	for range 300 { // a process that was told to end takes a moment
		if left = offspring(true); len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, pid := range left {
		command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		t.Errorf("process %d is left: %q", pid, command)
	}
}

// nothingLeft holds that, after a run that followed, neither processes nor mounts nor locks nor half-done things are left of all that
// was run.
func (v *victim) nothingLeft(t *testing.T) {
	t.Helper()
	nothingLives(t)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, v.home+"/v1") || strings.Contains(line, v.temp) {
			t.Errorf("a mount is left: %s", line)
		}
	}
	root := filepath.Join(v.home, "v1")
	locks, _ := os.ReadDir(filepath.Join(root, "locks"))
	for _, l := range locks {
		f, err := os.Open(filepath.Join(root, "locks", l.Name()))
		if err != nil {
			t.Error(err)
			continue
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			t.Errorf("lock %s is held by nobody: %v", l.Name(), err)
		}
		f.Close()
	}
	// What is young may be another's that is at it. A day later it cannot.
	then := time.Now().Add(-24 * time.Hour)
	for _, e := range below(t, filepath.Join(root, "tmp")) {
		_ = os.Chtimes(e, then, then)
	}
	if e := v.run(t, "runs"); e.code != 0 {
		t.Errorf("runs, afterwards: %v", e)
	}
	for _, dir := range []string{filepath.Join(root, "tmp"), v.temp} {
		for _, e := range below(t, dir) {
			t.Errorf("left: %s", e)
		}
	}
	for _, dir := range []string{"records", "needs", "seals", "stamps", "reports"} {
		_ = filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(d.Name(), ".") {
				t.Errorf("left: %s", path)
			}
			return nil
		})
	}
}

// below are the names in a directory.
func below(t *testing.T, dir string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}
