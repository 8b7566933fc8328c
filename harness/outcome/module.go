package outcome

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"umlab/harness/kmsg"
)

// handled is what the session did with a module: one insmod, and the steps
// behind it that belong to it.
type handled struct {
	given  string // the module, as in Input.Modules
	name   string // as the kernel has it
	insmod *step
	shown  *step       // the modules step that holds the module's line, else the first one; nil without
	rmmod  *step       // the first that succeeded, else the first; nil without
	failed int         // rmmods before the one that succeeded
	proc   *procModule // the line
	line   int         // its index
	next   int         // index of the line where the next insmod of the module begins, or past the last line
}

// done reports whether every step of the module came to its end.
func (h *handled) done() bool {
	return h.insmod.closed && (h.insmod.status != 0 || h.shown != nil && h.shown.closed && h.rmmod != nil && h.rmmod.closed)
}

// handling is what the session did at the attempt-th insmod of a module, from 0; nil
// if it never began.
func (s *session) handling(name string, attempt int) *handled {
	n := moduleName(name)
	h := &handled{given: name, name: n, next: len(s.lines)}
	for i := range s.steps {
		st := &s.steps[i]
		if !st.names(n) || st.begin >= h.next {
			continue
		}
		switch st.verb {
		case "insmod":
			switch {
			case attempt == 0:
				h.insmod = st
			case attempt < 0 && (h.rmmod != nil && h.rmmod.closed && h.rmmod.status == 0 || h.insmod.closed && h.insmod.status != 0):
				// A second insmod of a module that is loaded is part of the first.
				h.next = st.begin
			}
			attempt--
		case "modules":
			if h.insmod != nil && h.proc == nil && (h.rmmod == nil || h.rmmod.status != 0) {
				p, at := s.procModule(st, n)
				if p != nil || h.shown == nil {
					h.shown, h.proc, h.line = st, p, at
				}
			}
		case "rmmod":
			if h.insmod != nil && (h.rmmod == nil || h.rmmod.closed && h.rmmod.status != 0) {
				if h.rmmod != nil && st.closed && st.status != 0 {
					continue
				}
				if h.rmmod != nil {
					h.failed++
				}
				h.rmmod = st
			}
		}
	}
	if h.insmod == nil {
		return nil
	}
	return h
}

// procModule finds the line of /proc/modules about n in st.
func (s *session) procModule(st *step, n string) (*procModule, int) {
	for i := st.begin + 1; i < st.end; i++ {
		if !strings.HasPrefix(s.lines[i].text, n) {
			continue
		}
		if p, ok := parseProcModule(s.lines[i].text); ok && p.name == n {
			return &p, i
		}
	}
	return nil, 0
}

// outcomeOf is the outcome of the attempt-th insmod of a module.
func (s *session) outcomeOf(name string, attempt int) ModuleOutcome {
	h := s.handling(name, attempt)
	if h == nil {
		return ModuleOutcome{Name: name, Outcome: s.notReached(name)}
	}
	o, proved := s.fault(h)
	if !proved && (!h.insmod.closed || h.insmod.status != 0) {
		o, proved = s.rejected(h)
	}
	if !proved {
		switch {
		case !h.insmod.closed:
			o = s.cutShort(h, h.insmod)
		case h.insmod.status != 0:
			o = s.insmodFailed(h)
		default:
			o = s.inserted(h)
		}
	}
	if h.proc != nil && h.insmod.status == 0 {
		o.Address = h.proc.address
	}
	o.Detail = joinDetail(o.Detail, s.forgeries(h.insmod.begin, h.next, o))
	o.Stays = h.insmod.closed && h.insmod.status == 0 && h.rmmod != nil && h.rmmod.closed && h.rmmod.status != 0
	return ModuleOutcome{Name: name, Outcome: o, Reached: true}
}

// quote makes line i the evidence.
func (s *session) quote(k Kind, i int, detail string) Outcome {
	o := Outcome{Kind: k, Detail: detail}
	if i >= 0 && i < len(s.lines) {
		o.Evidence, o.Offset = s.lines[i].raw, s.lines[i].off
	}
	return o
}

// rejected is what the loader said against the module. A relocation decides;
// what stands before it was only a warning.
func (s *session) rejected(h *handled) (Outcome, bool) {
	for _, kind := range []Kind{RelocationUnknown, RelocationOverflow, InsmodFailed} {
		for _, e := range s.within(h.insmod, eventRefused, h.name) {
			if o, ok := s.rejection(e, !h.insmod.closed); ok && o.Kind == kind {
				if o.Errno == 0 {
					o.Errno, _ = s.errno(h.insmod, h.name)
				}
				return o, true
			}
		}
	}
	return Outcome{}, false
}

