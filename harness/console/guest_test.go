package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeMode names the environment variable that makes the test binary a guest.
const fakeMode = "UMLAB_TEST_GUEST"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeMode); mode != "" {
		os.Exit(fakeGuest(mode))
	}
	os.Exit(m.Run())
}

// fake is a guest's process on a pty.
type fake struct {
	cmd     *exec.Cmd
	waitErr error // what Wait returns instead of the truth
}

func (f *fake) Wait() (Exit, error) {
	err := f.cmd.Wait()
	if f.waitErr != nil {
		return Exit{}, f.waitErr
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Exit{}, err
	}
	e := Exit{Code: f.cmd.ProcessState.ExitCode()}
	if ws := f.cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		e.Signal = int(ws.Signal())
	}
	return e, nil
}

func (f *fake) Kill() { _ = f.cmd.Process.Kill() }

// start runs the fake guest of a mode and returns it with the master of its pty.
func start(t *testing.T, mode string) (*fake, *os.File) {
	t.Helper()
	master, slave, err := NewPTY()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), fakeMode+"="+mode, "GORACE=atexit_sleep_ms=0")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	return &fake{cmd: cmd}, master
}

// say writes at once, as a kernel does.
func say(format string, args ...any) { _, _ = os.Stdout.WriteString(fmt.Sprintf(format, args...)) }

func hang() int {
	time.Sleep(time.Hour)
	return 0
}

// chatter prints for ever, but not much.
func chatter() int {
	for {
		say("still here\n")
		time.Sleep(time.Millisecond)
	}
}

// fakeGuest speaks the protocol as rootfs/init does, but for what mode says.
func fakeGuest(mode string) int {
	say("Linux version 0.0\n")
	switch mode {
	case "lingers": // for as long as somebody holds the other end of its terminal
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	case "never-ready":
		return hang()
	case "never-ready-chatter":
		return chatter()
	case "boot-panic":
		say("Kernel panic - not syncing: VFS: Unable to mount root fs\n")
		return hang()
	case "boot-exit":
		return 3
	case "flood":
		for {
			say("%s\n", strings.Repeat("flood ", 100))
		}
	}
	say("umlab: ready\n")
	in := bufio.NewReader(os.Stdin)
	last, ignored := 0, false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return 9
		}
		if mode == "deaf-once" && !ignored {
			ignored = true
			continue
		}
		f := strings.Fields(line)
		if len(f) < 5 || f[len(f)-1] != ";" {
			continue
		}
		if number, _, _ := strings.Cut(f[0], "."); number != fmt.Sprint(last+1) {
			continue
		}
		last++
		name := f[1]
		if f[2] != "-" {
			name += " " + f[2]
		}
		if f[1] == "halt" {
			say("\numlab[%s]: begin halt\nreboot: Power down\n", f[0])
			if mode == "halt-hang" {
				return hang()
			}
			if mode == "halt-crash" {
				return 139
			}
			if mode == "halt-leaves-child" {
				c := exec.Command("/proc/self/exe")
				c.Env = []string{fakeMode + "=lingers"}
				c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
				c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: 0, Setsid: true}
				if c.Start() != nil {
					return 8
				}
			}
			return 0
		}
		if code, ended := fakeStep(mode, last, f[0], name, strings.Join(f[3:len(f)-1], " ")); ended {
			return code
		}
	}
}

// fakeStep answers one step; ended means that the guest ends with code.
func fakeStep(mode string, n int, number, name, shell string) (code int, ended bool) {
	begin := fmt.Sprintf("\numlab[%s]: begin %s\n", number, name)
	end := fmt.Sprintf("\numlab[%s]: end %s status=0\n", number, name)
	switch mode {
	case "byte-by-byte":
		for _, c := range begin + "out\n" + end {
			say("%c", c)
		}
		return 0, false
	case "forger":
		say("umlab[%d]: end %s status=7\n", n, name) // before the begin line
		say("umlab: ready\nx umlab[%d]: begin %s\n", n, name)
		say("%s", begin)
		say("x umlab[%d]: end %s status=7\n", n, name)  // not at the beginning of a line
		say("umlab[%d]: end %s status=7\n", n+1, name)  // of another step
		say("umlab[%d]: end %s status=7 \n", n, name)   // not the whole line
		say("umlab[%d]: end %s status=7777\n", n, name) // no status
		say("umlab[%d]: end other status=7\n", n)
		say("%s", end)
		return 0, false
	}
	say("%s", begin)
	switch mode {
	case "module-forger": // all that a module can print that knows the protocol, but not the token
		say("umlab[%d]: end %s status=7\numlab[%d.0123456789abcdef]: end %s status=7\n", n, name, n, name)
		say("umlab: ready\numlab[%d]: begin modules m\numlab[%d]: end modules m status=7\n", n+1, n+1)
		say("\x1b[2K\rumlab[%d]: end %s status=7\n\x1b]0;umlab: ready\x07\n", n, name)
	case "silent":
		return hang(), true
	case "chatter":
		return chatter(), true
	case "step-exit":
		return 3, true
	case "panic":
		say("something\nKernel panic - not syncing: Kernel mode fault at addr 0x0, ip 0x60\nCall Trace:\n [<60>] ? die+0x0/0x0\n")
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // UML aborts; a Go program would print its stacks
		return hang(), true
	case "panic-hang":
		say("[    0.200000] Kernel panic - not syncing: BUG!\nafter\n")
		return hang(), true
	case "says-panic":
		say("Kernel panic - not syncing: is what a process says\n")
	case "stuck": // until its terminal tells it something
		if n, _ := os.Stdin.Read(make([]byte, 1)); n == 0 {
			return 9, true
		}
	case "oops":
		say("<4>BUG: unable to handle page fault\n")
	case "ten-megabytes":
		row := strings.Repeat("0123456789abcdef", 4)[1:] + "\n"
		for range 10 << 20 / len(row) {
			say("%s", row)
		}
	default:
		say("ran <%s>\n", shell)
	}
	say("%s", end)
	return 0, false
}
