package harness_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"umlab/harness/result"
)

// attempt is one in testdata/hostile/attempts.h.
var attempt = regexp.MustCompile(`(?m)^\tTRY\("([^"]+)", `)

// captive is a copy of testdata/hostile, with the places of the machine that it tries to reach, all of which are there.
func captive(t *testing.T, v *victim) (dir string, done func()) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "captive")
	if err := os.CopyFS(dir, os.DirFS("testdata/hostile")); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("canary-5f1c"), 0o600); err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	abstract := fmt.Sprintf("umlab-hostile-%d", os.Getpid())
	named, err := net.Listen("unix", "@"+abstract)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "socket")
	file, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{tcp, named, file} {
		t.Cleanup(func() { l.Close() })
		go func() {
			if c, err := l.Accept(); err == nil {
				t.Errorf("%s was reached", l.Addr())
				c.Close()
			}
		}()
	}
	const shared = 0x756d6c61
	if id, err := unix.SysvShmGet(shared, 4096, unix.IPC_CREAT|0o600); err == nil {
		t.Cleanup(func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) })
	}
	outside := exec.Command("sleep", "1000000") // its number is larger than any in the sandbox
	if err := outside.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = outside.Process.Kill(), outside.Wait() }) // where the test ends before done
	done = func() {
		if err := outside.Process.Kill(); err != nil {
			t.Error("a process of the machine was ended:", err)
		}
		_ = outside.Wait()
		if text, err := os.ReadFile(secret); err != nil || string(text) != "canary-5f1c" {
			t.Errorf("the user's file is now %q, %v", text, err)
		}
	}
	tree, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	places := fmt.Sprintf("#define SECRET %q\n#define TREE %q\n#define STORE %q\n#define SOCKET %q\n#define SOCKET_FILE %q\n"+
		"#define PORT %d\n#define SHARED %d\n#define PID %d\n", secret, tree, v.home, abstract, socket,
		tcp.Addr().(*net.TCPAddr).Port, shared, outside.Process.Pid)
	if err := os.WriteFile(filepath.Join(dir, "places.h"), []byte(places), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, done
}

