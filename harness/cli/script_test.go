package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the program umlab as a user does, each script in a directory of its own that holds nothing of umlab's
// checkout, with an empty store and a mirror that does not answer.
func TestScripts(t *testing.T) {
	bin := program(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	mage := exec.Command("go", "tool", "mage", "-compile", filepath.Join(bin, "mage"))
	mage.Dir = root
	if out, err := mage.CombinedOutput(); err != nil {
		t.Fatalf("compile the magefile: %v\n%s", err, out)
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY"} { // HOME is another one there
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, strings.TrimSpace(string(out)))
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("ROOT", root)
			e.Setenv("BIN", bin)
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY"} {
				e.Setenv(name, os.Getenv(name))
			}
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("UMLAB_HOME", filepath.Join(e.WorkDir, "store"))
			e.Setenv("UMLAB_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// program builds umlab and what it starts for a fleet into a directory.
func program(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "umlab/harness/umlab", "umlab/harness/"+FleetProgram)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build umlab: %v\n%s", err, out)
	}
	return dir
}

// exits CODE COMMAND... runs a command, keeps its output for stdout and stderr, and fails unless it exits with CODE.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
