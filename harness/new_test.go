package harness_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuide runs the commands of README's guide from a report to a scenario, as they stand there; with -short nothing is built.
func TestGuide(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile("(?s)\n## From a report to a scenario\n.*?\n```\n(.*?)\n```\n").FindSubmatch(readme)
	if section == nil {
		t.Fatal("README has no guide with commands")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "mage")
	build := exec.Command("go", "tool", "mage", "-compile", bin)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile the magefile: %v\n%s", err, out)
	}
	dir := t.TempDir()
	shown := map[string]string{
		"classify": "rust_acme  relocation-unknown 9 R_X86_64_GOTPCREL",
		"new":      "The scenario shows what the report says: rust_minimal (for rust_acme) unknown 9 GOTPCREL.",
		"explain":  "Unknown rela relocation: 9",
	}
	for line := range strings.Lines(string(section[1])) {
		args := strings.Fields(strings.ReplaceAll(line, "reports", dir))
		if len(args) < 4 || strings.Join(args[:3], " ") != "go tool mage" {
			t.Fatalf("README: %s is no command of the guide", line)
		}
		target := args[3]
		want := shown[target]
		if delete(shown, target); want == "" {
			t.Fatalf("README: what does %s show?", line)
		}
		c := exec.Command(bin, args[3:]...)
		c.Dir, c.Env = root, os.Environ()
		if testing.Short() {
			if target == "explain" {
				continue
			}
			if c.Env = append(c.Env, "UMLAB_HOME="+filepath.Join(dir, "store")); target == "new" {
				c.Args = append(c.Args, "-run=false")
				want = "rust-acme.toml: written, from mail.txt"
			}
		}
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%s does not show %q (%v)\n%s", line, want, err, out)
		}
	}
	if len(shown) > 0 {
		t.Errorf("README's guide does without %v", shown)
	}
}
