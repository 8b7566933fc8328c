package kconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fragment(t *testing.T, file, text string) Fragment {
	t.Helper()
	f, err := ParseFragment(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParseFragment(t *testing.T) {
	got := fragment(t, "a.config", "# why\r\n\nCONFIG_A=y\r\n# CONFIG_B is not set\nCONFIG_C=\"a # \\\"b\\\"\"\nCONFIG_D=-3\nCONFIG_E=0x1F\nCONFIG_F=m\nCONFIG_A=y\nCONFIG_G=\"\"\nCONFIG_H=n")
	want := Fragment{File: "a.config", Options: []Option{
		{"CONFIG_A", "y", "a.config", 3},
		{"CONFIG_B", "n", "a.config", 4},
		{"CONFIG_C", `"a # \"b\""`, "a.config", 5},
		{"CONFIG_D", "-3", "a.config", 6},
		{"CONFIG_E", "0x1F", "a.config", 7},
		{"CONFIG_F", "m", "a.config", 8},
		{"CONFIG_G", `""`, "a.config", 10},
		{"CONFIG_H", "n", "a.config", 11},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseFragmentMistakes(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no value", "CONFIG_A=", `f:1: CONFIG_A has no value: write y, m, n, a number or a "string"`},
		{"bare word", "\nCONFIG_A=yes", `f:2: CONFIG_A has the value "yes": write y, m, n, a decimal or 0x number, or a "string" in double quotes`},
		{"half number", "CONFIG_A=0x", `f:1: CONFIG_A has the value "0x": write y, m, n, a decimal or 0x number, or a "string" in double quotes`},
		{"go number", "CONFIG_A=1_000", `f:1: CONFIG_A has the value "1_000": write y, m, n, a decimal or 0x number, or a "string" in double quotes`},
		{"spaces", "CONFIG_A = y", `f:1: "CONFIG_A = y" has spaces that Kconfig does not take: write "CONFIG_A=y"`},
		{"indented", "  CONFIG_A=y", `f:1: "  CONFIG_A=y" has spaces that Kconfig does not take: write "CONFIG_A=y"`},
		{"no prefix", "RUST=y", `f:1: "RUST=y" lacks the prefix CONFIG_: write "CONFIG_RUST=y"`},
		{"bad name", "CONFIG_A-B=y", `f:1: "CONFIG_A-B" is no option name: after CONFIG_ come letters, digits and underscores`},
		{"no option", "rust", `f:1: "rust" is no option: write CONFIG_NAME=value, "# CONFIG_NAME is not set", or a comment after #`},
		{"open string", `CONFIG_A="x\"`, `f:1: CONFIG_A has a string without its closing ": "x\"`},
		{"comment after", `CONFIG_A="x" # y`, `f:1: CONFIG_A has " # y" after its string: put comments on a line of their own`},
		{"nearly not set", "#CONFIG_A is not set", `f:1: "#CONFIG_A is not set" is only a comment to Kconfig: write "# CONFIG_A is not set"`},
		{"nearly not set, dot", "# CONFIG_A is not set.", `f:1: "# CONFIG_A is not set." is only a comment to Kconfig: write "# CONFIG_A is not set"`},
		{"contradiction", "CONFIG_A=y\n# CONFIG_A is not set", "f:2: CONFIG_A=n contradicts CONFIG_A=y of line 1: keep one of them"},
		{"binary", "\x7fELF\x00", `f:1: "\x7fELF\x00" holds bytes that are not text: is this a .config fragment?`},
		{"all of them", "A=y\nCONFIG_B=\nCONFIG_C=y", "f:1: \"A=y\" lacks the prefix CONFIG_: write \"CONFIG_A=y\"\nf:2: CONFIG_B has no value: write y, m, n, a number or a \"string\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseFragment("f", []byte(tt.text))
			if err == nil {
				t.Fatal("accepted")
			}
			if d := cmp.Diff(tt.want, err.Error()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	a := fragment(t, "a", "CONFIG_A=y\nCONFIG_B=0x1f\nCONFIG_C=\"x\"\n")
	b := fragment(t, "b", "\n# CONFIG_A is not set\nCONFIG_B=0X1F\nCONFIG_D=m\n")
	options, notes := Merge(a, b)
	if got, want := Text(options), "# CONFIG_A is not set\nCONFIG_B=0X1F\nCONFIG_C=\"x\"\nCONFIG_D=m\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(notes) != 1 || notes[0].String() != "b:2: CONFIG_A=n overrides CONFIG_A=y of a:1" {
		t.Errorf("notes: %v", notes)
	}
	if _, notes := Merge(b, b); len(notes) != 0 {
		t.Errorf("a fragment contradicts itself: %v", notes)
	}
}

func TestCompare(t *testing.T) {
	options, _ := Merge(
		fragment(t, "configs/uml.config", "CONFIG_64BIT=y\n# CONFIG_INPUT is not set\n# CONFIG_GONE is not set\nCONFIG_BASE=0x0A\nCONFIG_CHAN=\"fd:0,fd:1\""),
		fragment(t, "configs/rust.config", "#\n#\nCONFIG_RUST=y\nCONFIG_SAMPLE=m\nCONFIG_OTHER=\"a\""))
	resolved, err := ParseConfig(".config", []byte("# Linux/um 6.12\nCONFIG_64BIT=y\nCONFIG_INPUT=y\nCONFIG_BASE=0xa\nCONFIG_CHAN=\"fd:0,fd:1\"\n# CONFIG_RUST is not set\nCONFIG_SAMPLE=y\nCONFIG_OTHER=\"b\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range Compare(options, resolved) {
		got = append(got, d.String())
		name, value, ok := ParseDropped(d.String())
		if !ok || name != d.Option.Name || value != d.Got {
			t.Errorf("ParseDropped(%q) = %q, %q, %v", d, name, value, ok)
		}
	}
	want := []string{
		"configs/uml.config:2: CONFIG_INPUT=n was dropped (resolved: y)",
		"configs/rust.config:3: CONFIG_RUST=y was dropped (resolved: not set)",
		"configs/rust.config:4: CONFIG_SAMPLE=m was dropped (resolved: y)",
		`configs/rust.config:5: CONFIG_OTHER="a" was dropped (resolved: "b")`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, _, ok := ParseDropped("CONFIG_RUST=y was dropped"); ok {
		t.Error("ParseDropped accepts a line without a place")
	}
}

func TestConfig(t *testing.T) {
	parse := func(text string) Config {
		c, err := ParseConfig("x", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a := parse("# Linux/um 6.12.107 Kernel Configuration\nCONFIG_B=y\nCONFIG_A=\"v\"\n# CONFIG_C is not set\n")
	b := parse("CONFIG_A=\"v\"\nCONFIG_D=y\nCONFIG_B=m\nCONFIG_B=y\n# CONFIG_D is not set")
	if got, want := a.Canonical(), "CONFIG_A=\"v\"\nCONFIG_B=y\n"; got != want {
		t.Errorf("Canonical: got %q, want %q", got, want)
	}
	if a.Digest() != b.Digest() {
		t.Error("order, comments and unset options change the digest")
	}
	if c := parse("CONFIG_B=m\nCONFIG_A=\"v\""); a.Digest() == c.Digest() {
		t.Error("m and y have one digest")
	}
	if a.Get("CONFIG_C") != Unset || a.Get("CONFIG_B") != "y" || len(a.Values()) != 2 {
		t.Errorf("Get, Values: %q %q %d", a.Get("CONFIG_C"), a.Get("CONFIG_B"), len(a.Values()))
	}
	if _, err := ParseConfig("out/.config", []byte("CONFIG_B=y\noops\n")); err == nil || !strings.HasPrefix(err.Error(), "out/.config:2: ") {
		t.Errorf("bad .config: %v", err)
	}
	if (Config{}).Get("CONFIG_A") != Unset {
		t.Error("the zero Config sets something")
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "a b", `a"b`, `a\`, `\"`} {
		if err := CheckValue(Quote(s)); err != nil {
			t.Errorf("Quote(%q) = %s: %v", s, Quote(s), err)
		}
	}
}

// TestShippedFragments holds that the fragments of configs/ parse and do not
// contradict each other, but for that of a SUBARCH, which is there to override.
func TestShippedFragments(t *testing.T) {
	files, err := filepath.Glob("../../configs/*.config")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fragments: %v", err)
	}
	var all []Fragment
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if f := fragment(t, file, string(text)); filepath.Base(file) != "i386.config" {
			all = append(all, f)
		}
	}
	if _, notes := Merge(all...); len(notes) != 0 {
		t.Error(notes)
	}
}

// FuzzParseFragment holds that no bytes panic, that a mistake names the file,
// and that what was read is read again from its own text.
func FuzzParseFragment(f *testing.F) {
	for _, s := range []string{"CONFIG_A=y\n# CONFIG_B is not set\n", `CONFIG_C="a\"b"`, "CONFIG_D=-0x1\r\n", "CONFIG_E=m # x", "#CONFIG_F is not set", "\x00", "CONFIG_A=y\nCONFIG_A=n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseFragment("some.config", text)
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if !strings.HasPrefix(line, "some.config:") {
					t.Fatalf("message without its file: %q", line)
				}
			}
			return
		}
		options, notes := Merge(got)
		if len(notes) != 0 {
			t.Fatalf("one fragment contradicts itself: %v", notes)
		}
		again, err := ParseFragment("again", []byte(Text(options)))
		if err != nil {
			t.Fatalf("own text is refused: %v", err)
		}
		if Text(again.Options) != Text(options) {
			t.Fatalf("%q became %q", Text(options), Text(again.Options))
		}
		resolved, err := ParseConfig(".config", []byte(Text(options)))
		if err != nil {
			t.Fatalf("own text is refused as .config: %v", err)
		}
		if dropped := Compare(options, resolved); len(dropped) != 0 {
			t.Fatalf("dropped from its own text: %v", dropped)
		}
	})
}

func TestDiffer(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a\nb\n", "a\nb\n", 0}, {"a\nb\n", "b\na\n", 1}, {"a\nb\n", "a\n", 1}, {"a\n", "b\nc\n", 3}} {
		if got := Differ(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: %d", tt.a, tt.b, got)
		}
	}
}
