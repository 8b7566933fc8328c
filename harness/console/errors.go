package console

import (
	"fmt"
	"time"
)

// Error says why a session ended otherwise than by Halt. Which fields are set is its Kind's.
type Error struct {
	Kind  Kind
	Stage Stage         // what was awaited; "" of Infra
	Step  string        // in StageCommand
	After time.Duration // TimedOut, Silent: the limit. Output does not move the deadlines of TimedOut
	Total bool          // TimedOut: it was Limits.Total that passed, whatever the stage
	Exit  Exit          // Exited
	Panic string        // Panicked: what the kernel says, from "Kernel panic" on
	Limit int64         // Flooded: bytes
	Doing string        // Infra: what failed; nothing follows about the guest
	Err   error         // Infra: why; Killed: the cause of the context's end, nil for Close without Halt
}

func (e *Error) Error() string {
	what := "next step"
	switch e.Stage {
	case StageBoot:
		what = "ready line (boot)"
	case StageHalt:
		what = "end of the console (halt)"
	case StageCommand:
		what = fmt.Sprintf("end of step %q", e.Step)
	}
	switch e.Kind {
	case TimedOut:
		if e.Total {
			return fmt.Sprintf("guest: session of %v is over while waiting for %s; raise the deadline if the machine is that slow", e.After, what)
		}
		return fmt.Sprintf("guest: no %s within %v; raise the deadline if the machine is that slow", what, e.After)
	case Silent:
		return fmt.Sprintf("guest: printed nothing for %v while waiting for %s: it hangs, or the machine is very slow", e.After, what)
	case Exited:
		return fmt.Sprintf("guest: ended with %v while waiting for %s; the transcript's last lines say why", e.Exit, what)
	case Panicked:
		return fmt.Sprintf("guest: %s, while waiting for %s", e.Panic, what)
	case Flooded:
		return fmt.Sprintf("guest: printed more than %d bytes while waiting for %s and was stopped", e.Limit, what)
	case Killed:
		if e.Err == nil {
			return "guest: killed: the session was closed before the guest was halted"
		}
		return fmt.Sprintf("guest: killed while waiting for %s: %v", what, e.Err)
	}
	return fmt.Sprintf("console: %s: %v", e.Doing, e.Err)
}

// Unwrap returns e.Err, so that errors.Is finds context.Canceled and context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.Err }

// hostError says that the console itself failed.
func hostError(doing string, err error) *Error { return &Error{Kind: Infra, Doing: doing, Err: err} }
