package console

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// maxLine is how much of a line is looked at. Everything that matters stands in the first few dozen bytes.
const maxLine = 1000

// sentinelKind is what a line of the protocol says.
type sentinelKind int

const (
	notSentinel sentinelKind = iota
	sentinelReady
	sentinelBegin
	sentinelEnd
)

// sentinel is a line of the protocol.
type sentinel struct {
	kind   sentinelKind
	number int    // of the step, from 1
	token  string // of the session
	step   string // "insmod rust_minimal", "halt"
	status int    // sentinelEnd
}

// word is what step names and their arguments are made of.
const word = `[A-Za-z0-9_.][A-Za-z0-9_.-]*`

var (
	wordRE     = regexp.MustCompile(`^` + word + `$`)
	sentinelRE = regexp.MustCompile(`^umlab\[([1-9][0-9]{0,8})(?:\.([0-9a-f]{16}))?\]: (begin|end) (` + word + `(?: ` + word + `)?)` +
		`(?: status=(0|[1-9][0-9]{0,2}))?$`)
)

// parseSentinel reads one line without its end. The guest's own format is the only one that counts: a sentinel that
// anything else got mixed into is no sentinel.
func parseSentinel(line []byte) sentinel {
	if !bytes.HasPrefix(line, []byte("umlab")) {
		return sentinel{}
	}
	if string(line) == "umlab: ready" {
		return sentinel{kind: sentinelReady}
	}
	m := sentinelRE.FindSubmatch(line)
	if m == nil {
		return sentinel{}
	}
	s := sentinel{kind: sentinelBegin, token: string(m[2]), step: string(m[4])}
	s.number, _ = strconv.Atoi(string(m[1])) // the expression admits nothing that does not fit
	if string(m[3]) == "end" {
		s.kind = sentinelEnd
	}
	if (s.kind == sentinelEnd) != (m[5] != nil) {
		return sentinel{}
	}
	if m[5] != nil {
		s.status, _ = strconv.Atoi(string(m[5]))
	}
	return s
}

// numbered is a step's number with the session's token, as both ends write it.
func numbered(number int, token string) string {
	if token == "" {
		return strconv.Itoa(number)
	}
	return strconv.Itoa(number) + "." + token
}

func (s sentinel) String() string {
	n := "umlab[" + numbered(s.number, s.token) + "]: "
	switch s.kind {
	case sentinelReady:
		return "umlab: ready"
	case sentinelBegin:
		return n + "begin " + s.step
	case sentinelEnd:
		return n + "end " + s.step + " status=" + strconv.Itoa(s.status)
	}
	return ""
}

// panicMark is how a kernel says that it panics.
const panicMark = "Kernel panic - not syncing"

// oopsMarks are how a kernel says that it faulted and may go on, see lib/bug.c, arch/x86/kernel/dumpstack.c and
// arch/um/kernel/trap.c; the last is rust/kernel's own panic handler.
var oopsMarks = []string{
	"Oops:", "BUG: ", "general protection fault", "Unable to handle kernel", "Kernel mode fault at addr",
	"Kernel tried to access user memory", "rust_kernel: panicked at",
}

// isOops reports whether line holds a mark that is no part of a longer word ("DEBUG: ").
func isOops(line string) bool {
	for _, mark := range oopsMarks {
		for at := 0; ; {
			i := strings.Index(line[at:], mark)
			if i < 0 {
				break
			}
			at += i
			if at == 0 || !isWordByte(line[at-1]) {
				return true
			}
			at++
		}
	}
	return false
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// lines cuts a stream into lines, however it is chunked, in constant memory.
type lines struct {
	buf  []byte // the first maxLine bytes of the current line
	long bool   // the current line has more than buf holds
}

// feed takes the next bytes of the stream and calls each for every line that they complete: with its first maxLine
// bytes, without \n or \r\n, and whether that is all of it.
func (l *lines) feed(p []byte, each func(line []byte, whole bool)) {
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		take := min(len(part), maxLine-len(l.buf))
		l.buf = append(l.buf, part[:take]...)
		l.long = l.long || take < len(part)
		if ended {
			l.flush(each)
		}
		p = rest
	}
}

// flush ends the current line where the stream ends or a \n was seen.
func (l *lines) flush(each func(line []byte, whole bool)) {
	each(bytes.TrimRight(l.buf, "\r"), !l.long)
	l.buf, l.long = l.buf[:0], false
}
