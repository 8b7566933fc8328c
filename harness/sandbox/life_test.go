package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

func nobody() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

// begin starts the payload and waits until it has written its first line.
func begin(t *testing.T, ctx context.Context, c Command, ops ...string) *Process {
	t.Helper()
	needNamespaces(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	c.Args, c.Stdout = append([]string{"/bin/payload"}, ops...), w
	p, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 64)); err != nil {
		t.Fatalf("the payload said nothing: %v", err)
	}
	return p
}

// marked counts the processes that have marker in their command line.
func marked(t *testing.T, marker string) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		b, err := os.ReadFile(f)
		if err == nil && bytes.Contains(b, []byte(marker)) {
			n++
		}
	}
	return n
}

func marker(t *testing.T) string {
	return fmt.Sprintf("mark-%s-%d-%d", t.Name(), os.Getpid(), time.Now().UnixNano())
}

func TestCancel(t *testing.T) {
	root := sysroot(t)
	reason := errors.New("changed my mind")

	t.Run("the command stops by itself", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		p := begin(t, ctx, Command{Root: root, Grace: time.Hour}, "onterm 7")
		cancel(reason)
		status, err := p.Wait()
		if !errors.Is(err, reason) || status.Code != 7 {
			t.Errorf("got %v, %v", status, err)
		}
	})
	t.Run("it does not", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		name := marker(t)
		p := begin(t, ctx, Command{Root: root, Grace: time.Millisecond}, "sleep "+name)
		cancel(reason)
		status, err := p.Wait()
		if !errors.Is(err, reason) || status.Signal != syscall.SIGKILL || marked(t, name) > 0 {
			t.Errorf("got %v, %v", status, err)
		}
	})
	t.Run("deadline, daemons", func(t *testing.T) {
		name := marker(t)
		// Nobody waits for the deadline: it lies in the past of a context that is made below.
		ctx, cancel := context.WithCancel(t.Context())
		p := begin(t, ctx, Command{Root: root}, "daemon "+name, "wait")
		if marked(t, name) == 0 {
			t.Error("no daemon to be killed")
		}
		cancel()
		if _, err := p.Wait(); !errors.Is(err, context.Canceled) || marked(t, name) > 0 {
			t.Errorf("%v; %d left", err, marked(t, name))
		}
		late, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if status, err := Run(late, Command{Root: root, Args: []string{"payload", "wait"}}); !errors.Is(err, context.DeadlineExceeded) || status.Success() {
			t.Errorf("got %v, %v", status, err)
		}
	})
	t.Run("daemons die with the command", func(t *testing.T) {
		name := marker(t)
		if out := inside(t, Command{Root: root}, "daemon "+name); marked(t, name) > 0 {
			t.Errorf("%d left %s", marked(t, name), out)
		}
	})
	t.Run("before it starts", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(reason)
		if _, err := Start(ctx, Command{Root: root, Args: []string{"payload"}}); !errors.Is(err, reason) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("while it starts", func(t *testing.T) {
		for i := range 30 {
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				time.Sleep(time.Duration(i) * 500 * time.Microsecond)
				cancel(reason)
			}()
			if status, err := Run(ctx, Command{Root: root, Args: []string{"payload", "wait"}}); !errors.Is(err, reason) || status.Success() {
				t.Fatalf("got %v, %v", status, err)
			}
		}
	})
}

// The thread that calls Start may end; the sandbox must not end with it.
func TestThreadEnds(t *testing.T) {
	needNamespaces(t)
	root := sysroot(t)
	started := make(chan *Process)
	r, w := io.Pipe()
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with this goroutine
		p, err := Start(t.Context(), Command{Root: root, Args: []string{"payload", "cat", "exit 3"}, Stdin: r})
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	p := <-started
	if p == nil {
		return
	}
	w.Close()
	if status, err := p.Wait(); status.Code != 3 || err != nil {
		t.Errorf("got %v, %v", status, err)
	}
}

// Init's other means of noticing that the caller is gone, without the parent-death signal.
func TestControlSocketCloses(t *testing.T) {
	name := marker(t)
	p := begin(t, t.Context(), Command{Root: sysroot(t)}, "sleep "+name)
	p.ctl.Close()
	_, err := p.Wait()
	var e *stageError
	if !errors.As(err, &e) || e.stage != stageInit || marked(t, name) > 0 {
		t.Errorf("got %v; %d left", err, marked(t, name))
	}
}

// roleParent starts a sandbox with a daemon in it and waits to be killed.
func roleParent() int {
	p, err := Start(context.Background(), Command{Root: os.Args[1], Args: []string{"payload", "daemon " + os.Args[2], "wait"}, Stdout: os.Stdout})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, err = p.Wait()
	fmt.Fprintln(os.Stderr, "the sandbox ended first:", err)
	return 1
}

func TestParentDies(t *testing.T) {
	needNamespaces(t)
	name := marker(t)
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", sysroot(t), name)
	cmd.Env = append(os.Environ(), envRole+"=parent")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "sleeping\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if n := marked(t, name); n < 3 { // the parent, the payload, its daemon
		t.Errorf("%d processes run, want 3", n)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// Its output ends when the last process that could write to it has gone; then there is nothing left to poll for.
	if rest, err := io.ReadAll(out); err != nil {
		t.Errorf("%q %v", rest, err)
	}
	_ = cmd.Wait()
	for marked(t, name) > 0 { // ends with the test's own deadline
		time.Sleep(time.Millisecond)
		if t.Context().Err() != nil {
			t.Fatal("still running")
		}
	}
}

