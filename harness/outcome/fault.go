package outcome

import (
	"slices"
	"strings"

	"umlab/harness/kmsg"
)

// fault is the first fault of the kernel that belongs to the module.
func (s *session) fault(h *handled) (Outcome, bool) {
	for _, e := range s.events {
		if e.kind != eventFault || e.line < h.insmod.begin || e.line >= h.next {
			continue
		}
		owner, when := s.owner(e)
		if owner != h.name {
			continue
		}
		detail := joinDetail(when, s.dumpAt(e.line).where())
		if s.lines[e.line].joined {
			detail = joinDetail(detail, wrapped(e))
		}
		for i := max(e.line-3, 0); i < e.line; i++ {
			if strings.HasPrefix(s.lines[i].text, busError) {
				detail = joinDetail(detail, "The kernel blames its host for the bus error, but a wild address raises the same signal.")
			}
		}
		return s.quote(Oops, e.line, detail), true
	}
	return Outcome{}, false
}

// owner is the module that a fault belongs to, and when it happened. A fault in
// a step about a module is that module's. One elsewhere is that of the only
// module in its trace; failing that, of the module whose steps were under way
// or have just ended.
func (s *session) owner(e event) (module, when string) {
	at := s.stepAt(e.line)
	if at >= 0 {
		st := &s.steps[at]
		if len(st.args) > 0 && (st.verb == "insmod" || st.verb == "rmmod" || st.verb == "modules") {
			return moduleName(st.args[0]), "During " + st.verb + "."
		}
	}
	if slices.ContainsFunc(s.steps, func(st step) bool { return st.verb == StepVerb && st.begin < e.line }) {
		return "", "" // modules are tried before the first step of a scenario
	}
	if strings.HasPrefix(e.text, kmsg.PanicMark+": Attempted to kill init!") {
		return "", "" // what runs as init in the guest has ended: no fault of the kernel's
	}
	begun := at
	if at < 0 {
		begun = -1 - at
	}
	var loaded []string // by insmods that succeeded, the last one last
	halting := false
	for i := range s.steps[:begun] {
		st := &s.steps[i]
		halting = halting || st.verb == "halt"
		if st.verb == "insmod" && len(st.args) > 0 && (!st.closed || st.status == 0) {
			loaded = append(loaded, moduleName(st.args[0]))
		}
	}
	halting = halting || at >= 0 && s.steps[at].verb == "halt"
	when = "Outside of the module's own steps."
	var traced []string
	for _, m := range s.dumpAt(e.line).traced() {
		if slices.Contains(loaded, m) {
			traced = append(traced, m)
		}
	}
	switch {
	case len(traced) == 1:
		return traced[0], when
	case len(loaded) == 0 || len(traced) > 1:
		return "", ""
	}
	module = loaded[len(loaded)-1]
	if !halting {
		return module, when
	}
	for attempt := 0; ; attempt++ { // at halt, only a module that is still there
		h := s.handling(module, attempt)
		switch {
		case h == nil:
			return "", ""
		case h.insmod.begin < e.line && (h.rmmod == nil || !h.rmmod.closed || h.rmmod.status != 0):
			return module, when
		}
	}
}
