package patch

import (
	"io"
	"mime"
	"net/mail"
	"path"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/htmlindex"
)

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
