package main

import (
	"os"
	"strings"
	"testing"
)

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
