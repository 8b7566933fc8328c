package predicate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"umlab/harness/bisect"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// out reads the shorthand of the tables.
func out(t testing.TB, text string) outcome.Outcome {
	t.Helper()
	relocation := func(k outcome.Kind, n uint32) outcome.Outcome {
		return outcome.Outcome{Kind: k, Relocation: outcome.NewRelocation(n), Errno: 8, Evidence: "line of " + text}
	}
	o, ok := map[string]outcome.Outcome{
		"ok":      {Kind: outcome.Loaded, Evidence: "Live"},
		"unk9":    relocation(outcome.RelocationUnknown, 9),
		"unk29":   relocation(outcome.RelocationUnknown, 29),
		"ovf10":   relocation(outcome.RelocationOverflow, 10),
		"ovf11":   relocation(outcome.RelocationOverflow, 11),
		"init22":  {Kind: outcome.InitFailed, Errno: 22},
		"oops":    {Kind: outcome.Oops},
		"timeout": {Kind: outcome.Timeout, Stage: "boot"},
		"infra":   {Kind: outcome.Infra, Evidence: "no space left\non device"},
		"none":    {},
	}[text]
	if !ok {
		t.Fatalf("no outcome %q", text)
	}
	return o
}

// seen is the result of a stock cell: "low: a=ok b=unk9 | a=ok b=ok; high: a=ok",
// runs separated by bars.
func seen(t testing.TB, text string) *result.Results {
	t.Helper()
	c := result.Cell{ID: "stock", Build: result.Build{Signature: map[string]string{"linux": "1", "a": "2", "b": "3"},
		Relocations: map[string]map[string]int{"a": {"R_X86_64_GOTPCREL": 4, "R_X86_64_64": 3}, "b": {}}}}
	switch text {
	case "build-failed", "infra", "config-dropped", "timeout":
		c.Build.Outcome = &outcome.Outcome{Kind: outcome.Kind(text), Evidence: "x.rs:1: error:\tno"}
		c.Build.Relocations = nil
		return &result.Results{Cells: []result.Cell{c}}
	}
	for part := range strings.SplitSeq(text, ";") {
		name, runs, _ := strings.Cut(strings.TrimSpace(part), ":")
		if name == "" {
			continue
		}
		p := result.Placement{Name: name}
		for run := range strings.SplitSeq(runs, "|") {
			var r result.Run
			for _, f := range strings.Fields(run) {
				m, o, _ := strings.Cut(f, "=")
				r.Modules = append(r.Modules, result.Module{Name: m, Outcome: out(t, o)})
			}
			p.Runs = append(p.Runs, r)
		}
		c.Placements = append(c.Placements, p)
	}
	return &result.Results{Cells: []result.Cell{c}}
}

