package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Init must come before anything else in main, in TestMain, or in the init function of a magefile: in the copy of the
// program that Start executes it becomes PID 1 of the sandbox and never returns; everywhere else it does nothing.
// What the program's packages do while they are initialised delays every sandbox.
func Init() {
	if len(os.Args) == 0 || os.Args[0] != childName {
		return
	}
	// Privileges, personality and ptrace belong to one thread; the command is started from this one.
	runtime.LockOSThread()
	// Not os.Exit: what the program has registered to run at its end is none of init's business.
	unix.Exit(childMain())
}

// exitFault is the exit code of a sandbox's init that could not do its work. Nobody decides by it: what went wrong is
// in the report.
const exitFault = 125

func childMain() int {
	// What the caller of umlab left open without close-on-exec must not reach the command.
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return exitFault
	}
	control := os.NewFile(controlFD, "control")
	reports := json.NewEncoder(control)
	var s spec
	if err := json.NewDecoder(control).Decode(&s); err != nil {
		return exitFault
	}
	// PID 1 is spared only the signals that it has no handler for, and the Go runtime handles all of them. Ignoring
	// them would be inherited by the command.
	signal.Notify(make(chan os.Signal, 1))

	var running atomic.Int64
	go obey(control, &running)

	if err := prepare(&s); err != nil {
		_ = reports.Encode(faultReport(err))
		return exitFault
	}
	if s.Probe {
		_ = reports.Encode(report{Kind: reportStarted})
		_ = reports.Encode(report{Kind: reportEnded})
		return 0
	}
	var watched *opens
	var err error
	if len(s.Watch)+len(s.WatchOnly) > 0 {
		watched, err = watchOpens(s.Watch, s.WatchOnly)
	}
	var pid int
	if err == nil {
		pid, err = startPayload(&s)
	}
	if err != nil {
		_ = reports.Encode(faultReport(err))
		return exitFault
	}
	running.Store(int64(pid))
	if err := reports.Encode(report{Kind: reportStarted}); err != nil {
		return exitFault
	}
	r := reap(pid)
	if watched != nil {
		r.Opened = watched.end()
	}
	// The caller gets the status before the kernel starts to kill what is left, and sees us end after that.
	if err := reports.Encode(r); err != nil {
		return exitFault
	}
	return 0
}

// obey ends the sandbox when the caller is gone, and passes on its wish that the command ends.
func obey(control io.Reader, running *atomic.Int64) {
	var b [1]byte
	for {
		n, err := control.Read(b[:])
		switch {
		case n == 1 && b[0] == askTerminate:
			if pid := running.Load(); pid > 0 {
				_ = unix.Kill(-int(pid), unix.SIGTERM)
			}
		case errors.Is(err, unix.EINTR):
		case err != nil:
			unix.Exit(exitFault)
		}
	}
}

// prepare makes this process what the command will inherit.
func prepare(s *spec) error {
	unix.Umask(0o022)
	if err := makeRoot(s); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(hostname)); err != nil {
		return faultOf(stageNamespaces, "hostname", err)
	}
	if s.NoASLR {
		if err := noASLR(); err != nil {
			return faultOf(stagePrivileges, "personality", err)
		}
	}
	if err := dropPrivileges(!s.UserNamespace); err != nil {
		return faultOf(stagePrivileges, "", err)
	}
	return nil
}

// reap waits for every process that becomes ours until the command itself has ended.
func reap(payload int) report {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil: // ECHILD cannot happen while the command is ours
			return faultReport(faultOf(stageInit, "", err))
		case pid != payload || !(ws.Exited() || ws.Signaled()):
			continue
		}
		if ws.Signaled() {
			return report{Kind: reportEnded, Code: -1, Signal: int(ws.Signal())}
		}
		return report{Kind: reportEnded, Code: ws.ExitStatus()}
	}
}

// faultReport is what the caller is told of err.
func faultReport(err error) report {
	r := report{Kind: reportFault, Stage: stageInit, Detail: err.Error()}
	if e, ok := errors.AsType[*stageError](err); ok {
		r.Stage, r.Path, r.Detail, err = e.stage, e.path, "", e.err
	}
	if d, ok := errors.AsType[*detailed](err); ok {
		r.Detail = d.detail
	}
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		r.Errno = int(errno)
	} else if r.Detail == "" {
		r.Detail = err.Error()
	}
	return r
}
