package buildlog

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew; then read the difference")

// home names the files of a build as a user would who has a tree in ~/linux and a module in ./hello.
func home(path string) string {
	for from, to := range map[string]string{"/src": "/home/u/linux", "/ext": "."} {
		if rest, ok := strings.CutPrefix(path, from+"/"); ok {
			return to + "/" + rest
		}
	}
	rest, ok := strings.CutPrefix(path, "/build/")
	if !ok {
		return ""
	}
	return rest
}

// TestLogs holds what is found in logs, most of them of real builds: NAME.log -> NAME.txt, with the number of the line that
// names each error.
func TestLogs(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) < 10 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	for _, file := range logs {
		t.Run(filepath.Base(file), func(t *testing.T) {
			log, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if at := Machine(log); at != "" {
				b.WriteString("machine: " + at + "\n")
			}
			for _, m := range Errors(log) {
				if !strings.HasPrefix(string(log[m.Offset:]), m.Lines[m.First]) {
					t.Errorf("%q does not stand at %d", m.Lines[m.First], m.Offset)
				}
				for i, l := range m.Told(home) {
					mark := "  "
					if i == m.First {
						mark = "> "
					}
					b.WriteString(strings.TrimRight(mark+l, " ") + "\n")
				}
				b.WriteString("= " + m.Brief(home) + "\n\n")
			}
			golden := strings.TrimSuffix(file, ".log") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("%s (-want +got); go test -update writes it:\n%s", golden, diff)
			}
		})
	}
}

func TestMachine(t *testing.T) {
	for log, want := range map[string]string{
		"fatal error: error writing to /tmp/x.s: No space left on device":                           "fatal error: error writing to /tmp/x.s: No space left on device",
		"a.c:90:1: fatal error: error writing to /tmp/x.s: No space left on device":                 "a.c:90:1: fatal error: error writing to /tmp/x.s: No space left on device",
		"  CC a.o\nKilled\nmake[3]: *** [a.o] Error 137":                                            "Killed",
		"make[3]: *** [/src/scripts/Makefile.build:229: a.o] Killed":                                "make[3]: *** [/src/scripts/Makefile.build:229: a.o] Killed",
		"make[3]: *** [/src/scripts/Makefile.build:229: a.o] Error 137":                             "make[3]: *** [/src/scripts/Makefile.build:229: a.o] Error 137",
		"collect2: fatal error: ld terminated with signal 9 [Killed]":                               "collect2: fatal error: ld terminated with signal 9 [Killed]",
		"gcc: fatal error: Killed signal terminated program cc1":                                    "gcc: fatal error: Killed signal terminated program cc1",
		"rustc-LLVM ERROR: out of memory\nAllocation failed":                                        "rustc-LLVM ERROR: out of memory",
		"memory allocation of 1048576 bytes failed":                                                 "memory allocation of 1048576 bytes failed",
		"clang: error: unable to execute command: Killed":                                           "clang: error: unable to execute command: Killed",
		"error: failed to write a.rmeta: No space left on device (os error 28)":                     "error: failed to write a.rmeta: No space left on device (os error 28)",
		"/bin/sh: line 1:  4242 Killed                  rustc a.rs":                                 "/bin/sh: line 1:  4242 Killed                  rustc a.rs",
		"a.c:3:2: error: \"Input/output error\"\n    3 | #error \"Input/output error\"":             "",
		"error: Out of memory\n --> a.rs:3:1\n  |\n3 | compile_error!(\"Out of memory\");":          "",
		"a.c:3:9: error: use of undeclared identifier 'x'\n    3 | return x; /* Out of memory */\n": "",
		"error: no rules expected the token `SIGKILL`\n --> a.rs:1:1":                               "",
	} {
		if got := Machine([]byte(log)); got != want {
			t.Errorf("Machine(%q) = %q, want %q", log, got, want)
		}
	}
}

// FuzzErrors: what is found stands in the log, in its order, and is bounded.
func FuzzErrors(f *testing.F) {
	logs, _ := filepath.Glob("testdata/*.log")
	for _, file := range logs {
		log, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(log)
	}
	f.Add([]byte("error: \n\n |\nmake: *** [x"))
	f.Fuzz(func(t *testing.T, log []byte) {
		last := -1
		found := Errors(log)
		for _, m := range found {
			if m.Offset <= last || !strings.HasPrefix(string(log[m.Offset:]), m.Lines[m.First]) {
				t.Fatalf("%q is not at %d, or not behind %d", m.Lines[m.First], m.Offset, last)
			}
			last = m.Offset
			if len(m.Lines) > 3*most || len(m.Dirs) != len(m.Lines) || len(m.Told(home)) != len(m.Lines) || strings.Contains(m.Brief(home), "\n") {
				t.Fatalf("%d lines, %d directories", len(m.Lines), len(m.Dirs))
			}
			if same := m.Told(func(string) string { return "" }); !slices.Equal(same, m.Lines) {
				t.Fatalf("nothing has a name, and %q became %q", m.Lines, same)
			}
		}
		Machine(log)
	})
}
