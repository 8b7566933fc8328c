package conclude

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// parse reads the shorthand of the tables below.
func parse(t testing.TB, s string) outcome.Outcome {
	t.Helper()
	kinds := map[string]outcome.Outcome{
		"ok":      {Kind: outcome.Loaded},
		"unk9":    {Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(9), Errno: 8},
		"unk29":   {Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(29), Errno: 8},
		"ovf10":   {Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(10), Errno: 8},
		"ovf11":   {Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11), Errno: 8},
		"insmod2": {Kind: outcome.InsmodFailed, Errno: 2},
		"corrupt": {Kind: outcome.LoadedCorrupt, Relocation: outcome.NewRelocation(2)},
		"init22":  {Kind: outcome.InitFailed, Errno: 22},
		"oops":    {Kind: outcome.Oops},
		"noboot":  {Kind: outcome.BootFailed},
		"nobuild": {Kind: outcome.BuildFailed},
		"dropped": {Kind: outcome.ConfigDropped},
		"timeout": {Kind: outcome.Timeout, Stage: "boot"},
		"infra":   {Kind: outcome.Infra},
		"alien":   {Kind: "spontaneous"},
	}
	o, ok := kinds[s]
	if !ok {
		t.Fatalf("no outcome %q", s)
	}
	return o
}

// placements reads "low: a=ok b=unk9 | a=ok b=unk9; high+aslr: a=ovf11": runs
// are parted by |, placements by ;.
func placements(t testing.TB, s string) []result.Placement {
	t.Helper()
	var list []result.Placement
	for text := range strings.SplitSeq(s, ";") {
		head, runs, _ := strings.Cut(strings.TrimSpace(text), ":")
		if head == "" {
			continue
		}
		p := result.Placement{Name: strings.TrimSuffix(head, "+aslr"), ASLR: strings.HasSuffix(head, "+aslr")}
		for run := range strings.SplitSeq(runs, "|") {
			if strings.TrimSpace(run) == "" {
				continue
			}
			var r result.Run
			for m := range strings.FieldsSeq(run) {
				name, o, ok := strings.Cut(m, "=")
				if ok {
					r.Modules = append(r.Modules, result.Module{Name: name, Outcome: parse(t, o)})
				}
			}
			p.Runs = append(p.Runs, r)
		}
		list = append(list, p)
	}
	return list
}

func TestOfPlacements(t *testing.T) {
	for _, tt := range []struct {
		name, runs string
		want       result.Verdict
		reason     string // a part of it
	}{
		{"loads", "low: a=ok b=ok; high: a=ok b=ok", result.Loads, "a, b loaded at low, high"},
		{"loads, repeated, random", "low+aslr: a=ok | a=ok | a=ok", result.Loads, ""},
		{"stock", "low: a=unk9 b=unk9; high: a=unk9 b=unk9", result.Rejected, "relocation-unknown 9 GOTPCREL everywhere"},
		{"rejected, differently", "low: a=unk9 b=unk29; high: a=unk9 b=ovf11", result.Rejected, "relocation-unknown 9 GOTPCREL: a at low, high; relocation-unknown 29 GOTPC64: b at low; relocation-overflow 11 32S: b at high"},
		{"rejected for a missing symbol", "low: a=insmod2; high: a=insmod2", result.Rejected, "insmod-failed errno 2 everywhere"},
		{"overflow everywhere", "low: a=ovf11; high: a=ovf10", result.Rejected, "relocation-overflow 11 32S: a at low"},
		{"overflows of two types, random", "high+aslr: a=ovf11 | a=ovf10", result.Rejected, ""},
		{"unknown behind an overflow, random", "high+aslr: a=ovf11 | a=unk9", result.Rejected, ""},
		{"static-small", "low: a=ok b=ok; high: a=ovf11 b=ovf11", result.AddressDependent, "a loads at low, relocation-overflow 11 32S at high"},
		{"one module of two", "low: a=ok b=unk9; high: a=ovf11 b=unk9", result.AddressDependent, "a loads at low"},
		{"random addresses", "low+aslr: a=ok | a=ovf11 | a=ovf11", result.AddressDependent, "1/3 loaded, 2/3 relocation-overflow 11 32S with random addresses"},
		{"three fates, random", "low+aslr: a=ok | a=ovf11 | a=ovf10", result.AddressDependent, "1/3 loaded"},
		{"differs without randomisation", "low: a=ok | a=ovf11", result.Flaky, "loaded in 1 of 2 (50 %, 9–91 %), relocation-overflow 11 32S in 1 of 2 (50 %, 9–91 %); intervals at 95 %"},
		{"flaky hides behind nothing", "low: a=ok | a=unk9; high: a=ovf11 | a=ovf11", result.Flaky, "a at low"},
		{"no address makes a type known", "low+aslr: a=ok | a=unk9", result.Flaky, ""},
		{"nor with an overflow beside", "low+aslr: a=ok | a=unk9 | a=ovf11", result.Flaky, ""},
		{"a symbol comes and goes", "low+aslr: a=ok | a=insmod2", result.Flaky, ""},
		{"modules differ", "low: a=ok b=unk9; high: a=ok b=unk9", result.Mixed, "loaded: a at low, high; relocation-unknown 9 GOTPCREL: b at low, high"},
		{"stable, not by relocation", "low: a=insmod2; high: a=ok", result.Mixed, "insmod-failed errno 2: a at low; loaded: a at high"},
		{"oops", "low: a=ok; high: a=oops", result.Broken, "a at high: oops"},
		{"corrupt", "low: a=ok; far: a=corrupt", result.Broken, "a at far: loaded-corrupt 2 PC32"},
		{"init", "low: a=init22", result.Broken, "init-failed errno 22"},
		{"no boot", "low: a=noboot", result.Broken, "boot-failed"},
		{"no build", "low: a=nobuild", result.Broken, "build-failed"},
		{"timeout", "low: a=timeout; high: a=ok", result.Broken, "timeout boot"},
		{"an oops is proof beside infra", "low: a=infra; high: a=oops", result.Broken, "oops"},
		{"a timeout beside infra is not", "low: a=infra; high: a=timeout", result.Unknown, "a at low: infra"},
		{"infra in one of many", "low: a=ok | a=infra | a=ok", result.Unknown, "infra"},
		{"infra beside an address", "low: a=ok; high: a=ovf11; far: a=infra", result.Unknown, "a at far: infra"},
		{"dropped", "low: a=dropped", result.Unknown, "config-dropped"},
		{"nothing", "", result.Unknown, "nothing was proved"},
		{"no run", "low:", result.Unknown, "no run at low"},
		{"no run at one", "low: a=ok; high:", result.Unknown, "no run at high"},
		{"no module", "low: none", result.Unknown, "tried no module"},
		{"a module is missing in a run", "low: a=ok b=ok | a=ok", result.Unknown, "b was tried in 1 of 2 runs at low"},
		{"a module is missing at a placement", "low: a=ok b=ok; high: a=ok", result.Unknown, "b was tried in 0 of 1 runs at high"},
		{"no such kind", "low: a=alien", result.Unknown, `"spontaneous" is no outcome`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, reason := ofPlacements(placements(t, tt.runs))
			if got != tt.want || !strings.Contains(reason, tt.reason) || reason == "" {
				t.Errorf("ofPlacements(%s) = %s, %q; want %s, …%q…", tt.runs, got, reason, tt.want, tt.reason)
			}
		})
	}
}

