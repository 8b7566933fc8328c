package mail

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func text(kind, _ string) bool { return strings.HasPrefix(kind, "text/plain") }

func TestDecode(t *testing.T) {
	const head = "From: a@example.org\nSubject: x\n"
	tests := []struct {
		name, input string
		want        []string // its lines, each behind the start of the line of the input that it begins in
	}{
		{"plain", head + "\none\r\ntwo\n", []string{"one|one", "two|two"}},
		{"header alone", head, nil},
		{"quoted-printable", head + "Content-Transfer-Encoding: quoted-printable\n\nrust_=\nacme: =3D\nend", []string{"rust_|rust_acme: =", "end|end"}},
		{"base64", head + "Content-Transfer-Encoding: base64\n\nb25l\nCnR3bwp0aHI=\n\n____\na list\n", []string{"b25l|one", "CnR3|two", "CnR3|thr"}},
		{"a group in two lines", head + "Content-Transfer-Encoding: base64\n\nb25\nlCg==\n", []string{"lCg=|one"}},
		{"parts", head + "Content-Type: multipart/mixed; boundary=b\n\nno\n--b\n\none\n--b\nContent-Type: text/html\n\n<p>\n--b\nContent-Type: text/plain\n\ntwo\n--b--\nno\n",
			[]string{"one|one", "two|two"}},
		{"alternatives", head + "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\none\n--b\nContent-Type: text/plain\n\nagain\n--b--\n", []string{"one|one"}},
		{"an mbox", "From a@b Thu Jan  1 00:00:00 1970\n" + head + "\n>From here\n", []string{">Fro|From here"}},
	}
	for _, tt := range tests {
		var got []string
		for _, m := range Split([]byte(tt.input)) {
			b, err := m.Decode(text)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			for at, l := range b.Lines() {
				start, _, _ := strings.Cut(tt.input[at:], "\n")
				start = strings.TrimRight(start, "\r")
				if cut := min(5, len(start)); len(start) > 4 && tt.name != "quoted-printable" {
					start = start[:cut-1]
				} else {
					start = strings.TrimRight(start, "=")
				}
				got = append(got, start+"|"+l)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, none := range []string{"", "\n\n", "[    0.1] Linux version\n", "umlab: ready\n\nx\n"} {
		if m := Split([]byte(none)); m != nil {
			t.Errorf("%q: %+v", none, m)
		}
	}
}

// FuzzSplit: places lie within the input and rise within a mail.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("Subject: x\nContent-Transfer-Encoding: base64\n\nb25l\n"))
	f.Add([]byte("From a@b Thu Jan  1 00:00:00 1970\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		for _, m := range Split(data) {
			b, err := m.Decode(text)
			if err != nil {
				continue
			}
			last := 0
			for at := range b.Lines() {
				if at < last || at > len(data) {
					t.Errorf("line at %d behind %d of %d", at, last, len(data))
				}
				last = at
			}
		}
		if !bytes.Equal(before, data) {
			t.Error("the input was changed")
		}
	})
}
