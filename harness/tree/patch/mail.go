package patch

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"umlab/harness/mail"
)

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
	// fromCommit is how git format-patch fills it; the date is always this.
	fromCommit  = regexp.MustCompile(`^From ([0-9a-f]{40}|[0-9a-f]{64}) Mon Sep 17 00:00:00 2001$`)
	replyPrefix = regexp.MustCompile(`(?i)^\s*(re|aw|fwd?)\s*:\s*`)
	brackets    = regexp.MustCompile(`^\s*\[([^\]]*)\]\s*`)
	counted     = regexp.MustCompile(`(?:^|[^\d])(\d{1,4})/(\d{1,4})(?:$|[^\d])`)
	versioned   = regexp.MustCompile(`(?i)(?:^|[\s,]|PATCH)v(\d{1,3})(?:\.(\d{1,3}))?(?:$|[\s,])`)
	resent      = regexp.MustCompile(`(?i)\bRESEN[DT]\b`)
	quotedDiff  = regexp.MustCompile(`(?m)^[>|][> |]*(?:diff --git |\+\+\+ |@@ -\d)`)
	scissors    = regexp.MustCompile(`(?m)^[ \t]*-[- ]*(?:8<|>8|%<|>%)[^\n]*-[ \t]*\r?\n`)
)

// fromMail reads the mail's patch. name is the input, what the mail's own name. With
// errNoDiff it still returns what the subject says.
func fromMail(m mail.Message, name, what string) (*mailed, error) {
	p := &mailed{Patch: Patch{Name: what}, version: [2]int{1, 0}}
	if f := fromCommit.FindStringSubmatch(m.From); f != nil && strings.Trim(f[1], "0") != "" {
		p.Commit = f[1]
	}
	p.subject(decodeWords(m.Header["subject"]))
	p.From = address(m.Header["from"])
	if p.Of > 0 && p.Number == 0 {
		return p, errNoDiff // whatever a cover letter quotes is not to be applied
	}
	body, err := m.Decode(readable)
	if err != nil {
		return p, &Error{name, m.Line, fmt.Sprintf("the mail's body cannot be decoded: %v", err)}
	}
	text := body.String()
	where, line := name, m.Text
	if !body.Raw {
		where, line = what+" (decoded)", 0
	}
	d, err := readDiff(where, text, line)
	if flat, flowed := m.Unflowed(text); flowed {
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
	if body.Charset != "" {
		d.before = toUTF8(d.before, body.Charset)
	}
	p.fill(d, line)
	p.Mail = append([]byte(strings.ReplaceAll(m.Head(), "\r\n", "\n")), p.Mail...)
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
		name, value, ok := mail.HeaderLine(strings.TrimRight(l, "\r"))
		switch name {
		case "from":
			p.From = address(value)
		case "subject":
			p.subject(decodeWords(value))
		case "date":
		default:
			ok = false
		}
		if !ok {
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