// rejection turns what the loader said into an outcome. An overflow whose
// module is in a line that never came counts only where the transcript was cut.
func (s *session) rejection(e event, cut bool) (Outcome, bool) {
	o := e.shows
	o.Evidence, o.Offset = s.lines[e.line].raw, s.lines[e.line].off
	if o.Kind == RelocationOverflow && e.module == "" {
		if !cut {
			return Outcome{}, false
		}
		o.Detail = "The transcript ends before the line that names the module."
	}
	if s.lines[e.line].joined {
		o.Detail = joinDetail(o.Detail, wrapped(e))
	}
	return o, true
}

// errno is what the tool that ran in st said, and the index of its line or -1.
// busybox's insmod has the errno for its exit status.
func (s *session) errno(st *step, n string) (errno, at int) {
	at = -1
	for _, e := range s.within(st, eventTool, n) {
		if e.tool == "rmmod" == (st.verb == "rmmod") {
			errno, at = e.shows.Errno, e.line
			break
		}
	}
	if errno == 0 && at >= 0 && st.verb == "insmod" && strings.HasPrefix(s.lines[at].text, "insmod: can't insert ") && st.status < 134 {
		errno = st.status
	}
	return errno, at
}

// insmodFailed is a module that insmod did not load, and against which the
// loader said nothing.
func (s *session) insmodFailed(h *handled) Outcome {
	errno, at := s.errno(h.insmod, h.name)
	if at < 0 {
		at = h.insmod.end
	}
	o := s.quote(InsmodFailed, at, "")
	o.Errno = errno
	if tools := s.within(h.insmod, eventTool, h.name); len(tools) > 0 && tools[0].missing {
		return s.quote(Infra, at, "The guest has no such file, so the kernel never saw the module.")
	}
	if es := s.within(h.insmod, eventInitReturned, h.name); len(es) > 0 {
		o = s.quote(InitFailed, es[0].line, "")
		o.Errno = es[0].shows.Errno
		return o
	}
	if out := s.printed(h, false); out >= 0 {
		o.Kind = InitFailed
		o.Detail = fmt.Sprintf("The module's init ran: it printed %q.", clip(s.lines[out].text))
		if errno == 0 {
			o.Detail += " What it returned is not shown."
		}
		return o
	}
	if text := s.lost(h); text != "" {
		o.Kind = InitFailed
		o.Detail = fmt.Sprintf("The module's init ran: the kernel's log has its line %q, which did not reach the console.", clip(text))
		return o
	}
	said := s.said(h)
	switch {
	case kmsg.OnlyInit(errno):
		o.Kind = InitFailed
		o.Detail = "Neither the loader nor the module printed anything, but the loader itself never fails with this errno."
		if said >= 0 {
			o.Detail = "The module printed nothing, but the loader itself never fails with this errno."
		}
	case said >= 0:
		o = s.quote(InsmodFailed, said, "The source of this kernel's loader has that message; that it is why insmod failed is not shown.")
		o.Errno = errno
	case errno == int(syscall.EEXIST):
		o.Detail = "A module of that name is loaded already, or its init returned the same errno without printing anything."
	case errno == 0:
		o.Detail = fmt.Sprintf("insmod ended with status %d and without a reason that is known.", h.insmod.status)
	default:
		o.Detail = "Neither the loader nor the module printed anything, so either of them may have failed."
	}
	return o
}

// inserted is a module whose insmod succeeded.
func (s *session) inserted(h *handled) Outcome {
	if o, proved := s.notLoaded(h, true); proved {
		return o
	}
	switch {
	case h.shown == nil:
		return s.cutShort(h, nil)
	case !h.shown.closed:
		return s.cutShort(h, h.shown)
	case h.rmmod == nil || !h.rmmod.closed:
		return s.cutShort(h, h.rmmod)
	case h.rmmod.status != 0 && !h.proc.permanent:
		errno, at := s.errno(h.rmmod, h.name)
		if at < 0 {
			at = h.rmmod.end
		}
		o := s.quote(InsmodFailed, at, "insmod succeeded and the module is Live, but rmmod failed.")
		o.Errno = errno
		return o
	}
	o := s.quote(Loaded, h.line, "")
	switch {
	case h.rmmod.status != 0:
		o.Detail = "It cannot be removed: it has no exit function."
	case s.in.Unsure[h.given] && s.printed(h, true) < 0:
		o.Detail = "None of the lines that its code holds was seen while insmod ran: " +
			"that it is loaded rests on Live in /proc/modules and on rmmod."
	}
	for _, st := range []*step{h.insmod, h.shown, h.rmmod} {
		for _, e := range s.within(st, eventWarning, h.name) {
			o.Detail = joinDetail(o.Detail, fmt.Sprintf("The kernel warned during %s: %s", st.verb, clip(e.text)))
		}
	}
	if h.failed > 0 {
		o.Detail = joinDetail(o.Detail, "An earlier rmmod failed.")
	}
	return o
}

