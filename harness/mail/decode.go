package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/quotedprintable"
	"regexp"
	"slices"
	"strings"
)

// Body is the text of a mail.
type Body struct {
	Charset string // as the mail names it, or ""
	Raw     bool   // its lines are those of the input
	pieces  []piece
}

// String is the text as a whole.
func (b Body) String() string {
	var s strings.Builder
	for _, p := range b.pieces {
		s.Write(p.text)
	}
	return s.String()
}

// Lines yields the lines of the text without their ends, each with the place of the line of
// the input that it begins in, in bytes.
func (b Body) Lines() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		var line []byte
		at := -1
		for _, p := range b.pieces {
			for part := range bytes.Lines(p.text) {
				if at < 0 {
					at = p.at
				}
				if line = append(line, part...); line[len(line)-1] != '\n' {
					continue
				}
				if !yield(at, strings.TrimRight(string(line), "\r\n")) {
					return
				}
				line, at = line[:0], -1
			}
		}
		if len(line) > 0 {
			yield(at, strings.TrimRight(string(line), "\r\n"))
		}
	}
}

// Decode returns the text of the mail. Of a mail in several parts it is that of those which
// wanted approves, by their type and the name of their file.
func (m Message) Decode(wanted func(kind, file string) bool) (Body, error) {
	kind, params := media(m.Header["content-type"])
	encoding := transfer(m.Header["content-transfer-encoding"])
	b := Body{Charset: params["charset"]}
	lines := m.body
	if m.From != "" { // an mbox quotes lines that begin with "From "
		lines = slices.Clone(lines)
		for i, l := range lines {
			if quotedFrom.Match(l.text) {
				lines[i].text = l.text[1:]
			}
		}
	}
	if strings.HasPrefix(kind, "text/") && encoding != "base64" && encoding != "quoted-printable" {
		b.Raw, b.pieces = true, lines
		return b, nil
	}
	err := b.part(kind, params, encoding, lines, wanted, 0)
	return b, err
}

// Readable approves of parts that a person reads, for Decode: text that is no page, and what has such parts in it.
func Readable(kind, _ string) bool {
	return kind != "text/html" &&
		(strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "multipart/") || kind == "message/rfc822")
}

// quotedFrom is a line that began with "From ", as an mbox has it.
var quotedFrom = regexp.MustCompile(`^>+From `)

// media is a content type, text/plain where there is none that can be read, as RFC 2045 has it.
func media(header string) (kind string, params map[string]string) {
	kind, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "text/plain", nil
	}
	return kind, params
}

func transfer(header string) string { return strings.ToLower(strings.TrimSpace(header)) }

// part appends the text of a MIME part.
func (b *Body) part(
	kind string, params map[string]string, encoding string, lines []piece, wanted func(kind, file string) bool, depth int,
) error {
	if depth > 8 {
		return errors.New("MIME parts are nested too deeply")
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		taken := false
		for _, m := range parts(lines, params["boundary"]) {
			k, ps := media(m.Header["content-type"])
			_, disposition := media(m.Header["content-disposition"])
			// Alternatives say the same; the plain one comes first.
			if !wanted(k, disposition["filename"]) || taken && kind == "multipart/alternative" {
				continue
			}
			taken = true
			if err := b.part(k, ps, transfer(m.Header["content-transfer-encoding"]), m.body, wanted, depth+1); err != nil {
				return err
			}
		}
		return nil
	case kind == "message/rfc822":
		inner := read(lines, 0)
		k, ps := media(inner.Header["content-type"])
		return b.part(k, ps, transfer(inner.Header["content-transfer-encoding"]), inner.body, wanted, depth+1)
	}
	var err error
	switch encoding {
	case "base64":
		lines, err = fromBase64(lines)
	case "quoted-printable":
		lines, err = fromPrintable(lines)
	}
	if err != nil {
		return err
	}
	b.pieces = append(b.pieces, lines...)
	if n := len(lines); n > 0 && !bytes.HasSuffix(lines[n-1].text, []byte("\n")) {
		b.pieces = append(b.pieces, piece{[]byte("\n"), lines[n-1].at})
	}
	return nil
}

