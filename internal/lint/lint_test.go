package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCallTargets: the program calls the targets, with an argument for each
// parameter, and nothing else.
func TestCallTargets(t *testing.T) {
	magefile := filepath.Join(t.TempDir(), "magefile.go")
	text := "//go:build mage\npackage main\nfunc Run(ctx context.Context, cell string, a, b *int) error { return nil }\nfunc with() {}\ntype T int\nfunc (T) M() {}\n"
	if err := os.WriteFile(magefile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := callTargets(magefile)
	if err != nil {
		t.Fatal(err)
	}
	_, calls, _ := strings.Cut(got, "func main() {\n")
	if want := "\t_ = Run(*new(context.Context), *new(string), *new(*int), *new(*int))\n}\n"; calls != want {
		t.Errorf("%q, want %q", calls, want)
	}
}

func TestLongLines(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, columns := range map[string]int{"short.go": 140, "long.go": 141, "long_test.go": 141, "long.txt": 141} {
		if err := os.WriteFile(name, []byte("\n"+strings.Repeat("ü", columns)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := longLines()
	if want := "long.go:2: 141 columns, and 140 are the most"; err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
}
