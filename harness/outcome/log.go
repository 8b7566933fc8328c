package outcome

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ClassifyLog judges any console log: one that umlab saved, or one pasted from
// a mail, quoted, with syslog's prefixes, time stamps or a shell's prompts,
// with CRLF, broken at some column, or only a part of one.
//
// Where the log holds umlab's own lines around the steps, the outcomes are
// those of Classify for the modules whose insmod it shows and a session of
// which nobody knows how it ended. Elsewhere a module is judged by what the
// kernel and insmod say about it. Loaded is never shown by such a log, for
// nothing in it proves that rmmod works; Detail then says what was seen. A
// fault that nothing ties to a module stands under the name "".
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
	if len(names) > 0 {
		for _, n := range names {
			all = append(all, s.outcomeOf(n, 0))
		}
		return all, s.boot
	}
	p := paste{session: s, commands: commands(lines), faults: map[int]string{}}
	for _, n := range p.modules() {
		all = append(all, p.outcomeOf(n))
	}
	return all, s.boot
}

// paste is a log without umlab's own lines.
type paste struct {
	*session
	commands []command
	faults   map[int]string // index of a fault's line -> its module
}

// command is a command that a shell echoed.
type command struct {
	line   int
	verb   string
	module string
}

var commandRE = regexp.MustCompile(`^(?:sudo )?(insmod|modprobe|rmmod) (?:-\w+ )*([\w./-]+)(?: [\w.]+=\S*)*$`)

// commands finds the echoed commands. Their prompts are gone already.
func commands(lines []line) []command {
	var cs []command
	for i, l := range lines {
		if m := commandRE.FindStringSubmatch(l.text); m != nil {
			cs = append(cs, command{i, m[1], moduleName(m[2])})
		}
	}
	return cs
}

// modules names the modules that the log is about, in the order of their first
// line, and settles whose the events are that name no module.
func (p *paste) modules() []string {
	type mention struct {
		line int
		name string
	}
	var ms []mention
	for _, c := range p.commands {
		if c.verb != "rmmod" {
			ms = append(ms, mention{c.line, c.module})
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
				e.module = p.handledAt(e.line)
			}
		case eventFault:
			// A dump has several such lines. The first stands for all.
			if i > 0 && p.sameDump(p.events[:i], e.line) {
				continue
			}
			e.module = p.faulty(e.line)
			p.faults[e.line] = e.module
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

// sameDump reports whether a fault in line at belongs to one before it: BUG and
// Oops are followed by a panic.
func (p *paste) sameDump(before []event, at int) bool {
	for _, e := range slices.Backward(before) {
		if e.kind == eventFault {
			return at-e.line < 100
		}
	}
	return false
}

// handledAt is the module that was being loaded at a line that names none: the
// one that insmod complains about next, else the one of the last command.
func (p *paste) handledAt(at int) string {
	for _, e := range p.events {
		if e.kind == eventTool && e.line > at && e.line-at < 10 {
			return e.module
		}
	}
	for _, c := range slices.Backward(p.commands) {
		if c.line < at {
			return c.module
		}
	}
	return ""
}

// faulty is the module that a fault in line at belongs to: the one that the
// dump marks as coming or going, else the one that it was in.
func (p *paste) faulty(at int) string {
	if m, _ := p.comingOrGoing(at); m != "" {
		return m
	}
	if t := p.trace(at); len(t) == 1 {
		return t[0]
	}
	for _, l := range p.around(at) {
		if strings.Contains(strings.ToLower(l.text), "comm: insmod ") {
			return p.handledAt(at)
		}
	}
	return ""
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
	for _, e := range p.events {
		if _, ok := p.faults[e.line]; ok && e.kind == eventFault && moduleName(e.module) == n {
			add(p.fault(e))
		}
	}
	for _, e := range p.events {
		if e.kind != eventRefused || moduleName(e.module) != n {
			continue
		}
		o, ok := p.rejection(e, true)
		if !ok {
			continue
		}
		if o.Kind == RelocationOverflow && p.companion(e.line) == "" {
			o.Detail = "No line behind it names the module."
			if n != "" {
				o.Detail += " It is the one that was being loaded."
			}
		}
		add(o)
	}
	if m.Outcome.Kind == Unproved && n != "" {
		m.Outcome = p.byTool(n)
	}
	if len(rest) > 0 {
		m.Outcome.Detail = joinDetail(m.Outcome.Detail, "The log also shows: "+strings.Join(rest, ", ")+".")
	}
	return m
}

// fault is the outcome of a fault. Before any process ran it is the boot's.
func (p *paste) fault(e event) Outcome {
	_, when := p.comingOrGoing(e.line)
	detail := joinDetail(when, p.where(e.line))
	if p.lines[e.line].joined {
		detail = joinDetail(detail, wrapped(e))
	}
	o := p.quote(Oops, e.line, detail)
	if e.module != "" {
		return o
	}
	noInit := func(s string) bool { return strings.Contains(e.text, s) }
	if slices.ContainsFunc([]string{"VFS: Unable to mount root fs", "No working init found", "Requested init "}, noInit) {
		o.Kind = BootFailed
		return o
	}
	booted, ran := false, p.boot.Ready
	for _, l := range p.lines[:e.line] {
		booted = booted || strings.HasPrefix(l.text, "Linux version ")
		ran = ran || strings.HasPrefix(l.text, "Run ") && strings.HasSuffix(l.text, " as init process")
	}
	if booted && !ran && len(p.commands) == 0 {
		o.Kind = BootFailed
	}
	return o
}

// byTool is the outcome of a module against which the kernel said nothing.
func (p *paste) byTool(n string) Outcome {
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
	for _, e := range p.events {
		if moduleName(e.module) != n {
			continue
		}
		o := p.quote(InsmodFailed, e.line, "")
		o.Errno = e.shows.Errno
		switch {
		case e.kind == eventInitReturned:
			o.Kind = InitFailed
			return o
		case e.kind != eventTool || e.tool == "rmmod":
			continue
		case e.missingFile():
			return p.quote(Infra, e.line, "insmod found no such file, so the kernel never saw the module.")
		}
		if p.lines[e.line].joined {
			o.Detail = wrapped(e)
		}
		switch {
		case printed >= 0 && printed < e.line:
			o.Kind = InitFailed
			o.Detail = joinDetail(o.Detail, fmt.Sprintf("The module's init ran: it printed %q.", clip(p.lines[printed].text)))
		case onlyInit(e.shows.Errno):
			o.Kind = InitFailed
			o.Detail = joinDetail(o.Detail, "The loader itself never fails with this errno.")
		default:
			o.Detail = joinDetail(o.Detail, "The log does not show what the loader or the module said.")
		}
		return o
	}
	switch {
	case live >= 0:
		o := p.quote(Unproved, live, "The module is Live; nothing shows that its init ran and that it can be removed.")
		if printed >= 0 {
			o.Detail = "The module printed something and is Live; nothing shows that it can be removed."
		}
		o.Address = address
		return o
	case printed >= 0:
		return p.quote(Unproved, printed, "The module printed something; nothing shows that it was loaded.")
	}
	return Outcome{Detail: "The log does not show what became of the module."}
}

// LineAt is the number of the line that holds the byte at offset, from 1.
func LineAt(log []byte, offset int64) int {
	return 1 + bytes.Count(log[:min(offset, int64(len(log)))], []byte("\n"))
}
