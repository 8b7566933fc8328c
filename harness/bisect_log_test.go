package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/result"
)

// What a user edits in a log is held against what the candidate showed.
func TestBisectEditedLog(t *testing.T) {
	b := newBench(t)
	log := filepath.Join(t.TempDir(), "bisect.log")
	list := []string{"loaded", "loaded", "oops", "oops"}
	if _, err := b.bisected(t, BisectOptions{Log: log}, list...); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, says string }{
		{"verdict", `probe "b" first good`, `probe "b" first bad`, ": it says that b is bad, and by what it showed it is good (low rust_print: loaded); remove the file"},
		{"an end's", `probe "d" first bad`, `probe "d" first good`, ": it says that d is good, and by what it showed it is bad"},
		{"when it was asked again", `probe "c" fresh bad`, `probe "c" fresh skip`, ": it says that c is skip, and by what it showed it is bad"},
		{"name", `probe "b" first`, `probe "x" first`, `: probe: "x" is none of the candidates`},
		{"end's name", `probe "a" first`, `probe "b" first`, `: probe: "b" is answered twice`},
		{"message", `{\"target\"`, `{\"target`, ": it does not say what a showed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			edited := strings.Replace(string(whole), c.old, c.new, 1)
			at := 1 + strings.Count(string(whole)[:strings.Index(string(whole), c.old)], "\n")
			if edited == string(whole) {
				t.Fatalf("the log has no %s:\n%s", c.old, whole)
			}
			if err := os.WriteFile(log, []byte(edited), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := b.bisected(t, BisectOptions{Log: log}, list...)
			if c.name == "end's name" { // told where the second one stands
				at = 1 + strings.Count(edited[:strings.LastIndex(edited, `probe "b" first`)], "\n")
			}
			if ExitCode(err) != result.ExitUsage || !strings.HasPrefix(err.Error(), fmt.Sprintf("%s:%d%s", log, at, c.says)) || !strings.Contains(err.Error(), "remove") {
				t.Errorf("line %d: %v", at, err)
			}
			if len(b.asked) > 0 {
				t.Errorf("asked %v", b.asked)
			}
		})
	}
	// What the store has is asked anew.
	var kept logRecord
	record := func(l *bisectLog) {
		if !b.store.Get(kindBisectLog, l.key, &kept) || !strings.Contains(kept.Text, `probe "b" first good`) {
			t.Fatalf("the store has %q", kept.Text)
		}
		kept.Text = strings.Replace(kept.Text, `probe "b" first good`, `probe "b" first bad`, 1)
		if err := b.store.Put(kindBisectLog, l.key, kept); err != nil {
			t.Fatal(err)
		}
	}
	o := BisectOptions{Good: "a", Bad: "z"}
	o.Select.Placements = []string{"low"}
	q, err := b.question(t, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.openBisectLog(t.Context(), q, &candidates{pinned: "tree debian-6.12 0123", names: []string{"a", "b", "c", "d"}})
	if err != nil {
		t.Fatal(err)
	}
	record(l)
	l.close()
	got, err := b.bisected(t, BisectOptions{}, list...)
	if err != nil || side0(got.FirstBad) != "c" || len(b.asked) != 6 {
		t.Errorf("asked %v: %+v, %v", b.asked, got, err)
	}
}

// -fresh beside a log with answers can mean two things, and is refused.
func TestBisectFreshLog(t *testing.T) {
	b := newBench(t)
	log := filepath.Join(t.TempDir(), "bisect.log")
	o := BisectOptions{Log: log}
	o.Fresh = true
	if got, err := b.bisected(t, o, "loaded", "oops"); err != nil || side0(got.FirstBad) != "b" { // it is not there yet
		t.Fatalf("%+v, %v", got, err)
	}
	o.Good, o.Bad = "a", "z"
	if _, err := b.planBisect(o); ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), "-fresh asks anew, and -log="+log+" has answers: name another file, or leave -fresh out") {
		t.Errorf("%v", err)
	}
	_, err := b.bisected(t, BisectOptions{Log: "/proc/bisect.log"}, "loaded", "oops")
	if ExitCode(err) != result.ExitUsage || !strings.HasPrefix(err.Error(), "-log=/proc/bisect.log cannot be written: ") {
		t.Errorf("%v", err)
	}
}

func TestBisectLogFile(t *testing.T) {
	b := newBench(t)
	log := filepath.Join(t.TempDir(), "bisect.log")
	list := []string{"loaded", "loaded", "oops"}
	if _, err := b.bisected(t, BisectOptions{Log: log}, list...); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	// On another machine, torn in the middle of the last line.
	other := newBench(t)
	cut := len(text) - 20
	if err := os.WriteFile(log, text[:cut], 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := other.bisected(t, BisectOptions{Log: log}, list...)
	if err != nil || side0(got.FirstBad) != "c" {
		t.Fatalf("%+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"c!", "b"}, other.asked); diff != "" {
		t.Errorf("-want +asked:\n%s", diff)
	}
	// Where it shows something else here, that is no answer.
	got, err = other.bisected(t, BisectOptions{Log: log}, "loaded", "loaded", "loaded")
	if err != nil || got.Conclusion != result.BisectedFlaky || got.FirstBad != nil || !strings.Contains(got.Reason, "c is flaky: it was bad at first (low rust_print: oops, by "+log+":") || !strings.HasSuffix(got.Reason, "to ask anew, remove "+log+", or give -fresh without it") {
		t.Errorf("%+v, %v", got, err)
	}
	// Of another question it is refused, with the line.
	_, err = other.bisected(t, BisectOptions{Log: log, Until: "oops"}, list...)
	if ExitCode(err) != result.ExitUsage || !strings.HasPrefix(err.Error(), log+":6: the log is of another question") {
		t.Errorf("%v", err)
	}
	_, err = other.bisected(t, BisectOptions{Log: log}, append(list, "oops")...)
	if ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), ": the log is of another list") {
		t.Errorf("%v", err)
	}
}
