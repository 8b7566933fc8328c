package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// golden is a result that package report's tests hold.
func golden[T any](t *testing.T, name string) *T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("report", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	v := new(T)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// hostile is a matrix with what a console may hold: bytes that are no text, and what terminals and pages obey.
func hostile(t *testing.T) *result.Results {
	r := golden[result.Results](t, "matrix.json")
	no := false
	m := &r.Cells[0].Placements[0].Runs[0].Modules[0]
	m.Outcome.Evidence, m.Outcome.Detail, m.Agrees = "\xff\xfe \x1b[2J<script>&\u2028", "caf\xe9", &no
	r.Notes = append(r.Notes, "\xc3(", "")
	r.Cells[1].Build.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error: \x80"}
	r.Started = time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	return r
}

func verification(t *testing.T) *result.Verification {
	r := hostile(t)
	return &result.Verification{Schema: result.VerificationSchema, Patches: []result.Patch{{Subject: "um: <fix> \xff", From: "A <a@b>", Digest: "ab"}},
		Pairs: []result.Pair{{Before: r, After: r}}, Conclusion: result.NotFixed, Reason: "nothing changed", Untested: []string{"much"},
		Findings: []result.Finding{{Tool: "checkpatch.pl", Lines: []string{"WARNING: x"}}, {Tool: "get_maintainer.pl", Failed: "no perl"}},
		TestedBy: "Me <me@here>", Command: "go tool mage verify fix.patch -html=x.html", Seconds: 0.1 + 0.2, Exit: 1}
}

func bisection() *result.Bisection {
	side := &result.Boundary{Name: "a", Seen: "loaded", Evidence: []string{"\xff"}, Tree: result.Tree{Name: "debian-6.12"}, Toolchain: result.Toolchain{Name: "a"}}
	return &result.Bisection{Schema: result.BisectionSchema, Command: "go tool mage bisect a c", Started: time.Unix(1, 5).UTC(), Axis: result.AxisToolchain,
		Series: "debian-rustc", Tree: "debian-6.12", Target: "stock", Good: "a", Bad: "c", Candidates: []result.BisectCandidate{{Name: "a", Verdict: "good"}, {Name: "b"}, {Name: "c", Verdict: "bad"}},
		Steps:      []result.BisectStep{{Number: 1, Name: "a", Verdict: "good", Replayed: true}, {Number: 2, Name: "a", Fresh: true, Verdict: "good", Seconds: 1.5}},
		Conclusion: result.BisectedTo, Reason: "c is the first bad one", LastGood: side, FirstBad: side, Probed: 2, Bound: 3,
		Delta: &result.Delta{Schema: result.DeltaSchema, Cell: "stock", Good: "a", Bad: "c", Conclusion: "rustc did it", Toolchain: []result.Change{{Name: "rustc", Good: "1", Bad: "2"}}}}
}

func explanation(t *testing.T) *result.Explanation {
	r := hostile(t)
	m := r.Cells[0].Placements[0].Runs[0].Modules[0]
	return &result.Explanation{Schema: result.ExplanationSchema, Cell: "stock", Placement: r.Cells[0].Placements[0], Command: "go tool mage explain stock",
		Tree: r.Tree, Toolchain: r.Toolchain, Config: r.Config, Verdict: result.Rejected, Notes: []string{"\xff"},
		Modules: []result.ExplainedModule{{Module: m, Path: "/nowhere/rust_print.ko", Reasoning: []string{"because"},
			Objects: []result.ObjectFlags{{Object: "o", Options: []result.GivenOption{{Option: "-Ccode-model=small", Key: "code-model"}}}},
			Groups:  []result.RejectedGroup{{Summary: "17", Entries: []result.RejectedLocation{{Relocation: outcome.NewRelocation(9), Entry: "e", Decides: true, Symbol: "s"}}}},
			Excerpt: []result.ConsoleLine{{Number: 1, Text: "\xfe", Evidence: true}}}},
		Scripts: []result.ExplanationScript{{Name: "boot", Title: "boot it", Text: "linux\n"}}}
}

func nightOf(t *testing.T) *result.Nightly {
	s := golden[result.Sweep](t, "sweep.json")
	return &result.Nightly{Schema: result.NightlySchema, Date: "2026-11-23", Command: "go tool mage nightly", Started: time.Unix(9, 0).UTC(), Series: "debian-rustc",
		Varies: "rustc", Scenario: s.Scenario, Tree: "debian-6.12", Members: []result.NightlyMember{{Name: "debian-rustc:1.85.1", Version: "1.85.1", New: true}}, Sweep: s,
		Changes: []result.NightlyChange{{Cell: "stock", From: result.NightlyPoint{Toolchain: "a", Verdict: result.Loads, Seen: "loaded", Evidence: []string{"\xff"}},
			To: result.NightlyPoint{Toolchain: "b", Verdict: result.Rejected, Seen: "unknown"}}},
		Bisections: []result.Bisection{*bisection()}, Exit: 1}
}

// ranOf is a run of a kind: what it wrote, by format, with "" for standard output.
func ranOf[T any](t *testing.T, l *Lab, k kind[T], v *T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	paths := map[string]string{}
	for _, f := range k.forms {
		paths[f.flag] = filepath.Join(dir, f.flag)
	}
	var out bytes.Buffer
	l.stdout = &out
	if err := finish(l, k, v, k.files(paths)); err != nil {
		t.Fatal(err)
	}
	return wrote(t, &out, paths)
}

func wrote(t *testing.T, out *bytes.Buffer, paths map[string]string) map[string]string {
	t.Helper()
	got := map[string]string{"": out.String()}
	for flag, path := range paths {
		if path == "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got[flag] = string(text)
	}
	return got
}

// Whatever ran is rendered again byte for byte, in each format that it has, and in no other.
func TestReport(t *testing.T) {
	for flow, run := range map[string]func(t *testing.T, l *Lab) map[string]string{
		"matrix": func(t *testing.T, l *Lab) map[string]string { return ranOf(t, l, ofMatrix(), hostile(t)) },
		"trouble": func(t *testing.T, l *Lab) map[string]string {
			return ranOf(t, l, ofMatrix(), golden[result.Results](t, "trouble.json"))
		},
		"sweep": func(t *testing.T, l *Lab) map[string]string {
			return ranOf(t, l, ofSweep(), golden[result.Sweep](t, "sweep.json"))
		},
		"verify":   func(t *testing.T, l *Lab) map[string]string { return ranOf(t, l, ofVerification(), verification(t)) },
		"minimise": func(t *testing.T, l *Lab) map[string]string { return ranOf(t, l, ofMinimisation(), minimisation()) },
		"bisect":   func(t *testing.T, l *Lab) map[string]string { return ranOf(t, l, ofBisection(), bisection()) },
		"nightly":  func(t *testing.T, l *Lab) map[string]string { return ranOf(t, l, ofNight(), nightOf(t)) },
		"explain":  func(t *testing.T, l *Lab) map[string]string { return ranOf(t, l, ofExplanation(), explanation(t)) },
	} {
		t.Run(flow, func(t *testing.T) {
			l := emptyLab(t)
			want := run(t, l)
			all, err := l.runs()
			if err != nil || len(all) != 1 || all[0].Verdict == "" || all[0].Command == "" {
				t.Fatalf("kept: %+v, %v", all, err)
			}
			var out bytes.Buffer
			l.stdout = &out
			if err := l.Report("last", Outputs{}); err != nil {
				t.Fatal(err)
			}
			if out.String() != want[""] {
				t.Errorf("on the terminal it is\n%s\nand it was\n%s", out.String(), want[""])
			}
			out.Reset()
			dir := t.TempDir()
			files := Outputs{JSON: filepath.Join(dir, "json"), JUnit: filepath.Join(dir, "junit"), KTAP: filepath.Join(dir, "ktap"),
				HTML: filepath.Join(dir, "html"), Markdown: filepath.Join(dir, "md")}
			for flag, path := range map[string]*string{"json": &files.JSON, "junit": &files.JUnit, "ktap": &files.KTAP, "html": &files.HTML, "md": &files.Markdown} {
				if _, has := want[flag]; has {
					continue
				}
				if err := l.Report(all[0].ID[:7], files); ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), "-"+flag+"=") {
					t.Errorf("a format that it does not have: %v", err)
				}
				*path = ""
			}
			if err := l.Report(all[0].ID[:7], files); err != nil {
				t.Fatal(err)
			}
			got := wrote(t, &out, files.paths())
			if got[""] != "" {
				t.Errorf("printed beside the files: %s", got[""])
			}
			for flag, text := range want {
				if flag != "" && got[flag] != text {
					t.Errorf("-%s= is not what the run wrote", flag)
				}
			}
		})
	}
}

