package outcome

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// StepVerb is what the guest's lines call a step of a scenario: "begin step NAME".
const StepVerb = "step"

// Step is a step of a scenario: what the guest was given to do, and what is wanted of it.
type Step struct {
	Name   string
	Boot   bool           // nothing but the boot, which shows what is wanted
	Module string         // the command inserts it and then prints /proc/modules; "" for any other
	Suite  string         // pattern of KUnit suites; "" for none
	Status int            // wanted of the command
	Within time.Duration  // its deadline; 0 for that of any step
	Output *regexp.Regexp // matches what the command must print, whose lines end in \n; nil: anything
	Kernel *regexp.Regexp // matches a line that the kernel must print meanwhile, without its stamp; nil: anything
}

// StepOutcome is what a transcript shows for one step.
type StepOutcome struct {
	Name    string // as in Input.Steps
	Outcome Outcome
	Tests   []TestOutcome // of KUnit, in the order of the log
	NotRun  string        // why the guest was not given it: "after oops in mount-it"; the outcome is Unproved then
	Reached bool          // the guest began with it
	Talks   bool          // it printed lines that look like a fault, and are none
}

// TestOutcome is one test of KUnit.
type TestOutcome struct {
	Name    string // "suite/test"
	Outcome Outcome
	Skipped string // why it did not run, in its own words; the outcome is Unproved then
}

// stepOutcomes are the outcomes of the steps. Where one brought the machine down, or never
// ended, none behind it was run.
func (s *session) stepOutcomes() []StepOutcome {
	var all []StepOutcome
	after, at := "", 0
	for _, want := range s.in.Steps {
		if after != "" && !(want.Boot && s.boot.Ready) {
			all = append(all, StepOutcome{Name: want.Name, NotRun: after})
			continue
		}
		v := stepView{session: s, want: want}
		if !want.Boot {
			v.find(&at)
		}
		o := v.outcome()
		switch o.Outcome.Kind {
		case Oops, Timeout, BootFailed, Infra:
			after = fmt.Sprintf("after %s in %s", o.Outcome.Kind, want.Name)
		case Failed:
			if v.st != nil && !v.st.closed {
				after = fmt.Sprintf("after the guest ended in %s", want.Name)
			}
		}
		all = append(all, o)
	}
	return all
}

// stepView is a step with the part of the transcript that is about it.
type stepView struct {
	*session
	want       Step
	st         *step // nil where it was not begun
	begin, end int   // indexes of its first line and of the one behind the last that may be its doing
}

// find finds the step among those of the session from index *at on, and moves that behind it.
func (v *stepView) find(at *int) {
	for i := *at; i < len(v.steps); i++ {
		st := &v.steps[i]
		if st.verb != StepVerb || len(st.args) != 1 || st.args[0] != v.want.Name {
			continue
		}
		*at = i + 1
		v.st, v.begin, v.end = st, st.begin, len(v.lines)
		for _, next := range v.steps[i+1:] {
			if next.verb == StepVerb {
				v.end = next.begin
				break
			}
		}
		return
	}
}

// outcome is what the transcript shows.
func (v *stepView) outcome() StepOutcome {
	r := StepOutcome{Name: v.want.Name, Reached: v.st != nil || v.want.Boot}
	switch {
	case !v.boot.Ready:
		r.Outcome = v.bootFailed()
		return r
	case v.want.Boot:
		v.end = v.ready
		if v.ready < len(v.lines) && v.lines[v.ready].text == "umlab: ready" {
			v.end++
		}
	case v.st == nil:
		r.Outcome = v.notBegun()
		return r
	}
	o, proved := v.faulted(&r)
	if !proved {
		o = v.judged(&r)
	}
	if v.st != nil {
		o.Detail = joinDetail(o.Detail, v.forgeries(v.begin, v.end, o))
	}
	r.Outcome = o
	return r
}

