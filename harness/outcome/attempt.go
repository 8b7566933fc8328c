package outcome

import (
	"cmp"
	"slices"
	"strings"

	"umlab/harness/pattern"
)

// command is a command that a shell echoed.
type command struct {
	line   int
	verb   string // insmod, modprobe, rmmod, or show for one that prints the kernel's log
	module string
}

var (
	commandRE = pattern.New(`^(?:(?:sudo|doas|time|busybox|toybox|\w+=\S*) )*(?:/\S*/)?` +
		`(insmod|modprobe|rmmod)((?: -{1,2}[\w=-]+)*) ([\w./~-]+)(?: [\w.]+=\S*)*$`)
	showRE = pattern.New(`^(?:(?:sudo|doas) )*(?:/\S*/)?(?:dmesg|journalctl|` +
		`(?:cat|tail|less|grep)\b.*(?:/var/log/|/proc/kmsg|/dev/kmsg|dmesg))\b`)
	joinedRE = pattern.New(` *(?:;|&&|\|\||\||2?>&?1?|&$) *`)
	bootRE   = pattern.New(`^(?:Linux version \d|Booting Linux on |-- (?:Boot [0-9a-f]{32}|Reboot) --)`)
)

// commands finds the echoed commands. Their prompts are gone already.
func commands(lines []line) []command {
	var cs []command
	for i, l := range lines {
		if !strings.Contains(l.text, "mod") && !strings.Contains(l.text, "mesg") && !l.prompt && !strings.HasPrefix(l.text, "journalctl") {
			continue
		}
		for _, part := range joinedRE.Regexp().Split(l.text, -1) {
			if m := commandRE.FindStringSubmatch(part); m != nil {
				verb := m[1]
				if verb == "modprobe" && strings.Contains(m[2], "-r") {
					verb = "rmmod"
				}
				cs = append(cs, command{i, verb, moduleName(m[3])})
			} else if showRE.MatchString(part) && (l.prompt || !strings.Contains(part, ": ")) {
				cs = append(cs, command{line: i, verb: "show"})
			}
		}
	}
	return cs
}

// attempt is what a log shows of one try to load a module. What the kernel or the module says
// in it belongs to it alone.
type attempt struct {
	module string
	begin  int  // index of its command, or of what came before it
	given  bool // its command was seen
	tool   int  // of the line by which the tool failed, or -1
	shown  int  // of the command behind that which prints the kernel's log, or -1
	live   int  // of the line of /proc/modules that shows it as Live, or -1
	end    int  // of what comes behind it
}

// holds reports whether line i belongs to the attempt.
func (a *attempt) holds(i int) bool { return i > a.begin && i < a.end }

// attempts cuts the log at its commands, at the tools' lines, and where a kernel boots.
func (p *paste) attempts() []*attempt {
	var all []*attempt
	var cur *attempt
	from := -1 // where an attempt without a command begins
	closing := func(i int) {
		if cur != nil {
			cur.end = i
		}
		cur, from = nil, i
	}
	open := func(a attempt) *attempt {
		a.shown, a.live, a.end = -1, -1, len(p.lines)
		cur = &a
		all = append(all, cur)
		return cur
	}
	commands, events := p.commands, p.events
	for i, l := range p.lines {
		for ; len(commands) > 0 && commands[0].line == i; commands = commands[1:] {
			switch c := commands[0]; c.verb {
			case "show":
				if cur != nil && cur.shown < 0 {
					cur.shown = i
				}
			case "rmmod":
				closing(i)
			default:
				closing(i)
				open(attempt{module: c.module, begin: i, given: true, tool: -1})
			}
		}
		if strings.Contains(l.text, " Live 0x") {
			if m, ok := parseProcModule(l.text); ok && m.live() {
				if cur != nil && cur.module == m.name && cur.tool < 0 {
					cur.live = i
				} else if cur == nil {
					from = i
				}
			}
		}
		if (cur == nil || cur.shown < 0) && bootRE.MatchString(l.text) {
			closing(i)
		}
		for ; len(events) > 0 && events[0].line <= i; events = events[1:] {
			if e := events[0]; e.line == i && e.loads() {
				p.tool(e, cur, from, open)
			}
		}
	}
	return all
}

// tool enters the line e of a tool that could not load a module.
func (p *paste) tool(e event, cur *attempt, from int, open func(attempt) *attempt) {
	switch {
	case cur == nil:
		open(attempt{module: e.module, begin: from, tool: e.line})
	case cur.module == e.module && cur.tool < 0:
		cur.tool = e.line
	case cur.module == e.module && e.line-cur.tool < 3: // the tool says it twice
	case cur.given && cur.tool < 0: // modprobe comes to another module first
		cur.end = e.line + 1
		begin := cur.begin
		open(attempt{module: e.module, begin: begin, given: true, tool: e.line})
	default:
		begin := cur.tool
		if cur.shown >= 0 { // what lies between was printed for the one before
			begin = e.line - 1
		}
		cur.end = max(begin, cur.tool) + 1
		open(attempt{module: e.module, begin: begin, tool: e.line})
	}
}

// attemptAt is the attempt that line i belongs to, or nil.
func (p *paste) attemptAt(i int) *attempt {
	n, _ := slices.BinarySearchFunc(p.tries, i, func(a *attempt, i int) int { return cmp.Compare(a.begin, i) })
	for _, a := range slices.Backward(p.tries[:n]) {
		if a.holds(i) {
			return a
		}
		if a.given {
			break
		}
	}
	return nil
}

// printedIn is the index of a line that the module's init printed in the attempt, or -1. Where
// its command is not seen, or the log was printed later, the line may be of an earlier load:
// it counts only where nothing speaks against it.
func (p *paste) printedIn(a *attempt) int {
	const exists = 17
	errno := 0
	if e := p.toolEvent(a); e != nil {
		errno = e.shows.Errno
	}
	last := -1.0
	for i := a.end - 1; i > a.begin; i-- {
		l := p.lines[i]
		behind := a.tool >= 0 && i > a.tool
		if !p.ownLine(l.text, a.module) {
			if l.uptime >= 0 && !behind && last < 0 {
				last = l.uptime
			}
			continue
		}
		switch {
		case behind && (errno == exists || p.loadedBefore(a)):
		case !a.given && errno == exists:
		case !a.given && !behind && last >= 0 && l.uptime >= 0 && last-l.uptime > 10: // seconds
		default:
			return i
		}
	}
	return -1
}

// loadedBefore reports whether the log shows an earlier try of the attempt's module, or its removal.
func (p *paste) loadedBefore(a *attempt) bool {
	return slices.ContainsFunc(p.tries, func(b *attempt) bool { return b != a && b.module == a.module && b.begin < a.begin }) ||
		slices.ContainsFunc(p.commands, func(c command) bool {
			return c.verb == "rmmod" && c.module == a.module && c.line < a.end
		})
}

// toolEvent is what the tool said that failed in the attempt, or nil.
func (p *paste) toolEvent(a *attempt) *event {
	n, ok := slices.BinarySearchFunc(p.events, a.tool, func(e event, line int) int { return cmp.Compare(e.line, line) })
	if !ok || p.events[n].kind != eventTool {
		return nil
	}
	return &p.events[n]
}