// Runs are listed newest first, filtered, and bounded; what names none, or several, is told.
func TestRuns(t *testing.T) {
	l := emptyLab(t)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	l.now = func() time.Time { now = now.Add(time.Minute); return now }
	list := func(o RunsOptions) string {
		t.Helper()
		var out bytes.Buffer
		l.stdout = &out
		if err := l.Runs(o); err != nil {
			return fmt.Sprintf("%d %v", ExitCode(err), err)
		}
		return out.String()
	}
	if got := list(RunsOptions{}); !strings.HasPrefix(got, "no run is kept yet") {
		t.Error(got)
	}
	if err := l.Report("last", Outputs{}); ExitCode(err) != result.ExitUsage {
		t.Errorf("of none: %v", err)
	}
	l.settings.Limits.Store.Runs = 3
	first := golden[result.Results](t, "matrix.json")
	ranOf(t, l, ofMatrix(), first)
	second := golden[result.Results](t, "matrix.json")
	second.Tree.Name, second.Exit, second.Command = "debian-7.3", 1, "go tool mage matrix -tree=debian-7.3 -html=x.html"
	ranOf(t, l, ofMatrix(), second)
	ranOf(t, l, ofVerification(), verification(t))
	got := list(RunsOptions{})
	at := func(s string) int {
		i := strings.Index(got, s)
		if i < 0 {
			t.Errorf("no %q in\n%s", s, got)
		}
		return i
	}
	if !(at("12:03") < at("12:02") && at("12:02") < at("12:01")) || at("matrix -tree=debian-7.3\n") < 0 || at("not-fixed") < 0 || at("all as expected") < 0 {
		t.Error(got)
	}
	for _, tt := range []struct {
		o    RunsOptions
		want []string
		not  []string
	}{
		{RunsOptions{Flow: []string{"verify"}}, []string{"not-fixed"}, []string{"as expected"}},
		{RunsOptions{Tree: []string{"debian-7*"}}, []string{"12:02"}, []string{"12:01", "12:03"}},
		{RunsOptions{Exit: []int{1}}, []string{"12:02", "12:03"}, []string{"12:01"}},
		{RunsOptions{Toolchain: []string{"sid"}}, []string{"2 none of the 3 runs"}, nil},
		{RunsOptions{Tree: []string{"["}}, []string{"2 -tree=[: "}, nil},
		{RunsOptions{Flow: []string{"matrix"}}, []string{"12:01"}, nil},
	} {
		got := list(tt.o)
		for _, w := range tt.want {
			if !strings.Contains(got, w) {
				t.Errorf("%+v: no %q in %s", tt.o, w, got)
			}
		}
		for _, n := range tt.not {
			if strings.Contains(got, n) {
				t.Errorf("%+v: %q in %s", tt.o, n, got)
			}
		}
	}
	if !strings.Contains(list(RunsOptions{Most: 1}), "2 more of these") {
		t.Error("what is not listed is not told")
	}
	ranOf(t, l, ofExplanation(), explanation(t))
	all, err := l.runs()
	if err != nil || len(all) != 3 || all[0].Flow != "explain" || !slices.Equal(all[2].Trees, []string{"debian-7.3"}) {
		t.Errorf("of three that may stay: %+v, %v", all, err)
	}
	for name, says := range map[string]string{"xyz": "is unknown", "": "is unknown"} {
		if _, err := l.find(name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if ids := RunIDs(l.getenv); len(ids) != 3 || !strings.HasPrefix(all[0].ID, ids[0][0]) {
		t.Errorf("%v", ids)
	}
	l.forget = true
	ranOf(t, l, ofMatrix(), first)
	if again, _ := l.runs(); !slices.EqualFunc(all, again, func(a, b result.Kept) bool { return a.ID == b.ID }) {
		t.Error("what is to be forgotten was kept")
	}
}

// What a report names and is gone is told, and what is damaged is not rendered.
func TestReportOfWhatIsGone(t *testing.T) {
	l := emptyLab(t)
	here := filepath.Join(t.TempDir(), "transcript")
	if err := os.WriteFile(here, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := golden[result.Results](t, "matrix.json")
	for i := range r.Cells {
		for j := range r.Cells[i].Placements {
			r.Cells[i].Placements[j].Runs[0].Transcript = here
		}
	}
	if text, err := json.Marshal(r); err != nil || missing(text) != "" {
		t.Errorf("nothing is gone: %s, %v", missing(text), err)
	}
	r.Cells[0].Placements[0].Runs[0].Transcript = here + ".gone"
	if text, err := json.Marshal(r); err != nil || !strings.Contains(missing(text), ": 1 transcripts;") {
		t.Errorf("one is gone: %s, %v", missing(text), err)
	}
	ranOf(t, l, ofMatrix(), r)
	all, err := l.runs()
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := l.store.Peek(kindRun, all[0].ID)
	if err := os.WriteFile(filepath.Join(dir, runResult), []byte("no gzip"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.Report("last", Outputs{}); ExitCode(err) != result.ExitInfra || !strings.Contains(err.Error(), "no longer what was kept") {
		t.Error(err)
	}
}
