package bisect

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// logHead is the first line of a log.
const logHead = "umlab.bisect.log/v1"

// Log is what a bisection has seen: a text of one line each,
//
//	umlab.bisect.log/v1
//	question "cell stock"
//	candidate "debian-rustc:1.85.0"
//	candidate "debian-rustc:1.96.1"
//	probe "debian-rustc:1.85.0" first good 1.500 "loaded"
//	fault "debian-rustc:1.96.1" 1 "no space left on device"
//	probe "debian-rustc:1.85.0" fresh good 0.400 "loaded"
//
// with strings as Go quotes them, and seconds. Behind the reason, Answer.Data may
// follow. The answers of one question over one list are of no use for another, so
// both stand at its head.
type Log struct {
	Question []string // what is asked, in lines for people
	Names    []string // candidates: all of a list, of commits the two ends
	Records  []Record // in their order

	file string // its name, where it was read
}

// Record is one answer.
type Record struct {
	Name    string
	Fresh   bool
	Answer  Answer
	Seconds float64

	line int // where it was read, from 1
}

// Head is how the log begins.
func (l *Log) Head() string {
	var b strings.Builder
	b.WriteString(logHead + "\n")
	for _, q := range l.Question {
		fmt.Fprintf(&b, "question %q\n", q)
	}
	for _, n := range l.Names {
		fmt.Fprintf(&b, "candidate %q\n", n)
	}
	return b.String()
}

// Line is how the record stands in a log.
func (r Record) Line() string {
	line := fmt.Sprintf("probe %q %s %s %.3f %q", r.Name, when(r.Fresh), r.Answer.Verdict, r.Seconds, r.Answer.Reason)
	if r.Answer.Data != "" {
		line += fmt.Sprintf(" %q", r.Answer.Data)
	}
	return line + "\n"
}

func when(fresh bool) string {
	if fresh {
		return "fresh"
	}
	return "first"
}

// faultLine is for the reader alone: no fault is an answer.
func faultLine(name string, attempt int, err error) string {
	return fmt.Sprintf("fault %q %d %q\n", name, attempt, oneLine(err.Error()))
}

// ParseLog reads a log; file is its name, for errors. A last line without its
// end was being written when the bisection was ended, and is left out: whole is
// how many bytes of data are taken. The error is a LogError.
func ParseLog(file string, data []byte) (l *Log, whole int, err error) {
	l = &Log{file: file}
	n, head := 0, true
	fail := func(format string, args ...any) error {
		return &LogError{file, max(n, 1), fmt.Sprintf(format, args...) + "; remove the file, or name another"}
	}
	for line := range strings.Lines(string(data)) {
		text, ended := strings.CutSuffix(line, "\n")
		if !ended {
			break
		}
		n++
		whole += len(line)
		word, rest, _ := strings.Cut(text, " ")
		switch {
		case n == 1 && text == logHead:
		case n == 1:
			return nil, 0, fail("this is no log of a bisection: it does not begin with %q", logHead)
		case word == "question", word == "candidate":
			said, err := strconv.Unquote(rest)
			switch {
			case err != nil:
				return nil, 0, fail("%s: expected a quoted string, not %s", word, short(rest))
			case !head:
				return nil, 0, fail("%s stands behind the first probe", word)
			case word == "candidate":
				l.Names = append(l.Names, said)
			case len(l.Names) > 0:
				return nil, 0, fail("question stands behind the first candidate")
			default:
				l.Question = append(l.Question, said)
			}
		case word == "probe":
			head = false
			r, err := parseRecord(rest)
			if err != nil {
				return nil, 0, fail("probe: %v", err)
			}
			if _, twice := l.find(r.Name, r.Fresh); twice {
				return nil, 0, fail("probe: %s is answered twice", short(r.Name))
			}
			r.line = n
			l.Records = append(l.Records, r)
		case word == "fault":
			head = false
			if _, _, err := quoted(rest); err != nil {
				return nil, 0, fail("fault: %v", err)
			}
		default:
			return nil, 0, fail("expected question, candidate, probe or fault, not %s", short(word))
		}
	}
	if n == 0 {
		return nil, 0, fail("this is no log of a bisection: it is empty")
	}
	return l, whole, nil
}

