package predicate

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"  ", ""},
		{"loaded", "loaded"},
		{"loaded,relocation-overflow:11, relocation-unknown : 9,build-failed,init-failed:-22,oops",
			"loaded,relocation-overflow:32S,relocation-unknown:GOTPCREL,build-failed,init-failed:22,oops"},
		{"relocation-unknown:GOTPCREL,relocation-unknown:R_X86_64_GOTPCREL,relocation-unknown:9", "relocation-unknown:GOTPCREL"},
		{"relocation-overflow:32s,relocation-overflow:10", "relocation-overflow:32S,relocation-overflow:R_X86_64_32"},
		{"init-failed:EINVAL,insmod-failed:enoexec,init-failed:22", "init-failed:22,insmod-failed:8"},
		{"timeout:boot,timeout", "timeout:boot,timeout"},
		{"loaded-corrupt:PC32", "loaded-corrupt:PC32"},
		{"rust_print:GOTPCREL>0", "rust_print:GOTPCREL>0"},
		{"rust-print:9 >= 007", "rust_print:GOTPCREL>=7"},
		{" rust_minimal : * <= 120 ", "rust_minimal:*<=120"},
		{"a:r_x86_64_64==3", "a:R_X86_64_64==3"},
		{"a:gotpcrelx!=3", "a:GOTPCRELX!=3"},
		{"a:1<3", "a:R_X86_64_64<3"},
		{"a:r_386_gotpc>0", "a:R_386_GOTPC>0"},
		{"relocation-unknown:R_386_GOT32,relocation-unknown:R_386_PLT32", "relocation-unknown:R_386_GOT32,relocation-unknown:R_386_PLT32"},
	} {
		got, err := Parse(tt.in)
		if err != nil || got.String() != tt.want {
			t.Errorf("Parse(%q) = %s, %v; want %s", tt.in, got, err, tt.want)
		}
		if again, err := Parse(got.String()); err != nil || again.String() != got.String() {
			t.Errorf("Parse(%q) = %s, %v", got, again, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		in   string
		at   int
		says string
	}{
		{"loadd", 1, "allowed are loaded, relocation-unknown"},
		{"loaded,,oops", 8, "an outcome is missing"},
		{"loaded,", 8, "an outcome is missing"},
		{"oops, infra", 7, "infra says nothing of the kernel"},
		{"config-dropped", 1, "never counts"},
		{"oops:9", 6, "nothing goes behind oops"},
		{"relocation-unknown:GOTPCRELL", 20, "as in GOTPCREL or R_X86_64_GOTPCREL"},
		{"loaded,relocation-unknown: ", 28, "is no relocation type"},
		{"relocation-overflow:32", 21, "32 could be R_X86_64_32 (type 10) or type 32 (R_X86_64_SIZE32): write the whole name"},
		{"a:64>0", 3, "there is no type 64: for R_X86_64_64 write the whole name, or its number 1"},
		{"a:200>0", 3, "is no relocation type"},
		{"a:4711>0", 3, "is no relocation type"},
		{"init-failed:EWHAT", 13, "as in EINVAL"},
		{"init-failed:0", 13, "1 to 4095"},
		{"init-failed:--22", 13, "is no errno"},
		{"timeout:a b", 9, "is no stage"},
		{"rust_print:GOTPCREL=0", 20, "allowed are > >= < <= == !="},
		{"rust_print>0", 11, "write rust_print:TYPE>NUMBER"},
		{"GOTPCREL<20", 1, "GOTPCREL is a relocation type, and the module before it is missing: write MODULE:GOTPCREL<20, as in rust_print:GOTPCREL<20"},
		{"R_X86_64_gotpcrel<20", 1, "as in rust_print:R_X86_64_gotpcrel<20"},
		{">0", 1, "is no module"},
		{"*:GOTPCREL>0", 1, "is no module"},
		{"ü:GOTPCREL>0", 1, "is no module"},
		{"a:ü>0", 3, "or * for all"},
		{"a:9>-1", 5, "write 0 or more"},
		{"a:9>", 5, "write 0 or more"},
		{"a:9>1>2", 5, "is no number"},
		{"a:9>99999999999", 5, "is no number"},
	} {
		_, err := Parse(tt.in)
		var syntax *syntaxError
		if !errors.As(err, &syntax) || syntax.Position != tt.at || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Parse(%q): %v; want position %d, %q", tt.in, err, tt.at, tt.says)
		}
	}
}

// FuzzParse: whatever is typed is refused at a place within it, or means what its
// own text means.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "loaded,relocation-overflow:11", "init-failed:-22", "rust_print:GOTPCREL>0", "rust_minimal:*<=120",
		"a:200!=1", "timeout:boot", "relocation-unknown:R_X86_64_<200>", "a:<", ",", ":", "a:9>1,oops", "\xff:9>1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			var syntax *syntaxError
			if !errors.As(err, &syntax) || syntax.Position < 1 || syntax.Position > len(text)+1 || syntax.Problem == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if c.Empty() != (strings.TrimSpace(text) == "") {
			t.Fatalf("%q: empty is %v", text, c.Empty())
		}
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q is read as %q, and that as %q, %v", text, c, again, err)
		}
	})
}

func TestParseTarget(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Target
	}{
		{"stock", Target{Cell: "stock"}},
		{"static-small@module:high", Target{"static-small@module", "high", ""}},
		{"stock:low:rust_print", Target{"stock", "low", "rust_print"}},
		{"stock::rust_print", Target{"stock", "", "rust_print"}},
	} {
		got, err := ParseTarget(tt.in)
		if err != nil || got != tt.want || got.String() != tt.in {
			t.Errorf("ParseTarget(%q) = %+v (%s), %v", tt.in, got, got, err)
		}
	}
	for _, bad := range []string{"", ":low", "a:b:c:d", " "} {
		if _, err := ParseTarget(bad); err == nil {
			t.Errorf("ParseTarget(%q) succeeded", bad)
		}
	}
}
