package console

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseSentinel(t *testing.T) {
	for _, tc := range []struct {
		line string
		want sentinel
	}{
		{"umlab: ready", sentinel{kind: sentinelReady}},
		{"umlab[1]: begin insmod rust_minimal", sentinel{kind: sentinelBegin, number: 1, step: "insmod rust_minimal"}},
		{"umlab[12]: end rmmod m-1 status=255", sentinel{kind: sentinelEnd, number: 12, step: "rmmod m-1", status: 255}},
		{"umlab[1.0123456789abcdef]: begin insmod m", sentinel{kind: sentinelBegin, number: 1, token: "0123456789abcdef", step: "insmod m"}},
		{"umlab[1.0123456789abcdeF]: begin insmod m", sentinel{}},
		{"umlab[1.]: begin insmod m", sentinel{}},
		{"umlab[7]: begin halt", sentinel{kind: sentinelBegin, number: 7, step: "halt"}},
		{"", sentinel{}},
		{" umlab: ready", sentinel{}},
		{"umlab: ready ", sentinel{}},
		{"umlab: readyumlab: ready", sentinel{}},
		{"umlab[0]: begin halt", sentinel{}},
		{"umlab[01]: begin halt", sentinel{}},
		{"umlab[9999999999]: begin halt", sentinel{}},
		{"umlab[1]: begin insmod", sentinel{kind: sentinelBegin, number: 1, step: "insmod"}},
		{"umlab[1]: begin insmod a b", sentinel{}},
		{"umlab[1]: begin insmod -", sentinel{}},
		{"umlab[1]: begin insmod m status=0", sentinel{}},
		{"umlab[1]: end insmod m", sentinel{}},
		{"umlab[1]: end insmod m status=", sentinel{}},
		{"umlab[1]: end insmod m status=-1", sentinel{}},
		{"umlab[1]: end insmod m status=00", sentinel{}},
		{"umlab[1]: end insmod m status=0x", sentinel{}},
	} {
		if got := parseSentinel([]byte(tc.line)); got != tc.want {
			t.Errorf("%q: %+v, want %+v", tc.line, got, tc.want)
		}
	}
}

func TestOopsMarks(t *testing.T) {
	for line, want := range map[string]bool{
		"Oops: 0000 [#1]": true, "[    1.0] BUG: failure at lib/x.c:1/f()!": true, "<0>general protection fault, 0000": true,
		"rust_kernel: panicked at samples/rust/x.rs:3:5:": true, "DEBUG: not one": false, "rust_minimal: Rust minimal sample (init)": false,
		"DEBUG: BUG: one after all": true, "": false, "WARNING: CPU: 0 PID: 1": false,
	} {
		if got := isOops(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// line is what lines reports of one.
type line struct {
	text  string
	whole bool
}

func collect(chunks ...[]byte) []line {
	var (
		l   lines
		out []line
	)
	each := func(text []byte, whole bool) {
		out = append(out, line{string(text), whole})
	}
	for _, c := range chunks {
		l.feed(c, each)
	}
	l.flush(each)
	return out
}

func TestLongLinesAreCutAndMarked(t *testing.T) {
	long := strings.Repeat("x", maxLine+5)
	got := collect([]byte("a\r\n" + long + "\nb"))
	want := []line{{"a", true}, {long[:maxLine], false}, {"b", true}}
	if len(got) != len(want) {
		t.Fatalf("%d lines", len(got))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("line %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// FuzzLines holds that lines neither depend on how the stream is cut, nor lose or move a byte, and that a sentinel
// that is accepted is written back as it was.
func FuzzLines(f *testing.F) {
	f.Add([]byte("boot\r\numlab: ready\n\numlab[1]: begin insmod m\nx\numlab[1]: end insmod m status=0\n"), 3)
	f.Add([]byte(strings.Repeat("y", 2100)+"\numlab[2]: begin halt"), 900)
	f.Add([]byte("\r\r\n\n\x00umlab: ready\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		if cut < 1 {
			cut = 1
		}
		whole := collect(data)
		var chunks [][]byte
		for rest := data; len(rest) > 0; {
			n := min(cut, len(rest))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		parts := collect(chunks...)
		if len(whole) != len(parts) || len(whole) != bytes.Count(data, []byte("\n"))+1 {
			t.Fatalf("%d lines at once, %d in parts", len(whole), len(parts))
		}
		rest := data
		for i, l := range whole {
			if l != parts[i] {
				t.Fatalf("line %d: %+v, in parts %+v", i, l, parts[i])
			}
			text, after, _ := bytes.Cut(rest, []byte("\n"))
			if !bytes.HasPrefix(text, []byte(l.text)) || l.whole && l.text != strings.TrimRight(string(text), "\r") {
				t.Fatalf("line %d is not at its place: %+v", i, l)
			}
			rest = after
			if s := parseSentinel([]byte(l.text)); s.kind != notSentinel && s.String() != l.text {
				t.Fatalf("%q is read as %q", l.text, s.String())
			}
		}
		if len(rest) > 0 {
			t.Fatalf("%d of %d bytes not seen", len(rest), len(data))
		}
	})
}