// notLoaded is what shows that a module is not there although its insmod succeeded. With heard, its init is one that prints.
func (s *session) notLoaded(h *handled, heard bool) (o Outcome, proved bool) {
	switch {
	case heard && !s.in.Silent[h.given] && !s.in.Unsure[h.given] && s.printed(h, true) < 0:
		return s.quote(InsmodFailed, h.insmod.end,
			"insmod succeeded, but its init printed nothing that was expected: that it ran is not shown."), true
	case h.shown != nil && h.shown.closed && h.proc == nil:
		return s.quote(InsmodFailed, h.shown.end, "insmod succeeded, but the module does not stand in /proc/modules."), true
	case h.proc != nil && !h.proc.live():
		return s.quote(InsmodFailed, h.line, "insmod succeeded, but /proc/modules says "+h.proc.state+" and not Live."), true
	}
	return Outcome{}, false
}

// printed is the index of a line that the module's init printed, or -1. With
// expected, it must be the one that the caller described.
func (s *session) printed(h *handled, expected bool) int {
	re := s.in.Output[h.given]
	for i := h.insmod.begin + 1; i < h.insmod.end; i++ {
		text := s.lines[i].text
		own := s.ownLine(text, h.name)
		if re != nil && (expected || !own) {
			own = re.MatchString(text) && !s.loaderLine(text)
		}
		if own {
			return i
		}
	}
	return -1
}

// lost is the line, as the caller described it, that the module's init printed and that the kernel's log has more often than the
// console, as UML's drops what a full terminal does not take; "" where there is none, or it may be of another insmod.
func (s *session) lost(h *handled) string {
	re := s.in.Output[h.given]
	for _, st := range s.steps {
		if st.verb == "insmod" && st.begin != h.insmod.begin && st.names(h.name) {
			return ""
		}
	}
	if re == nil || len(s.logs) == 0 {
		return ""
	}
	printed := s.logs[len(s.logs)-1].printed
	for _, text := range slices.Sorted(maps.Keys(printed)) {
		if re.MatchString(text) && !s.loaderLine(text) && printed[text] > len(s.alike(text)) {
			return text
		}
	}
	return ""
}

// said is the index of the first line with which only this tree's loader speaks of the
// module, or of none, or -1.
func (s *session) said(h *handled) int {
	for i := h.insmod.begin + 1; i < h.insmod.end; i++ {
		text := s.lines[i].text
		args, ok := s.in.Loader.Match(text)
		if ok && kmsg.LoadingOf(text).Effect != kmsg.Goes &&
			(len(args) == 0 || slices.ContainsFunc(args, func(arg string) bool { return moduleName(arg) == h.name })) {
			return i
		}
	}
	return -1
}

// ownLine reports whether the module itself printed text.
func (s *session) ownLine(text, n string) bool {
	rest, ok := strings.CutPrefix(text, n+": ")
	if !ok && strings.Contains(n, "_") {
		rest, ok = strings.CutPrefix(text, strings.ReplaceAll(n, "_", "-")+": ")
	}
	return ok && strings.TrimSpace(rest) != "" && !s.loaderLine(text)
}

// loaderLine reports whether the kernel printed text about a module.
func (s *session) loaderLine(text string) bool {
	if _, own := s.in.Loader.Match(text); own || kmsg.LoadingOf(text).Effect == kmsg.Goes ||
		companionRE.MatchString(text) || strings.HasPrefix(text, "umlab[") {
		return true
	}
	_, ok, _ := recognise(text, s.pasted)
	return ok
}

// wrapped quotes a line that stands in more than one of the transcript.
func wrapped(e event) string { return fmt.Sprintf("The line was wrapped; whole: %q.", clip(e.text)) }

func joinDetail(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// clip keeps a quoted line from filling a report.
func clip(text string) string { return clipped(text, 160) }

// clipped is at most so many bytes of text.
func clipped(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "\uFFFD") + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
