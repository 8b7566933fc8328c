package outcome

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// logVerb is the step in which the guest prints its kernel's log, last of all. A
// process can write whatever it likes to the console, but only what the kernel
// itself printed stands there with a facility of 0.
const logVerb = "log"

// forgery is a line that is not what it looks like.
type forgery struct {
	line int // its index
	by   string
}

var logRecordRE = regexp.MustCompile(`^<(\d{1,3})>(?:\[ *\d+\.\d{3,9}\](?:\[ *[TC]\d+\])? ?)?(.*)$`)

// ownLines is what the kernel printed, as its log in st has it; whole is false
// where the log has lost its beginning.
func (s *session) ownLines(st step) (printed map[string]bool, whole bool) {
	printed = map[string]bool{}
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
		printed[text] = true
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
		s.asked = whole
		for i := s.ready; whole && i < st.begin; i++ {
			l := &s.lines[i]
			e, known, _ := recognise(l.text, s.pasted)
			_, shown := parseProcModule(l.text)
			by := ""
			switch text := strings.TrimRight(l.text, " \r"); {
			case known && e.kind != eventTool && !printed[text]:
				by = "A process of the guest, and not its kernel,"
			case shown && printed[text]:
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
	if o.Kind == Oops && s.token != "" && !s.asked && (s.in.End.Status == "signal 9" || s.in.End.Kind == EndHalted) {
		return "The guest lived on behind this line, and its kernel's log does not tell whether the kernel printed it or a process."
	}
	return ""
}
