package outcome

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"umlab/harness/kmsg"
)

// ClassifyLog judges any console log: one that umlab saved, or one pasted from
// a mail, quoted, with syslog's prefixes, time stamps or a shell's prompts,
// with CRLF, broken at some column, or only a part of one. A mail is decoded.
//
// Where the log holds umlab's own lines around the steps, the outcomes are
// those of Classify for the modules whose insmod it shows and a session of
// which nobody knows how it ended, and for its steps what stands under their names: a
// fault, or the status, of which a log does not tell whether it was wanted. Elsewhere a module is judged by what the
// kernel and insmod say about it. Loaded is never shown by such a log, for
// nothing in it proves that rmmod works; Detail then says what was seen. A
// fault that nothing ties to a module stands under the name "". Where several
// modules may be meant, Detail names them, and the outcome is Unproved.
//
// The modules are in the order in which they appear. Offset and Evidence hold
// as for Classify; of a broken line they are the first part, and Detail has the
// whole line.
func ClassifyLog(log []byte) ([]ModuleOutcome, Boot) {
	lines := splitLines(log, true)
	unwrap(lines)
	s := newSession(lines, true)
	var names []string
	for _, st := range s.steps {
		if st.verb == "insmod" && len(st.args) > 0 && !slices.Contains(names, moduleName(st.args[0])) {
			names = append(names, moduleName(st.args[0]))
		}
	}
	var all []ModuleOutcome
	for _, n := range names {
		all = append(all, s.outcomeOf(n, 0))
	}
	if all = append(all, s.loggedSteps()...); len(all) > 0 {
		return all, s.boot
	}
	p := paste{session: s, commands: commands(lines), faults: map[int]fault{}}
	s.commandAt = map[int]bool{}
	for _, c := range p.commands {
		s.commandAt[c.line] = true
	}
	p.tries = p.attempts()
	for _, n := range p.modules() {
		all = append(all, p.outcomeOf(n))
	}
	return all, s.boot
}

// paste is a log without umlab's own lines.
type paste struct {
	*session
	commands []command
	tries    []*attempt
	faults   map[int]fault // by the index of its line
}

// fault is whose a fault is.
type fault struct {
	modules []string // more than one are candidates
	when    string
}

func (f fault) module() string {
	if len(f.modules) == 1 {
		return f.modules[0]
	}
	return ""
}

// loads reports whether e is a tool that could not load a module.
func (e event) loads() bool { return e.kind == eventTool && e.tool != "rmmod" }

// modules names the modules that the log is about, in the order of their first
// line, and settles whose the events are that name no module.
func (p *paste) modules() []string {
	type mention struct {
		line int
		name string
	}
	var ms []mention
	for _, a := range p.tries {
		if a.given {
			ms = append(ms, mention{a.begin, a.module})
		}
	}
	for i, l := range p.lines {
		if strings.Contains(l.text, " Live 0x") {
			if m, ok := parseProcModule(l.text); ok {
				ms = append(ms, mention{i, m.name})
			}
		}
	}
	for i := range p.events {
		e := &p.events[i]
		switch e.kind {
		case eventRefused:
			if e.module == "" {
				e.module = p.handledAt(*e)
			}
		case eventFault:
			// A dump has several such lines. The first stands for all.
			if p.sameDump(p.events[:i], *e) {
				continue
			}
			f := p.faulty(e.line)
			p.faults[e.line] = f
			e.module = f.module()
		case eventWarning:
			if a := p.attemptAt(e.line); a != nil {
				e.module = cmp.Or(e.module, a.module)
			}
		case eventTool:
			if e.tool == "rmmod" {
				continue
			}
		case eventInitReturned:
		default:
			continue
		}
		ms = append(ms, mention{e.line, moduleName(e.module)})
	}
	slices.SortStableFunc(ms, func(a, b mention) int { return a.line - b.line })
	var names []string
	for _, m := range ms {
		if !slices.Contains(names, m.name) {
			names = append(names, m.name)
		}
	}
	return names
}

// sameDump reports whether a fault belongs to one before it: BUG and Oops of one
// exception stand together, and a panic follows them.
func (p *paste) sameDump(before []event, e event) bool {
	for _, b := range slices.Backward(before) {
		if e.line-b.line >= 100 {
			return false
		}
		if b.kind != eventFault {
			continue
		}
		trouble, _ := kmsg.TroubleOf(e.text)
		for i := b.line + 1; i < e.line; i++ {
			if p.commandAt[i] || bootRE.MatchString(p.lines[i].text) || trouble != kmsg.Panics && endTraceRE.MatchString(p.lines[i].text) {
				return false
			}
		}
		return true
	}
	return false
}

