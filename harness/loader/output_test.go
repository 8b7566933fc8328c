package loader

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// assembleModule makes an object out of assembly, which is where the relocations
// of a module come from.
func assembleModule(t testing.TB, source string) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "m.s"), filepath.Join(dir, "m.o")
	if err := os.WriteFile(in, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, as := range [][]string{{"as"}, {"clang", "-c"}, {"gcc", "-c"}} {
		if path, err := exec.LookPath(as[0]); err == nil {
			if said, err := exec.Command(path, append(as[1:], "-o", out, in)...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Skip("no assembler on PATH to make a module with")
	return nil
}

const (
	callPrintk = "\tmovabsq $fmt, %rdi\n\tmovabsq $_printk, %rax\n\tcall *%rax\n"
	relative   = "\tleaq fmt(%rip), %rdi\n\tcall _printk\n"
	rustInfo   = "\tmovabsq $_RNvNtNtCsb5MLIFMWygY_6kernel5print14format_strings4INFO, %rdi\n\tmovabsq $_RNvNtCsb5MLIFMWygY_6kernel5print11call_printk, %rax\n\tcall *%rax\n"
	rustErr    = "\tmovabsq $_RNvNtNtCsb5MLIFMWygY_6kernel5print14format_strings3ERR, %rdi\n\tmovabsq $_RNvNtCsb5MLIFMWygY_6kernel5print11call_printk, %rax\n\tcall *%rax\n"
	callDevice = "\tmovabsq $fmt, %rsi\n\tcall _dev_info\n"
	rustDevice = "\tcall _RNvMs_NtCsb5MLIFMWygY_6kernel6deviceNtB4_6Device6printk\n"
)

// module is a source with code in a section, and with a format.
func module(section, code, format string) string {
	return "\t.section " + section + ",\"ax\"\n" + code + "\tret\n\t.section .rodata.str1.1,\"aMS\",@progbits,1\n\t.asciz \"before\"\nfmt:\t.asciz \"" + format + "\"\n"
}

func TestModuleOutput(t *testing.T) {
	const hello = `\0016Hello %s, %#lx of %d%%\n`
	for _, tt := range []struct {
		name, source, want string
	}{
		{"says nothing", module(".init.text", "\tcall schedule\n", hello), ""},
		{"absolute", module(".init.text", callPrintk, hello), `Hello .*, .* of .*%`},
		{"relative", module(".text", relative, hello), `Hello .*, .* of .*%`},
		{"without a level", module(".init.text", callPrintk, `a plain line\n`), `a plain line`},
		{"of several lines", module(".init.text", callPrintk, `\0015\nfirst\nsecond\n`), `first`},
		{"only when something is wrong", module(".init.text", callPrintk, `\0013cannot\n`), ""},
		{"a warning", module(".init.text", callPrintk, `\0014careful\n`), ""},
		{"only at exit", module(".exit.text", callPrintk, hello), ""},
		{"a format that says nothing", module(".init.text", callPrintk, `\0016%s\n`), ""},
		{"no format to be seen", module(".init.text", "\tmovabsq $_printk, %rax\n", hello), "."},
		{"Rust", module(".init.text", rustInfo, hello), `^m: `},
		{"Rust, errors alone", module(".init.text", rustErr, hello), ""},
		{"Rust, of a device", module(".init.text", rustDevice, hello), "."},
		{"of a device", module(".init.text", callDevice, hello), `Hello .*, .* of .*%`},
		{"a driver, of its devices", module(".init.text", "\tcall __platform_driver_register\n"+callDevice, hello), ""},
		{"a driver that was removed", module(".init.text", "\tcall platform_driver_unregister\n\tcall usb_unregister_driver\n"+callDevice, hello), `Hello .*, .* of .*%`},
		{"Rust, a driver, of its devices", module(".init.text", "\tcall i2c_register_driver\n"+rustDevice, hello), ""},
		{"a driver, of itself", module(".init.text", "\tcall driver_register\n"+callPrintk, hello), `Hello .*, .* of .*%`},
		{"Rust, both", module(".init.text", rustInfo+rustDevice, hello), "^m: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Open(bytes.NewReader(assembleModule(t, tt.source)))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Output("m"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestFormatRegexp(t *testing.T) {
	for _, tt := range []struct{ format, line string }{
		{"Hello", "Hello"}, {"%s: up", "x: up"}, {"100%% of %-*.*lu", "100% of 7"}, {"at %pISc (x)", "at 1.2.3.4 (x)"}, {"a.b %hhx", "a.b f"}, {"%%%%%d: ab", "%%3: ab"},
	} {
		re, ok := formatRegexp(tt.format)
		if !ok || !regexp.MustCompile("^(?:"+re+")$").MatchString(tt.line) {
			t.Errorf("%q became %q, %v, which does not match %q", tt.format, re, ok, tt.line)
		}
	}
	for _, format := range []string{"", "%s", "%d\n%s", " a %d", "\n\n"} {
		if re, ok := formatRegexp(format); ok {
			t.Errorf("%q became %q", format, re)
		}
	}
}

// FuzzModuleOutput: whatever the bytes are, there is no panic, and what is
// returned is a regular expression.
func FuzzModuleOutput(f *testing.F) {
	for _, code := range []string{callPrintk, relative, rustInfo} {
		f.Add(assembleModule(f, module(".init.text", code, `\0016Hello %s\n`)))
	}
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		m, err := Open(bytes.NewReader(b))
		if err != nil {
			return
		}
		if _, err := regexp.Compile(m.Output("m")); err != nil {
			t.Error(err)
		}
	})
}
