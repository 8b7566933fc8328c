package patch

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// message is one mail: its header lines unfolded, and the raw body.
type message struct {
	header map[string]string // by lower-case name; the first of a name counts
	body   []byte
	line   int // of the input, where the mail begins
	text   int // of the input, where the body begins
	commit string
	mbox   bool // lines of the body that began with "From " are quoted by ">"
}

// mailed is a patch with what only its order needs.
type mailed struct {
	Patch
	reply   bool
	version [2]int // {2, 0} of "v2"; {1, 0} where the subject says none
	resend  bool
	quotes  bool // it holds no diff, but quotes one
}

func (m mailed) tag() string {
	text := "patch"
	if m.resend {
		text += " RESEND"
	}
	if v := m.versionText(); v != "v1" {
		text += " " + v
	}
	if m.Of > 0 {
		text += fmt.Sprintf(" %d/%d", m.Number, m.Of)
	}
	return text
}

func (m mailed) versionText() string {
	if m.version[1] > 0 {
		return fmt.Sprintf("v%d.%d", m.version[0], m.version[1])
	}
	return fmt.Sprintf("v%d", m.version[0])
}

var (
	// fromLine begins a mail of an mbox: a sender and a date. git mailsplit looks
	// for the same, a time and a year.
	fromLine = regexp.MustCompile(`^From \S+ +\S.*\d:\d\d.* \d{4}`)
	// fromCommit is how git format-patch fills it; the date is always this.
	fromCommit  = regexp.MustCompile(`^From ([0-9a-f]{40}|[0-9a-f]{64}) Mon Sep 17 00:00:00 2001$`)
	headerLine  = regexp.MustCompile(`^([!-9;-~]+):[ \t]*(.*)$`)
	replyPrefix = regexp.MustCompile(`(?i)^\s*(re|aw|fwd?)\s*:\s*`)
	brackets    = regexp.MustCompile(`^\s*\[([^\]]*)\]\s*`)
	counted     = regexp.MustCompile(`(?:^|[^\d])(\d{1,4})/(\d{1,4})(?:$|[^\d])`)
	versioned   = regexp.MustCompile(`(?i)(?:^|[\s,]|PATCH)v(\d{1,3})(?:\.(\d{1,3}))?(?:$|[\s,])`)
	resent      = regexp.MustCompile(`(?i)\bRESEN[DT]\b`)
	quotedDiff  = regexp.MustCompile(`(?m)^[>|][> |]*(?:diff --git |\+\+\+ |@@ -\d)`)
	scissors    = regexp.MustCompile(`(?m)^[ \t]*-[- ]*(?:8<|>8|%<|>%)[^\n]*-[ \t]*\r?\n`)
)

// splitMails returns the mails that data consists of, or nil where it is no mail.
func splitMails(data []byte) []message {
	lines := bytes.SplitAfter(data, []byte("\n"))
	bare := func(i int) string { return strings.TrimRight(string(lines[i]), "\r\n") }
	first := 0
	for first < len(lines) && len(bytes.TrimSpace(lines[first])) == 0 {
		first++
	}
	if first == len(lines) {
		return nil
	}
	starts := func(i int) bool {
		return bytes.HasPrefix(lines[i], []byte("From ")) && fromLine.MatchString(bare(i)) &&
			i+1 < len(lines) && headerLine.MatchString(bare(i+1))
	}
	if !starts(first) {
		m := readMessage(lines[first:], first)
		if _, ok := m.header["subject"]; !ok {
			return nil
		}
		return []message{m}
	}
	var all []message
	for begin := first; begin < len(lines); {
		end := begin + 1
		for end < len(lines) && !starts(end) {
			end++
		}
		m := readMessage(lines[begin+1:end], begin+1)
		m.line, m.mbox = begin+1, true
		if f := fromCommit.FindStringSubmatch(bare(begin)); f != nil && strings.Trim(f[1], "0") != "" {
			m.commit = f[1]
		}
		all = append(all, m)
		begin = end
	}
	return all
}