// handledAt is the module that was being loaded at a line of the loader that names none: that
// of the attempt which the line belongs to, unless its tool speaks of another error.
func (p *paste) handledAt(e event) string {
	a := p.attemptAt(e.line)
	if a == nil {
		return ""
	}
	if said := p.toolEvent(a); said != nil && said.shows.Errno != 0 && e.shows.Errno != 0 && said.shows.Errno != e.shows.Errno {
		return ""
	}
	return a.module
}

// faulty is whose a fault in line at is: see blame. The process that loads a module tells
// only where the kernel itself names none.
func (p *paste) faulty(at int) fault {
	d := p.dumpAt(at)
	f := fault{}
	if f.modules, f.when = d.blame(); len(f.modules) > 0 {
		return f
	}
	if a := p.attemptAt(at); a != nil && (a.tool < 0 || at < a.tool) && d.byTool() {
		f.modules, f.when = []string{a.module}, "During insmod."
	}
	return f
}

// outcomeOf is what the log shows for module n.
func (p *paste) outcomeOf(n string) ModuleOutcome {
	m := ModuleOutcome{Name: n, Reached: n != ""}
	var rest []string
	add := func(o Outcome) {
		if m.Outcome.Kind == Unproved {
			m.Outcome = o
		} else if !m.Outcome.Same(o) && !slices.Contains(rest, o.String()) {
			rest = append(rest, o.String())
		}
	}
	var unsure Outcome
	for _, e := range p.events {
		if f, ok := p.faults[e.line]; ok && e.kind == eventFault && e.module == n {
			if len(f.modules) > 1 {
				unsure = p.quote(Unproved, e.line, "Oops; module not told: "+strings.Join(f.modules, " or ")+".")
				continue
			}
			add(p.fault(e, f))
		}
	}
	for _, relocations := range []bool{true, false} {
		for _, e := range p.events {
			if e.kind == eventRefused && moduleName(e.module) == n && relocations == (e.shows.Relocation != nil) && !p.loadedBehind(e) {
				if o := p.refused(e); o.Relocation == nil || o.Errno == int(syscall.ENOEXEC) {
					add(o) // the loader returns nothing else for a relocation: otherwise the module printed it
				}
			}
		}
	}
	if m.Outcome.Kind == Unproved && n != "" {
		m.Outcome = p.byTool(n)
	}
	if m.Outcome.Kind == Unproved && unsure.Detail != "" {
		m.Outcome = unsure
	}
	m.Outcome.Detail = joinDetail(m.Outcome.Detail, p.warnings(n, &m.Outcome))
	if len(rest) > 0 {
		m.Outcome.Detail = joinDetail(m.Outcome.Detail, "The log also shows: "+strings.Join(rest, ", ")+".")
	}
	return m
}

// refused is the outcome of what the loader said. The errno is the tool's where it says one.
func (p *paste) refused(e event) Outcome {
	o, _ := p.rejection(e, true)
	if o.Kind == RelocationOverflow && p.companion(e.line) == "" {
		o.Detail = "No line behind it names the module."
		if e.module != "" {
			o.Detail += " It is the one that was being loaded."
		}
	}
	if a := p.attemptAt(e.line); a != nil && a.module == moduleName(e.module) {
		if said := p.toolEvent(a); said != nil {
			o.Errno = cmp.Or(said.shows.Errno, o.Errno)
		}
	}
	return o
}

// loadedBehind reports whether the module stands Live behind what the loader said of it, with
// no other try between: then it was a warning.
func (p *paste) loadedBehind(e event) bool {
	for i := e.line + 1; i < len(p.lines); i++ {
		text := p.lines[i].text
		other := func(c command) bool { return c.line == i && c.verb != "show" }
		if p.commandAt[i] && slices.ContainsFunc(p.commands, other) || bootRE.MatchString(text) {
			return false
		}
		if said, ok := kmsg.ToolOf(text); ok && moduleName(said.Module) == moduleName(e.module) {
			return false
		}
		if strings.Contains(text, " Live 0x") {
			if m, ok := parseProcModule(text); ok && m.live() && m.name == moduleName(e.module) {
				return true
			}
		}
	}
	return false
}

// warnings tells what the kernel reported and survived while module n was handled. Where
// nothing else is said of n, the report is the line that o quotes.
func (p *paste) warnings(n string, o *Outcome) string {
	var told []string
	for _, e := range p.events {
		if e.kind != eventWarning || moduleName(e.module) != n {
			continue
		}
		if o.Evidence == "" {
			o.Evidence, o.Offset = p.lines[e.line].raw, p.lines[e.line].off
		}
		if text := fmt.Sprintf("%q", clip(e.text)); !slices.Contains(told, text) {
			told = append(told, text)
		}
	}
	if len(told) == 0 {
		return ""
	}
	return "The kernel warned, and went on: " + strings.Join(told, ", ") + "."
}