func TestNoLeaks(t *testing.T) {
	root := sysroot(t)
	c := Command{Root: root, Overlays: []Overlay{forkable(t)}, Stdin: strings.NewReader("x"), Mounts: []Mount{{Source: root, Target: "/usr/missing"}}}
	broken := c
	broken.Dir = "/none"
	inside(t, c, "say x") // opens what stays open
	count := func() (fds, mounts, inits int) {
		e, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		m, err := mountinfo.GetMounts(func(i *mountinfo.Info) (bool, bool) {
			return i.Source != "umlab" && !strings.Contains(i.Root+i.Mountpoint, root), false
		})
		if err != nil {
			t.Fatal(err)
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return len(e), len(m), len(strings.Fields(string(children)))
	}
	fds, mounts, inits := count()
	for range 5 {
		inside(t, c, "cat")
		if _, _, err := try(t, broken, "cat"); err == nil {
			t.Error("started in a directory that does not exist")
		}
	}
	if f, m, i := count(); f > fds || m != mounts || i != inits {
		t.Errorf("open files %d, mounts %d, children %d; before %d, %d, %d", f, m, i, fds, mounts, inits)
	}
	if mounts != 0 {
		t.Errorf("%d mounts of the sandbox are visible on the host", mounts)
	}
}

func TestStdio(t *testing.T) {
	needNamespaces(t)
	root := sysroot(t)
	run := func(c Command, ops ...string) {
		t.Helper()
		c.Root, c.Args = root, append([]string{"payload"}, ops...)
		if status, err := Run(t.Context(), c); err != nil || !status.Success() {
			t.Errorf("%v: %v %v", ops, status, err)
		}
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	var out, errs strings.Builder
	run(Command{Stdin: strings.NewReader(big), Stdout: &out, Stderr: &errs}, "cat", "stderr problem")
	if out.String() != big || errs.String() != "problem\n" {
		t.Errorf("%d bytes came back of %d; stderr %q", out.Len(), len(big), errs.String())
	}
	out.Reset()
	run(Command{Stdout: &out, Stderr: &out}, "say one", "stderr two", "say three")
	if out.String() != "one\ntwo\nthree\n" {
		t.Errorf("one writer for both: %q", out.String())
	}
	// A reader that never ends must not keep Wait from returning.
	r, w := io.Pipe()
	defer w.Close()
	run(Command{Stdin: r}, "say x")
	// What the command does not read is no error.
	run(Command{Stdin: strings.NewReader(big)}, "say x")
	// Without any, everything is /dev/null.
	run(Command{}, "cat", "say x", "stderr x")

	broken := errors.New("disk full")
	if _, err := Run(t.Context(), Command{Root: root, Args: []string{"payload", "say x"}, Stdout: failing{broken}}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

func TestTTY(t *testing.T) {
	needNamespaces(t)
	master, slave := pty(t)
	p, err := Start(t.Context(), Command{Root: sysroot(t), Args: []string{"payload", "tty", "say done"}, TTY: slave})
	slave.Close()
	if err != nil {
		t.Fatal(err)
	}
	// The master says EIO when the last process with the slave has gone.
	out, err := io.ReadAll(master)
	if !errors.Is(err, unix.EIO) {
		t.Errorf("end of the terminal: %v", err)
	}
	if string(out) != "foreground=true\r\ndone\r\n" {
		t.Errorf("got %q", out)
	}
	if status, err := p.Wait(); err != nil || !status.Success() {
		t.Errorf("%v %v", status, err)
	}
	// Without TTY there is none, whatever the caller has.
	if out, status, err := try(t, Command{Root: sysroot(t)}, "read /dev/tty"); err != nil || status.Code != 1 {
		t.Errorf("%v %v %s", status, err, out)
	}
}

func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("this machine has no pty: %v", err)
	}
	master = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestLimits(t *testing.T) {
	root := sysroot(t)
	with := func(l Limits) Command { return Command{Root: root, Limits: l} }
	if out := inside(t, with(Limits{FileSize: 1000}), "rlimit 1", "rlimit 4"); out != "1000 1000\n0 0\n" {
		t.Errorf("file size and core: %q", out)
	}
	if out, status, err := try(t, with(Limits{FileSize: 1000}), "fill /tmp/f 100000"); err != nil || !strings.HasPrefix(out, "1000 ") {
		t.Errorf("file size: %q %v %v", out, status, err)
	}
	if out, status, err := try(t, with(Limits{AddressSpace: 8 << 30}), "map 4294967296", "say first", "map 4294967296", "say second"); err != nil || status.Code != 1 || !strings.HasPrefix(out, "first\n") {
		t.Errorf("address space: %q %v %v", out, status, err)
	}
	inside(t, with(Limits{}), "map 4294967296", "map 4294967296")
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 && !kernelAtLeast(unix.ByteSliceToString(u.Release[:]), 6, 14) {
		t.Log("this kernel cannot bound the number of root's processes")
		return
	}
	if out := inside(t, with(Limits{Processes: 40}), "processes 400"); !strings.HasPrefix(out, "true ") {
		t.Errorf("processes: %q", out)
	}
	if out := inside(t, with(Limits{Processes: 200}), "processes 3"); !strings.HasPrefix(out, "false ") {
		t.Errorf("processes: %q", out)
	}
}

// BenchmarkRun is what a sandbox costs: start, setup, an empty static program, teardown.
func BenchmarkRun(b *testing.B) {
	needNamespaces(b)
	c := Command{Root: sysroot(b), Args: []string{"payload"}}
	for b.Loop() {
		if status, err := Run(b.Context(), c); err != nil || !status.Success() {
			b.Fatal(status, err)
		}
	}
}
