package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"
)

// Status is how a command ended.
type Status struct {
	Code   int            // exit code; -1 when a signal ended it
	Signal syscall.Signal // 0 when it exited
	Opened *Opened        // nil without Command.Watch
}

// Success reports whether the command exited with 0.
func (s Status) Success() bool { return s.Code == 0 && s.Signal == 0 }

func (s Status) String() string {
	if s.Signal != 0 {
		return fmt.Sprintf("signal %d (%v)", int(s.Signal), s.Signal)
	}
	return fmt.Sprintf("exit status %d", s.Code)
}

// Process is a command in its sandbox.
type Process struct {
	name  string
	init  *os.Process
	ctl   *os.File
	input *feed
	locks []*os.File

	dead   chan struct{} // closed when init and with it everything in the sandbox is gone, and its output has been copied
	state  *os.ProcessState
	copied error         // of copying the output; init itself exits with 0 unless something was wrong
	done   chan struct{} // closed when status and err are final
	status Status
	err    error
}

// Start starts a command. It returns once the command has been executed, or a *stageError that says why it could not
// be. The end of ctx ends everything in the sandbox, Grace after it was asked to; so does the end of this process,
// however it comes about.
//
// As root, where user namespaces are forbidden, the sandbox is made without one.
func Start(ctx context.Context, c Command) (*Process, error) {
	if told, ok := ctx.Value(traceKey{}).(func(Command)); ok {
		told(c)
	}
	s, err := c.plan()
	if err != nil {
		return nil, err
	}
	return start(ctx, s, &c)
}

func start(ctx context.Context, s *spec, c *Command) (*Process, error) {
	if len(os.Args) > 0 && os.Args[0] == childName {
		return nil, &stageError{stage: stageInit, err: errors.New("this process is itself a sandbox's init"),
			hint: "call sandbox.Init at the very start of the program"}
	}
	if err := ctx.Err(); err != nil {
		return nil, interrupted(s, context.Cause(ctx))
	}
	locks, err := lockWork(s)
	if err != nil {
		return nil, err
	}
	stdin, input, err := newFeed(c.Stdin)
	if err != nil {
		unlock(locks)
		return nil, err
	}
	s.UserNamespace = true
	p, reports, err := launch(ctx, s, c, stdin)
	if err != nil && os.Geteuid() == 0 && forbidden(err) {
		s.UserNamespace = false
		var again error
		p, reports, again = launch(ctx, s, c, stdin)
		// Of two errors the one that got further says more.
		if again == nil || stageOf(err) == stageNamespaces && stageOf(again) != stageNamespaces {
			err = again
		}
	}
	if err != nil {
		_ = input.end()
		unlock(locks)
		return nil, err
	}
	p.locks, p.input = locks, input
	input.start()
	stop := make(chan error, 1)
	go func() { stop <- p.watch(ctx, c.Grace) }()
	go p.collect(reports, stop)
	return p, nil
}

// Run starts a command and waits for it.
func Run(ctx context.Context, c Command) (Status, error) {
	p, err := Start(ctx, c)
	if err != nil {
		return Status{Code: -1}, err
	}
	return p.Wait()
}

// Wait waits until everything in the sandbox is gone and its output has been copied, and returns how the command ended.
// The error is nil unless the context ended the sandbox (it wraps the context's cause, and the status says what the
// command made of it), copying to or from it failed, or the sandbox failed (a *stageError). Wait may be called more than
// once.
func (p *Process) Wait() (Status, error) {
	<-p.done
	return p.status, p.err
}

func stageOf(err error) stageName {
	if e, ok := errors.AsType[*stageError](err); ok {
		return e.stage
	}
	return ""
}

// forbidden reports whether err is of the kind that a sandbox without a user namespace might not run into.
func forbidden(err error) bool {
	if stage := stageOf(err); stage == "" || stage == stageExec || stage == stageLookup || stage == stageCommand {
		return false
	}
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSPC, unix.EUSERS, unix.ENOSYS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// launch starts init and returns when the command runs, with the reports that are still to come.
func launch(ctx context.Context, s *spec, c *Command, stdin io.Reader) (*Process, *json.Decoder, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: control socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "control")
	// Non-blocking, so that closing it wakes its readers.
	if err := unix.SetNonblock(pair[0], true); err != nil {
		unix.Close(pair[0])
		theirs.Close()
		return nil, nil, fmt.Errorf("sandbox: control socket: %w", err)
	}
	p := &Process{name: s.name(), ctl: os.NewFile(uintptr(pair[0]), "control"),
		dead: make(chan struct{}), done: make(chan struct{})}

	begun := make(chan error, 1)
	go p.keep(s, c, stdin, theirs, begun)
	err = <-begun
	theirs.Close()
	if err != nil {
		p.ctl.Close() // which also ends an init whose IDs could not be mapped
		return nil, nil, setupError(faultReport(faultOf(stageNamespaces, "", err)), s)
	}

	unwatch := context.AfterFunc(ctx, func() { _ = p.init.Kill() })
	// An error of Encode means that init is gone; Decode then says the same.
	_ = json.NewEncoder(p.ctl).Encode(s)
	reports := json.NewDecoder(p.ctl)
	var r report
	err = reports.Decode(&r)
	if started := err == nil && r.Kind == reportStarted; !unwatch() || !started {
		_ = p.init.Kill()
		<-p.dead
		p.ctl.Close()
		switch {
		case ctx.Err() != nil:
			return nil, nil, interrupted(s, context.Cause(ctx))
		case err != nil:
			return nil, nil, &stageError{stage: stageInit, err: fmt.Errorf("init ended during the set-up: %v", p.state),
				hint: "something ended it, or it had too little memory or too few processes (ulimit -v, ulimit -u, the container's limits); " +
					"a program of your own must call sandbox.Init at its very start"}
		}
		return nil, nil, setupError(r, s)
	}
	return p, reports, nil
}

