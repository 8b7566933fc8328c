package patch

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
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/htmlindex"
)

// decode returns the text of the mail, and whether its lines are those of the
// input.
func (m message) decode() (text, charset string, raw bool, err error) {
	kind, params, err := mime.ParseMediaType(m.header["content-type"])
	if err != nil {
		kind, params = "text/plain", nil // as RFC 2045 has it
	}
	encoding := strings.ToLower(strings.TrimSpace(m.header["content-transfer-encoding"]))
	body := m.body
	if m.mbox {
		body = quotedFrom.ReplaceAll(body, []byte("$1"))
	}
	if plain := strings.HasPrefix(kind, "text/") && encoding != "base64" && encoding != "quoted-printable"; plain {
		return string(body), params["charset"], true, nil
	}
	var out strings.Builder
	err = part(&out, kind, params, encoding, body, 0)
	return out.String(), params["charset"], false, err
}

// unflowed is text without what format=flowed (RFC 3676) did to its lines, as git
// am undoes it; ok is false where the mail does not claim that format.
func (m message) unflowed(text string) (flat string, ok bool) {
	kind, params, err := mime.ParseMediaType(m.header["content-type"])
	if err != nil || kind != "text/plain" || !strings.EqualFold(params["format"], "flowed") {
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

// quotedFrom is a line that began with "From ", as an mbox has it.
var quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)

// part appends the text of a MIME part, as far as a patch can stand in it.
func part(out *strings.Builder, kind string, params map[string]string, encoding string, body []byte, depth int) error {
	if strings.HasPrefix(kind, "multipart/") {
		if depth > 8 {
			return errors.New("MIME parts are nested too deeply")
		}
		r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for taken := false; ; {
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
			// Alternatives say the same; the plain one comes first.
			if !readable(k, p.FileName()) || taken && kind == "multipart/alternative" {
				continue
			}
			taken = true
			encoding := strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding")))
			if err := part(out, k, ps, encoding, b, depth+1); err != nil {
				return err
			}
		}
	}
	if kind == "message/rfc822" {
		inner := readMessage(bytes.SplitAfter(body, []byte("\n")), 0)
		k, ps, err := mime.ParseMediaType(inner.header["content-type"])
		if err != nil {
			k, ps = "text/plain", nil
		}
		if depth > 8 {
			return errors.New("MIME parts are nested too deeply")
		}
		return part(out, k, ps, strings.ToLower(strings.TrimSpace(inner.header["content-transfer-encoding"])), inner.body, depth+1)
	}
	switch encoding {
	case "base64":
		b, err := fromBase64(body)
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

// base64Line is what a line of base64 may hold.
var base64Line = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$`)

// fromBase64 decodes a body up to where base64 ends: a mailing list may have put
// its footer behind it, in the clear.
func fromBase64(body []byte) ([]byte, error) {
	var text strings.Builder
	lines := slices.Collect(strings.Lines(string(body)))
	ended := func() bool { return strings.HasSuffix(text.String(), "=") }
	for i, l := range lines {
		l = strings.TrimSpace(l)
		switch {
		case l == "":
			continue
		case !base64Line.MatchString(l), ended(), text.Len() > 0 && text.Len()%4 == 0 && behindBlank(lines, i) && len(l)%4 != 0:
			// What comes from here on is the footer, unless it is the rest of something damaged.
			for _, rest := range lines[i:] {
				if rest = strings.TrimSpace(rest); len(rest) >= 60 && len(rest)%4 == 0 && base64Line.MatchString(rest) {
					return nil, fmt.Errorf("its base64 is interrupted by %q", OneLine(l))
				}
			}
			if text.Len() == 0 {
				return nil, fmt.Errorf("it is no base64, but %q", OneLine(l))
			}
			return base64.StdEncoding.DecodeString(text.String())
		}
		text.WriteString(l)
	}
	return base64.StdEncoding.DecodeString(text.String())
}

// behindBlank reports whether the line above line i is empty.
func behindBlank(lines []string, i int) bool { return i > 0 && strings.TrimSpace(lines[i-1]) == "" }

// readable reports whether a part may hold a patch.
func readable(kind, file string) bool {
	switch ext := path.Ext(file); {
	case kind == "text/html":
		return false
	case strings.HasPrefix(kind, "text/"), strings.HasPrefix(kind, "multipart/"), kind == "message/rfc822",
		strings.HasSuffix(kind, "-patch"), strings.HasSuffix(kind, "-diff"):
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
	if e, err := htmlindex.Get(charset); err == nil {
		if t, err := e.NewDecoder().String(s); err == nil {
			return t
		}
	}
	return s
}

var words = mime.WordDecoder{CharsetReader: charsetReader}

// decodeWords decodes what RFC 2047 encodes of a header line.
func decodeWords(s string) string {
	if t, err := words.DecodeHeader(s); err == nil {
		return t
	}
	return s
}

func address(s string) string {
	p := mail.AddressParser{WordDecoder: &words}
	a, err := p.Parse(s)
	if err != nil {
		return OneLine(decodeWords(s))
	}
	if a.Name == "" {
		return OneLine(a.Address)
	}
	return OneLine(a.Name + " <" + a.Address + ">")
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

// OneLine makes a text of another's safe to print: nothing that a terminal
// would obey.
func OneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }
