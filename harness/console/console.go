// Package console drives a guest over a pty and keeps everything that it prints, byte for byte. It is the only
// importer of goexpect, and imports nothing of umlab. It never starts a process, never says what a transcript means,
// and never trusts a timer that output can reset.
//
// # The protocol
//
// The guest prints a line when it takes commands, and two around each step, every one at the beginning of a line:
//
//	umlab: ready
//	umlab[1.0f1e2d3c4b5a6978]: begin insmod rust_minimal
//	umlab[1.0f1e2d3c4b5a6978]: end insmod rust_minimal status=0
//
// Behind the number stands the session's token: random, and told to nobody but the guest's init, so that a module that
// prints such lines is not believed.
// Steps count from 1. A step without an argument, such as halt, has no argument on its lines. umlab sends one line
// for a step, "1.0f1e2d3c4b5a6978 insmod rust_minimal insmod /modules/rust_minimal.ko ;", with "-" for no argument. The semicolon
// proves that the line is whole. It may be sent more than once: UML discards typed input whenever its kernel prints
// (generic_console_write in arch/um/drivers/chan_user.c) and may not see it before more is typed (the host signals a
// pty's input before epoll tells it, and UML looks once: _sigio_handler in arch/um/kernel/irq.c), so the guest takes a
// number only once. What it prints is stuck in the same way when the pty was full, until the next signal: while a step
// runs, it is given one by an XON each second.
package console

import (
	"cmp"
	"fmt"
	"time"
)

// Guest is the process at the other end of the pty. It has the slave side open; its starter has closed its own copy.
type Guest interface {
	// Wait returns how the process ended. An error means that nobody knows. It is called once.
	Wait() (Exit, error)
	// Kill ends the process and all that it started. It does not wait, and may be called at any time, repeatedly.
	Kill()
}

// Exit is how a process ended.
type Exit struct {
	Code   int // exit code, 0 to 255; -1 where a signal ended it
	Signal int // number of that signal, or 0
}

func (e Exit) String() string {
	if e.Signal != 0 {
		return fmt.Sprintf("signal %d", e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// Limits bound a session. For a field that is 0 there is a limit that is generous for a guest of 0.2 s on a machine that
// builds a kernel beside it.
type Limits struct {
	Boot    time.Duration // from Open to the ready line
	Command time.Duration // from sending a step to its end line
	Silence time.Duration // without a single byte, while something is awaited
	Halt    time.Duration // from sending halt, or from a panic, to the end of the console
	Total   time.Duration // from Open to the end of the console
	Bytes   int64         // of transcript; a guest that prints more is stopped
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Boot:    cmp.Or(max(l.Boot, 0), 60*time.Second),
		Command: cmp.Or(max(l.Command, 0), 30*time.Second),
		Silence: cmp.Or(max(l.Silence, 0), 20*time.Second),
		Halt:    cmp.Or(max(l.Halt, 0), 15*time.Second),
		Total:   cmp.Or(max(l.Total, 0), 5*time.Minute),
		Bytes:   cmp.Or(max(l.Bytes, 0), 16<<20),
	}
}

// Stage is what a session was waiting for.
type Stage string

// The stages.
const (
	StageBoot    Stage = "boot"    // the ready line
	StageCommand Stage = "command" // the end line of a step
	StageHalt    Stage = "halt"    // the end of the console
	StageIdle    Stage = "idle"    // nothing: between two steps
)

// Kind is how a session ended.
type Kind string

// The kinds.
const (
	Halted   Kind = "halted"   // as asked: halt was begun and the console ended
	Exited   Kind = "exited"   // the guest's process ended by itself
	Panicked Kind = "panicked" // "Kernel panic - not syncing"
	TimedOut Kind = "timeout"  // a stage, or the session, took too long
	Silent   Kind = "silent"   // no output for Limits.Silence
	Flooded  Kind = "flood"    // more than Limits.Bytes of output
	Killed   Kind = "killed"   // by the caller: its context ended, or Close came before Halt
	Infra    Kind = "infra"    // the pty or the host failed; says nothing about the guest
)

// End says how a session ended.
type End struct {
	Kind  Kind
	Stage Stage  // what was awaited then
	Step  string // "insmod rust_minimal" in StageCommand, else ""
	Exit  Exit   // of the guest's process; after Killed, TimedOut, Silent and Flooded it was umlab that killed it
	Err   error  // nil when Kind is Halted; else an *Error, or several joined
}

// Reply is what a guest answered to one step.
type Reply struct {
	Status int    // of the command, as the shell has it: 0 to 255
	Oops   string // the first line that shows a kernel fault while the step ran, at most 1000 bytes of it; "" for none
}

// Transcript is everything that the guest printed, in order, and how it ended.
type Transcript struct {
	Bytes []byte // at most Limits.Bytes
	End   End
}
