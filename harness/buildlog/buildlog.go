// Package buildlog finds in what make printed the messages that say why a build failed, whole: those of rustc,
// bindgen, compilers, assemblers, linkers, modpost, objtool, Kconfig, make itself and the tree's own scripts. It may
// import outcome, whose diagnostics it reads there, and pattern; it never reads a file, and never judges whether a build failed.
package buildlog

import (
	"bytes"
	"slices"
	"strings"

	"umlab/harness/pattern"
)

// A Message is lines of the log that belong together, without their line ends: what a tool has to say of one error, with
// the source that it quotes, its notes and its help.
type Message struct {
	Lines  []string
	Dirs   []string // of each line: where the make that printed it works, as it says itself; "" where it does not say
	First  int      // index into Lines of the line that names the error
	Offset int      // of that line in the log, bytes
}

// A line of the log.
type line struct {
	text   string
	dir    string
	offset int
}

var (
	step   = pattern.New(`^  ([A-Z]{2,}[A-Z0-9_+-]*(?: [A-Z])?(?: \[M\])?) +([^\s|].*)$`)
	makes  = pattern.New(`^make(?:\[\d+\])?: `)
	recipe = pattern.New(`^make(?:\[\d+\])?: \*\*\* \[`) // a recipe that failed: what it ran has said why
	enters = pattern.New(`^make(?:\[\d+\])?: (Entering|Leaving) directory '(.*)'$`)
	quoted = pattern.New(`^(?: *\d+ *|\.{3} *| +)[|]|^ *[~^]+[ ~^]*$`) // source, and what points at it

	rustHead  = pattern.New(`^(?:error|warning)(?:\[[A-Z]\d+\])?: `)
	rustError = pattern.New(`^error(?:\[[A-Z]\d+\])?: `)
	rustSum   = pattern.New(`^error: (?:aborting due to|could not compile)`)
	rustMore  = pattern.New(`^(?: *\d* *[|]| *= | *(?:-->|:::) |\.{3}|(?:help|note)(?:\[.*\])?: |help\b|note\b)`)
	panicked  = pattern.New(`^thread '.*'(?: \(\d+\))? panicked at |^(?:rustc-)?LLVM ERROR: |^PLEASE submit a bug report to `)
	included  = pattern.New(`^In file included from |^ +from .*[:,]$`)
	within    = pattern.New(
		`^\S+: (?:In (?:static )?(?:member )?(?:function|constructor|destructor)\b|At top level:|Assembler messages:)`)
	located     = pattern.New(`^(?:\S.*?):(?:\d+:)+ (fatal error|[Ee]rror|warning|[Ww]arning|note|remark|[Ii]nfo)\b`)
	kconfigAt   = pattern.New(`^(\S*Kconfig\S*|\S*\.config\S*):\d+: ?(.*)$`)
	kconfigMore = pattern.New(`^(?:\s|symbol |choice |For a resolution refer to |subsection ")`)
	linkerIn    = pattern.New(`^(?:\S*/)?(?:\S+-)?ld(?:\.\w+)?: .*: in function .*:$|^\S+: in function .*:$`)
	linker      = pattern.New(`^(?:\S*/)?(?:\S+-)?ld(?:\.\w+)?: |: undefined reference to |: multiple definition of `)
	linkerSum   = pattern.New(`^collect2: error: ld returned `)
	modpost     = pattern.New(`^(?:ERROR|FATAL): |^modpost: (?:error|fatal)`)
	makeStops   = pattern.New(`^(?:make(?:\[\d+\])?|[^\s:]+:\d+): \*\*\* [^\[]`)
	makeGoesOn  = pattern.New(`\*\*\* (?:Deleting |Waiting for )`)
	toolError   = pattern.New(`^[\w./+-]+: (?:fatal )?error: `)
	anyError    = pattern.New(`(?:^|: )(?:fatal )?[Ee]rror: `)
	errorCount  = pattern.New(`^\d+ (?:warnings?|errors?)(?: and \d+ errors?)? generated\.$|` +
		`^(?:cc1|\S+): (?:all|some) warnings being treated as errors`)
)