// readMessage splits header and body; at is the number of lines before them. The
// header of what is no mail is empty.
func readMessage(lines [][]byte, at int) message {
	m := message{header: map[string]string{}, line: at + 1}
	name := ""
	for i, raw := range lines {
		l := strings.TrimRight(string(raw), "\r\n")
		if l == "" {
			m.body, m.text = bytes.Join(lines[i+1:], nil), at+i+2
			return m
		}
		if name != "" && (l[0] == ' ' || l[0] == '\t') {
			m.header[name] += " " + strings.TrimSpace(l)
			continue
		}
		f := headerLine.FindStringSubmatch(l)
		if f == nil {
			break
		}
		name = strings.ToLower(f[1])
		if _, twice := m.header[name]; twice {
			name = "\x00ignored"
			delete(m.header, name)
		}
		m.header[name] = f[2]
	}
	return message{header: map[string]string{}, line: at + 1}
}

// patch reads the mail's patch. name is the input, what the mail's own name. With
// errNoDiff it still returns what the subject says.
func (m message) patch(name, what string) (*mailed, error) {
	p := &mailed{Patch: Patch{Name: what, Commit: m.commit}, version: [2]int{1, 0}}
	p.subject(decodeWords(m.header["subject"]))
	p.From = address(m.header["from"])
	if p.Of > 0 && p.Number == 0 {
		return p, errNoDiff // whatever a cover letter quotes is not to be applied
	}
	text, charset, raw, err := m.decode()
	if err != nil {
		return p, &Error{name, m.line, fmt.Sprintf("the mail's body cannot be decoded: %v", err)}
	}
	where, line := name, m.text
	if !raw {
		where, line = what+" (decoded)", 0
	}
	d, err := readDiff(where, text, line)
	if flat, flowed := m.unflowed(text); flowed {
		// Many mails claim to be flowed that are not: the plain reading holds where the other is none.
		if f, flatErr := readDiff(what+" (decoded)", flat, 0); flatErr == nil {
			d, err, line = f, nil, 0
		}
	}
	if errors.Is(err, errNoDiff) && quotedDiff.MatchString(text) {
		p.quotes = true
	}
	if err != nil {
		return p, err
	}
	if charset != "" {
		d.before = toUTF8(d.before, charset)
	}
	p.fill(d, line)
	p.inBody(d.before)
	return p, nil
}

// subject takes the subject apart as git am does.
func (p *mailed) subject(s string) {
	for {
		if f := replyPrefix.FindString(s); f != "" {
			s, p.reply = s[len(f):], true
			continue
		}
		f := brackets.FindStringSubmatch(s)
		if f == nil {
			break
		}
		s = s[len(f[0]):]
		if n := counted.FindStringSubmatch(f[1]); n != nil {
			p.Number, _ = strconv.Atoi(n[1])
			p.Of, _ = strconv.Atoi(n[2])
		}
		if v := versioned.FindStringSubmatch(f[1]); v != nil {
			p.version[0], _ = strconv.Atoi(v[1])
			p.version[1], _ = strconv.Atoi(v[2])
		}
		p.resend = p.resend || resent.MatchString(f[1])
	}
	p.Subject = OneLine(s)
}

// inBody takes the commit message from the text before the diff. Its first lines
// may name another author and subject than the mail's header.
func (p *mailed) inBody(before string) {
	if cut := scissors.FindAllStringIndex(before, -1); cut != nil {
		before = before[cut[len(cut)-1][1]:] // what stands above is for the list
	}
	text := strings.TrimLeft(before, "\r\n")
	for {
		l, rest, _ := strings.Cut(text, "\n")
		f := headerLine.FindStringSubmatch(strings.TrimRight(l, "\r"))
		if f == nil {
			break
		}
		switch strings.ToLower(f[1]) {
		case "from":
			p.From = address(f[2])
		case "subject":
			p.subject(decodeWords(f[2]))
		case "date":
		default:
			f = nil
		}
		if f == nil {
			break
		}
		text = rest
	}
	var message []string
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, " \r\n")
		if l == "---" {
			break
		}
		message = append(message, printable(l))
	}
	p.Message = strings.Trim(strings.Join(message, "\n"), "\n")
}
