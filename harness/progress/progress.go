// Package progress carries what is being done, and how far it is, from the
// layers that do the work to the one that shows it. It imports nothing of umlab
// and never prints: package display does.
package progress

// Unit says what the numbers of a Task count.
type Unit string

// The units umlab counts in.
const (
	None     Unit = ""         // a task without a measurable extent
	Bytes    Unit = "bytes"    // octets on the wire or on disk
	Packages Unit = "packages" // Debian packages
	Objects  Unit = "objects"  // lines of Kbuild that made something (CC, RUSTC, LD, ...)
	Boots    Unit = "boots"    // of cells
	Cells    Unit = "cells"    // and controls, that workers do
)

// A Sink shows tasks. Implementations are safe for concurrent use.
type Sink interface {
	// Start announces a task ("fetch toolchain trixie") of total units; a total
	// of 0 means that it is not known (yet).
	Start(name string, unit Unit, total int64) Task
	// Note prints one line that is no task: a warning, a cache hit, a decision.
	Note(line string)
}

// A Task is one line of work. Done must be called exactly once.
type Task interface {
	Add(n int64)         // n more units are finished
	Total(n int64)       // the extent became known, or changed
	Status(short string) // what it is at right now ("rustc_1.85.1.deb", "CC kernel/fork.o")
	Done(err error)      // finished, or failed with err
}

// Discard is a Sink that shows nothing.
type Discard struct{}

// Start returns a Task that ignores everything.
func (Discard) Start(string, Unit, int64) Task { return discardTask{} }

// Note drops the line.
func (Discard) Note(string) {}

type discardTask struct{}

func (discardTask) Add(int64)     {}
func (discardTask) Total(int64)   {}
func (discardTask) Status(string) {}
func (discardTask) Done(error)    {}

// Writer counts what passes through it into a Task.
type Writer struct{ Task Task }

// Write adds len(p) to the task.
func (w Writer) Write(p []byte) (int, error) {
	w.Task.Add(int64(len(p)))
	return len(p), nil
}

// Prefix is a Sink that says before every task and note what it is done for.
type Prefix struct {
	Sink Sink
	Text string // "toolchain trixie: "
}

// Start announces a task under the prefixed name.
func (p Prefix) Start(name string, unit Unit, total int64) Task {
	return p.Sink.Start(p.Text+name, unit, total)
}

// Note prints a prefixed line.
func (p Prefix) Note(line string) { p.Sink.Note(p.Text + line) }
