package sandbox

import (
	"fmt"
	"strings"
	"syscall"
)

// Stage names the step at which a sandbox could not be set up.
type Stage string

// The stages, in their order.
const (
	StageCommand    Stage = "check the command"       // the Command contradicts itself; no machine could run it
	StageNamespaces Stage = "create namespaces"       // clone(2), or the user map
	StagePrivate    Stage = "make mounts private"     // first use of the rights that the namespaces should have given
	StageSource     Stage = "open"                    // a path of the host that is to be shown
	StageRoot       Stage = "build the root"          // tmpfs and binds of the sysroot
	StageProc       Stage = "mount /proc"             //
	StageDev        Stage = "make /dev"               //
	StageMountPoint Stage = "make mount point"        //
	StageBind       Stage = "bind"                    //
	StageOverlay    Stage = "mount overlay"           //
	StageTmpfs      Stage = "mount tmpfs"             //
	StagePivot      Stage = "leave the host's root"   // pivot_root(2)
	StagePrivileges Stage = "drop privileges"         //
	StageDirectory  Stage = "enter working directory" //
	StageLookup     Stage = "find"                    // Args[0] is not there, or is no executable file
	StageExec       Stage = "execute"                 // execve(2) refused
	StageLimits     Stage = "set limits"              //
	StageInit       Stage = "supervise"               // the sandbox's init ended before the command did
)

// A SetupError says why the sandbox itself failed. It is never caused by what the command did once it ran.
type SetupError struct {
	Stage Stage
	Path  string // what the stage was working on; may be empty
	Err   error  // a syscall.Errno where a system call failed
	Hint  string // what the user can do; empty where nothing is known
}

func (e *SetupError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sandbox: %s", e.Stage)
	if e.Path != "" {
		fmt.Fprintf(&b, " %s", e.Path)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	return b.String()
}

// Unwrap returns e.Err, so that errors.Is finds errnos, fs.ErrNotExist and fs.ErrPermission.
func (e *SetupError) Unwrap() error { return e.Err }

// detailed is an errno with what the kernel said beside it.
type detailed struct {
	error
	detail string
}

func (d *detailed) Unwrap() error { return d.error }

// faultOf is err as the failure of a stage; nil where err is.
func faultOf(stage Stage, path string, err error) error {
	if err == nil {
		return nil
	}
	return &SetupError{Stage: stage, Path: path, Err: err}
}

// setupError turns a report of a fault into the error that the caller sees, with a hint from the state of this machine.
func setupError(r report, s *spec) *SetupError {
	e := &SetupError{Stage: r.Stage, Path: r.Path}
	switch {
	case r.Errno == 0:
		e.Err = fmt.Errorf("%s", r.Detail)
	case r.Detail != "":
		e.Err = fmt.Errorf("%w (%s)", syscall.Errno(r.Errno), r.Detail)
	default:
		e.Err = syscall.Errno(r.Errno)
	}
	e.Hint = hint(r.Stage, syscall.Errno(r.Errno), gather(r, s))
	return e
}
