package harness_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness"
	"umlab/harness/report"
	"umlab/harness/result"
)

// sweep runs one and holds that its JSON is what its schema says.
func sweep(t *testing.T, l *harness.Lab, o harness.SweepOptions, files ...harness.Outputs) *result.Sweep {
	t.Helper()
	o.Command = "go test"
	s, err := l.Sweep(t.Context(), o, append(files, harness.Outputs{})[0])
	if fault(s == nil, err) {
		t.Fatal(err)
	}
	valid(t, result.SweepSchema, report.JSON, s)
	return s
}

// TestSweepKeepsColumns runs the default tree beside one that cannot be reached: the
// column that has results shows what a matrix of it does, and the other one is
// told.
func TestSweepKeepsColumns(t *testing.T) {
	l, out := real(t)
	const nowhere = "git+http://127.0.0.1:1/linux.git#v6.12"
	md := filepath.Join(t.TempDir(), "sweep.md")
	s := sweep(t, l, harness.SweepOptions{Trees: []string{nowhere, "debian-6.12"}}, harness.Outputs{Markdown: md})
	if s.Exit != result.ExitInfra || len(s.Columns) != 2 || s.Columns[0].Infra == "" || s.Columns[0].Results != nil || s.Columns[1].Results == nil {
		t.Fatalf("exit %d, columns %+v", s.Exit, s.Columns)
	}
	r := s.Columns[1].Results
	check(t, r)
	if want := "go test -tree=debian-6.12"; r.Command != want {
		t.Errorf("the column is repeated by %q, want %q", r.Command, want)
	}
	alone, _ := real(t)
	if diff := cmp.Diff(outcomes(matrix(t, alone, harness.MatrixOptions{Tree: "debian-6.12"})), outcomes(r)); diff != "" {
		t.Errorf("a matrix and a column of it (-matrix +column):\n%s", diff)
	}
	for _, file := range []string{out.Name(), md} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Join(strings.Fields(string(text)), " ")
		for _, want := range []string{"INFRASTRUCTURE", "static-large@module", "9 GOTPCREL", "1 proves nothing (infrastructure)", "2 trees × 1 toolchain"} {
			if !strings.Contains(words, want) {
				t.Errorf("%s lacks %q:\n%s", filepath.Base(file), want, text)
			}
		}
	}
}

// TestSweep is the acceptance: every toolchain of Debian's on one tree.
func TestSweep(t *testing.T) {
	long(t)
	l, _ := real(t)
	names := []string{"trixie", "trixie-backports", "sid", "sid-experimental"}
	s := sweep(t, l, harness.SweepOptions{Toolchains: names, MatrixOptions: harness.MatrixOptions{Tree: "debian-6.12"}})
	if s.Exit != result.ExitExpected || len(s.Columns) != len(names) {
		t.Fatalf("exit %d, %d columns", s.Exit, len(s.Columns))
	}
	versions := map[string]bool{}
	for i, c := range s.Columns {
		if c.Toolchain != names[i] || c.Results == nil {
			t.Fatalf("column %d is %s: %s", i, c.Toolchain, c.Infra)
		}
		check(t, c.Results)
		versions[c.Results.Toolchain.Identity["rustc"]] = true
		if c.Results.Tree.Digest != s.Columns[0].Results.Tree.Digest {
			t.Errorf("%s saw another tree", c.Toolchain)
		}
	}
	if len(versions) < 2 {
		t.Errorf("all columns have the same rustc: %v", versions)
	}
}

// TestSweepOfSeries runs all members of a series in their order.
func TestSweepOfSeries(t *testing.T) {
	long(t)
	l, _ := real(t)
	s := sweep(t, l, harness.SweepOptions{Toolchains: []string{"debian-rustc"}, MatrixOptions: harness.MatrixOptions{Tree: "debian-6.12"}})
	if len(s.Columns) < 3 || s.Exit == result.ExitInfra {
		t.Fatalf("exit %d, %d columns", s.Exit, len(s.Columns))
	}
	compilers := map[string]bool{}
	for _, c := range s.Columns {
		if !strings.HasPrefix(c.Toolchain, "debian-rustc:") {
			t.Errorf("%s is no member of the series", c.Toolchain)
		}
		if c.Results == nil {
			t.Logf("%s: %+v", c.Toolchain, c.Refused)
			continue
		}
		if got := c.Results.Toolchain.Identity["rustc"]; "debian-rustc:"+got != c.Toolchain {
			t.Errorf("%s is rustc %s", c.Toolchain, got)
		}
		compilers[c.Results.Toolchain.Identity["clang"]] = true
	}
	if len(compilers) != 1 {
		t.Errorf("more than rustc varies: clang %v", compilers)
	}
}
