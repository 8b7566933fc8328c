package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/bisect"
	"umlab/harness/conclude"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/settings"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// bench is a lab on an empty store, with a list whose candidates show what they
// are told to.
type bench struct {
	*Lab
	trace string // file that the progress goes to
	asked []string
	shows map[string]string // candidate -> outcome, see results
	fresh map[string]string // the same, when it is asked afresh
	plan  *plan.Plan        // of the question
}

func newBench(t *testing.T) *bench {
	t.Helper()
	trace, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trace.Close() })
	home := t.TempDir()
	l, err := Open(Options{Project: os.DirFS(".."), Stdout: trace, Stderr: trace, Getenv: func(name string) string {
		return map[string]string{"UMLAB_HOME": home, "UMLAB_DEBIAN_MIRROR": "http://127.0.0.1:9/debian"}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return &bench{Lab: l, trace: trace.Name(), shows: map[string]string{}, fresh: map[string]string{}}
}

// results are of a stock cell at low, whose one module shows an outcome:
// "loaded", "unknown 9", or a kind. "unfit" is a toolchain that will not do,
// "fault" an error, "control" a control that failed.
func (b *bench) results(name, shows string) (*result.Results, error) {
	r := &result.Results{Schema: result.Schema, Started: time.Now(), Scenario: result.Scenario{Name: plan.DefaultScenario},
		Tree: result.Tree{Name: "debian-6.12"}, Toolchain: result.Toolchain{Name: name, Compiler: "clang", Identity: map[string]string{"rustc": "1.0"}},
		Controls: []result.Control{{Name: "known-load", Holds: true}}}
	cell := result.Cell{ID: "stock"}
	o := outcome.Outcome{Kind: outcome.Kind(shows), Evidence: "said " + shows}
	switch shows {
	case "unfit":
		return nil, &toolchain.UnfitError{Toolchain: name, Tree: "debian-6.12", Reasons: []string{"rustc is too old"}}
	case "fault":
		return nil, errors.New("no space left on device")
	case "no kernel":
		return nil, fmt.Errorf("tree %s: %w", name, &tree.NotKernelError{Dir: name, Why: "it has no Makefile"})
	case "control":
		r.Infra, r.Controls[0].Holds = "control known-load: gave oops", false
		o.Kind = outcome.Loaded
	case "build-failed", "config-dropped":
		cell.Build.Outcome = &o
	case "unknown 9":
		o.Kind, o.Relocation = outcome.RelocationUnknown, outcome.NewRelocation(9)
	}
	if cell.Build.Outcome == nil {
		cell.Placements = []result.Placement{{Name: "low", Runs: []result.Run{{Modules: []result.Module{{Name: "rust_print", Outcome: o}}}}}}
		n := 4
		if shows == "loaded" {
			n = 0
		}
		cell.Build.Relocations = map[string]map[string]int{"rust_print": {"R_X86_64_GOTPCREL": n}}
	}
	cell.Verdict, cell.Reason = conclude.Cell(cell)
	r.Cells = []result.Cell{cell}
	return r, nil
}

// question is what Bisect plans.
func (b *bench) question(t *testing.T, o BisectOptions) (*question, error) {
	t.Helper()
	q, err := b.planBisect(o)
	if err == nil {
		plans := []*plan.Plan{q.plan, q.wide}
		err = b.snapshots(t.Context(), plans)
		q.plan, q.wide = plans[0], plans[1]
		b.plan = q.plan
	}
	return q, err
}

// run is what a plan shows on a candidate, of which nothing is built.
func (b *bench) run(q *question, name string, fresh bool) (*ran, error) {
	shows := b.shows[name]
	ask := name
	if fresh {
		ask += "!"
		if s, ok := b.fresh[name]; ok {
			shows = s
		}
	}
	b.asked = append(b.asked, ask)
	r, err := b.results(name, shows)
	if err != nil {
		return nil, err
	}
	r.Question, r.Scenario, r.Config.Fragments, r.Tree.Origin = q.plan.Asked, q.plan.Named(), q.plan.Fragments, b.sources.Origin(r.Tree.Name)
	return &ran{Results: r, plan: q.plan}, nil
}

// bisected bisects a list whose candidates, a to z, show these outcomes.
func (b *bench) bisected(t *testing.T, o BisectOptions, shows ...string) (*result.Bisection, error) {
	t.Helper()
	o.Good, o.Bad = "a", "z"
	o.Select.Placements = []string{"low"}
	q, err := b.question(t, o)
	if err != nil {
		t.Fatal(err)
	}
	c := &candidates{pinned: "tree debian-6.12 0123", run: func(_ context.Context, name string, _, fresh bool) (*ran, error) {
		return b.run(q, name, fresh)
	}}
	for i, s := range shows {
		name := string(rune('a' + i))
		b.shows[name] = s
		c.names = append(c.names, name)
		c.list = append(c.list, result.BisectCandidate{Name: name})
	}
	c.chooser = &bisect.List{Names: c.names}
	b.asked = nil
	got, err := b.search(t.Context(), q, c)
	if err == nil {
		var page bytes.Buffer
		if err := report.JSON(&page, got); err != nil {
			t.Fatal(err)
		}
		published(t, result.BisectionSchema, page.Bytes())
	}
	return got, err
}

func side0(b *result.Boundary) string {
	if b == nil {
		return ""
	}
	return b.Name
}

func TestBisectList(t *testing.T) {
	for _, c := range []struct {
		name, until string
		shows       []string
		conclusion  result.BisectionConclusion
		good, bad   string
		skipped     string
		exit        int
		says        string
	}{
		{"message", "", []string{"loaded", "loaded", "loaded", "oops", "oops"}, result.BisectedTo, "c", "d", "", 0, "d is the first bad one"},
		{"third message is skipped", "", []string{"loaded", "unknown 9", "oops", "oops"}, result.BisectedRange, "a", "c", "b", 1, "or b, which could not be judged"},
		{"unfit is skipped", "", []string{"loaded", "unfit", "unfit", "oops"}, result.BisectedRange, "a", "d", "b c", 1, "one of the 2 between"},
		{"no build is skipped", "", []string{"loaded", "loaded", "build-failed", "oops"}, result.BisectedRange, "b", "d", "c", 1, ""},
		{"dropped is skipped", "", []string{"loaded", "config-dropped", "oops", "oops"}, result.BisectedRange, "a", "c", "b", 1, ""},
		{"control is skipped", "", []string{"loaded", "control", "oops", "oops"}, result.BisectedRange, "a", "c", "b", 1, ""},
		{"no kernel is skipped", "", []string{"loaded", "no kernel", "oops", "oops"}, result.BisectedRange, "a", "c", "b", 1, "or b, which could not be judged"},
		{"outcome", "oops", []string{"loaded", "unknown 9", "loaded", "oops"}, result.BisectedTo, "c", "d", "", 0, ""},
		{"no build is asked for", "build-failed", []string{"loaded", "loaded", "build-failed", "build-failed"}, result.BisectedTo, "b", "c", "", 0, ""},
		{"property", "rust_print:GOTPCREL>0", []string{"loaded", "loaded", "oops", "unknown 9"}, result.BisectedTo, "b", "c", "", 0, "4 GOTPCREL"},
		{"a control says nothing of a property", "rust_print:GOTPCREL>0", []string{"loaded", "control", "oops"}, result.BisectedTo, "a", "b", "", 0, "4 GOTPCREL"},
		{"the same ends", "", []string{"loaded", "oops", "loaded"}, result.NotBisected, "", "", "", 2, "both ends show the same"},
		{"bad from the beginning", "oops", []string{"oops", "oops", "oops"}, result.NotBisected, "", "", "", 2, "a was given as the good end, but it is bad"},
		{"never bad", "oops", []string{"loaded", "unknown 9", "loaded"}, result.NotBisected, "", "", "", 2, "c does not show oops"},
		{"the good end does not build", "", []string{"build-failed", "oops", "oops"}, result.NotBisected, "", "", "", 2, "a was given as the good end, but it says nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			got, err := b.bisected(t, BisectOptions{Until: c.until}, c.shows...)
			if err != nil {
				t.Fatal(err)
			}
			if got.Conclusion != c.conclusion || got.Exit != c.exit || !strings.Contains(got.Reason, c.says) {
				t.Errorf("%s, exit %d: %s", got.Conclusion, got.Exit, got.Reason)
			}
			if side0(got.LastGood) != c.good || side0(got.FirstBad) != c.bad || strings.Join(got.Skipped, " ") != c.skipped {
				t.Errorf("good %q, bad %q, skipped %v", side0(got.LastGood), side0(got.FirstBad), got.Skipped)
			}
		})
	}
}

func TestBisectFlaky(t *testing.T) {
	b := newBench(t)
	b.fresh["c"] = "loaded"
	got, err := b.bisected(t, BisectOptions{}, "loaded", "loaded", "oops", "oops")
	if err != nil || got.Conclusion != result.BisectedFlaky || got.Exit != result.ExitDiffers || !strings.Contains(got.Reason, "c is flaky") {
		t.Fatalf("%+v, %v", got, err)
	}
	// That answer is not kept: what made it flaky may be gone.
	delete(b.fresh, "c")
	if got, err = b.bisected(t, BisectOptions{}, "loaded", "loaded", "oops", "oops"); err != nil || got.Conclusion != result.BisectedTo {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(b.asked) != 6 {
		t.Errorf("asked %v", b.asked)
	}
}

func TestBisectResumes(t *testing.T) {
	b := newBench(t)
	list := []string{"loaded", "fault", "oops", "oops"}
	_, err := b.bisected(t, BisectOptions{}, list...)
	var fault *bisect.FaultError
	if !errors.As(err, &fault) || fault.Attempts != 3 || ExitCode(err) != result.ExitInfra {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff([]string{"a", "d", "b", "b!", "b!"}, b.asked); diff != "" {
		t.Errorf("-want +asked:\n%s", diff)
	}
	list[1] = "loaded"
	got, err := b.bisected(t, BisectOptions{}, list...)
	if err != nil || side0(got.LastGood) != "b" || side0(got.FirstBad) != "c" {
		t.Fatalf("%+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"b", "c", "b!", "c!"}, b.asked); diff != "" {
		t.Errorf("resumed, -want +asked:\n%s", diff)
	}
	// Answered, nothing is asked again, but for what the sides are made of.
	again, err := b.bisected(t, BisectOptions{}, list...)
	if err != nil || again.Reason != got.Reason {
		t.Fatalf("%+v, %v", again, err)
	}
	if diff := cmp.Diff([]string{"b", "c"}, b.asked); diff != "" {
		t.Errorf("answered, -want +asked:\n%s", diff)
	}
	// A longer list is another question, with a guess that is right.
	if got, err = b.bisected(t, BisectOptions{}, append(list, "oops", "oops", "oops", "oops", "oops")...); err != nil || side0(got.FirstBad) != "c" {
		t.Fatalf("%+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"a", "i", "c", "b", "b!", "c!"}, b.asked); diff != "" {
		t.Errorf("with a guess, -want +asked:\n%s", diff)
	}
	// -fresh asks for everything.
	var fresh BisectOptions
	fresh.Fresh = true
	if got, err = b.bisected(t, fresh, list...); err != nil || side0(got.FirstBad) != "c" || len(b.asked) != 6 {
		t.Fatalf("asked %v: %+v, %v", b.asked, got, err)
	}
	trace, err := os.ReadFile(b.trace)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"step 1 of at most 6: a (good end)", "attempt 3 failed, given up: no space left on device", "2 answers are taken from", "from the log"} {
		if !strings.Contains(string(trace), want) {
			t.Errorf("the trace lacks %q:\n%s", want, trace)
		}
	}
}

// An end that is no kernel will be none the next time either: it is asked once,
// and nobody is told to try again.
func TestBisectOfNoKernel(t *testing.T) {
	b := newBench(t)
	got, err := b.bisected(t, BisectOptions{}, "loaded", "loaded", "no kernel")
	if ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), "c is no kernel tree that umlab can use: it has no Makefile") || strings.Contains(err.Error(), "attempts") {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]string{"a", "c"}, b.asked); diff != "" {
		t.Errorf("-want +asked:\n%s", diff)
	}
	if told := keptSoFar(got, err); told.Error() != err.Error() {
		t.Errorf("told %v", told)
	}
	for _, c := range []struct {
		shows []string
		again bool
	}{{[]string{"fault", "oops"}, false}, {[]string{"loaded", "fault"}, true}} {
		got, err := newBench(t).bisected(t, BisectOptions{}, c.shows...)
		if told := keptSoFar(got, err); strings.Contains(told.Error(), "goes on from there") != c.again || !errors.Is(told, err) {
			t.Errorf("%v: told %v", c.shows, told)
		}
	}
}

func TestPick(t *testing.T) {
	list := []listed{{name: "debian-rustc:1.85.0", version: "1.85.0"}, {name: "debian-rustc:1.85.1", version: "1.85.1"}, {name: "debian-rustc:1.96.1", version: "1.96.1"},
		{name: "debian-6.12", version: "6.12.107"}}
	for _, c := range []struct {
		asked string
		want  int
		err   string
	}{
		{"1.85.1", 1, ""}, {"debian-rustc:1.85.0", 0, ""}, {"1.96", 2, ""}, {"debian-rustc:1.96", 2, ""}, {"debian-6.12", 3, ""}, {"6.12", 3, ""},
		{"1.85", 0, `"1.85" is the beginning of 1.85.0, 1.85.1`},
		{"1.9", 0, `series x has no "1.9": it has 1.85.0, 1.85.1, 1.96.1, debian-6.12`},
		{"", 0, `series x has no ""`},
	} {
		got, err := pick("series x", list, c.asked)
		if c.err == "" && (err != nil || got != c.want) || c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err) || ExitCode(err) != result.ExitUsage) {
			t.Errorf("%q: %d, %v", c.asked, got, err)
		}
	}
	if _, _, err := between("series x", list, "1.96", "1.96.1"); ExitCode(err) != result.ExitUsage {
		t.Errorf("the same twice: %v", err)
	}
	for _, c := range []struct {
		good, bad, want string
		reversed        bool
	}{{"1.96", "1.85.0", "1.96.1 1.85.1 1.85.0", true}, {"1.85.0", "1.96", "1.85.0 1.85.1 1.96.1", false}, {"1.85.1", "1.96", "1.85.1 1.96.1", false}} {
		part, reversed, err := between("series x", list, c.good, c.bad)
		var got []string
		for _, e := range part {
			got = append(got, e.version)
		}
		if err != nil || strings.Join(got, " ") != c.want || reversed != c.reversed {
			t.Errorf("from %s to %s: %v, reversed %t, %v", c.good, c.bad, got, reversed, err)
		}
	}
}

func TestTreeVersions(t *testing.T) {
	for _, c := range []struct {
		name string
		tree settings.Tree
		want string
	}{
		{"debian-6.12", settings.Tree{}, "6.12"},
		{"next", settings.Tree{URL: "/linux", Ref: "v7.3-rc1"}, "7.3"},
		{"stable", settings.Tree{Tarball: "https://localhost/a/linux-6.12.107.tar.xz"}, "6.12.107"},
		{"mine", settings.Tree{URL: "/linux", Ref: "main"}, ""},
	} {
		if got := treeVersion(c.name, c.tree); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
