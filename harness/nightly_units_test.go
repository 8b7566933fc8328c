package harness_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/rhysd/actionlint"
)

const (
	workflowFile = "../.github/workflows/nightly.yml"
	unitDir      = "../configs/systemd"
)

var described = regexp.MustCompile(`(?m)^\s+-([a-z-]+)`)

// targets are those of the magefile, with the flags of each.
func targets(t *testing.T) map[string][]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../magefile.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !fn.Name.IsExported() {
			continue
		}
		var flags []string
		for _, m := range described.FindAllStringSubmatch(fn.Doc.Text(), -1) {
			flags = append(flags, m[1])
		}
		all[strings.ToLower(fn.Name.Name)] = flags
	}
	return all
}

var called = regexp.MustCompile(`/umlab"? ([a-z]+)((?: -[a-z]+=\S+)*)`)

// callsTargets holds that what text calls, and how often at least, the magefile
// has.
func callsTargets(t *testing.T, name, text string, want ...string) {
	t.Helper()
	have := targets(t)
	var got []string
	for _, m := range called.FindAllStringSubmatch(text, -1) {
		flags, ok := have[m[1]]
		if !ok {
			t.Errorf("%s calls the target %s, which the magefile does not have", name, m[1])
			continue
		}
		got = append(got, m[1])
		for f := range strings.FieldsSeq(m[2]) {
			if flag, _, _ := strings.Cut(strings.TrimPrefix(f, "-"), "="); !slices.Contains(flags, flag) {
				t.Errorf("%s calls %s with -%s, which it does not know: %v", name, m[1], flag, flags)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s calls %v, want %v", name, got, want)
	}
}

// workflow is one that GitHub takes, with the scripts of all of its steps.
func workflow(t *testing.T, file string) (*actionlint.Workflow, string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lint := func(text []byte) []*actionlint.Error {
		l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := l.Lint(file, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, e := range lint(text) {
		t.Error(e)
	}
	if len(lint(bytes.ReplaceAll(text, []byte(".outputs."), []byte(".output.")))) == 0 {
		t.Errorf("%s: actionlint sees nothing wrong in outputs that do not exist", file)
	}
	w, errs := actionlint.Parse(text)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if p := w.Permissions; p == nil || len(p.Scopes) != 1 || p.Scopes["contents"] == nil || p.Scopes["contents"].Value.Value != "read" {
		t.Errorf("%s: permissions are not just to read: %+v", file, p)
	}
	pinned := regexp.MustCompile(`^actions/[a-z-]+(/[a-z]+)?@[0-9a-f]{40}$`)
	var scripts strings.Builder
	for _, j := range w.Jobs {
		for _, s := range j.Steps {
			switch e := s.Exec.(type) {
			case *actionlint.ExecAction:
				if !pinned.MatchString(e.Uses.Value) {
					t.Errorf("%s: %s is not an action of GitHub's own at a full commit", file, e.Uses.Value)
				}
			case *actionlint.ExecRun:
				scripts.WriteString(e.Run.Value + "\n")
				if strings.Contains(e.Run.Value, "${{") {
					t.Errorf("%s: an expression is put into a script, which a name could break out of:\n%s", file, e.Run.Value)
				}
				bash := exec.Command("bash", "-n")
				bash.Stdin = strings.NewReader(e.Run.Value)
				if out, err := bash.CombinedOutput(); err != nil {
					t.Errorf("%s: %v: %s\n%s", file, err, out, e.Run.Value)
				}
			}
		}
	}
	return w, scripts.String()
}

func TestWorkflow(t *testing.T) {
	w, scripts := workflow(t, workflowFile)
	paths := map[string]string{}
	for _, s := range w.Jobs["nightly"].Steps {
		if e, ok := s.Exec.(*actionlint.ExecAction); ok {
			if action, _, _ := strings.Cut(e.Uses.Value, "@"); strings.HasPrefix(action, "actions/cache/") {
				paths[action] = e.Inputs["path"].Value.Value
			}
		}
	}
	if paths["actions/cache/restore"] == "" || paths["actions/cache/restore"] != paths["actions/cache/save"] {
		t.Errorf("what is saved is not found again: %q", paths)
	}
	callsTargets(t, "the workflow", scripts, "nightly")
}

// The scripts of the workflow, as GitHub runs them, with a stand-in for umlab
// that knows its exit codes and its report: what a person sees of each.
func TestWorkflowTells(t *testing.T) {
	text, err := os.ReadFile(workflowFile)
	if err != nil {
		t.Fatal(err)
	}
	w, errs := actionlint.Parse(text)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	script := map[string]string{}
	for _, s := range w.Jobs["nightly"].Steps {
		if e, ok := s.Exec.(*actionlint.ExecRun); ok {
			script[s.Name.Value] = e.Run.Value
		}
	}
	for _, tc := range []struct {
		code          int
		says, report  string
		summary, note string
		exit          int
	}{
		{0, "unchanged: 7 toolchains\nand more", "# unchanged: 7 toolchains", "# s: unchanged\n\n# unchanged: 7 toolchains", "", 0},
		{1, "changed: stock: rejected → loads\n", "# changed: stock", "# s: CHANGED\n\n# changed: stock", "::error title=Changed::changed: stock: rejected → loads\n", 1},
		{3, "infrastructure: this night proves nothing: no route", "# infrastructure", "# s: INFRASTRUCTURE: this night proves nothing\n\n# infrastructure", "::error title=Infrastructure::infrastructure: this night", 3},
		{3, "", "", "# s: INFRASTRUCTURE: this night proves nothing\n\nNo report was written", "::error title=Infrastructure::this night proves nothing", 3},
		{2, "", "", "# s: umlab failed with exit code 2\n\nNo report was written", "::error title=umlab failed::exit code 2", 2},
	} {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		fake := "#!/bin/sh\n[ \"$1 $2\" = 'nightly -series=s' ] || exit 9\nprintf '%s' \"$SAYS\"\n" +
			"if [ -n \"$TEXT\" ]; then\n\td=${3#-dir=}\n\tmkdir -p \"$d/today\" && ln -s today \"$d/latest\" && echo \"$TEXT\" >\"$d/today/report.md\"\nfi\nexit $WANT\n"
		if err := os.WriteFile(at("umlab"), []byte(fake), 0o755); err != nil {
			t.Fatal(err)
		}
		env := append(os.Environ(), "RUNNER_TEMP="+dir, "SERIES=s", "REPORTS="+at("reports"), "GITHUB_OUTPUT="+at("output"), "GITHUB_STEP_SUMMARY="+at("summary"),
			"SAYS="+tc.says, "TEXT="+tc.report, "WANT="+strconv.Itoa(tc.code))
		run := func(step string) (string, int) {
			if script[step] == "" {
				t.Fatalf("no step %q with a script", step)
			}
			c := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script[step])
			c.Env = env
			out, err := c.CombinedOutput()
			if c.ProcessState == nil {
				t.Fatal(err)
			}
			return string(out), c.ProcessState.ExitCode()
		}
		if out, code := run("Nightly"); code != 0 || out != tc.says {
			t.Errorf("%d: the step Nightly itself ends in %d and prints %q", tc.code, code, out)
		}
		output, err := os.ReadFile(at("output"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(output)) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			env = append(env, map[string]string{"exit-code": "CODE", "news": "NEWS", "report": "REPORT"}[name]+"="+value)
		}
		if out, code := run("Summary"); code != 0 {
			t.Errorf("%d: the step Summary ends in %d: %s", tc.code, code, out)
		}
		if summary, err := os.ReadFile(at("summary")); err != nil || !strings.HasPrefix(string(summary), tc.summary) {
			t.Errorf("%d: %v, summary\n%s", tc.code, err, summary)
		}
		if tc.exit == 0 {
			continue // its condition leaves the step out
		}
		if out, code := run("Exit"); code != tc.exit || !strings.HasPrefix(out, tc.note) {
			t.Errorf("%d: the job ends in %d with %q", tc.code, code, out)
		}
	}
}

// read are the options of a unit; value is one of them, a line for each time that it is there.
func read(t *testing.T, name string) (value func(section, option string) string) {
	t.Helper()
	f, err := os.Open(filepath.Join(unitDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	options, err := unit.DeserializeOptions(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	value = func(section, option string) string {
		var all []string
		for _, o := range options {
			if o.Section == section && o.Name == option {
				all = append(all, o.Value)
			}
		}
		if all == nil {
			t.Errorf("%s: no %s= in [%s]", name, option, section)
		}
		return strings.Join(all, "\n")
	}
	if strings.HasSuffix(name, ".service") {
		file, ok := strings.CutPrefix(value("Unit", "Documentation"), "file:%h/umlab/")
		if _, err := os.Stat(filepath.Join("..", file)); !ok || err != nil {
			t.Errorf("%s: Documentation=: %v", name, err)
		}
	}
	return value
}

// The units are ones that systemd takes, and what they start exists.
func TestUnits(t *testing.T) {
	service, timer := read(t, "umlab-nightly.service"), read(t, "umlab-nightly.timer")
	callsTargets(t, "the service", service("Service", "ExecStart"), "nightly")
	_, made, _ := strings.Cut(service("Service", "ExecStartPre"), "go build -o ")
	if program, _, _ := strings.Cut(made, " "); !strings.Contains(service("Service", "ExecStart"), program+" ") ||
		!strings.HasPrefix(program, "%t/"+service("Service", "RuntimeDirectory")+"/") {
		t.Errorf("ExecStartPre compiles %s, which ExecStart does not start, or not in RuntimeDirectory", program)
	}
	if at := timer("Timer", "OnCalendar"); at == "" || timer("Timer", "Persistent") != "true" {
		t.Errorf("the timer: %q", at)
	}
}

// systemd says of a mistake what it is, and may end in 0 all the same.
func TestUnitsVerify(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze on this machine; TestUnits reads the units without it")
	}
	units, err := filepath.Glob(filepath.Join(unitDir, "umlab-*"))
	if err != nil || len(units) < 4 {
		t.Fatal(units, err)
	}
	verify := func(units []string) string {
		c := exec.Command(analyze, append([]string{"--user", "--man=no", "verify"}, units...)...)
		c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
		out, err := c.CombinedOutput()
		if err != nil && len(out) == 0 {
			return err.Error()
		}
		return strings.TrimSpace(string(out))
	}
	if said := verify(units); said != "" {
		t.Error(said)
	}
	broken := t.TempDir()
	for i, from := range units {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		units[i] = filepath.Join(broken, filepath.Base(from))
		text = bytes.ReplaceAll(text, []byte("NoNewPrivileges="), []byte("NoNewPrivilegs="))
		if err := os.WriteFile(units[i], text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	said := verify(units)
	for _, u := range units {
		if name := filepath.Base(u); strings.HasSuffix(name, ".service") && !regexp.MustCompile(name+`.*NoNewPrivilegs`).MatchString(said) {
			t.Errorf("systemd-analyze sees nothing wrong in an option of %s that does not exist: %q", name, said)
		}
	}
	at := read(t, "umlab-nightly.timer")("Timer", "OnCalendar")
	if out, err := exec.Command(analyze, "calendar", at).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Next elapse")) {
		t.Errorf("%v: %s", err, out)
	}
}
