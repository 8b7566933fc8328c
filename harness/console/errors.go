package console

import (
	"fmt"
	"time"
)

// TimeoutError says that a deadline passed. Output does not move deadlines.
type TimeoutError struct {
	Stage Stage
	Step  string        // in StageCommand
	After time.Duration // the limit
	Total bool          // it was Limits.Total that passed, whatever the stage
}

func (e *TimeoutError) Error() string {
	what := awaited(e.Stage, e.Step)
	if e.Total {
		return fmt.Sprintf("guest: session of %v is over while waiting for %s; raise the deadline if the machine is that slow", e.After, what)
	}
	return fmt.Sprintf("guest: no %s within %v; raise the deadline if the machine is that slow", what, e.After)
}

// SilenceError says that the guest printed nothing for too long.
type SilenceError struct {
	Stage Stage
	Step  string
	After time.Duration // the limit
}

func (e *SilenceError) Error() string {
	return fmt.Sprintf("guest: printed nothing for %v while waiting for %s: it hangs, or the machine is very slow", e.After, awaited(e.Stage, e.Step))
}

// ExitError says that the guest's process ended before it was asked to.
type ExitError struct {
	Stage Stage
	Step  string
	Exit  Exit
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("guest: ended with %v while waiting for %s; the transcript's last lines say why", e.Exit, awaited(e.Stage, e.Step))
}

// PanicError says that the kernel panicked.
type PanicError struct {
	Stage Stage
	Step  string
	Event Event // the panic line
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("guest: %s, while waiting for %s", e.Event.Line, awaited(e.Stage, e.Step))
}

// FloodError says that the guest printed more than it may.
type FloodError struct {
	Stage Stage
	Step  string
	Limit int64 // bytes
}

func (e *FloodError) Error() string {
	return fmt.Sprintf("guest: printed more than %d bytes while waiting for %s and was stopped", e.Limit, awaited(e.Stage, e.Step))
}

// KilledError says that the caller ended the session. Err is its context's error, or nil for Close without Halt.
type KilledError struct {
	Stage Stage
	Step  string
	Err   error
}

func (e *KilledError) Error() string {
	if e.Err == nil {
		return "guest: killed: the session was closed before the guest was halted"
	}
	return fmt.Sprintf("guest: killed while waiting for %s: %v", awaited(e.Stage, e.Step), e.Err)
}

// Unwrap returns e.Err, so that errors.Is finds context.Canceled and context.DeadlineExceeded.
func (e *KilledError) Unwrap() error { return e.Err }

// HostError says that the console itself failed: nothing follows about the guest.
type HostError struct {
	Doing string
	Err   error
}

func (e *HostError) Error() string { return fmt.Sprintf("console: %s: %v", e.Doing, e.Err) }

// Unwrap returns e.Err.
func (e *HostError) Unwrap() error { return e.Err }

func awaited(stage Stage, step string) string {
	switch stage {
	case StageBoot:
		return "ready line (boot)"
	case StageHalt:
		return "end of the console (halt)"
	case StageCommand:
		return fmt.Sprintf("end of step %q", step)
	}
	return "next step"
}

// where lets a session say what was awaited when it ended.
func (e *TimeoutError) where() (Stage, string) { return e.Stage, e.Step }
func (e *SilenceError) where() (Stage, string) { return e.Stage, e.Step }
func (e *ExitError) where() (Stage, string)    { return e.Stage, e.Step }
func (e *PanicError) where() (Stage, string)   { return e.Stage, e.Step }
func (e *FloodError) where() (Stage, string)   { return e.Stage, e.Step }
func (e *KilledError) where() (Stage, string)  { return e.Stage, e.Step }

// kindOf names the end that err stands for.
func kindOf(err error) Kind {
	switch err.(type) {
	case nil:
		return Halted
	case *TimeoutError:
		return TimedOut
	case *SilenceError:
		return Silent
	case *ExitError:
		return Exited
	case *PanicError:
		return Panicked
	case *FloodError:
		return Flooded
	case *KilledError:
		return Killed
	}
	return Infra
}
