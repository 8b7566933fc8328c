package cli

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// others are flags in README that are not of umlab.
var others = []string{"f", "print", "name", "c"}

var (
	code   = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`")
	dashed = regexp.MustCompile(`(?:^|[\s'])--?([a-z][A-Za-z0-9-]*)`) // upper case is the compilers'
)

// TestReadme holds README against the description: it names every flag, and none that is not; and the exit codes are those
// of the program.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"version": true, "help": true, "h": true, "q": true, "v": true}
	shown := map[string]string{}
	a := New(Mage)
	root := a.root()
	for _, c := range root.Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if d, ok := a.described[f]; ok {
				known[f.Name] = true
				shown[d.name] = c.Name() // one of them
			}
		})
	}
	said := map[string]bool{}
	for _, span := range code.FindAllString(string(text), -1) {
		for _, m := range dashed.FindAllStringSubmatch(strings.Trim(span, "`"), -1) {
			said[m[1]] = true
			if !known[m[1]] && !slices.Contains(others, m[1]) {
				t.Errorf("README has -%s, which no target takes: %s", m[1], span)
			}
		}
	}
	for name, of := range shown {
		if !said[name] {
			t.Errorf("README does not say what -%s is (%s)", name, of)
		}
	}
	for _, c := range ExitCodes {
		if row := fmt.Sprintf("| %d | %s |", c.Code, c.Means); !strings.Contains(string(text), row) {
			t.Errorf("README lacks %s", row)
		}
	}
}