// judged is the outcome of a step in which the kernel did not fault.
func (v *stepView) judged(r *StepOutcome) Outcome {
	if v.st != nil && !v.st.closed {
		return v.unended()
	}
	if v.want.Module != "" {
		if o, proved := v.notInserted(); proved {
			return o
		}
	}
	last := v.end - 1
	if v.st != nil {
		last = v.st.end
		if o, proved := v.wrongStatus(); proved {
			return o
		}
	}
	o := v.quote(Passed, last, "")
	if re := v.want.Output; re != nil {
		at := v.printed(re)
		if at < 0 {
			return v.lacks(MissingOutput, last, fmt.Sprintf("Nothing that it printed matches %s.", strings.TrimPrefix(re.String(), "(?m)")))
		}
		o = v.quote(Passed, at, "")
	}
	if re := v.want.Kernel; re != nil {
		at, why := v.kernelLine(re)
		if at < 0 {
			return v.lacks(MissingKernel, last, why)
		}
		o = v.quote(Passed, at, "")
	}
	if v.want.Suite != "" {
		o = v.kunit(r, o)
	}
	for _, e := range v.events {
		if e.kind == eventWarning && e.line > v.begin && e.line < v.behind() && v.mayBeKernels(e.line) {
			o.Detail = joinDetail(o.Detail, fmt.Sprintf("The kernel warned: %q.", clip(e.text)))
		}
	}
	return o
}

// behind is the index of the line behind those that were printed while the step ran.
func (v *stepView) behind() int {
	if v.st != nil {
		return v.st.end
	}
	return v.end
}

// faulted is the first fault of the kernel from the step's begin to that of the next.
func (v *stepView) faulted(r *StepOutcome) (Outcome, bool) {
	for _, e := range v.events {
		if e.kind != eventFault || e.line < v.begin || e.line >= v.end {
			continue
		}
		if !v.mayBeKernels(e.line) {
			r.Talks = true
			continue
		}
		when := "While it ran."
		if v.want.Boot {
			when = "While it booted."
		} else if e.line > v.st.end {
			when = "Behind its end."
		}
		return v.quote(Oops, e.line, joinDetail(when, v.dumpAt(e.line).where())), true
	}
	r.Talks = r.Talks || v.forgedFault()
	return Outcome{}, false
}

// mayBeKernels reports whether nothing shows that line i is a process's. Before the guest took
// commands there was none.
func (v *stepView) mayBeKernels(i int) bool {
	own, asked := v.byKernel(i, v.begin, v.end)
	return own || !asked || i < v.ready
}

// forgedFault reports whether a line of the step that was not believed looks like a fault.
func (v *stepView) forgedFault() bool {
	for _, f := range v.forged {
		if f.line < v.begin || f.line >= v.end {
			continue
		}
		if e, ok, _ := recognise(newLine(v.lines[f.line].raw, 0, v.lines[f.line].raw, false).text, false); ok && e.kind == eventFault {
			return true
		}
	}
	return false
}

// notBegun is a step that the guest was not given, though none before it brought the machine down.
func (v *stepView) notBegun() Outcome {
	if o, proved := v.endedBefore("the step's turn"); proved {
		return o
	}
	if v.last() == nil && v.in.End.Kind != EndHalted {
		return v.ended(v.lastLine(), "The step's turn had come", nil)
	}
	return Outcome{Detail: "The session never came to the step."}
}

// unended is a step that began and did not end.
func (v *stepView) unended() Outcome {
	const what = "The step began and did not end"
	if v.last() != v.st {
		return v.quote(Unproved, v.begin, what+": the guest went on to another step.")
	}
	if end := v.in.End; end.Kind == EndExited && !crashed(end.Status) && end.Status != "signal 9" && end.Status != "" {
		return v.quote(Failed, v.begin, what+": the guest ended while it ran"+status(end))
	}
	o := v.ended(v.begin, what, &step{verb: StepVerb + " " + v.want.Name})
	if o.Kind == Timeout && v.want.Within > 0 {
		o.Detail = joinDetail(o.Detail, fmt.Sprintf("It was to end within %s.", v.want.Within))
	}
	return o
}

// wrongStatus is a command that ended with another status than was wanted.
func (v *stepView) wrongStatus() (Outcome, bool) {
	got := v.st.status
	if got == v.want.Status {
		return Outcome{}, false
	}
	o := v.quote(Failed, v.st.end, fmt.Sprintf("Exit status %d", got))
	if got > 128 && got <= 128+64 {
		if name := unix.SignalName(syscall.Signal(got - 128)); name != "" {
			o.Detail += fmt.Sprintf(" (signal %d, %s)", got-128, name)
		}
	}
	o.Detail += fmt.Sprintf(" where %d was wanted.", v.want.Status)
	if got == 127 {
		o.Detail += " With 127 the guest's shell says that it has no such command: the scenario's manifest can bring it."
	}
	if o.Status = got; got == 0 {
		o.Missing = MissingStatus
	}
	o.Detail = joinDetail(o.Detail, v.lastWords())
	return o, true
}