// parts are the parts between lines of a boundary, each with a header of its own. What stands
// before the first, and behind the last, is none.
func parts(lines []piece, boundary string) []Message {
	var all []Message
	begin := -1
	for i := 0; i <= len(lines); i++ {
		end := i == len(lines)
		if !end {
			l, ok := strings.CutPrefix(strings.TrimRight(lines[i].bare(), " \t"), "--"+boundary)
			if !ok || boundary == "" || l != "" && l != "--" {
				continue
			}
			end = l == "--"
		}
		if begin >= 0 {
			all = append(all, partOf(lines[begin:i]))
		}
		if begin = i + 1; end {
			break
		}
	}
	return all
}

// partOf splits a part, which may do without a header, but not without the blank line behind it.
func partOf(lines []piece) Message {
	if len(lines) > 0 && lines[0].bare() == "" {
		return Message{body: lines[1:]}
	}
	return read(lines, 0)
}

func fromPrintable(lines []piece) ([]piece, error) {
	var out []piece
	for _, l := range lines {
		text, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(l.text)))
		if err != nil {
			return nil, err
		}
		out = append(out, piece{text, l.at})
	}
	return out, nil
}

// base64Line is what a line of base64 may hold.
var base64Line = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$`)

// fromBase64 decodes a body up to where base64 ends: a mailing list may have put
// its footer behind it, in the clear.
func fromBase64(lines []piece) ([]piece, error) {
	var out []piece
	held, size := "", 0 // held are the letters of a group that goes on in the next line
	ended, blank := false, false
	for i, raw := range lines {
		l := strings.TrimSpace(string(raw.text))
		if l == "" {
			blank = true
			continue
		}
		if !base64Line.MatchString(l) || ended || size > 0 && size%4 == 0 && blank && len(l)%4 != 0 {
			// What comes from here on is the footer, unless it is the rest of something damaged.
			for _, rest := range lines[i:] {
				if rest := strings.TrimSpace(string(rest.text)); len(rest) >= 60 && len(rest)%4 == 0 && base64Line.MatchString(rest) {
					return nil, fmt.Errorf("its base64 is interrupted by %q", l)
				}
			}
			if size == 0 {
				return nil, fmt.Errorf("it is no base64, but %q", l)
			}
			break
		}
		blank, ended, size = false, strings.HasSuffix(l, "="), size+len(l)
		l = held + l
		whole := len(l) / 4 * 4
		text, err := base64.StdEncoding.DecodeString(l[:whole])
		if err != nil {
			return nil, err
		}
		held = l[whole:]
		out = append(out, piece{text, raw.at})
	}
	if held != "" {
		return nil, base64.CorruptInputError(size)
	}
	return out, nil
}

// Unflowed is text without what format=flowed (RFC 3676) did to its lines, as git
// am undoes it; ok is false where the mail does not claim that format.
func (m Message) Unflowed(text string) (flat string, ok bool) {
	kind, params := media(m.Header["content-type"])
	if kind != "text/plain" || !strings.EqualFold(params["format"], "flowed") {
		return "", false
	}
	var out strings.Builder
	for l := range strings.Lines(text) {
		bare := strings.TrimRight(l, "\r\n")
		if bare == "-- " {
			out.WriteString(l)
			continue
		}
		l = strings.TrimPrefix(l, " ")
		if soft := strings.HasSuffix(bare, " "); soft && bare != " " {
			l = strings.TrimRight(l, "\r\n")
			if strings.EqualFold(params["delsp"], "yes") {
				l = l[:len(l)-1]
			}
		}
		out.WriteString(l)
	}
	return out.String(), true
}
