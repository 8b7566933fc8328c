package shell

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"": "''", "plain/path-1.ko": "plain/path-1.ko", "-tree=debian-6.12": "-tree=debian-6.12", "it's": `'it'\''s'`, "a  b": "'a  b'",
		"$HOME": "'$HOME'", "`x`": "'`x`'", "a\nb": "'a\nb'", "*": "'*'", "~": "'~'", "{a,b}": "'{a,b}'", "!1": "'!1'", "ü": "'ü'",
	} {
		if got := Quote(word); got != want {
			t.Errorf("Quote(%q) = %s, want %s", word, got, want)
		}
		if got := asShell(t, "sh -c 'printf \"%s\\0\" "+Nested(word)+"'"); !slices.Equal(got, []string{"sh", "-c", `printf "%s\0" ` + want}) {
			t.Errorf("%q between quotes is to a shell %q", word, got)
		}
	}
}

func TestSplit(t *testing.T) {
	for command, want := range map[string][]string{
		"":                               nil,
		"  ":                             nil,
		"a b\tc":                         {"a", "b", "c"},
		`mage '-dir=/a  b' -x='it'\''s'`: {"mage", "-dir=/a  b", "-x=it's"},
		`"a 'b' \"c\" \n \$x"`:           {`a 'b' "c" \n $x`},
		`a\ b \'c\' d\\`:                 {"a b", "'c'", `d\`},
		`'' "" x`:                        {"", "", "x"},
		"a \\\n  b\\\nc \"d\\\ne\"":      {"a", "bc", "de"},
		`a \`:                            {"a", `\`},
		`'a\' b`:                         {`a\`, "b"},
		"ü '日本 語'":                       {"ü", "日本 語"},
	} {
		got := Split(command)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Split(%q) (-want +got):\n%s", command, diff)
		}
		if len(want) > 0 && !slices.Equal(asShell(t, command), want) {
			t.Errorf("to sh, %q is %q", command, asShell(t, command))
		}
	}
}

// asShell returns the words that sh reads in a command.
func asShell(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+command).Output()
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// What is printed on several lines is to a shell the command that it was.
func TestFold(t *testing.T) {
	long := strings.Repeat("0123456789", 12)
	for _, command := range []string{
		"short", "a b  c", strings.Repeat("word ", 40) + "end", "-tree=/" + long, "before '" + long + " and " + long + "' after",
		`"` + long + `\"` + long + `" 'it'\''s' ` + long, strings.Repeat(`\ `, 60), `'` + strings.Repeat(`\`, 90) + `'`,
		strings.Repeat(`"a 'b' c" `, 20), strings.Repeat("日本語", 40), strings.Repeat("'", 200), strings.Repeat(`""`, 100), `a\\b '' "" c`,
	} {
		lines := Fold(command, "  ", 72)
		for _, l := range lines {
			if n := text.StringWidth(l); n > 72 {
				t.Errorf("%d columns: %q", n, l)
			}
		}
		folded := strings.Join(lines, "\n")
		if diff := cmp.Diff(asShell(t, command), asShell(t, folded)); diff != "" {
			t.Errorf("%s\nbecame (-want +got):\n%s", folded, diff)
		}
		if diff := cmp.Diff(Split(command), Split(folded)); diff != "" {
			t.Errorf("%s\nis split into (-want +got):\n%s", folded, diff)
		}
	}
	if got := Fold("", "  ", 72); got != nil {
		t.Errorf("no command became %q", got)
	}
}

// FuzzWords: words that were quoted, joined and folded are the same words again,
// to Split and to sh.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "a\x00b", "it's\x00a  b", "`x`\x00$HOME\x00*", "a\\\nb\x00\\", "ü\x00\xff", strings.Repeat("'\\\" \x00#~ ", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Split(s, "\x00")
		command := Join(words...)
		if got := Split(command); !slices.Equal(got, words) {
			t.Errorf("%q became %s, and that %q", words, command, got)
		}
		folded := strings.Join(Fold(command, "  ", 40), "\n")
		if got := Split(folded); !slices.Equal(got, words) {
			t.Errorf("%q was folded to\n%s\nand became %q", words, folded, got)
		}
		if got := asShell(t, folded); !slices.Equal(got, words) {
			t.Errorf("%q was folded to\n%s\nand is to sh %q", words, folded, got)
		}
	})
}

// FuzzFold: also a command that nobody quoted stays the same one.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"", `a 'b`, `"`, `\`, "a \\\n b", `x'y'"z"\'` + strings.Repeat(`'" `, 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, command string) {
		folded := strings.Join(Fold(command, "  ", 40), "\n")
		if diff := cmp.Diff(Split(command), Split(folded)); diff != "" {
			t.Errorf("%q\nwas folded to\n%s\nand is split into (-want +got):\n%s", command, folded, diff)
		}
	})
}
