package history

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"umlab/harness/conclude"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/store"
)

// day is when the fixtures' first run began.
var day = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// made builds a result of a notation: "cell placement=outcome ..." lines, where
// an outcome is ok, unkN, ovfN, oops, infra, or several with "|" between, one a
// run. "+" behind the placement leaves addresses random, and "cell !kind" is a
// cell without a build.
func made(t testing.TB, toolchain, rustc string, after time.Duration, cells ...string) *result.Results {
	t.Helper()
	r := &result.Results{
		Schema: result.Schema, Started: day.Add(after), Seconds: 12, Command: "go tool mage matrix",
		Scenario:  result.Scenario{Name: "rela", Digest: "5c"},
		Tree:      result.Tree{Name: "debian-6.12", Version: "6.12.107", Digest: "7e", Patches: []string{}},
		Toolchain: result.Toolchain{Name: toolchain, Compiler: "clang", Identity: map[string]string{"rustc": rustc, "rustc-llvm": "19.1.7"}, Digest: "7c"},
		Config:    result.Config{Fragments: []string{"uml.config"}, Digest: "cf", Resolved: "/store/build/.config"},
	}
	for _, line := range cells {
		words := strings.Fields(line)
		c := result.Cell{ID: words[0], AsExpected: true, Build: result.Build{Log: "/store/files/e3/e3b0"}}
		for _, w := range words[1:] {
			if kind, ok := strings.CutPrefix(w, "!"); ok {
				c.Build.Outcome = &outcome.Outcome{Kind: outcome.Kind(kind), Evidence: "error: " + kind}
				continue
			}
			name, shown, ok := strings.Cut(w, "=")
			if !ok {
				t.Fatalf("%q is no placement", w)
			}
			p := result.Placement{Name: strings.TrimSuffix(name, "+"), Mem: "64M", ASLR: strings.HasSuffix(name, "+")}
			for i, o := range strings.Split(shown, "|") {
				p.Runs = append(p.Runs, result.Run{Seconds: 0.4, Transcript: "/store/files/ab/" + o,
					Modules: []result.Module{{Name: "rust_print", Outcome: shorthand(t, o, i)}}})
			}
			c.Placements = append(c.Placements, p)
		}
		c.Verdict, c.Reason = conclude.Cell(c)
		r.Cells = append(r.Cells, c)
	}
	r.Totals = conclude.Totals(r.Cells)
	return r
}

func shorthand(t testing.TB, s string, run int) outcome.Outcome {
	t.Helper()
	var n uint32
	switch {
	case s == "ok":
		return outcome.Outcome{Kind: outcome.Loaded, Address: fmt.Sprintf("0x6280%d000", run), Evidence: "Live"}
	case s == "oops", s == "infra":
		return outcome.Outcome{Kind: outcome.Kind(s), Evidence: s}
	}
	if _, err := fmt.Sscanf(s, "unk%d", &n); err == nil {
		return outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(n), Errno: 8, Evidence: fmt.Sprintf("Unknown rela relocation: %d", n)}
	}
	if _, err := fmt.Sscanf(s, "ovf%d", &n); err == nil {
		return outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(n), Errno: 8, Evidence: fmt.Sprintf("overflow in relocation type %d", n)}
	}
	t.Fatalf("%q is no outcome", s)
	return outcome.Outcome{}
}

// ofSid is the scenario's own question of the toolchain sid, as made answers it.
func ofSid(compiler string, fragments ...string) Question {
	return Question{Scenario: result.Scenario{Name: "rela", Digest: "5c"}, Asked: result.Question{Digest: "d1"}, Fragments: fragments,
		Origin: "tree debian-6.12", Toolchain: "sid", Compiler: compiler}
}

func text(t testing.TB, r *result.Results) []byte {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func emptyStore(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func opened(t testing.TB, st *store.Store) *DB {
	t.Helper()
	h, err := Open(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func record1(t testing.TB, h *DB, r *result.Results) Recorded {
	t.Helper()
	did, err := h.Record(context.Background(), text(t, r))
	if err != nil {
		t.Fatal(err)
	}
	return did
}

// told are changes in one line each.
func told(list []result.HistoryChange) (lines []string) {
	name := func(p result.HistoryPoint) string { return p.Toolchain.Toolchain + " " + p.Toolchain.Rustc }
	words := func(list []result.SeenOutcome) string {
		var s []string
		for _, o := range list {
			s = append(s, o.Text)
		}
		return strings.Join(s, "|")
	}
	for _, c := range list {
		l := fmt.Sprintf("%s: %s: %s %s -> %s %s:", c.Axis, c.Cell, name(c.From), c.From.Verdict, name(c.To), c.To.Verdict)
		for _, d := range c.Differences {
			l += fmt.Sprintf(" [%s %s: %s -> %s]", d.Placement, d.Module, words(d.From), words(d.To))
		}
		lines = append(lines, l)
	}
	return lines
}