// lacks is a step that did not show what was wanted.
func (v *stepView) lacks(m Missing, at int, why string) Outcome {
	o := v.quote(Failed, at, joinDetail(why, v.lastWords()))
	o.Missing = m
	return o
}

// lastWords quotes the last line that the command printed.
func (v *stepView) lastWords() string {
	if v.st == nil {
		return ""
	}
	for i := v.st.end - 1; i > v.st.begin; i-- {
		if own, _ := v.byKernel(i, v.begin, v.end); !own && strings.TrimSpace(v.lines[i].raw) != "" {
			return fmt.Sprintf("The last line that it printed: %q.", clip(v.lines[i].raw))
		}
	}
	return "It printed nothing."
}

// printed is the index of the line in which what the command printed matches, or -1. What the
// kernel printed meanwhile is no part of that.
func (v *stepView) printed(re *regexp.Regexp) int {
	var text strings.Builder
	var lines, ends []int
	for i := v.st.begin + 1; i < v.st.end; i++ {
		raw := v.lines[i].raw
		if own, _ := v.byKernel(i, v.begin, v.end); own || raw == "" && i == v.st.end-1 { // init's own line end
			continue
		}
		text.WriteString(raw + "\n")
		lines, ends = append(lines, i), append(ends, text.Len())
	}
	at := re.FindStringIndex(text.String())
	if at == nil {
		return -1
	}
	for k, end := range ends {
		if at[0] < end {
			return lines[k]
		}
	}
	return v.st.end // an expression that nothing satisfies, too
}

// kernelLine is the index of the first line that matches and that the kernel printed while the
// step ran, or -1 and why there is none.
func (v *stepView) kernelLine(re *regexp.Regexp) (at int, why string) {
	why = fmt.Sprintf("No line that the kernel printed meanwhile matches %s.", re)
	for i := v.begin; i < v.behind(); i++ {
		if !re.MatchString(v.lines[i].text) || strings.HasPrefix(v.lines[i].text, "umlab") {
			continue
		}
		own, asked := v.byKernel(i, v.begin, v.end)
		switch {
		case own || v.want.Boot:
			return i, ""
		case !asked:
			why = fmt.Sprintf("%q matches %s, but the kernel's log does not tell whether the kernel printed it.", clip(v.lines[i].raw), re)
		default:
			why = fmt.Sprintf("%q matches %s, but a process of the guest printed it, and not its kernel.", clip(v.lines[i].raw), re)
		}
	}
	return -1, why
}

// notInserted is what keeps a module from being inserted, as for a module of the scenario that is no step's.
func (v *stepView) notInserted() (Outcome, bool) {
	st := *v.st
	st.verb = "insmod"
	h := &handled{given: v.want.Module, name: moduleName(v.want.Module), insmod: &st, next: v.end}
	if st.status != 0 {
		if o, ok := v.rejected(h); ok {
			return o, true
		}
		return v.insmodFailed(h), true
	}
	h.shown = &st // the command prints /proc/modules itself
	h.proc, h.line = v.procModule(&st, h.name)
	return v.notLoaded(h, v.want.Suite == "")
}

// loggedSteps are the steps that a log of umlab's shows. What was wanted of them it does not.
func (s *session) loggedSteps() (all []ModuleOutcome) {
	for _, st := range s.steps {
		if st.verb == StepVerb && len(st.args) == 1 {
			s.in.Steps = append(s.in.Steps, Step{Name: st.args[0]})
		}
	}
	for _, o := range s.stepOutcomes() {
		if !o.Reached {
			continue
		}
		if k := o.Outcome.Kind; k == Passed || k == Failed {
			o.Outcome = Outcome{Evidence: o.Outcome.Evidence, Offset: o.Outcome.Offset,
				Detail: "The step came to its end; what was wanted of it a log does not tell."}
		}
		all = append(all, ModuleOutcome{Name: o.Name, Outcome: o.Outcome, Reached: true})
	}
	return all
}
