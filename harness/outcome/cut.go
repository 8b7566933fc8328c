package outcome

import (
	"cmp"
	"slices"
	"strings"
)

// cutShort is a module whose step st never ended, or never began where st is
// nil: what the end of the session says.
func (s *session) cutShort(h *handled, st *step) Outcome {
	what := "The module's steps never came to their end"
	at := h.insmod.end
	if st != nil {
		what, at = st.verb+" began and did not end", st.begin
	}
	if s.last() != st && st != nil || st == nil && s.anotherOpen(h) {
		return s.quote(Unproved, at, what+": the guest went on to another step, or stopped in one.")
	}
	return s.ended(at, what, st)
}

// ended is what the way in which the session ended says about the one step, or
// the one module, that it was at. at is the line to quote.
func (s *session) ended(at int, what string, st *step) Outcome {
	end := s.in.End
	switch end.Kind {
	case EndTimeout, EndSilent, EndFlood:
		stage := "idle"
		if st != nil {
			stage = st.verb
		}
		return s.overtime(at, what, stage)
	case EndKilled, EndInfra:
		return s.quote(Infra, at, what+": umlab or its host ended the session"+status(end))
	case EndExited:
		if st != nil && crashed(end.Status) {
			return s.quote(Oops, at, what+": the guest's process died without a panic line"+status(end))
		}
		return s.quote(Infra, at, what+": the guest's process ended and said nothing"+status(end))
	case EndPanicked:
		return s.quote(Infra, at, what+": the session ended in a panic that no line ties to the module.")
	}
	return s.quote(Unproved, at, what+": the transcript ends there.")
}

// overtime is a session that ended for what it took: time or output. stage is
// what was waited for, unless the console layer knows better.
func (s *session) overtime(at int, what, stage string) Outcome {
	switch s.in.End.Kind {
	case EndSilent:
		what += ": the guest fell silent."
	case EndFlood:
		what += ": the guest printed more than is kept."
	default:
		what += ": the deadline passed."
	}
	o := s.quote(Timeout, at, what)
	o.Stage = cmp.Or(s.in.End.Stage, stage)
	return o
}

func status(end End) string {
	if end.Status == "" {
		return "."
	}
	return " (" + end.Status + ")."
}

// crashed reports whether a process with that status was ended by a fault of
// its own. SIGKILL is somebody else's doing, the host's OOM killer included.
func crashed(status string) bool {
	words := strings.TrimPrefix(status, "signal: ")
	words, _, _ = strings.Cut(words, " (")
	return slices.Contains([]string{
		"signal 4", "signal 5", "signal 6", "signal 7", "signal 8", "signal 11",
		"illegal instruction", "trace/breakpoint trap", "aborted", "bus error", "floating point exception", "segmentation fault",
	}, words)
}

// last is the step that was open when the transcript ended, or nil.
func (s *session) last() *step {
	if n := len(s.steps); n > 0 && !s.steps[n-1].closed {
		return &s.steps[n-1]
	}
	return nil
}

// anotherOpen reports whether the session ended in a step that is not the
// module's, or had gone on to other modules.
func (s *session) anotherOpen(h *handled) bool {
	if l := s.last(); l != nil {
		return true
	}
	return s.in.End.Kind != EndKilled && s.in.End.Kind != EndInfra && s.current() != h.name
}

// current is the module whose step was begun last, or "".
func (s *session) current() string {
	for _, st := range slices.Backward(s.steps) {
		if len(st.args) > 0 && (st.verb == "insmod" || st.verb == "rmmod" || st.verb == "modules") {
			return moduleName(st.args[0])
		}
	}
	return ""
}

// notReached is a module whose insmod never began.
func (s *session) notReached(name string) Outcome {
	if !s.boot.Ready {
		return s.bootFailed()
	}
	if o, proved := s.endedBefore("the module's turn"); proved {
		return o
	}
	if s.last() == nil && s.turn(name) {
		return s.ended(s.lastLine(), "The module's turn had come", nil)
	}
	return Outcome{Detail: "The session never came to the module."}
}

// endedBefore is what a session that came to its prompt shows to have ended it before the turn of a module or a step.
func (s *session) endedBefore(turn string) (o Outcome, proved bool) {
	if k := s.in.End.Kind; k == EndKilled || k == EndInfra {
		return s.quote(Infra, s.lastLine(), "The session ended before "+turn+status(s.in.End)), true
	}
	if len(s.steps) == 0 {
		for _, e := range s.events {
			if e.kind == eventFault && e.line > s.ready {
				return s.quote(BootFailed, e.line, "The guest took commands, but the kernel panicked before the first one."), true
			}
		}
	}
	return Outcome{}, false
}

// turn reports whether the next step would have been the module's: all before
// it are done.
func (s *session) turn(name string) bool {
	for _, m := range s.in.Modules {
		if m == name {
			return true
		}
		if h := s.handling(m, 0); h == nil || !h.done() {
			return false
		}
	}
	return false
}

// bootFailed is a guest that never took commands.
func (s *session) bootFailed() Outcome {
	for _, e := range s.events {
		switch e.kind {
		case eventHost:
			return s.quote(Infra, e.line, "UML says that its host did not give it what it needs.")
		case eventFault:
			o := s.quote(BootFailed, e.line, "")
			o.Detail = s.dumpAt(e.line).where()
			return o
		}
	}
	at := s.lastLine()
	switch end := s.in.End; end.Kind {
	case EndTimeout, EndSilent, EndFlood:
		return s.overtime(at, "The guest never took commands", "boot")
	case EndKilled, EndInfra:
		return s.quote(Infra, at, "The session ended while the guest booted"+status(end))
	case EndExited, EndHalted:
		if at < 0 && !crashed(end.Status) {
			return s.quote(Infra, at, "The guest's process ended without printing anything"+status(end))
		}
		if strings.TrimPrefix(end.Status, "signal: ") == "killed" || end.Status == "signal 9" {
			return s.quote(Infra, at, "Somebody killed the guest while it booted"+status(end))
		}
		return s.quote(BootFailed, at, "The guest's process ended before it took commands"+status(end))
	case EndPanicked:
		return s.quote(BootFailed, at, "The console layer saw a panic whose line is not known; nothing shows that the host is at fault.")
	}
	return s.quote(Unproved, at, "The transcript ends before the guest took commands.")
}

// lastLine is the index of the last line that is not blank, or -1.
func (s *session) lastLine() int {
	for i, l := range slices.Backward(s.lines) {
		if strings.TrimSpace(l.text) != "" {
			return i
		}
	}
	return -1
}
