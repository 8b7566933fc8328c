package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"umlab/harness/conclude"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// bisections are what the golden files render.
func bisections() map[string]*result.Bisection {
	scenario := result.Scenario{Name: "unknown-rela-relocation", Title: "Rust modules on UML are rejected"}
	tree := result.Tree{Name: "debian-7.3", Version: "7.3.4", Package: "linux-source-7.3 7.3.4-1", Digest: "0123456789abcdef"}
	chain := func(version, llvm string) result.Toolchain {
		return result.Toolchain{Name: "debian-rustc:" + version, Compiler: "gcc", Identity: map[string]string{"rustc": version, "rustc-llvm": llvm, "gcc": "14.2.0"}}
	}
	found := &result.Bisection{
		Command: "go tool mage bisect 1.85 1.98 -series=debian-rustc -tree=debian-7.3", Started: time.Unix(1800000000, 0).UTC(), Seconds: 754,
		Axis: result.AxisToolchain, Series: "debian-rustc", Scenario: scenario, Tree: "debian-7.3", Target: "stock:low", Until: "rust_print:GOTPCREL>12",
		Good: "debian-rustc:1.85.0", Bad: "debian-rustc:1.98.1",
		Candidates: []result.BisectCandidate{
			{Name: "debian-rustc:1.85.0", Detail: "rustc-web 1.85.0 (trixie)", Verdict: "good", Seen: "rust_print: 12 GOTPCREL"},
			{Name: "debian-rustc:1.85.1", Detail: "rustc 1.85.1 (trixie)", Verdict: "good", Seen: "rust_print: 12 GOTPCREL"},
			{Name: "debian-rustc:1.96.1", Detail: "rustc 1.96.1 (trixie-backports)", Verdict: "bad", Seen: "rust_print: 14 GOTPCREL"},
			{Name: "debian-rustc:1.97.1", Detail: "rustc 1.97.1 (sid)"},
			{Name: "debian-rustc:1.98.1", Detail: "rustc 1.98.1 (experimental)", Verdict: "bad", Seen: "rust_print: 15 GOTPCREL"},
		},
		Steps: []result.BisectStep{
			{Number: 1, Name: "debian-rustc:1.85.0", Why: "good end", Verdict: "good", Seen: "rust_print: 12 GOTPCREL", Seconds: 92, Replayed: true},
			{Number: 5, Name: "debian-rustc:1.85.1", Why: "last good, again", Fresh: true, Verdict: "good", Seen: "rust_print: 12 GOTPCREL", Seconds: 4},
		},
		Conclusion: result.BisectedTo, Probed: 4, Bound: 6,
		Reason:   "debian-rustc:1.96.1 is the first bad one (rust_print: 14 GOTPCREL); debian-rustc:1.85.1, next to it, is good (rust_print: 12 GOTPCREL)",
		LastGood: &result.Boundary{Name: "debian-rustc:1.85.1", Detail: "rustc 1.85.1 (trixie)", Seen: "rust_print: 12 GOTPCREL", Tree: tree, Toolchain: chain("1.85.1", "19.1.7")},
		FirstBad: &result.Boundary{Name: "debian-rustc:1.96.1", Detail: "rustc 1.96.1 (trixie-backports)", Seen: "rust_print: 14 GOTPCREL", Tree: tree, Toolchain: chain("1.96.1", "22.1.0")},
		Notes:    []string{"the mirror of sid is frozen"},
		Delta:    conclude.Delta("stock", conclude.Facts{Name: "debian-rustc:1.85.1", Toolchain: chain("1.85.1", "19.1.7").Identity}, conclude.Facts{Name: "debian-rustc:1.96.1", Toolchain: chain("1.96.1", "22.1.0").Identity}),
	}
	ranged := &result.Bisection{
		Started: time.Unix(1800000000, 0).UTC(), Seconds: 61, Axis: result.AxisCommit, Series: "/home/you/linux", Scenario: scenario, Toolchain: "trixie", Target: "stock:low:rust_print",
		Good: `1111aaaa2222 ("um: begin")`, Bad: `9999ffff0000 ("um: end")`,
		Candidates: []result.BisectCandidate{
			{Name: `1111aaaa2222 ("um: begin")`, Verdict: "good", Seen: "low rust_print: loaded"},
			{Name: `9999ffff0000 ("um: end")`, Verdict: "bad", Seen: "low rust_print: oops"},
			{Name: "4444bbbb5555 (\"evil \x1b[2J | `subject`\")", Verdict: "skip", Seen: "build-failed: x.rs:1: error"},
		},
		Conclusion: result.BisectedRange, Skipped: []string{"4444bbbb5555"}, Probed: 3, Exit: 1,
		Reason:   "the first bad one is 9999ffff0000 (low rust_print: oops) or 4444bbbb5555, which could not be judged",
		LastGood: &result.Boundary{Name: `1111aaaa2222 ("um: begin")`, Seen: "low rust_print: loaded", Evidence: []string{"rust_print 16384 0 - Live  [stock:low rust_print]"}},
		FirstBad: &result.Boundary{Name: `9999ffff0000 ("um: end")`, Seen: "low rust_print: oops", Evidence: []string{"Kernel panic - not syncing: \x1b[31m <b>oops</b>  [stock:low rust_print]"}},
	}
	none := &result.Bisection{Axis: result.AxisTree, Started: time.Unix(1800000000, 0).UTC(), Scenario: scenario, Toolchain: "trixie", Target: "stock", Good: "debian-6.12", Bad: "debian-7.3",
		Candidates: []result.BisectCandidate{{Name: "debian-6.12", Verdict: "good", Seen: "low rust_print: loaded"}, {Name: "debian-7.2"}, {Name: "debian-7.3", Verdict: "good", Seen: "low rust_print: loaded"}},
		Conclusion: result.NotBisected, Exit: 2, Probed: 2, Bound: 5, Reason: "both ends show the same: low rust_print: loaded"}
	return map[string]*result.Bisection{"found": found, "range": ranged, "none": none}
}