func (s *spec) name() string {
	if len(s.Args) > 0 {
		return s.Args[0]
	}
	return "probe"
}

func interrupted(s *spec, cause error) error {
	return fmt.Errorf("sandbox: %s was stopped: %w", s.name(), cause)
}

// keep starts init and waits for it on one thread: the signal that init gets when its parent dies is sent when the
// thread that started it ends.
func (p *Process) keep(s *spec, c *Command, stdin io.Reader, control *os.File, begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true, // a terminal's ^C is umlab's to handle
	}
	if !s.Network {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	if s.UserNamespace {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.AmbientCaps = allCapabilities()
	}
	cmd := &exec.Cmd{Path: reexec.Self(), Args: []string{childName}, SysProcAttr: attr,
		// Fewer threads start sooner, and init has nothing to do in parallel.
		Env:   []string{"GOMAXPROCS=1"},
		Stdin: stdin, Stdout: c.Stdout, Stderr: c.Stderr, ExtraFiles: []*os.File{control}}
	if c.TTY != nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = c.TTY, c.TTY, c.TTY
	}
	err := cmd.Start()
	if err != nil {
		begun <- err
		return
	}
	p.init = cmd.Process
	if s.UserNamespace {
		err = mapIDs(cmd.Process.Pid)
	}
	begun <- err
	if err := cmd.Wait(); err != nil {
		p.copied = fmt.Errorf("copy output: %w", err)
	}
	p.state = cmd.ProcessState
	close(p.dead)
}

// allCapabilities lists those of Linux 5.12, which is the oldest that will do.
func allCapabilities() (caps []uintptr) {
	for c := uintptr(0); c <= unix.CAP_CHECKPOINT_RESTORE; c++ {
		caps = append(caps, c)
	}
	return caps
}

// mapIDs makes the caller's user and group 0 in init's user namespace. SysProcAttr.UidMappings would do it as well,
// but leaves two files open each time that clone(2) fails, as it may for a root who does without a user namespace.
// Until this is done init has no user ID, and only the ambient set keeps its capabilities across execve(2).
func mapIDs(pid int) error {
	for _, f := range []struct{ name, text string }{
		{"uid_map", fmt.Sprintf("0 %d 1\n", os.Geteuid())},
		{"setgroups", "deny"},
		{"gid_map", fmt.Sprintf("0 %d 1\n", os.Getegid())},
	} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, f.name), []byte(f.text), 0); err != nil {
			return err
		}
	}
	return nil
}

// watch ends the sandbox with its context, and returns that context's cause, or nil if the sandbox ended by itself.
func (p *Process) watch(ctx context.Context, grace time.Duration) error {
	select {
	case <-p.dead:
		return nil
	case <-ctx.Done():
	}
	if grace > 0 {
		_, _ = p.ctl.Write([]byte{askTerminate})
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-p.dead:
		case <-t.C:
		}
	}
	_ = p.init.Kill() // harmless when it is dead
	return context.Cause(ctx)
}

// collect waits for the end of everything and draws up the status.
func (p *Process) collect(reports *json.Decoder, stop <-chan error) {
	var r report
	err := reports.Decode(&r)
	<-p.dead
	stopped := <-stop
	p.ctl.Close()
	copied := errors.Join(p.copied, p.input.end())
	unlock(p.locks)
	p.status = Status{Code: r.Code, Signal: syscall.Signal(r.Signal), Opened: r.Opened}
	switch {
	case stopped != nil:
		if err != nil {
			p.status = Status{Code: -1, Signal: syscall.SIGKILL}
		}
		p.err = fmt.Errorf("sandbox: %s was stopped: %w", p.name, stopped)
	case err != nil || r.Kind != reportEnded:
		p.status = Status{Code: -1}
		p.err = &stageError{stage: stageInit, path: p.name, err: fmt.Errorf("the sandbox's init ended first: %v %s", p.state, r.Detail),
			hint: "look for the OOM killer in the kernel log"}
	case copied != nil:
		p.err = fmt.Errorf("sandbox: %s: %w", p.name, copied)
	}
	close(p.done)
}
