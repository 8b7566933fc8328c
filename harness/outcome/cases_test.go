package outcome

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readCase reads a file of testdata/cases: what it is about, what it must classify as, a line
// ---, and the log.
func readCase(t testing.TB, path string) (expect string, log []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, log, ok := bytes.Cut(data, []byte("\n---\n"))
	about, expect, found := strings.Cut(string(head), "\n# expect: ")
	if !ok || !found || !strings.HasPrefix(about, "# about: ") {
		t.Fatalf("%s: no header", path)
	}
	return expect, log
}

func casePaths(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(paths) < 22 {
		t.Fatalf("%d cases: %v", len(paths), err)
	}
	return paths
}

// claimsOf renders what is proved as expected.tsv of the shared cases has it: kind, module, and
// the number of the relocation or of the errno, as far as there are any.
func claimsOf(modules []ModuleOutcome) []string {
	var all []string
	for _, m := range modules {
		o := m.Outcome
		if o.Kind == Unproved {
			continue
		}
		claim, number := string(o.Kind)+":"+moduleName(m.Name), o.Errno
		if o.Relocation != nil {
			number = int(o.Relocation.Type)
		}
		if number != 0 {
			claim += fmt.Sprintf(":%d", number)
		}
		all = append(all, strings.TrimSuffix(claim, ":"))
	}
	return all
}

// accepts reports whether claims are one of the answers that expect allows.
func accepts(expect string, claims []string) bool {
	for answer := range strings.SplitSeq(expect, ";") {
		wants := strings.Split(answer, "+")
		if answer == "nothing" {
			wants = nil
		}
		hits := 0
		for _, w := range wants {
			for _, c := range claims {
				if agree(w, c) {
					hits++
				}
			}
		}
		if hits == len(wants) && hits == len(claims) {
			return true
		}
	}
	return false
}

func agree(want, claim string) bool {
	w, c := strings.Split(want+"::", ":"), strings.Split(claim+"::", ":")
	for i := range 3 {
		if w[i] != "*" && w[i] != c[i] {
			return false
		}
	}
	return true
}

// TestCases holds that every log of testdata/cases makes the claims that it must, and no other.
func TestCases(t *testing.T) {
	for _, path := range casePaths(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			expect, log := readCase(t, path)
			modules, _ := ClassifyLog(log)
			checkResult(t, log, modules)
			if got := claimsOf(modules); !accepts(expect, got) {
				t.Errorf("claims %q, want %s\n%s", got, expect, log)
				for _, m := range modules {
					t.Logf("%s: %s %q %s", m.Name, m.Outcome, m.Outcome.Evidence, m.Outcome.Detail)
				}
			}
		})
	}
}
