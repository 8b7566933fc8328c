package tree

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/htmlindex"
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
	version string // "v2"
}

func (m mailed) tag() string {
	return oneLine(fmt.Sprintf("patch %s %d/%d", m.version, m.Number, m.Of))
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
	versioned   = regexp.MustCompile(`(?i)(?:^|[\s,])(v\d{1,3})(?:$|[\s,])`)
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
		return bytes.HasPrefix(lines[i], []byte("From ")) && fromLine.MatchString(bare(i)) && i+1 < len(lines) && headerLine.MatchString(bare(i+1))
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
	p := &mailed{Patch: Patch{Name: what, Commit: m.commit}}
	p.subject(decodeWords(m.header["subject"]))
	p.From = address(m.header["from"])
	if p.Of > 0 && p.Number == 0 {
		return p, errNoDiff // whatever a cover letter quotes is not to be applied
	}
	text, charset, raw, err := m.decode()
	if err != nil {
		return p, &PatchError{name, m.line, fmt.Sprintf("the mail's body cannot be decoded: %v", err)}
	}
	line := m.text
	if !raw {
		name, line = what+" (decoded)", 0
	}
	d, err := readDiff(name, text, line)
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
			p.version = strings.ToLower(v[1])
		}
	}
	p.Subject = oneLine(s)
}

// inBody takes the commit message from the text before the diff. Its first lines
// may name another author and subject than the mail's header.
func (p *mailed) inBody(before string) {
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

// decode returns the text of the mail, and whether its lines are those of the
// input.
func (m message) decode() (text, charset string, raw bool, err error) {
	kind, params, err := mime.ParseMediaType(m.header["content-type"])
	if err != nil {
		kind, params = "text/plain", nil // as RFC 2045 has it
	}
	encoding := strings.ToLower(strings.TrimSpace(m.header["content-transfer-encoding"]))
	if !strings.HasPrefix(kind, "multipart/") && encoding != "base64" && encoding != "quoted-printable" {
		if !m.mbox {
			return string(m.body), params["charset"], true, nil
		}
		return unquoteFrom(string(m.body)), params["charset"], true, nil
	}
	var out strings.Builder
	err = part(&out, kind, params, encoding, m.body, 0)
	return out.String(), params["charset"], false, err
}

// unquoteFrom takes back the ">" before lines that begin with "From ".
func unquoteFrom(s string) string {
	if !strings.Contains(s, ">From ") {
		return s
	}
	var b strings.Builder
	for l := range strings.Lines(s) {
		if strings.HasPrefix(strings.TrimLeft(l, ">"), "From ") {
			l = strings.TrimPrefix(l, ">")
		}
		b.WriteString(l)
	}
	return b.String()
}

// part appends the text of a MIME part, as far as a patch can stand in it.
func part(out *strings.Builder, kind string, params map[string]string, encoding string, body []byte, depth int) error {
	if strings.HasPrefix(kind, "multipart/") {
		if depth > 8 {
			return errors.New("MIME parts are nested too deeply")
		}
		r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for {
			p, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			b, err := io.ReadAll(p)
			if err != nil {
				return err
			}
			k, ps, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
			if err != nil {
				k, ps = "text/plain", nil
			}
			if !readable(k, p.FileName()) {
				continue
			}
			if err := part(out, k, ps, strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding"))), b, depth+1); err != nil {
				return err
			}
		}
	}
	switch encoding {
	case "base64":
		// A list may have put a footer behind it, in the clear.
		text := bytes.Join(bytes.Fields(body), nil)
		b, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return err
		}
		body = b
	case "quoted-printable":
		b, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		if err != nil {
			return err
		}
		body = b
	}
	out.Write(body)
	if len(body) > 0 && body[len(body)-1] != '\n' {
		out.WriteByte('\n')
	}
	return nil
}

// readable reports whether a part may hold a patch.
func readable(kind, file string) bool {
	switch ext := path.Ext(file); {
	case kind == "text/html":
		return false
	case strings.HasPrefix(kind, "text/"), strings.HasPrefix(kind, "multipart/"), strings.HasSuffix(kind, "-patch"), strings.HasSuffix(kind, "-diff"):
		return true
	default:
		return ext == ".patch" || ext == ".diff"
	}
}

func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(r), nil
}

func toUTF8(s, charset string) string {
	r, err := charsetReader(charset, strings.NewReader(s))
	if err != nil {
		return s
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return s
	}
	return string(b)
}

func decodeWords(s string) string {
	d := mime.WordDecoder{CharsetReader: charsetReader}
	if t, err := d.DecodeHeader(s); err == nil {
		return t
	}
	return s
}

func address(s string) string {
	p := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charsetReader}}
	a, err := p.Parse(s)
	if err != nil {
		return oneLine(decodeWords(s))
	}
	if a.Name == "" {
		return oneLine(a.Address)
	}
	return oneLine(a.Name + " <" + a.Address + ">")
}

// printable drops what a terminal would obey instead of showing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