func message(t testing.TB, text string) Message {
	t.Helper()
	m, err := Observe(seen(t, text), Target{Cell: "stock"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestObserve(t *testing.T) {
	for _, tt := range []struct {
		in, target string
		class      class
		text       string
	}{
		{"low: a=unk9 b=unk9; high: a=unk9 b=unk9", "stock", proved, "low/high a, b: relocation-unknown 9 GOTPCREL"},
		{"low: a=unk9 b=unk9; high: a=unk9 b=unk9", "stock:low", proved, "low a, b: relocation-unknown 9 GOTPCREL"},
		{"low: a=unk9 b=unk9; high: a=unk9 b=unk9", "stock::b", proved, "low/high b: relocation-unknown 9 GOTPCREL"},
		{"low: a=ok b=ok; high: a=ovf11 b=ok", "stock", proved, "low a, b: loaded; high a: relocation-overflow 11 32S; b: loaded"},
		{"low: a=ok b=ok | b=ok a=ok", "stock", proved, "low a, b: loaded"},
		{"low: a=ok b=ok | a=ok b=unk9", "stock", unstable, "runs differ: low a: loaded; b: 1/2 loaded, 1/2 relocation-unknown 9 GOTPCREL"},
		{"low: a=ok b=ok | a=ok b=unk9", "stock::a", proved, "low a: loaded"},
		{"low: a=ok b=ok | a=ok", "stock", unproved, "nothing was proved: b was tried in 1 of 2 runs at low"},
		{"low: a=ok b=infra", "stock", unproved, "nothing was proved: b at low: infra: no space left on device"},
		{"low: a=ok b=infra", "stock:low:a", proved, "low a: loaded"},
		{"low: a=ok b=none", "stock", unproved, "nothing was proved: b at low: no outcome"},
		{"low: a=ok b=ok | a=infra b=ok", "stock", unproved, "nothing was proved: a at low: infra: no space left on device"},
		{"low: a=timeout b=ok", "stock", timedOut, "low a: timeout boot; b: loaded"},
		{"low: a=timeout b=ok | a=ok b=ok", "stock", unstable, "runs differ: low a: 1/2 timeout boot, 1/2 loaded; b: loaded"},
		{"build-failed", "stock", buildFailed, "build-failed: x.rs:1: error: no"},
		{"timeout", "stock:low", timedOut, "timeout: x.rs:1: error: no"},
		{"config-dropped", "stock", unproved, "nothing was proved: config-dropped: x.rs:1: error: no"},
		{"infra", "stock", unproved, "nothing was proved: infra: x.rs:1: error: no"},
		{"", "stock", unproved, "nothing was proved: stock was not booted"},
		{"low:", "stock", unproved, "nothing was proved: a was tried in 0 of 1 runs at low"},
	} {
		target, err := ParseTarget(tt.target)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Observe(seen(t, tt.in), target)
		if err != nil {
			t.Errorf("%s, %s: %v", tt.in, tt.target, err)
			continue
		}
		if m.Class != tt.class || m.String() != tt.text {
			t.Errorf("%s, %s:\n got %s: %s\nwant %s: %s", tt.in, tt.target, m.Class, m, tt.class, tt.text)
		}
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Message
		if err := json.Unmarshal(data, &back); err != nil || cmp.Diff(m, back) != "" {
			t.Errorf("%s: not the same after JSON: %v\n%s", tt.in, err, cmp.Diff(m, back))
		}
	}
	void := seen(t, "low: a=ok b=ok")
	void.Infra = "control known-load: no"
	if m, err := Observe(void, Target{Cell: "stock"}); err != nil || m.Class != unproved || m.String() != "nothing was proved: control known-load: no" {
		t.Errorf("a run that proves nothing: %s, %v", m, err)
	}
}

func TestObserveErrors(t *testing.T) {
	for target, says := range map[string]string{
		"stck":         `stck: the result has no cell "stck": it has stock`,
		"stock:far":    `stock:far: the result has no placement "far": it has low`,
		"stock:low:zz": `stock:low:zz: the result has no module "zz": it has a, b`,
	} {
		parsed, err := ParseTarget(target)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Observe(seen(t, "low: a=ok b=ok"), parsed); err == nil || err.Error() != says {
			t.Errorf("%s: %v", target, err)
		}
	}
	// Where nothing was built, the build still knows its modules.
	if _, err := Observe(seen(t, "build-failed"), Target{Cell: "stock", Module: "zz"}); err == nil {
		t.Error("a module that the cell never had was found")
	}
}

func TestEvidence(t *testing.T) {
	want := []string{"line of unk9 [stock:low a]", "line of unk9 [stock:low b]"}
	got := message(t, "low: a=unk9 b=unk9 | a=unk9 b=unk9").Evidence()
	for i := range got {
		got[i] = line(got[i])
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := message(t, "build-failed").Evidence(); len(got) != 1 || got[0] != "x.rs:1: error: no  [stock]" {
		t.Error(got)
	}
}

func TestVerdict(t *testing.T) {
	loads, rejects := "low: a=ok b=ok; high: a=ok b=ok", "low: a=unk9 b=unk9; high: a=unk9 b=unk9"
	for _, tt := range []struct {
		name, until, good, bad, seen string
		want                         bisect.Verdict
		says                         string
	}{
		{"as good", "", loads, rejects, loads, bisect.Good, "low/high a, b: loaded"},
		{"as bad", "", loads, rejects, rejects, bisect.Bad, "low/high a, b: relocation-unknown 9"},
		{"another message", "", loads, rejects, "low: a=unk29 b=unk9; high: a=unk9 b=unk9", bisect.Skip, "neither end's message: low a: relocation-unknown 29"},
		{"half of it", "", loads, rejects, "low: a=ok b=ok; high: a=unk9 b=unk9", bisect.Skip, "neither end's"},
		{"infra", "", loads, rejects, "infra", bisect.Skip, "nothing was proved"},
		{"infra as at the end", "", "infra", rejects, "infra", bisect.Skip, "nothing was proved"},
		{"dropped", "", loads, rejects, "config-dropped", bisect.Skip, "nothing was proved"},
		{"does not build", "", loads, rejects, "build-failed", bisect.Skip, "build-failed: x.rs:1: error: no, and -until= does not name it"},
		{"does not build, nor does the end", "", loads, "build-failed", "build-failed", bisect.Skip, "does not name it"},
		{"runs differ", "", loads, rejects, "low: a=ok b=ok | a=unk9 b=unk9; high: a=ok b=ok", bisect.Skip, "runs differ: low a, b: 1/2 loaded"},
		{"all in the set", "relocation-unknown", loads, rejects, "low: a=unk29 b=unk9; high: a=unk9 b=unk9", bisect.Bad, "low a: relocation-unknown 29"},
		{"part of the set", "relocation-unknown:9", loads, rejects, "low: a=unk29 b=unk9; high: a=unk9 b=unk9", bisect.Skip, "relocation-unknown:GOTPCREL only in part: low a"},
		{"as good, with a set", "relocation-unknown", loads, rejects, loads, bisect.Good, "low/high a, b: loaded"},
		{"elsewhere", "relocation-unknown", loads, rejects, "low: a=oops b=oops; high: a=oops b=oops", bisect.Skip, "neither relocation-unknown nor as at the first end: low/high a, b: oops"},
		{"a set of several", "relocation-overflow:11,oops", loads, rejects, "low: a=ovf11 b=oops; high: a=ovf11 b=ovf11", bisect.Bad, ""},
		{"errno", "init-failed:-22", loads, rejects, "low: a=init22 b=init22; high: a=init22 b=init22", bisect.Bad, ""},
		{"another errno", "init-failed:1", loads, rejects, "low: a=init22 b=init22; high: a=init22 b=init22", bisect.Skip, ""},
		{"runs differ within the set", "relocation-overflow", loads, rejects, "low: a=ovf10 b=ovf11 | a=ovf11 b=ovf11", bisect.Skip, "runs differ"},
		{"build-failed is named", "build-failed", loads, "build-failed", "build-failed", bisect.Bad, "build-failed: x.rs:1"},
		{"build-failed is not", "oops", loads, rejects, "build-failed", bisect.Skip, "does not name it"},
		{"a timeout is named", "timeout:boot", loads, rejects, "low: a=timeout b=timeout; high: a=timeout b=timeout", bisect.Bad, ""},
		{"a timeout is not", "loaded", rejects, loads, "low: a=timeout b=ok; high: a=ok b=ok", bisect.Skip, "and -until= does not name it"},
		{"a timeout in part", "timeout", loads, rejects, "low: a=timeout b=ok; high: a=ok b=ok", bisect.Skip, "only in part"},
		{"property holds", "a:GOTPCREL>3", loads, rejects, loads, bisect.Bad, "a: 4 GOTPCREL"},
		{"property does not", "a:GOTPCREL>4", loads, rejects, rejects, bisect.Good, "a: 4 GOTPCREL"},
		{"of all types", "a:*==7", loads, rejects, loads, bisect.Bad, "a: 7 relocations"},
		{"none of that type", "b:9==0", loads, rejects, loads, bisect.Bad, "b: 0 GOTPCREL"},
		{"no boot is needed", "a:1<=3", loads, rejects, "", bisect.Bad, "a: 3 R_X86_64_64"},
		{"whatever the boots say", "a:1!=3", loads, rejects, "low: a=infra b=infra", bisect.Good, "a: 3 R_X86_64_64"},
		{"not built", "a:1!=3", loads, rejects, "build-failed", bisect.Skip, "a was not built: build-failed: x.rs:1: error: no"},
		{"unknown module", "zz:1!=3", loads, rejects, loads, bisect.Skip, "zz was not built"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cond, err := Parse(tt.until)
			if err != nil {
				t.Fatal(err)
			}
			bad := message(t, tt.bad)
			got, reason := cond.verdict(message(t, tt.good), &bad, message(t, tt.seen))
			if got != tt.want || !strings.Contains(reason, tt.says) || reason == "" {
				t.Errorf("%s: %s", got, reason)
			}
			if !cond.Empty() {
				if again, _ := cond.verdict(message(t, tt.good), nil, message(t, tt.seen)); again != got {
					t.Errorf("%s without the bad end", again)
				}
			}
		})
	}
}

func TestEnds(t *testing.T) {
	loads, rejects := "low: a=ok b=ok", "low: a=unk9 b=unk9"
	for _, tt := range []struct {
		until, good, bad string
		asGood, asBad    bisect.Verdict
		says             string // of the bad end, where it is none
	}{
		{"", loads, rejects, bisect.Good, bisect.Bad, ""},
		{"", loads, loads, bisect.Good, bisect.Good, "both ends show the same: low a, b: loaded; give ends that differ"},
		{"", "infra", rejects, bisect.Skip, "", ""},
		{"", loads, "build-failed", bisect.Good, bisect.Skip, "bad cannot be pinned as an end: build-failed: x.rs:1: error: no; where that is what you look for, say so: -until=build-failed"},
		{"build-failed", loads, "build-failed", bisect.Good, bisect.Bad, ""},
		{"", loads, "low: a=ok b=ok | a=ok b=unk9", bisect.Good, bisect.Skip, "name a placement without random addresses"},
		{"", loads, "timeout", bisect.Good, bisect.Skip, "where that is what you look for, say so: -until=timeout"},
		{"relocation-unknown", loads, rejects, bisect.Good, bisect.Bad, ""},
		{"relocation-unknown", rejects, rejects, bisect.Bad, "", ""},
		{"oops", loads, rejects, bisect.Good, bisect.Skip, "bad does not show oops: low a, b: relocation-unknown 9 GOTPCREL"},
		{"loaded", "low: a=timeout b=ok", loads, bisect.Skip, "", ""},
		{"a:GOTPCREL>4", loads, rejects, bisect.Good, bisect.Good, "bad does not show a:GOTPCREL>4: a: 4 GOTPCREL"},
		{"a:GOTPCREL>3", loads, rejects, bisect.Bad, "", ""},
		{"a:GOTPCREL>4", loads, "build-failed", bisect.Good, bisect.Skip, "bad cannot be pinned as an end: a was not built"},
		{"a:GOTPCREL>3", "build-failed", rejects, bisect.Skip, "", ""},
	} {
		cond, err := Parse(tt.until)
		if err != nil {
			t.Fatal(err)
		}
		e := Ends{Cond: cond, Good: End{Name: "good"}, Bad: End{Name: "bad"}}
		if _, err := e.Judge("bad", message(t, tt.bad)); err == nil || e.Bad.Message != nil {
			t.Errorf("-until=%s: the bad end is judged before the good one", tt.until)
		}
		got, err := e.Judge("good", message(t, tt.good))
		if err != nil || got.Verdict != tt.asGood || (e.Good.Message != nil) != (tt.asGood == bisect.Good) {
			t.Errorf("-until=%s: the good end %s is %s, %v", tt.until, tt.good, got.Verdict, err)
		}
		if tt.asGood != bisect.Good {
			continue
		}
		got, err = e.Judge("bad", message(t, tt.bad))
		if err != nil || got.Verdict != tt.asBad || (e.Bad.Message != nil) != (tt.asBad == bisect.Bad) {
			t.Errorf("-until=%s: the bad end %s is %s, %v", tt.until, tt.bad, got.Verdict, err)
		}
		if says := e.NotBad(message(t, tt.bad)); got.Verdict != bisect.Bad && (tt.says == "" || !strings.Contains(says, tt.says)) {
			t.Errorf("-until=%s, %s, %s: %s", tt.until, tt.good, tt.bad, says)
		}
	}
}

// TestJudgeNeverBelieves: whatever a result is, a message that proves nothing is
// never an answer about outcomes, a message is never both ends', and its line is
// one line.
func TestJudgeNeverBelieves(t *testing.T) {
	kinds := []string{"ok", "unk9", "unk29", "ovf10", "ovf11", "init22", "oops", "timeout", "infra", "none"}
	draw := func(rt *rapid.T, label string) Message {
		var text string
		for _, p := range []string{"low", "high"}[:rapid.IntRange(0, 2).Draw(rt, label+" placements")] {
			var runs []string
			for range rapid.IntRange(1, 3).Draw(rt, label+" runs") {
				var run string
				for _, m := range []string{"a", "b"}[:rapid.IntRange(0, 2).Draw(rt, label+" modules")] {
					run += " " + m + "=" + rapid.SampledFrom(kinds).Draw(rt, label)
				}
				runs = append(runs, run)
			}
			text += p + ":" + strings.Join(runs, " | ") + ";"
		}
		if rapid.IntRange(0, 9).Draw(rt, label+" built") == 0 {
			text = rapid.SampledFrom([]string{"build-failed", "infra", "config-dropped", "timeout"}).Draw(rt, label+" build")
		}
		return message(t, text)
	}
	rapid.Check(t, func(rt *rapid.T) {
		good, bad, seen := draw(rt, "good"), draw(rt, "bad"), draw(rt, "seen")
		until := rapid.SampledFrom([]string{"", "loaded", "relocation-unknown", "relocation-overflow:11,oops", "build-failed", "timeout"}).Draw(rt, "until")
		cond, err := Parse(until)
		if err != nil {
			rt.Fatal(err)
		}
		answer, reason := cond.verdict(good, &bad, seen)
		if answer != bisect.Skip && !slices.Contains([]class{proved, buildFailed, timedOut}, seen.Class) {
			rt.Fatalf("%s from %s: %s", answer, seen.Class, reason)
		}
		if strings.ContainsAny(reason+seen.String(), "\n\t") || reason == "" {
			rt.Fatalf("not a line: %q", reason)
		}
		e := Ends{Cond: cond, Good: End{Name: "good"}, Bad: End{Name: "bad"}}
		for name, end := range map[string]struct {
			m    Message
			pins **Message
		}{"good": {good, &e.Good.Message}, "bad": {bad, &e.Bad.Message}} {
			first, err := e.Judge(name, end.m)
			if err != nil || *end.pins == nil {
				continue // it is no such end, or it was asked before the good one
			}
			if again, err := e.Judge(name, end.m); err != nil || first != again || string(again.Verdict) != name {
				rt.Fatalf("the %s end %s is %+v, then %+v, %v", name, end.m, first, again, err)
			}
		}
	})
}
