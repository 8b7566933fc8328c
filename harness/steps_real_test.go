package harness_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/report"
	"umlab/harness/result"
)

// shownSteps is what a run showed: "fails failed status 1".
func shownSteps(run result.Run) (all []string) {
	for _, s := range run.Steps {
		switch {
		case s.Test != "":
		case s.Outcome != nil:
			all = append(all, s.Name+" "+s.Outcome.String())
		default:
			all = append(all, s.Name+" not run "+s.NotRun)
		}
	}
	return all
}

// TestSteps boots what each kind of step shows.
func TestSteps(t *testing.T) {
	l, _ := real(t)
	o := harness.MatrixOptions{Scenario: filepath.Join("testdata", "steps", "steps.toml")}
	r := matrix(t, l, o)
	valid(t, result.SchemaV2, report.JSON, r)
	if r.Exit != result.ExitExpected || r.Infra != "" {
		t.Errorf("exit %d, infra %q", r.Exit, r.Infra)
	}
	want := strings.Split(`boots passed
lists passed
no-such-suite failed no test
version passed
fails failed status 1
fails-as-wanted passed
wrong-output failed no output
no-kernel-line failed no kernel line
talks passed
segfaults failed status 139
mounts passed
writes passed
reads-back passed
greeting passed
loads passed
unloads passed
unloads-again failed status 1
hashtables passed
hangs timeout step hangs
behind not run after timeout in hangs`, "\n")
	for _, p := range r.Cells[0].Placements {
		run := p.Runs[0]
		if got := shownSteps(run); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n%s", p.Name, strings.Join(got, "\n"))
		}
		text, err := os.ReadFile(run.Transcript)
		if err != nil {
			t.Fatal(err)
		}
		tests := map[string]int{}
		for _, s := range run.Steps {
			if s.Outcome == nil {
				continue
			}
			if !strings.HasPrefix(string(text[min(s.Outcome.Offset, int64(len(text))):]), s.Outcome.Evidence) {
				t.Errorf("%s: evidence %q does not stand at %d", s.Of(), s.Outcome.Evidence, s.Outcome.Offset)
			}
			if s.Test != "" {
				tests[s.Name]++
			}
		}
		if tests["lists"] < 30 || tests["hashtables"] < 5 {
			t.Errorf("tests: %v", tests)
		}
	}
	if again := matrix(t, l, o); again.Totals.Cached != again.Totals.Boots {
		t.Errorf("%d of %d boots were cached", again.Totals.Cached, again.Totals.Boots)
	}

	crash := matrix(t, l, harness.MatrixOptions{Scenario: filepath.Join("testdata", "steps", "crash.toml")})
	if got := fmt.Sprint(shownSteps(crash.Cells[0].Placements[0].Runs[0])); got != "[loads passed crashes oops behind not run after oops in crashes]" ||
		crash.Cells[0].Verdict != result.Broken || crash.Exit != result.ExitExpected {
		t.Errorf("%s, %s, exit %d", got, crash.Cells[0].Verdict, crash.Exit)
	}
}

// A program that does not compile is the scenario's mistake.
func TestProgramOfAStep(t *testing.T) {
	l, _ := real(t)
	dir := t.TempDir()
	text := "schema = \"umlab.scenario/v1\"\nname = \"bad\"\ntitle = \"t\"\ntree = \"debian-6.12\"\ntoolchain = \"trixie\"\nfragments = [\"uml.config\"]\n" +
		"[[step]]\nname = \"a\"\nc = \"a.c\"\n"
	for name, data := range map[string]string{"bad.toml": text, "bad/a.c": "int main(void)\n{\n\treturn x;\n}\n"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := l.Matrix(t.Context(), harness.MatrixOptions{Scenario: filepath.Join(dir, "bad.toml"), Command: "go test"}, harness.Outputs{})
	if harness.ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), "a.c:3:9: error:") {
		t.Errorf("exit %d: %v", harness.ExitCode(err), err)
	}
}
