package patch

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"path"
	"regexp"
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
	if !strings.HasPrefix(kind, "multipart/") && encoding != "base64" && encoding != "quoted-printable" {
		if !m.mbox {
			return string(m.body), params["charset"], true, nil
		}
		return quotedFrom.ReplaceAllString(string(m.body), "$1"), params["charset"], true, nil
	}
	var out strings.Builder
	err = part(&out, kind, params, encoding, m.body, 0)
	return out.String(), params["charset"], false, err
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
			encoding := strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding")))
			if err := part(out, k, ps, encoding, b, depth+1); err != nil {
				return err
			}
		}
	}
	switch encoding {
	case "base64":
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
	case strings.HasPrefix(kind, "text/"), strings.HasPrefix(kind, "multipart/"),
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