// limited gives the victim a configuration with small limits.
func (v *victim) limited(t *testing.T) {
	t.Helper()
	config := t.TempDir()
	text := "[build]\nminutes = 5\nprocesses = 300\ndisk-mb = 500\n[boot]\nprocesses = 200\ndisk-mb = 200\n"
	if err := os.MkdirAll(filepath.Join(config, "umlab"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "umlab/limits.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	v.env = append(v.env, "XDG_CONFIG_HOME="+config)
}

// TestHostile: nothing that testdata/hostile tries, as a program that a Makefile runs and as a module in the kernel of a guest, which
// is a process of the machine, gets out. Each attempt by name, and what it came to, is in the test's log.
func TestHostile(t *testing.T) {
	header, err := os.ReadFile("testdata/hostile/attempts.h")
	if err != nil {
		t.Fatal(err)
	}
	v := lent(t, cachedRun)
	want := table(t, v.run(t, cachedRun...))
	dir, done := captive(t, v)
	v.limited(t)
	sources := files(t, dir)
	e := v.run(t, "matrix", "-modules="+dir, "-cells=stock", "-placements=low", "-json=-", "-q")
	var r result.Results
	if err := json.Unmarshal([]byte(e.out), &r); err != nil || len(r.Cells) != 1 || len(r.Cells[0].Placements) != 1 {
		t.Fatal(err, e)
	}
	read := func(path string) string {
		text, err := os.ReadFile(strings.ReplaceAll(path, "$UMLAB_HOME", v.home))
		if err != nil {
			t.Fatal(err, e)
		}
		return string(text)
	}
	said := map[string]string{"build": read(r.Cells[0].Build.Log), "guest": read(r.Cells[0].Placements[0].Runs[0].Transcript)}
	held := 0
	for by, most := range map[string][2]int{"build": {500, 601}, "guest": {200, 501}} { // MB; processes: the kernel's least pid_max is 301
		for _, a := range attempt.FindAllStringSubmatch(string(header), -1) {
			got := regexp.MustCompile(`attempt by the ` + by + `: ` + regexp.QuoteMeta(a[1]) + ` = (-?\d+)`).FindStringSubmatch(said[by])
			switch {
			case got == nil:
				t.Errorf("the %s did not try: %s", by, a[1])
			case got[1][0] != '-':
				t.Errorf("the %s got out: %s = %s", by, a[1], got[1])
			default:
				held++
				t.Logf("%s: %s: %v", by, a[1], unix.Errno(number(t, got[1][1:])))
			}
		}
		for i, what := range []string{`filled the disk with (\d+) MB`, `made (\d+) processes`} {
			got := regexp.MustCompile(`the ` + by + ` ` + what).FindStringSubmatch(said[by])
			if got == nil || number(t, got[1]) > most[i] {
				t.Errorf("the %s: %v, at most %d", by, got, most[i])
				continue
			}
			held++
			t.Log(got[0])
		}
	}
	t.Logf("%d attempts", held)
	done()
	v.nothingLeft(t)
	told(t, v.run(t, cachedRun...), want, "") // and nothing of it shows elsewhere
	if after := files(t, dir); fmt.Sprint(after) != fmt.Sprint(sources) {
		t.Errorf("the module's directory was written to: %v, before %v", after, sources)
	}
}

func number(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestHostileLeavings: what a patch's Makefile leaves in a build directory, links out of it and pipes in place of what umlab itself
// writes and reads there, leads the next build, which goes on from it, nowhere.
func TestHostileLeavings(t *testing.T) {
	v := lent(t, cachedRun)
	want := table(t, v.run(t, cachedRun...))
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("canary-5f1c"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, shell := range map[string]string{
		"links in place of what umlab writes": "for f in .umlab.config .umlab.env .umlab.answers; do ln -sfn " + secret + " /build/$$f; done",
		"a link in place of the kernel":       "(setsid sh -c 'until [ -L /build/linux ]; do [ ! -f /build/linux ] || ln -sfn " + secret + " /build/linux; done' &) >/dev/null 2>&1",
		"a pipe in place of .config":          "[ ! -f /build/linux ] || (rm -f /build/.config; mkfifo /build/.config)",
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(name, "links") {
				long(t)
			}
			for round := range 2 { // the second one goes on from the first
				patch := hostile(t, shell+fmt.Sprintf("; : %d", round))
				text, err := os.ReadFile(patch)
				for i := range 3 { // so that the first one is the nearest to the second
					text = fmt.Appendf(text, "--- /dev/null\n+++ b/arch/um/%d.c\n@@ -0,0 +1 @@\n+/* %s */\n", i, name)
				}
				if err = errors.Join(err, os.WriteFile(patch, text, 0o644)); err != nil {
					t.Fatal(err)
				}
				e := v.run(t, "verify", patch, "-tree=debian-6.12", "-q", "-json=-")
				from := regexp.MustCompile(`"from": "[^"]+"`).FindAllString(e.out, -1)
				t.Logf("round %d: exit code %d, %s: %s\n%s", round, e.code, from, e.said, regexp.MustCompile(`(?m)^.*"(reason|evidence|detail)".*$`).FindString(e.out))
				if strings.Contains(e.out+e.said, "canary") {
					t.Errorf("the user's file is shown: %v", e)
				}
			}
			if text, err := os.ReadFile(secret); err != nil || string(text) != "canary-5f1c" {
				t.Errorf("the user's file is now %q, %v", text, err)
			}
			nothingLives(t)
		})
	}
	v.nothingLeft(t)
	told(t, v.run(t, cachedRun...), want, "")
}

// pwned are what a build or a guest says to a terminal, a CI system, a page and a mail.
var pwned = []string{
	"::set-output name=pwned::1", "  ::error file=x::pwned", "::add-mask::pwned", "::stop-commands::pwned", "::group::pwned",
	"##[command]pwned", "##vso[task.setvariable variable=pwned]1", "##teamcity[pwned]", "\x1b[0Ksection_start:1:pwned",
	"\x1b]0;pwned\x07", "\x1b[2J\x1b[Hpwned", "\x1b]52;c;cHduZWQ=\x07", "\x1bcpwned", "\u009b31mpwned", "\rpwned", "pwned\b\b\b", "\u202epwned",
	"<script>pwned()</script>", "<img src=x onerror=pwned()>", "![x](http://pwned/)", "</code></pre><b>pwned", "``` pwned", "]]></failure>pwned",
}

// TestHostileWords: a module whose build fails, and one whose init does, each with all of pwned, change nothing but the text of what
// umlab writes, in whatever form: no terminal, CI system or page obeys any of it.
func TestHostileWords(t *testing.T) {
	v := lent(t, cachedRun)
	inC := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, `\%03o`, c)
		}
		return b.String()
	}
	var init, lines strings.Builder
	for _, s := range pwned {
		fmt.Fprintf(&init, "\tpr_err(\"%s\\n\");\n", inC(s))
		fmt.Fprintf(&lines, "printf '%%b\\n' '%s' >&2; ", strings.ReplaceAll(inC(s), `\`, `\0`))
	}
	const head = "#include <linux/module.h>\n"
	for name, source := range map[string][2]string{
		"words_build": {"X := $(shell " + lines.String() + ")\n", head + "#error \x1b]0;pwned\x07\n#error ::error::pwned\nMODULE_LICENSE(\"GPL\");\n"},
		"words_init":  {"", head + "static int __init a(void)\n{\n" + init.String() + "\treturn -22;\n}\nmodule_init(a);\nMODULE_LICENSE(\"GPL\");\n"},
	} {
		dir := filepath.Join(t.TempDir(), name)
		err := os.Mkdir(dir, 0o755)
		for file, text := range map[string]string{"Kbuild": "obj-m := " + name + ".o\n" + source[0], name + ".c": source[1]} {
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"matrix", "-modules=" + dir, "-cells=stock", "-placements=low"}
		out := t.TempDir()
		forms := []string{"json", "html", "md", "junit", "ktap"}
		plain := args
		for _, form := range forms {
			plain = append(plain, "-"+form+"="+filepath.Join(out, form))
		}
		e := v.run(t, plain...)
		if !strings.Contains(e.out, "broken") {
			t.Fatal(e)
		}
		said := map[string]string{"standard output": e.out, "standard error": e.said, "a terminal": v.onTerminal(t, args...),
			"explain": v.run(t, "explain", "stock:low", "-modules="+dir, "-html="+filepath.Join(out, "page")).out}
		for _, form := range append(forms, "page") {
			text, err := os.ReadFile(filepath.Join(out, form))
			if form == "page" && errors.Is(err, fs.ErrNotExist) {
				continue // nothing was booted that could be explained
			}
			if err != nil {
				t.Fatal(err)
			}
			said[form] = string(text)
		}
		shown := 0
		for form, text := range said {
			shown += strings.Count(text, "pwned")
			obeyed := `(?m)^[ \t]*::[a-z]|##[a-z]*\[|\x1b[\]c]|\x1b\[0Ksec|\x1b\[[0-9]*J\x1b\[Hpwned|\x07|\x{9b}|\x{202e}|\x08`
			if form == "html" || form == "page" {
				obeyed += `|<script>pwned|<img src=x|<b>pwned|<a [^>]*pwned/`
			}
			if form != "a terminal" {
				obeyed += `|\x1b|\r`
			}
			for _, line := range regexp.MustCompile(`(?m)^.*(?:`+obeyed+`).*$`).FindAllString(text, 3) {
				t.Errorf("%s, %s: %q", name, form, line)
			}
		}
		t.Logf("%s: %d texts, \"pwned\" %d times", name, len(said), shown)
		if shown == 0 {
			t.Error("nothing of it is shown: nothing was tested")
		}
	}
}

// onTerminal is what a run writes to a terminal that is its standard output and error.
func (v *victim) onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	c := v.command(args...)
	c.SysProcAttr = nil
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 40, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	_, _ = io.Copy(&b, f) // which ends with an error, see pty(7)
	_ = c.Wait()
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}
