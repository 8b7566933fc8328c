package outcome

import (
	"regexp"

	"umlab/harness/kmsg"
)

// Unproved is the zero Kind: no line proves anything about the module. It is
// not in Kinds, and never counts.
const Unproved Kind = ""

// EndKind is how a guest's session ended. The console layer knows it, and its
// kinds have the same names.
type EndKind string

// The ways in which a session ends.
const (
	EndUnknown  EndKind = ""         // nobody knows: a log from elsewhere
	EndHalted   EndKind = "halted"   // as asked
	EndExited   EndKind = "exited"   // the guest's process ended by itself
	EndPanicked EndKind = "panicked" // the console layer saw a panic and stopped waiting
	EndTimeout  EndKind = "timeout"  // a stage, or the session, took too long
	EndSilent   EndKind = "silent"   // the no-output deadline passed
	EndFlood    EndKind = "flood"    // more output than is kept
	EndKilled   EndKind = "killed"   // umlab ended it, for a reason of its own
	EndInfra    EndKind = "infra"    // umlab or its host failed
)

// End is how the guest's session ended, as told by the console layer.
type End struct {
	Kind   EndKind
	Stage  string // what was waited for; becomes Outcome.Stage of a Timeout
	Status string // of the guest's process: "exit status 1", "signal 11"; for EndInfra the error
}

// Input is what Classify judges.
type Input struct {
	Transcript []byte   // everything that the guest printed
	Modules    []string // in the order of the steps; a name that stands k times means its first k insmods
	Steps      []Step   // that the guest takes behind the modules, in this order
	End        End

	// Silent names modules whose init prints nothing: for them `loaded` needs
	// no output.
	Silent map[string]bool

	// Unsure names modules whose Output nobody vouches for, as it was read from
	// the module: where it is not seen, `loaded` rests on Live and rmmod alone,
	// and says so.
	Unsure map[string]bool

	// Output matches a line that the module's init prints, without the kernel's
	// time stamp. Without an entry, or with a nil one, any line counts that
	// begins with the module's name, a colon and a space. What the loader says
	// about the module never counts.
	Output map[string]*regexp.Regexp

	// Loader is what the loader of the kernel's own tree can print, besides what kmsg
	// knows; nil where the tree is not known. No module has printed these.
	Loader kmsg.Formats
}

// Boot is what a transcript says about the boot as a whole.
type Boot struct {
	Kernel string // release, from "Linux version …": "6.12.107"; "" where that line is missing
	Gap    *int64 // bytes, from "Adding N bytes to physical memory to account for exec-shield gap"; nil without
	Ready  bool   // the guest took commands
}

// ModuleOutcome is what a transcript shows for one module.
type ModuleOutcome struct {
	Name    string // as in Input.Modules; "" for a fault in a log that names no module
	Outcome Outcome
	Reached bool // its insmod was begun
}

// Result is what a transcript shows.
type Result struct {
	Boot    Boot
	Modules []ModuleOutcome // one for each of Input.Modules, in its order
	Steps   []StepOutcome   // one for each of Input.Steps, in its order
}

// Classify judges a transcript of umlab's own boot, in which the guest prints
// "umlab: ready" and then two lines around each step.
//
// A module is Loaded only if insmod succeeded, its init was seen to print, it
// stood Live in /proc/modules, and rmmod succeeded. Where one of them is shown
// not to be so, it is InsmodFailed with the reason in Detail. A fault of the
// kernel in one of the module's steps, or right behind them, is an Oops,
// however the session ended.
//
// Unproved is the outcome of a module that the session did not come to (Reached
// is false then) and of one whose steps were cut short by something that is not
// its own doing. BootFailed, a Timeout before the guest was ready, and Infra
// hold for every module that was not reached.
//
// Evidence is at most 4096 bytes of the line. Transcript[Offset:] always begins
// with it. The result depends on the input alone.
func Classify(in Input) Result {
	s := newSession(splitLines(in.Transcript, false), false)
	s.in = in
	res := Result{Boot: s.boot}
	seen := map[string]int{}
	for _, name := range in.Modules {
		n := moduleName(name)
		res.Modules = append(res.Modules, s.outcomeOf(name, seen[n]))
		seen[n]++
	}
	res.Steps = s.stepOutcomes()
	return res
}