func TestBisectionGolden(t *testing.T) {
	for name, b := range bisections() {
		for ext, render := range map[string]func(io.Writer, *result.Bisection) error{
			"100.txt": Form(Bisection, onTerminal(doc.Options{Width: 100})), "md": Form(Bisection, doc.Markdown), "html": Form(Bisection, doc.HTML),
		} {
			t.Run(name+"."+ext, func(t *testing.T) {
				var out bytes.Buffer
				if err := render(&out, b); err != nil {
					t.Fatal(err)
				}
				if strings.ContainsRune(out.String(), 0x1b) || strings.Contains(out.String(), "<b>oops") && ext == "html" {
					t.Error("what came from a console or a commit reached the format")
				}
				golden(t, "bisect."+name+"."+ext, out.Bytes())
			})
		}
	}
}

func TestBisectionJSON(t *testing.T) {
	list := bisections()
	list["empty"] = &result.Bisection{Axis: result.AxisTree, Conclusion: result.NotBisected, Started: time.Unix(0, 0).UTC(), LastGood: &result.Boundary{}, FirstBad: &result.Boundary{}}
	for name, b := range list {
		t.Run(name, func(t *testing.T) {
			roundTrip(t, result.BisectionSchema, JSON, b)
			refuses(t, result.BisectionSchema, written(t, JSON, b), map[string]func(map[string]any){
				"another schema":   func(d map[string]any) { d["schema"] = "umlab.bisect/v2" },
				"an unknown key":   func(d map[string]any) { d["konclusion"] = d["conclusion"] },
				"no conclusion":    func(d map[string]any) { delete(d, "conclusion") },
				"a skipped number": func(d map[string]any) { d["skipped"] = []any{1} },
			})
		})
	}
}