// fault is the outcome of a fault. Before any process ran it is the boot's.
func (p *paste) fault(e event, f fault) Outcome {
	detail := joinDetail(f.when, p.dumpAt(e.line).where())
	if p.lines[e.line].joined {
		detail = joinDetail(detail, wrapped(e))
	}
	o := p.quote(Oops, e.line, detail)
	if e.module == "" && p.booting(e) {
		o.Kind = BootFailed
	}
	return o
}

// booting reports whether a fault that no module is to blame for ended the boot: the kernel
// found nothing to run, or what it ran ended before any command, or the log has the boot and
// nothing ran yet.
func (p *paste) booting(e event) bool {
	why := kmsg.PanicOf(e.text)
	if kmsg.NoRoot(why) {
		return true
	}
	booted, ran, used := false, false, p.ready < e.line || len(p.commands) > 0 && p.commands[0].line < e.line
	for _, l := range p.lines[:e.line] {
		used = used || l.prompt
		switch {
		case bootRE.MatchString(l.text):
			booted, ran, used = true, false, false
		case strings.HasPrefix(l.text, "Run ") && strings.HasSuffix(l.text, " as init process"):
			ran = true
		}
	}
	for _, l := range p.dumpAt(e.line).lines {
		if list, ok := strings.CutPrefix(l.text, "Modules linked in:"); ok && strings.TrimSpace(list) != "" {
			used = true
		}
	}
	return !used && (kmsg.NoInit(why) || booted && !ran)
}

// byTool is the outcome of a module against which the loader said nothing: what the first try
// that failed shows, or else that it is Live.
func (p *paste) byTool(n string) Outcome {
	for _, e := range p.events {
		if e.kind == eventInitReturned && moduleName(e.module) == n {
			o := p.quote(InitFailed, e.line, "")
			o.Errno = e.shows.Errno
			return o
		}
	}
	for _, a := range p.tries {
		if a.module != n || a.tool < 0 {
			continue
		}
		if e := p.toolEvent(a); e != nil {
			return p.failed(a, *e)
		}
	}
	printed, live, address := -1, -1, ""
	for i, l := range p.lines {
		if printed < 0 && p.ownLine(l.text, n) {
			printed = i
		}
		if live < 0 && strings.HasPrefix(l.text, n+" ") {
			if m, ok := parseProcModule(l.text); ok && m.live() {
				live, address = i, m.address
			}
		}
	}
	switch {
	case live >= 0:
		o := p.quote(Unproved, live, "The module is Live; nothing shows that its init ran and that it can be removed.")
		if printed >= 0 {
			o.Detail = fmt.Sprintf("The module is Live, and a line bears its name: %q. Nothing shows that it can be removed.",
				clip(p.lines[printed].text))
		}
		o.Address = address
		return o
	case printed >= 0:
		return p.quote(Unproved, printed, "The line bears the module's name; nothing shows that it was loaded.")
	}
	return Outcome{Detail: "The log does not show what became of the module."}
}

// failed is the outcome of a try that the tool says has failed.
func (p *paste) failed(a *attempt, e event) Outcome {
	o := p.quote(InsmodFailed, e.line, "")
	o.Errno = e.shows.Errno
	if e.missing {
		return p.quote(Infra, e.line, "The tool found no such module, so the kernel never saw it.")
	}
	if p.lines[e.line].joined {
		o.Detail = wrapped(e)
	}
	if i := p.printedIn(a); i >= 0 {
		o.Kind = InitFailed
		o.Detail = joinDetail(o.Detail, fmt.Sprintf("The module's init ran: it printed %q.", clip(p.lines[i].text)))
		return o
	}
	for _, u := range p.events {
		if u.kind == eventUnclear && moduleName(u.module) == a.module && a.holds(u.line) {
			o.Evidence, o.Offset = p.lines[u.line].raw, p.lines[u.line].off
			o.Detail = joinDetail(o.Detail, fmt.Sprintf("Then the tool failed: %q.", clip(e.text)))
			return o
		}
	}
	switch {
	case kmsg.OnlyInit(o.Errno):
		o.Kind = InitFailed
		o.Detail = joinDetail(o.Detail, "The loader itself never fails with this errno.")
	case o.Errno == 17:
		o.Detail = joinDetail(o.Detail, "A module of that name is loaded already, or its init returned the same errno.")
	default:
		o.Detail = joinDetail(o.Detail, "The log does not show what the loader or the module said.")
	}
	return o
}

// LineAt is the number of the line that holds the byte at offset, from 1.
func LineAt(log []byte, offset int64) int {
	return 1 + bytes.Count(log[:min(offset, int64(len(log)))], []byte("\n"))
}
