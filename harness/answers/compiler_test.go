package answers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness/buildlog"
)

// tryRun is as kernels have it.
const tryRun = `comma := ,
TMPOUT = .tmp_$$$$

try-run = $(shell set -e; TMP=$(TMPOUT)/tmp; trap "rm -rf $(TMPOUT)" EXIT; mkdir -p $(TMPOUT); \
	if ($(1)) >/dev/null 2>&1; then echo "$(2)"; else echo "$(3)"; fi)
cc-option = $(call try-run,sh $(dir)/cc $(1) -c -x c /dev/null -o "$$TMP",$(1),$(2))
as-instr = $(call try-run,printf "%b\n" "$(1)" | sh $(dir)/cc -o "$$TMP" -,$(2),$(3))
`

// makeQuestions are of all kinds: yes, no, a no that the compiler does not explain, with what make and the shell take for
// something else, of other input than nothing, and the same again.
const makeQuestions = `include $(rules)
define lines
-Wa
-Wb
endef
a := $(call cc-option,-Wgood)
b := $(call cc-option,-Wbad,-Wgood)
c := $(call cc-option,-Wbroken,no)
d := $(call cc-option,-Dx='"a b"' -O1,no way)
e := $(call cc-option,-Wbad$(comma)x=1:2#3,  two  blanks @s)
f := $(call cc-option,$(lines))
g := $(call as-instr,nop,yes$(comma)1,no)
h := $(call cc-option,-include x.h)
i := $(call cc-option,-Wbad)
j := $(call cc-option,-Wgood)
all: ; @: $(info [$(a)][$(b)][$(c)][$(d)][$(e)][$(f)][$(g)][$(h)][$(i)][$(j)])
`

const fakeCC = `echo "$*" >> "${0%/*}/asked"
case "$*" in *-Wbad*) echo "error: unknown warning option '-Wbad'" >&2; exit 1;; *-Wbroken*) exit 1;; esac
`

func TestAnswers(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make on this machine; TestGoingOn uses a toolchain's")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("Makefile", makeQuestions)
	write("cc", fakeCC)
	write(filepath.Base(compilerRules), tryRun)
	tree := fstest.MapFS{compilerRules: {Data: []byte(tryRun)}}
	run := func(more string) (answers string, asked []string) {
		t.Helper()
		rules := filepath.Join(dir, filepath.Base(compilerRules))
		if more != "" {
			if err := remember(tree, filepath.Join(dir, "over"), strings.ReplaceAll(more, buildlog.Build+"/", dir+"/")); err != nil {
				t.Fatal(err)
			}
			rules = filepath.Join(dir, "over", compilerRules)
		}
		if err := os.RemoveAll(filepath.Join(dir, "asked")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("make", "-rR", "rules="+rules, "dir="+dir)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "asked"))
		if err != nil {
			t.Fatal(err)
		}
		return string(out), strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	want, all := run("")
	if Known(dir) {
		t.Fatal("a make as it is wrote answers down")
	}
	for _, c := range []struct {
		what, more string
		asked      int
	}{
		{"nothing is known", remembering, len(all)},
		{"written down", remembering + noting, len(all) + 6}, // for the reason of what was not answered by yes
		{"known", remembering, 5},                            // -Wbroken, -Dx="…", two lines, as-instr, -include
	} {
		got, asked := run(c.more)
		if got != want {
			t.Errorf("%s: %s, want %s", c.what, got, want)
		}
		if len(asked) != c.asked {
			t.Errorf("%s: the compiler was asked %d times, want %d: %q", c.what, len(asked), c.asked, asked)
		}
	}
	if !Known(dir) {
		t.Error("no answers were written down")
	}
}

// A tree whose rules are others keeps them.
func TestAnswersOfOthers(t *testing.T) {
	for name, tree := range map[string]fstest.MapFS{
		"none":   {},
		"others": {compilerRules: {Data: []byte("define try-run\n$(shell x)\nendef\n")}},
	} {
		over := filepath.Join(t.TempDir(), "over")
		if err := remember(tree, over, remembering); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(over); err == nil {
			t.Errorf("%s: something was laid over the tree", name)
		}
	}
}
