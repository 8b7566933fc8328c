package bisect_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"umlab/harness/bisect"
)

var update = flag.Bool("update", false, "write the traces of testdata anew; then read the difference")

// candidate is a line of a list, see testdata/README.
type candidate struct {
	name          string
	answer, again bisect.Answer
	seconds       float64
	faults        int
	fault         string
	guess         bool
	guessVerdict  bisect.Verdict
	cheap         bool
	parents       []string // of a commit
}

func readList(t *testing.T, text string) (list []candidate) {
	t.Helper()
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if !strings.HasPrefix(line, " ") {
			seconds, err := strconv.ParseFloat(f[2], 64)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			a := bisect.Answer{Verdict: bisect.Verdict(f[1]), Reason: strings.Join(f[3:], " ")}
			list = append(list, candidate{name: f[0], answer: a, again: a, seconds: seconds})
			continue
		}
		c := &list[len(list)-1]
		switch f[0] {
		case "again":
			c.again = bisect.Answer{Verdict: bisect.Verdict(f[1]), Reason: strings.Join(f[2:], " ")}
		case "fault":
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			c.faults, c.fault = n, strings.Join(f[2:], " ")
		case "guess":
			c.guess, c.guessVerdict = true, bisect.Verdict(f[1])
		case "cheap":
			c.cheap = true
		case "from":
			c.parents = f[1:]
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return list
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string]string{}
			for _, f := range ar.Files {
				sections[f.Name] = string(f.Data)
			}
			got := trace(t, readList(t, sections["list"]), sections["log"])
			if !*update {
				if diff := cmp.Diff(sections["trace"], got); diff != "" {
					t.Errorf("-want +got, go test -update writes it:\n%s", diff)
				}
				return
			}
			var files []txtar.File
			for _, f := range ar.Files {
				if f.Name != "trace" {
					files = append(files, f)
				}
			}
			ar.Files = append(files, txtar.File{Name: "trace", Data: []byte(got)})
			if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// trace searches the list, or the commits where they have parents, by a clock
// that the probes alone move.
func trace(t *testing.T, list []candidate, log string) string {
	t.Helper()
	var out strings.Builder
	clock := time.Unix(0, 0)
	l, named, commits := &bisect.List{}, map[string]candidate{}, &history{}
	for _, c := range list {
		var parents []int
		for _, p := range c.parents {
			parents = append(parents, slices.Index(l.Names, p))
		}
		l.Names = append(l.Names, c.name)
		commits.parents, commits.subjects = append(commits.parents, parents), append(commits.subjects, c.name)
	}
	ofCommits := slices.ContainsFunc(list, func(c candidate) bool { return len(c.parents) > 0 })
	for i, c := range list {
		if ofCommits {
			named[commits.name(i)] = c
		} else {
			named[c.name] = c
		}
	}
	s := bisect.Search{
		Chooser: l,
		Now:     func() time.Time { return clock },
		On:      func(e bisect.Event) { out.WriteString(bisect.Trace(e) + "\n") },
		Probe: func(_ context.Context, p bisect.Point) (bisect.Answer, error) {
			c := named[p.Name]
			clock = clock.Add(time.Duration(c.seconds * float64(time.Second)))
			switch {
			case p.Attempt <= c.faults:
				return bisect.Answer{}, errors.New(c.fault)
			case p.Fresh:
				return c.again, nil
			}
			return c.answer, nil
		},
	}
	hinted, cheap := false, false
	for _, c := range list {
		hinted, cheap = hinted || c.guess, cheap || c.cheap
	}
	if ofCommits {
		s.Chooser = commits.chooser(false)
	}
	if hinted {
		l.Guess = func(name string) bisect.Verdict { return named[name].guessVerdict }
	}
	if cheap {
		l.Cheap = func(name string) bool { return named[name].cheap }
	}
	if log != "" {
		// An editor ends the last line of a file; a killed search does not.
		replay, _, err := bisect.ParseLog("log", []byte(strings.TrimSuffix(log, "\n")))
		if err == nil {
			err = replay.Check([]string{"golden"}, l.Names, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Replay = replay
	}
	if _, err := s.Run(t.Context()); err != nil {
		out.WriteString(err.Error() + "\n")
	}
	return out.String()
}
