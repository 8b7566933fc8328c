package harness_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"umlab/harness"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/usage"
)

func explain(t *testing.T, cell string, o harness.MatrixOptions) (e *result.Explanation, page, scripts string) {
	t.Helper()
	l, out := real(t)
	scripts = t.TempDir()
	e, err := l.Explain(t.Context(), cell, o, harness.ExplainOutputs{
		HTML: filepath.Join(scripts, "page.html"), JSON: filepath.Join(scripts, "page.json"), Script: scripts,
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return e, string(text), scripts
}

// TestExplain is the page about a cell that fails, whole.
func TestExplain(t *testing.T) {
	e, page, dir := explain(t, "static-kernel@module", harness.MatrixOptions{})
	if e.Placement.Name != "high" {
		t.Errorf("placement %s: rust_minimal loads at low", e.Placement.Name)
	}
	tree := treeDir(t, e)
	transcript, err := os.ReadFile(e.Placement.Runs[0].Transcript)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Modules) != 2 {
		t.Fatalf("%d modules", len(e.Modules))
	}
	for _, m := range e.Modules {
		if m.Agrees == nil || !*m.Agrees {
			t.Errorf("%s: predicted %v, observed %s", m.Name, m.Predicted, m.Outcome)
		}
		entries, decides, sourced := 0, 0, 0
		for _, g := range m.Groups {
			for _, r := range g.Entries {
				entries++
				if r.Decides {
					decides++
					if r.Value != m.Outcome.Value {
						t.Errorf("%s: the entry that decides has %s, the console %s", m.Name, r.Value, m.Outcome.Value)
					}
				}
				if r.Function == "" {
					continue
				}
				if r.Instruction == "" || r.Source == "" {
					t.Errorf("%s: %s in %s has instruction %q and line %q", m.Name, r.Entry, r.Function, r.Instruction, r.Source)
				}
				if file, _, _ := strings.Cut(r.Source, ":"); strings.HasPrefix(file, "samples/") || strings.HasPrefix(file, "rust/") {
					sourced++
					if _, err := os.Stat(filepath.Join(tree, file)); err != nil {
						t.Errorf("%s: %v", r.Source, err)
					}
				}
			}
		}
		if entries == 0 || decides != 1 || sourced == 0 {
			t.Errorf("%s: %d entries, %d decide, %d have a line in the tree", m.Name, entries, decides, sourced)
		}
		lines := 0
		for _, l := range m.Excerpt {
			if l.Evidence {
				lines++
				if !bytes.HasPrefix(transcript[l.Offset:], []byte(l.Text)) || !strings.Contains(l.Text, m.Outcome.Evidence) {
					t.Errorf("%s: line %d is not the evidence %q", m.Name, l.Number, m.Outcome.Evidence)
				}
			}
		}
		if lines != 1 {
			t.Errorf("%s: %d lines of evidence in the excerpt", m.Name, lines)
		}
		checkFlags(t, tree, m)
		if s := m.Space; s == nil || s.Kernel.First != "0x60000000" || s.Physical.End != "0xa0000000" || s.Modules == "" || s.Module <= s.Modules ||
			s.Reach == nil || s.Reach.To != m.Outcome.Value || s.Reach.Highest != "0x7fffffff" {
			t.Errorf("%s: where things lay is told as %+v", m.Name, s)
		}
	}
	page = strings.Join(strings.Fields(page), " ") // however it was folded
	for _, want := range []string{"arch/um/Makefile:", "is not below 2^31, so R_X86_64_32S", "vmalloc begins at 0x60000000 + 1 GiB",
		"the one that decides", "samples/rust/rust_minimal.rs:", "]: begin insmod rust_minimal", "✓ as predicted"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	html, err := os.ReadFile(filepath.Join(dir, "page.html"))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(html); strings.Contains(s, "<script") || regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(s) {
		t.Error("the HTML page loads something or runs a script")
	} else if !strings.Contains(s, "<svg") {
		t.Error("the HTML page draws nothing")
	}
	var again result.Explanation
	text, err := os.ReadFile(filepath.Join(dir, "page.json"))
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || again.Schema != result.ExplanationSchema || len(again.Modules) != 2 {
		t.Errorf("the JSON: %v", err)
	}
}

// checkFlags looks every origin up in the tree.
func checkFlags(t *testing.T, tree string, m result.ExplainedModule) {
	t.Helper()
	effective := map[string]string{}
	for _, o := range m.Objects {
		for _, f := range o.Options {
			if !f.Overridden {
				effective[f.Option] = strings.Join(f.Origins, " ")
			}
			for _, at := range f.Origins {
				file, line, ok := strings.Cut(at, ":")
				if !ok || strings.Contains(line, " ") {
					continue // of the command line
				}
				text, err := os.ReadFile(filepath.Join(tree, file))
				if err != nil {
					t.Errorf("%s: %v", at, err)
				} else if n := len(strings.Split(string(text), "\n")); n == 0 || !strings.Contains(string(text), "-C"+f.Key) {
					t.Errorf("%s does not speak of %s", at, f.Option)
				}
			}
		}
	}
	for _, want := range []string{"-Crelocation-model=static", "-Ccode-model=kernel"} {
		if from := effective[want]; from != "RUSTFLAGS_MODULE of make's command line" {
			t.Errorf("%s: %s is said to come from %q", m.Name, want, from)
		}
	}
}

func treeDir(t *testing.T, e *result.Explanation) string {
	t.Helper()
	store, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(store, "v1", "dirs", "tree", e.Tree.Digest)
}

// TestExplainStock says which line of the tree is at fault.
func TestExplainStock(t *testing.T) {
	e, page, _ := explain(t, "stock:low", harness.MatrixOptions{Select: scenario.Selection{Modules: []string{"rust_print"}}})
	if !regexp.MustCompile(`-Crelocation-model=pie +arch/um/Makefile:\d+\n`).MatchString(page) || !strings.Contains(page, "-Ccode-model: not given") {
		t.Errorf("the page does not say where the models come from:\n%s", page)
	}
	if k := e.Modules[0].Outcome.Kind; k != outcome.RelocationUnknown || e.Chosen != "as asked" {
		t.Errorf("%s, %s", k, e.Chosen)
	}
	if !strings.Contains(strings.Join(strings.Fields(page), " "), "the loader has no case for type 9, at any address") {
		t.Errorf("the page does not say why:\n%s", page)
	}
}

// TestExplainLoaded: nothing is refused, and the page says so.
func TestExplainLoaded(t *testing.T) {
	e, page, _ := explain(t, "static-large@module", harness.MatrixOptions{})
	if e.Modules[0].Outcome.Kind != outcome.Loaded || len(e.Modules[0].Groups) != 0 || !strings.Contains(page, "every relocation has a case in the loader and fits") {
		t.Errorf("%+v\n%s", e.Modules[0], page)
	}
}

// TestExplainRemembers: what a page is about enters the history, as every result
// does. The store is the user's, but for its history.
func TestExplainRemembers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a kernel: not with -short")
	}
	home, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	own := t.TempDir()
	if err := os.Mkdir(filepath.Join(own, "v1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(home, "v1", "unsealed"), filepath.Join(own, "v1", "unsealed")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"dirs", "files", "listings", "locks", "needs", "partial", "records", "seals", "stamps", "tmp"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(home, "v1", d), 0o755),
			os.Symlink(filepath.Join(home, "v1", d), filepath.Join(own, "v1", d))); err != nil {
			t.Fatal(err)
		}
	}
	out, err := os.Create(filepath.Join(own, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	l, err := harness.Open(harness.Options{Project: os.DirFS(".."), Stdout: out, Stderr: os.Stderr, Getenv: func(name string) string {
		if name == "UMLAB_HOME" {
			return own
		}
		return os.Getenv(name)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Explain(t.Context(), "stock:low", harness.MatrixOptions{Command: "go test"}, harness.ExplainOutputs{}); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(own, "history.json")
	if err := l.History(t.Context(), harness.HistoryOptions{Outputs: harness.HistoryOutputs{JSON: page}}); err != nil {
		t.Fatal(err)
	}
	var h result.History
	if text, err := os.ReadFile(page); err != nil || json.Unmarshal(text, &h) != nil || len(h.Groups) != 1 || h.Groups[0].Rows[0].Cell != "stock" {
		t.Errorf("the history is %+v, %v", h, err)
	}
}

// repeats runs a script of the page in a shell of its own and returns what it
// prints.
func repeats(t *testing.T, script string, env ...string) string {
	t.Helper()
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("the scripts need unshare of util-linux")
	}
	sh := exec.CommandContext(t.Context(), "sh")
	in, err := os.Open(script)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	sh.Dir, sh.Stdin, sh.Env = t.TempDir(), in, append(os.Environ(), env...) // read as if pasted
	out, err := sh.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// shows checks that a console has the evidence of all modules, to the last digit.
func shows(t *testing.T, e *result.Explanation, console string) {
	t.Helper()
	for _, m := range e.Modules {
		if !strings.Contains(strings.ReplaceAll(console, "\r", ""), m.Outcome.Evidence+"\n") {
			t.Errorf("%s: the script does not show %q:\n%s", m.Name, m.Outcome.Evidence, console)
		}
	}
}

// TestExplainRepeats pastes what the page prints into a shell, and sees the same
// addresses.
func TestExplainRepeats(t *testing.T) {
	off := false
	for _, cell := range []string{"static-kernel@module:high", "static-large@module:low", "stock:low"} {
		e, _, dir := explain(t, cell, harness.MatrixOptions{Select: scenario.Selection{ASLR: &off}})
		shows(t, e, repeats(t, filepath.Join(dir, "boot.sh")))
	}
}

// TestExplainBuilds also builds the kernel by the page's script, and boots that.
func TestExplainBuilds(t *testing.T) {
	long(t)
	off := false
	e, _, dir := explain(t, "static-kernel@module:high", harness.MatrixOptions{Select: scenario.Selection{ASLR: &off}})
	both := filepath.Join(dir, "both.sh")
	var text []byte
	for _, s := range e.Scripts {
		if s.Name == "build" {
			text = append([]byte(s.Text), text...)
		} else {
			text = append(text, s.Text...)
		}
	}
	if err := os.WriteFile(both, text, 0o644); err != nil {
		t.Fatal(err)
	}
	shows(t, e, repeats(t, both))
}

// prompt is that of the guest's shell, at its end the question where the cursor is.
const prompt = "~ # \x1b[6n"

// terminal is a user at a pty.
type terminal struct {
	*os.File
	t    *testing.T
	seen []byte
	at   int // up to where seen was waited for
}

// until reads until the guest has shown text behind what was waited for before.
func (u *terminal) until(text string) {
	u.t.Helper()
	if err := u.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		u.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		if i := bytes.Index(u.seen[u.at:], []byte(text)); i >= 0 {
			u.at += i + len(text)
			return
		}
		n, err := u.Read(buf)
		u.seen = append(u.seen, buf[:n]...)
		if err != nil {
			u.t.Fatalf("waiting for %q: %v\n%s", text, err, u.seen)
		}
	}
}

func (u *terminal) types(keys string) {
	u.t.Helper()
	if _, err := u.WriteString(keys); err != nil {
		u.t.Fatal(err)
	}
}

// sits boots a cell with a user at its terminal, who finds it afterwards as it was before.
func sits(t *testing.T, cell string, act func(*terminal)) {
	t.Helper()
	l, _ := real(t)
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	fd, err := unix.Dup(int(master.Fd()))
	master.Close()
	if err == nil {
		err = unix.SetNonblock(fd, true) // so that reads can have a deadline
	}
	if err != nil {
		t.Fatal(err)
	}
	u := &terminal{File: os.NewFile(uintptr(fd), "master"), t: t}
	defer u.Close()
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var ended error
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended = l.Interact(ctx, cell, harness.MatrixOptions{}, slave, slave)
	}()
	defer func() { cancel(); <-done }() // before the terminal goes
	u.until(prompt)
	act(u)
	<-done
	if ended != nil {
		t.Errorf("boot: %v\n%s", ended, u.seen)
	}
	after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal was %+v, and is %+v (%v)", before, after, err)
	}
}

// TestBoot is an evening at the console: modules, an interrupt, the way out.
func TestBoot(t *testing.T) {
	sits(t, "static-large@module:low", func(u *terminal) {
		u.types("insmod /modules/rust_print.ko\n")
		u.until("Rust printing macros sample (init)")
		u.until(prompt)
		u.types("echo $((40+1)); cat\n")
		u.until("41")
		u.types("mew\n")
		u.until("mew")  // the terminal's echo
		u.until("mew")  // cat's: it runs now
		u.types("\x03") // ends cat in the guest, and nothing here
		u.until(prompt)
		u.types("rmmod rust_print; echo $((6*7))\n")
		u.until("42")
		u.until(prompt)
		u.types("poweroff -f\n")
	})
}

// TestBootLeft ends a guest that does not end by itself.
func TestBootLeft(t *testing.T) {
	sits(t, "stock", func(u *terminal) {
		u.types("echo $((40+1)); while :; do :; done\n")
		u.until("41")
		u.types("\x1d")
	})
}

// TestBootNeedsTerminal: commands from a file would run by chance.
func TestBootNeedsTerminal(t *testing.T) {
	l, out := real(t)
	err := l.Interact(t.Context(), "stock", harness.MatrixOptions{}, out, out)
	var usage *usage.Error
	if !errors.As(err, &usage) {
		t.Errorf("%v is no usage error", err)
	}
}

// TestBootResized changes the size of the terminal: the guest learns of it, and
// goes on after the next key.
func TestBootResized(t *testing.T) {
	sits(t, "stock", func(u *terminal) {
		if err := pty.Setsize(u.File, &pty.Winsize{Rows: 43, Cols: 132}); err != nil {
			t.Fatal(err)
		}
		u.types("until [ \"$(stty size)\" = '43 132' ]; do sleep 0.1; done; echo $((40+1))\n")
		u.until("stty size")
		if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
			t.Fatal(err)
		}
		u.until("41")
		u.until(prompt)
		u.types("sleep 0.1; echo $((40+2)); poweroff -f\n")
		u.until("42")
	})
}
