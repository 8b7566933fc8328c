package outcome

import (
	"slices"
	"strconv"
	"strings"

	"umlab/harness/pattern"
)

// step is what stands between the two lines that the guest prints around a
// command.
type step struct {
	number int
	verb   string
	args   []string
	begin  int  // index of the begin line
	end    int  // of the end line, or where the step was lost
	closed bool // the end line was seen
	status int  // of the command, where closed
}

// names reports whether the step is about module n; a modules step without
// an argument is about all of them.
func (s *step) names(n string) bool {
	if len(s.args) == 0 {
		return s.verb == "modules"
	}
	return moduleName(s.args[0]) == n
}

// session is a transcript, read.
type session struct {
	in      Input
	lines   []line
	pasted  bool // lines may have lost what stood before them
	steps   []step
	boot    Boot
	events  []event
	ready   int       // index of the line from which on the guest took commands; len(lines) if none
	forged  []forgery // lines that are not what they look like
	token   string    // of the last boot; "" for a guest without one
	logs    []kernelLog
	reading map[string][]int // indexes of the lines that read so; see alike
	asked   int              // index of the line up to which the last of them tells; 0 without one

	commandAt map[int]bool // lines of a shell's commands that a log without the guest's own lines echoes
}

var (
	sentinelRE = pattern.New(`^umlab\[([1-9]\d{0,8}(?:\.([0-9a-f]{16}))?)\]: (begin|end) (\S.*)$`)
	statusRE   = pattern.New(`^(.*) status=(\d{1,3})$`)
	gapRE      = pattern.New(`^Adding (-?\d{1,18}) bytes to physical memory to account for exec-shield gap$`)
)

func newSession(lines []line, pasted bool) *session {
	s := &session{lines: lines, pasted: pasted, ready: len(lines)}
	s.readSteps()
	s.pasted = pasted && len(s.steps) == 0 // the guest's own lines show that the log is whole
	s.readBoot()
	s.disbelieve()
	s.readEvents()
	return s
}

// readSteps finds the guest's own lines. Numbers rise within a boot, and the token
// behind them is that of the first step, which began before anything was loaded; a
// line that does not fit is not the guest's, and a module that prints such lines
// is not believed.
func (s *session) readSteps() {
	last, open, boot := 0, -1, 0 // boot: index of the first step of this boot
	const notInit = "Something in the guest that is not umlab's init"
	token := ""
	defer func() { s.token = token }()
	lose := func(at int) {
		if open >= 0 {
			s.steps[open].end = at
		}
		open = -1
	}
	for i, l := range s.lines {
		if !strings.HasPrefix(l.text, "umlab") {
			continue
		}
		if l.text == "umlab: ready" {
			if !s.pasted && token != "" { // of one boot, in which it came before the first step
				s.forged = append(s.forged, forgery{i, notInit})
				continue
			}
			lose(i)
			last, boot, token = 0, len(s.steps), ""
			s.ready = min(s.ready, i)
			continue
		}
		m := sentinelRE.FindStringSubmatch(l.text)
		if m == nil {
			continue
		}
		number, _, _ := strings.Cut(m[1], ".")
		n, _ := strconv.Atoi(number) // the expression admits nothing that does not fit
		if len(s.steps) == boot && m[3] == "begin" {
			token = m[2]
		}
		if m[2] != token {
			s.forged = append(s.forged, forgery{i, notInit})
			continue
		}
		if m[3] == "begin" {
			if n <= last {
				continue
			}
			lose(i)
			words := strings.Fields(m[4])
			s.steps = append(s.steps, step{number: n, verb: words[0], args: words[1:], begin: i, end: len(s.lines)})
			last, open = n, len(s.steps)-1
			s.ready = min(s.ready, i)
			continue
		}
		e := statusRE.FindStringSubmatch(m[4])
		if e == nil {
			continue
		}
		words := strings.Fields(e[1])
		k := slices.IndexFunc(s.steps[boot:], func(st step) bool {
			return st.number == n && len(words) > 0 && words[0] == st.verb && slices.Equal(words[1:], st.args)
		})
		if k < 0 {
			continue
		}
		// The guest ends one step before it begins the next, so of several end
		// lines the last one is its own, and steps in between were not begun.
		s.steps = s.steps[:boot+k+1]
		st := &s.steps[boot+k]
		st.end, st.closed = i, true
		st.status, _ = strconv.Atoi(e[2])
		last = n
		open = -1
	}
}

func (s *session) readBoot() {
	s.boot.Ready = s.ready < len(s.lines)
	for _, l := range s.lines {
		if s.boot.Kernel == "" && strings.HasPrefix(l.text, "Linux version ") {
			if f := strings.Fields(l.text); len(f) > 2 {
				s.boot.Kernel = f[2]
			}
		}
		if s.boot.Gap == nil && strings.HasPrefix(l.text, "Adding ") {
			if m := gapRE.FindStringSubmatch(l.text); m != nil {
				n, _ := strconv.ParseInt(m[1], 10, 64)
				s.boot.Gap = &n
			}
		}
	}
}

// readEvents collects what the lines say, each event once in its step. Without
// steps, each fault and each tool's line counts: a log may hold several boots.
func (s *session) readEvents() {
	type key struct {
		step   int
		kind   eventKind
		module string
		shows  string
		tool   string
	}
	seen := map[key]bool{}
	for i, l := range s.lines {
		e, ok, _ := recognise(l.text, s.pasted)
		if !ok {
			continue
		}
		e.text, e.line = l.text, i
		if e.shows.Kind == RelocationOverflow {
			e.module = s.companion(i)
		}
		k := key{s.stepAt(i), e.kind, e.module, string(e.shows.Kind), e.tool}
		if e.shows.Relocation != nil {
			k.shows = e.shows.String()
		}
		if seen[k] && (e.kind != eventFault && e.kind != eventTool || len(s.steps) > 0) {
			continue
		}
		seen[k] = true
		s.events = append(s.events, e)
	}
}

// companion is the module that the line behind an overflow names, or "". Lines
// of others may stand between them, but neither another overflow nor the guest's.
func (s *session) companion(overflow int) string {
	for _, l := range s.lines[overflow+1 : min(overflow+20, len(s.lines))] {
		if m := companionRE.FindStringSubmatch(l.text); m != nil {
			return m[1]
		}
		if overflowRE.MatchString(l.text) || strings.HasPrefix(l.text, "umlab") {
			break
		}
	}
	return ""
}

// stepAt is the index of the step that line i is in, or -1 minus the number of
// steps that were begun before it.
func (s *session) stepAt(i int) int {
	at, found := slices.BinarySearchFunc(s.steps, i, func(st step, i int) int { return st.begin - i })
	if found {
		return at
	}
	if at > 0 && i < s.steps[at-1].end {
		return at - 1
	}
	return -1 - at
}

// within returns the events of kind in st that are about module n: those that
// name it, and those that name none.
func (s *session) within(st *step, kind eventKind, n string) []event {
	var es []event
	for _, e := range s.events {
		if e.kind == kind && e.line > st.begin && e.line < st.end && (e.module == "" || moduleName(e.module) == n) {
			es = append(es, e)
		}
	}
	return es
}