// Step is what a line of Kbuild says that it makes something by: "RUSTC [M]" and "samples/rust/rust_minimal.o" of
// "  RUSTC [M] samples/rust/rust_minimal.o". ok is false for another line.
func Step(line string) (by, target string, ok bool) {
	m := step.FindStringSubmatch(line)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// A log may be of a hostile tree: most bounds the lines of a message and how many messages there are, end how many bytes
// of the log are looked at, the last ones, where make stops.
const (
	most = 200
	end  = 4 << 20
)

// Again is how a log marks that what stands before it was tried another way behind it, and does not count.
const Again = "umlab: building from the top: "

// Errors are the messages that say why the build that log is of failed, in their order. Where no tool names an error, it is
// what the first recipe that failed had printed, with make's own line of it. What a recipe prints that make goes on from is
// told only where nothing else is.
func Errors(log []byte) []Message {
	lines := split(log)
	var all []Message
	for at := 0; at < len(lines) && len(all) < most; {
		till, first := message(lines, at)
		if first >= 0 {
			all = append(all, newMessage(lines[at:till], first-at))
		}
		at = till
	}
	if all == nil {
		all = silent(lines)
	}
	return all
}

// Brief is the error on one line, in the names of Told: with the place where rustc found it, and with what a macro said of why
// it panicked.
func (m Message) Brief(name func(string) string) string {
	lines := m.Told(name)
	text := lines[m.First]
	if panicked.MatchString(text) && strings.HasSuffix(text, ":") && m.First+1 < len(lines) {
		return text + " " + strings.TrimSpace(lines[m.First+1])
	}
	if !rustError.MatchString(text) {
		return strings.TrimSpace(text)
	}
	for _, l := range lines[m.First+1:] {
		if at, ok := strings.CutPrefix(strings.TrimSpace(l), "--> "); ok {
			text = at + ": " + text
			break
		}
	}
	for _, l := range lines[m.First+1:] {
		if why, ok := strings.CutPrefix(strings.TrimSpace(l), "= help: message: "); ok {
			return text + ": " + why
		}
	}
	return text
}

func newMessage(lines []line, first int) Message {
	for len(lines) > first+1 && lines[len(lines)-1].text == "" {
		lines = lines[:len(lines)-1]
	}
	m := Message{First: first, Offset: lines[first].offset}
	for _, l := range lines {
		m.Lines, m.Dirs = append(m.Lines, l.text), append(m.Dirs, l.dir)
	}
	return m
}

// split is the lines of a log behind the last Again.
func split(log []byte) (lines []line) {
	offset := max(0, len(log)-end)
	var dirs []string
	for raw := range bytes.Lines(log[offset:]) {
		text := strings.TrimRight(string(raw), "\r\n")
		if strings.HasPrefix(text, Again) {
			lines, dirs = nil, nil
		}
		if m := enters.FindStringSubmatch(text); m != nil {
			if m[1] == "Entering" {
				dirs = append(dirs, m[2])
			} else if i := slices.Index(dirs, m[2]); i >= 0 {
				dirs = dirs[:i]
			}
		}
		dir := ""
		if len(dirs) > 0 {
			dir = dirs[len(dirs)-1]
		}
		lines = append(lines, line{text, dir, offset})
		offset += len(raw)
	}
	return lines
}

// boundary reports whether a line belongs to no message.
func boundary(text string) bool { return step.MatchString(text) || makes.MatchString(text) }

// message says where the message ends that begins at a line, and which of its lines names the error; -1 for none.
func message(lines []line, at int) (till, first int) {
	text := lines[at].text
	extend := func(from int, more func(string) bool) int {
		for from < len(lines) && from-at < most && !boundary(lines[from].text) && more(lines[from].text) {
			from++
		}
		return from
	}
	switch {
	case makeStops.MatchString(text) && !makeGoesOn.MatchString(text):
		return at + 1, at
	case boundary(text) || quoted.MatchString(text) || text == "":
		return at + 1, -1
	case rustSum.MatchString(text), linkerSum.MatchString(text), errorCount.MatchString(text):
		return at + 1, -1
	case panicked.MatchString(text):
		return extend(at+1, func(s string) bool { return s != "" && !rustHead.MatchString(s) }), at
	case rustHead.MatchString(text):
		till = extend(at+1, func(s string) bool { return s != "" && !startsMessage(s) })
		for till+1 < len(lines) && lines[till].text == "" && rustMore.MatchString(lines[till+1].text) { // a blank line within
			till = extend(till+1, func(s string) bool { return s != "" && !startsMessage(s) })
		}
		return till, found(at, rustError.MatchString(text))
	case included.MatchString(text), within.MatchString(text):
		head := extend(at+1, func(s string) bool { return included.MatchString(s) || within.MatchString(s) })
		if head == len(lines) || !located.MatchString(lines[head].text) {
			return head, -1
		}
		till, first = message(lines, head)
		return till, first
	case located.MatchString(text):
		kind := located.FindStringSubmatch(text)[1]
		till = extend(at+1, func(s string) bool {
			m := located.FindStringSubmatch(s)
			return s != "" && (m != nil && m[1] == "note" || m == nil && !startsMessage(s) && !within.MatchString(s) && !included.MatchString(s))
		})
		return till, found(at, strings.HasSuffix(strings.ToLower(kind), "error"))
	case kconfigAt.MatchString(text):
		what := kconfigAt.FindStringSubmatch(text)[2]
		till = extend(at+1, func(s string) bool {
			m := kconfigAt.FindStringSubmatch(s)
			return kconfigMore.MatchString(s) || m != nil && kconfigMore.MatchString(m[2])
		})
		return till, found(at, !strings.HasPrefix(what, "warning") && !strings.HasPrefix(what, "#"))
	case linkerIn.MatchString(text):
		till = extend(at+1, func(s string) bool { return linker.MatchString(s) && !linkerIn.MatchString(s) })
		return till, found(at+1, till > at+1)
	case linker.MatchString(text):
		till = extend(at+1, func(s string) bool { return strings.HasPrefix(s, ">>> ") })
		return till, found(at, !strings.Contains(text, "warning: "))
	case modpost.MatchString(text):
		return extend(at+1, modpost.MatchString), at
	case anyError.MatchString(text):
		return extend(at+1, func(s string) bool {
			return strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\t") || quoted.MatchString(s)
		}), at
	}
	return at + 1, -1
}

func found(at int, is bool) int {
	if is {
		return at
	}
	return -1
}

// startsMessage reports whether a line is the head of a message, so that it does not go on with the one before it.
func startsMessage(text string) bool {
	for _, head := range []*pattern.Lazy{rustHead, panicked, included, within, located, linker, linkerIn, linkerSum, modpost, errorCount,
		toolError} {
		if head.MatchString(text) {
			return true
		}
	}
	return false
}

// around is how many lines of a recipe that failed are shown.
const around = 20

// silent is the first recipe that failed, with what stands before it down to the last step.
func silent(lines []line) []Message {
	at := slices.IndexFunc(lines, func(l line) bool { return recipe.MatchString(l.text) })
	if at < 0 {
		return nil
	}
	from, first := at, at
	for from > 0 && at-from < around && !boundary(lines[from-1].text) {
		if from--; first == at && strings.TrimSpace(lines[from].text) != "" {
			first = from
		}
	}
	if from > 0 && step.MatchString(lines[from-1].text) {
		from--
	}
	return []Message{newMessage(lines[from:at+1], first-from)}
}