// The verdict is drawn from what was seen, not from the order it was seen in;
// and Loads, Rejected and AddressDependent are never said without their proof.
func TestVerdictProperties(t *testing.T) {
	shorts := []string{"ok", "ok", "ok", "unk9", "unk29", "ovf10", "ovf11", "insmod2", "corrupt", "init22", "oops", "timeout", "infra"}
	rapid.Check(t, func(t *rapid.T) {
		var ps []result.Placement
		pool := rapid.SliceOfN(rapid.SampledFrom(shorts), 1, 3).Draw(t, "pool")
		kinds := map[outcome.Kind]int{}
		total := 0
		for i := range rapid.IntRange(0, 3).Draw(t, "placements") {
			p := result.Placement{Name: fmt.Sprint("p", i), ASLR: rapid.Bool().Draw(t, "aslr")}
			for range rapid.IntRange(0, 4).Draw(t, "runs") {
				var r result.Run
				for _, m := range []string{"a", "b"} {
					o := parseAny(rapid.SampledFrom(pool).Draw(t, "outcome"))
					kinds[o.Kind]++
					total++
					r.Modules = append(r.Modules, result.Module{Name: m, Outcome: o})
				}
				p.Runs = append(p.Runs, r)
			}
			ps = append(ps, p)
		}
		v, reason := ofPlacements(ps)
		if reason == "" {
			t.Fatalf("%s without a reason", v)
		}
		switch v {
		case result.Loads:
			if total == 0 || kinds[outcome.Loaded] != total {
				t.Fatalf("loads, with %v", kinds)
			}
		case result.Rejected:
			if total == 0 || kinds[outcome.RelocationUnknown]+kinds[outcome.RelocationOverflow]+kinds[outcome.InsmodFailed] != total {
				t.Fatalf("rejected, with %v", kinds)
			}
		case result.AddressDependent:
			if kinds[outcome.Loaded] == 0 || kinds[outcome.RelocationOverflow] == 0 || kinds[outcome.Infra] > 0 {
				t.Fatalf("address-dependent, with %v", kinds)
			}
		}
		for i, j := 0, len(ps)-1; i < j; i, j = i+1, j-1 {
			ps[i], ps[j] = ps[j], ps[i]
		}
		for _, p := range ps {
			for i, j := 0, len(p.Runs)-1; i < j; i, j = i+1, j-1 {
				p.Runs[i], p.Runs[j] = p.Runs[j], p.Runs[i]
			}
		}
		if w, _ := ofPlacements(ps); w != v {
			t.Fatalf("%s, and %s in reverse order", v, w)
		}
	})
}

func parseAny(s string) outcome.Outcome { return parse(&testing.T{}, s) }

func TestCell(t *testing.T) {
	failed := outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error[E0463]: can't find crate for `core`", Detail: "make exited with 2"}
	for _, tt := range []struct {
		name   string
		cell   result.Cell
		want   result.Verdict
		reason string
	}{
		{"build failed", result.Cell{Build: result.Build{Outcome: &failed}}, result.Broken, "build-failed (make exited with 2)"},
		{"dropped", result.Cell{Build: result.Build{Outcome: &outcome.Outcome{Kind: outcome.ConfigDropped}}, Placements: placements(t, "low: a=ok")}, result.Unknown, "config-dropped"},
		{"infra", result.Cell{Build: result.Build{Outcome: &outcome.Outcome{Kind: outcome.Infra}}}, result.Unknown, "infra"},
		{"build timed out", result.Cell{Build: result.Build{Outcome: &outcome.Outcome{Kind: outcome.Timeout, Stage: "build"}}}, result.Broken, "timeout build"},
		{"built", result.Cell{Placements: placements(t, "low: a=ok")}, result.Loads, "a loaded at low"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, reason := Cell(tt.cell); got != tt.want || reason != tt.reason {
				t.Errorf("Cell() = %s, %q; want %s, %q", got, reason, tt.want, tt.reason)
			}
		})
	}
}
