// Lint checks what no other tool does for umlab: that every function can be
// reached from a command, and that no line is longer than 140
// columns. It prints what it finds, and exits 1 if there is anything. It imports
// nothing of umlab.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

func main() {
	dead, err := unreachable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(1)
	}
	long, err := longLines()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(1)
	}
	if found := append(dead, long...); len(found) > 0 {
		fmt.Println(strings.Join(found, "\n"))
		os.Exit(1)
	}
}

// mostColumns is how long a line may be; a tab is one column.
const mostColumns = 140

// longLines are the places of lines that are too long in what is no test.
func longLines() ([]string, error) {
	var found []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if columns := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); columns > mostColumns {
				found = append(found, fmt.Sprintf("%s:%d: %d columns, and %d are the most", path, n, columns, mostColumns))
			}
		}
		return nil
	})
	return found, err
}
