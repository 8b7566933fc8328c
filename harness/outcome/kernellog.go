package outcome

import (
	"fmt"
	"strconv"
	"strings"

	"umlab/harness/pattern"
)

// logVerb is the step in which the guest prints its kernel's log, last of all and
// where lines of the kernel were wanted of a step. A
// process can write whatever it likes to the console, but only what the kernel
// itself printed stands there with a facility of 0.
const logVerb = "log"

// forgery is a line that is not what it looks like.
type forgery struct {
	line int // its index
	by   string
}

var logRecordRE = pattern.New(`^<(\d{1,3})>(?:\[ *\d+\.\d{3,9}\](?:\[ *[TC]\d+\])? ?)?(.*)$`)

// ownLines is what the kernel printed, and how often, as its log in st has it; whole is false
// where the log has lost its beginning.
func (s *session) ownLines(st step) (printed map[string]int, whole bool) {
	printed = map[string]int{}
	for i := st.begin + 1; i < st.end; i++ {
		m := logRecordRE.FindStringSubmatch(s.lines[i].raw)
		if m == nil {
			continue
		}
		if level, _ := strconv.Atoi(m[1]); level >= 8 {
			continue // what a process wrote to /dev/kmsg
		}
		text := strings.TrimRight(m[2], " \r")
		whole = whole || len(printed) == 0 && strings.HasPrefix(text, "Linux version ")
		printed[text]++
	}
	return printed, whole
}

// disbelieve blanks what a log of the kernel shows to be another's: lines of the
// kernel that it did not print, and lines of /proc/modules that it did.
func (s *session) disbelieve() {
	for _, st := range s.steps {
		if st.verb != logVerb || !st.closed {
			continue
		}
		printed, whole := s.ownLines(st)
		for i := st.begin + 1; i < st.end; i++ {
			s.lines[i].text = "" // nothing happens here
		}
		s.logs = append(s.logs, kernelLog{st.begin, printed, whole})
		if whole {
			s.asked = st.begin
		}
		for i := s.ready; whole && i < st.begin; i++ {
			l := &s.lines[i]
			e, known, _ := recognise(l.text, s.pasted)
			_, shown := parseProcModule(l.text)
			by := ""
			switch text := strings.TrimRight(l.text, " \r"); {
			case known && e.kind != eventTool && printed[text] == 0:
				by = "A process of the guest, and not its kernel,"
			case shown && printed[text] > 0:
				by = "Not /proc/modules, but somebody in the guest's kernel,"
			default:
				continue
			}
			s.forged = append(s.forged, forgery{i, by})
			l.text = ""
		}
	}
}

// forgeries tells of the first line between begin and end that was not believed;
// and where a fault was reported by a guest that lived on, whose kernel could not
// be asked, that nobody knows who printed it.
func (s *session) forgeries(begin, end int, o Outcome) string {
	for _, f := range s.forged {
		if f.line > begin && f.line < end {
			return fmt.Sprintf("%s printed a line that was not believed: %q.", f.by, clip(s.lines[f.line].raw))
		}
	}
	if o.Kind == Oops && s.token != "" && !s.askedOf(o) && (s.in.End.Status == "signal 9" || s.in.End.Kind == EndHalted) {
		return "The guest lived on behind this line, and its kernel's log does not tell whether the kernel printed it or a process."
	}
	return ""
}

// askedOf reports whether a log of the kernel tells of the line that proves o.
func (s *session) askedOf(o Outcome) bool { return s.asked > 0 && o.Offset < s.lines[s.asked].off }

// kernelLog is the kernel's own log.
type kernelLog struct {
	at      int            // index of the line where it begins
	printed map[string]int // its lines, without stamps, and how often each stands there
	whole   bool           // it has its beginning; else what it lacks proves nothing
}

// byKernel reports whether the kernel's own log proves that line i, in the region from begin to
// end, or one that reads the same there, is the kernel's. A process may print again what the
// kernel has printed: it counts only what the log has more of than stands elsewhere on the console.
// asked is false where no log tells of that line.
func (s *session) byKernel(i, begin, end int) (own, asked bool) {
	for _, log := range s.logs {
		if !log.whole || log.at < i {
			continue
		}
		text, elsewhere := strings.TrimRight(s.lines[i].text, " \r"), 0
		for _, k := range s.alike(text) {
			if k < log.at && (k < begin || k >= end) {
				elsewhere++
			}
		}
		return log.printed[text] > elsewhere, true
	}
	return false, false
}

// alike are the indexes of the lines that read text. No line changes once the logs were read.
func (s *session) alike(text string) []int {
	if s.reading == nil {
		s.reading = map[string][]int{}
		for i, l := range s.lines {
			key := strings.TrimRight(l.text, " \r")
			s.reading[key] = append(s.reading[key], i)
		}
	}
	return s.reading[text]
}
