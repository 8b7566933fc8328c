package outcome

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kmsg"
	"umlab/harness/pattern"
)

// dump is what a kernel prints around a fault: registers, stack, modules.
type dump struct {
	lines []line
	at    int // of the fault, in lines
}

var (
	// Where the kernel was, as the architectures' show_regs say it: "RIP: 0010:m_init+0x5/0x1000 [m]",
	// "EIP is at ", "pc : ", "PC is at ", "epc : ", "NIP [c000] ", "Krnl PSW : … (…)", "TPC: <", "IP: [<…>] ".
	ipRE = pattern.New(`^(?:Pid: .*; )?(?:RIP|EIP|IP|PC|pc|NIP|epc|era|ERA|Krnl PSW|TPC|ip|IAOQ\[0\])\b[^+]*?` +
		`([A-Za-z_][\w.$]*\+0x[0-9a-f]+/0x[0-9a-f]+)(?: \[([\w-]+)\])?`)
	inModuleRE = pattern.New(`(\? )?[\w.$]+\+0x[0-9a-f]+/0x[0-9a-f]+ \[([\w-]+)`)
	linkedRE   = pattern.New(`([\w.-]+)\([A-Z]*([+-])[A-Z]*\)`)
	commRE     = pattern.New(`(?i)\bComm: (?:insmod|modprobe|kmod|busybox|toybox)\b|Process (?:insmod|modprobe) \(pid`)
	endTraceRE = pattern.New(`^---\[ end (?:trace|Kernel panic)`)
)

// dumpAt is the dump that a fault in line at belongs to: UML prints registers before its
// panic, others behind their oops. It holds nothing of another report or another step.
func (s *session) dumpAt(at int) dump {
	from, to := max(at-20, 0), min(at+80, len(s.lines))
	for i := at - 1; i >= from; i-- {
		if s.boundary(i) || endTraceRE.MatchString(s.lines[i].text) {
			from = i + 1
		}
	}
	for i := at + 1; i < to; i++ {
		if s.boundary(i) || s.lines[i].text == "------------[ cut here ]------------" {
			to = i
		} else if endTraceRE.MatchString(s.lines[i].text) {
			to = i + 1
		}
	}
	return dump{s.lines[from:to], at - from}
}

// boundary reports whether no dump reaches across line i.
func (s *session) boundary(i int) bool {
	text := s.lines[i].text
	if strings.HasPrefix(text, "umlab") || s.commandAt[i] {
		return true
	}
	t, _ := kmsg.TroubleOf(text)
	return t == kmsg.Survived
}

// ip is where the kernel was, and the module that this lies in, "" in the kernel itself.
func (d dump) ip() (symbol, module string) {
	for _, l := range d.lines {
		if m := ipRE.FindStringSubmatch(l.text); m != nil {
			return m[1], m[2]
		}
	}
	return "", ""
}

// where says at which function the kernel was.
func (d dump) where() string {
	symbol, module := d.ip()
	switch {
	case symbol == "":
		return ""
	case module != "":
		return fmt.Sprintf("At %s [%s].", clip(symbol), module)
	}
	return fmt.Sprintf("At %s.", clip(symbol))
}

// trace is the modules that have a function in the dump, each once: those that were certainly
// called, else those that the stack only has an address of ("? ").
func (d dump) trace() []string {
	var called, perhaps []string
	for _, l := range d.lines {
		m := inModuleRE.FindStringSubmatch(l.text)
		switch {
		case m == nil:
		case m[1] == "" && !slices.Contains(called, m[2]):
			called = append(called, m[2])
		case m[1] != "" && !slices.Contains(perhaps, m[2]):
			perhaps = append(perhaps, m[2])
		}
	}
	if len(called) > 0 {
		return called
	}
	return perhaps
}

// traced is the module that the kernel was in, else those of the trace.
func (d dump) traced() []string {
	if _, m := d.ip(); m != "" {
		return []string{m}
	}
	return d.trace()
}

// coming is the modules that "Modules linked in" marks as being loaded or unloaded, and how.
// A mail program may have broken the list.
func (d dump) coming() (modules []string, signs map[string]string) {
	signs = map[string]string{}
	listing := false
	for _, l := range d.lines {
		_, list, ok := strings.Cut(l.text, "Modules linked in: ")
		if !ok {
			if listing = listing && !l.kernel && !strings.Contains(l.text, ": "); !listing {
				continue
			}
			list = l.text
		}
		listing = true
		for _, m := range linkedRE.Regexp().FindAllStringSubmatch(list, -1) {
			if signs[m[1]] == "" {
				modules, signs[m[1]] = append(modules, m[1]), m[2]
			}
		}
	}
	return modules, signs
}

// blame is the modules that the fault may be of: the one the kernel was in, else those in the
// trace, else those that were coming or going; and when it was, where a mark tells. More than
// one are candidates.
func (d dump) blame() (modules []string, when string) {
	marked, signs := d.coming()
	if modules = d.traced(); len(modules) == 0 {
		modules = marked
	}
	if len(modules) == 1 {
		when = map[string]string{"+": "During insmod.", "-": "During rmmod."}[signs[modules[0]]]
	}
	return modules, when
}

// byTool reports whether the process was one that loads a module.
func (d dump) byTool() bool {
	return slices.ContainsFunc(d.lines, func(l line) bool { return commRE.MatchString(l.text) })
}