// quoted cuts a quoted string off the front of s.
func quoted(s string) (text, rest string, err error) {
	q, err := strconv.QuotedPrefix(s)
	if err == nil {
		text, err = strconv.Unquote(q)
	}
	if err != nil {
		return "", "", fmt.Errorf("expected a quoted string at %s", short(s))
	}
	return text, strings.TrimPrefix(s[len(q):], " "), nil
}

// mostQuoted is how many characters of a damaged line a message shows.
const mostQuoted = 40

// short quotes what a damaged line says, cut where it is long.
func short(s string) string {
	if r := []rune(s); len(r) > mostQuoted {
		s = string(r[:mostQuoted]) + "…"
	}
	return strconv.Quote(s)
}

func parseRecord(s string) (r Record, err error) {
	var rest string
	if r.Name, rest, err = quoted(s); err != nil {
		return r, err
	}
	f := strings.SplitN(rest, " ", 4)
	if len(f) != 4 {
		return r, fmt.Errorf("expected first or fresh, a verdict, seconds and a reason, not %s", short(rest))
	}
	switch f[0] {
	case "first", "fresh":
		r.Fresh = f[0] == "fresh"
	default:
		return r, fmt.Errorf("expected first or fresh, not %s", short(f[0]))
	}
	switch r.Answer.Verdict = Verdict(f[1]); r.Answer.Verdict {
	case Good, Bad, Skip:
	default:
		return r, fmt.Errorf("expected good, bad or skip, not %s", short(f[1]))
	}
	if r.Seconds, err = strconv.ParseFloat(f[2], 64); err != nil || math.IsNaN(r.Seconds) || math.IsInf(r.Seconds, 0) || r.Seconds < 0 {
		return r, fmt.Errorf("%s is no number of seconds", short(f[2]))
	}
	if r.Answer.Reason, rest, err = quoted(f[3]); err == nil && rest != "" {
		r.Answer.Data, rest, err = quoted(rest)
	}
	if err == nil && rest != "" {
		err = fmt.Errorf("there is more behind its end: %s", short(rest))
	}
	return r, err
}

// find is the record of a candidate's answer.
func (l *Log) find(name string, fresh bool) (Record, bool) {
	if l == nil {
		return Record{}, false
	}
	i := slices.IndexFunc(l.Records, func(r Record) bool { return r.Name == name && r.Fresh == fresh })
	if i < 0 {
		return Record{}, false
	}
	return l.Records[i], true
}

// At is where the log holds an answer, FILE:LINE; empty where it does not, or was
// not read from anywhere.
func (l *Log) At(name string, fresh bool) string {
	r, ok := l.find(name, fresh)
	if !ok || r.line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", l.file, r.line)
}

// Refuse is the LogError that says what is wrong with a record of the log.
func (l *Log) Refuse(r Record, problem string) error { return &LogError{l.file, r.line, problem} }

// Check says, as a LogError, whether the log is of another question or of other
// candidates than names; whole says that there are no others, so that it may not
// answer for them.
func (l *Log) Check(question, names []string, whole bool) error {
	fail := func(line int, format string, args ...any) error {
		return &LogError{l.file, line, fmt.Sprintf(format, args...) + "; name another file, or remove this one"}
	}
	// at is where the head says the i-th of what is asked, or ends without it.
	at := func(i int) int { return 1 + min(i+1, len(l.Question)+len(l.Names)) }
	for i, q := range question {
		if i >= len(l.Question) {
			return fail(at(i), "the log does not say %q, which is asked now", q)
		}
		if l.Question[i] != q {
			return fail(at(i), "the log is of another question: %q, not %q", l.Question[i], q)
		}
	}
	if len(l.Question) > len(question) {
		return fail(at(len(question)), "the log is of another question: it says %q", l.Question[len(question)])
	}
	for i := range max(len(names), len(l.Names)) {
		if i >= len(l.Names) || i >= len(names) {
			return fail(at(len(question)+i), "the log is of another list: it has %d candidates, not %d", len(l.Names), len(names))
		}
		if l.Names[i] != names[i] {
			return fail(at(len(question)+i), "the log is of another list: its candidate %d is %s, not %s", i+1, l.Names[i], names[i])
		}
	}
	for _, r := range l.Records {
		if whole && !slices.Contains(names, r.Name) {
			return fail(r.line, "probe: %s is none of the candidates", short(r.Name))
		}
	}
	return nil
}
