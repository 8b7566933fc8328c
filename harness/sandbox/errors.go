package sandbox

import (
	"fmt"
	"strings"
	"syscall"
)

// stageName names the step at which a sandbox could not be set up.
type stageName string

// The stages, in their order.
const (
	stageCommand    stageName = "check the command"       // the Command contradicts itself; no machine could run it
	stageNamespaces stageName = "create namespaces"       // clone(2), or the user map
	stagePrivate    stageName = "make mounts private"     // first use of the rights that the namespaces should have given
	stageSource     stageName = "open"                    // a path of the host that is to be shown
	stageRoot       stageName = "build the root"          // tmpfs and binds of the sysroot
	stageProc       stageName = "mount /proc"             //
	stageDev        stageName = "make /dev"               //
	stageMountPoint stageName = "make mount point"        //
	stageBind       stageName = "bind"                    //
	stageOverlay    stageName = "mount overlay"           //
	stageTmpfs      stageName = "mount tmpfs"             //
	stagePivot      stageName = "leave the host's root"   // pivot_root(2)
	stagePrivileges stageName = "drop privileges"         //
	stageDirectory  stageName = "enter working directory" //
	stageLookup     stageName = "find"                    // Args[0] is not there, or is no executable file
	stageExec       stageName = "execute"                 // execve(2) refused
	stageLimits     stageName = "set limits"              //
	stageInit       stageName = "supervise"               // the sandbox's init ended before the command did
)

// A stageError says why the sandbox itself failed. It is never caused by what the command did once it ran.
type stageError struct {
	stage stageName
	path  string // what the stage was working on; may be empty
	err   error  // a syscall.Errno where a system call failed
	hint  string // what the user can do; empty where nothing is known
}

func (e *stageError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sandbox: %s", e.stage)
	if e.path != "" {
		fmt.Fprintf(&b, " %s", e.path)
	}
	fmt.Fprintf(&b, ": %v", e.err)
	if e.hint != "" {
		fmt.Fprintf(&b, "; %s", e.hint)
	}
	return b.String()
}

// Unwrap returns e.Err, so that errors.Is finds errnos, fs.ErrNotExist and fs.ErrPermission.
func (e *stageError) Unwrap() error { return e.err }

// detailed is an errno with what the kernel said beside it.
type detailed struct {
	error
	detail string
}

func (d *detailed) Unwrap() error { return d.error }

// faultOf is err as the failure of a stage; nil where err is.
func faultOf(stage stageName, path string, err error) error {
	if err == nil {
		return nil
	}
	return &stageError{stage: stage, path: path, err: err}
}

// setupError turns a report of a fault into the error that the caller sees, with a hint from the state of this machine.
func setupError(r report, s *spec) *stageError {
	e := &stageError{stage: r.Stage, path: r.Path}
	switch {
	case r.Errno == 0:
		e.err = fmt.Errorf("%s", r.Detail)
	case r.Detail != "":
		e.err = fmt.Errorf("%w (%s)", syscall.Errno(r.Errno), r.Detail)
	default:
		e.err = syscall.Errno(r.Errno)
	}
	e.hint = hint(r.Stage, syscall.Errno(r.Errno), gather(r, s))
	return e
}
