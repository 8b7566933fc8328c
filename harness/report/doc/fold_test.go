package doc

import (
	"strings"
	"testing"
)

func folded(s string, width int) string {
	var lines []string
	for _, at := range fold(s, width) {
		lines = append(lines, s[at[0]:at[1]])
	}
	return strings.Join(lines, "|")
}

func TestFold(t *testing.T) {
	for _, tt := range []struct {
		s     string
		width int
		want  string
	}{
		{"short", 20, "short"},
		{"one two three four five", 17, "one two three|four five"},
		{"one two three  four five", 17, "one two three|four five"},
		{"kept  two  spaces in this", 18, "kept  two  spaces|in this"},
		{"0123456789abcdefghij", 16, "0123456789abcdef|ghij"},
		{"wide ≠ ≠ ≠ ≠ ≠ ≠ ≠ marks", 16, "wide ≠ ≠ ≠ ≠ ≠ ≠|≠ marks"},
		{"see https://lore.kernel.org/r/1234567890@x.org for it", 20, "see|https://lore.kernel.org/r/1234567890@x.org|for it"},
		{"known from https://lore.kernel.org/r/1234567890@x.org", 20, "known from|https://lore.kernel.org/r/1234567890@x.org"},
		{"too narrow to fold anything at all", 8, "too narrow to fold anything at all"},
		{"unlimited width is a width of none at all", 0, "unlimited width is a width of none at all"},
	} {
		if got := folded(tt.s, tt.width); got != tt.want {
			t.Errorf("fold(%q, %d) = %q, want %q", tt.s, tt.width, got, tt.want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain ≠ ✓":                "plain ≠ ✓",
		"a\tb":                     "a b",
		"\x1b[31mred\x07\r\n":      `\x1b[31mred\x07\x0d\x0a`,
		"bad \xff\xfe":             `bad \xff\xfe`,
		"honest \uFFFD":            "honest \uFFFD",
		"left \u202e right\u2028s": `left \u202e right\u2028s`,
		"::set-output name=a::b":   `\x3a:set-output name=a::b`,
		"x  ::error::b":            `x  \x3a:error::b`,
		"\t::error::b":             ` \x3a:error::b`,
		"core::fmt::Write :: a":    "core::fmt::Write :: a",
		"x##[debug]a##vso[b ## [":  `x\x23#[debug]a\x23#vso[b ## [`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"":            "`  `",
		"plain":       "`plain`",
		"a `b` c":     "`` a `b` c ``",
		"``` fence":   "```` ``` fence ````",
		"<b>|&amp;*x": "`<b>|&amp;*x`",
	} {
		if got := codeSpan(in); got != want {
			t.Errorf("codeSpan(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := escape("<b>a|b</b> *c* rust_print [x](y) `z` &lt;"), "&lt;b&gt;a\\|b&lt;/b&gt; \\*c\\* rust_print \\[x\\](y) \\`z\\` &amp;lt;"; got != want {
		t.Errorf("escape = %q, want %q", got, want)
	}
}
