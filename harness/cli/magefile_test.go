package cli

import (
	stdflag "flag"
	"os"
	"strings"
	"testing"
)

var update = stdflag.Bool("update", false, "write the targets' comments of the magefile")

// TestMagefile holds the magefile against the description: mage lists its functions, and shows their comments for
// `mage -h TARGET`.
func TestMagefile(t *testing.T) {
	const name = "../../magefile.go"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\n// "+"Matrix ")
	var b strings.Builder
	b.WriteString(strings.TrimRight(head, "\n") + "\n")
	a := New(Mage)
	a.Getenv = func(string) string { return "" } // nobody's own configuration
	root := a.root()
	for _, c := range root.Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		function := strings.ToUpper(c.Name()[:1]) + c.Name()[1:]
		b.WriteString("\n")
		for line := range strings.Lines(strings.TrimPrefix(a.help(c, 100), a.Program+" "+c.Name()+" ")) {
			switch line = strings.TrimRight(line, "\n"); {
			case line == "":
				b.WriteString("//\n")
			case !strings.HasPrefix(b.String()[strings.LastIndex(b.String(), "\n\n")+1:], "\n//"):
				b.WriteString("// " + function + " " + line + ".\n")
			default:
				b.WriteString("//\t" + line + "\n")
			}
		}
		b.WriteString("func " + function + "() {}\n")
	}
	if b.String() == string(text) {
		return
	}
	if !*update {
		t.Fatal("magefile.go is not what the targets are now: go test ./harness/cli -run=TestMagefile -update")
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
