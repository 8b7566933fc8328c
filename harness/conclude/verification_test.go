package conclude

import (
	"strings"
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

func out(kind outcome.Kind, relocation uint32) outcome.Outcome {
	o := outcome.Outcome{Kind: kind, Evidence: "line"}
	if relocation != 0 {
		o.Relocation = outcome.NewRelocation(relocation)
	}
	return o
}

// side is a run of the stock cell at low and high, with one module.
func side(sum string, low, high outcome.Outcome) *result.Results {
	cell := result.Cell{ID: "stock", Build: result.Build{Signature: map[string]string{"linux": "l", "m": sum}}}
	for i, o := range []outcome.Outcome{low, high} {
		cell.Placements = append(cell.Placements, result.Placement{Name: []string{"low", "high"}[i], Runs: []result.Run{{Modules: []result.Module{{Name: "m", Outcome: o}}}}})
	}
	return &result.Results{Toolchain: result.Toolchain{Name: "trixie"}, Cells: []result.Cell{cell}}
}

func TestVerification(t *testing.T) {
	unknown, overflow, loads, oops := out(outcome.RelocationUnknown, 9), out(outcome.RelocationOverflow, 11), out(outcome.Loaded, 0), out(outcome.Oops, 0)
	corrupt, infra := out(outcome.LoadedCorrupt, 2), out(outcome.Infra, 0)
	base := side("a", unknown, unknown)
	broken := side("b", loads, loads)
	broken.Cells[0].Build.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "x.c:1: error: no"}
	part := side("b", loads, overflow)
	part.Cells[0].Thresholds = []result.Threshold{{Mem: "504M", Base: "0x80000000"}}
	void := side("b", loads, loads)
	void.Infra = "control known-load failed"
	type pairs [][2]*result.Results // before and after, by toolchain
	for _, tc := range []struct {
		name   string
		pairs  pairs
		want   result.Conclusion
		reason string
	}{
		{"nothing", nil, result.NoConclusion, ""},
		{"fixed", pairs{{base, side("b", loads, loads)}}, result.Fixed, "all 2 module loads succeed"},
		{"low only", pairs{{base, part}}, result.PartlyFixed, "fails from mem=504M on, where modules begin at 0x80000000"},
		{"one toolchain only", pairs{{base, side("b", loads, loads)}, {base, side("b", unknown, unknown)}}, result.PartlyFixed, ""},
		{"another rejection", pairs{{base, side("b", overflow, overflow)}}, result.NotFixed, "no module loads that did not"},
		{"comment", pairs{{base, base}}, result.NoEffect, "the same"},
		{"oops", pairs{{base, side("b", oops, loads)}}, result.Regressed, "m at low"},
		{"corrupt", pairs{{base, side("b", loads, corrupt)}}, result.Regressed, "m at high"},
		{"was loaded", pairs{{side("a", loads, unknown), side("b", unknown, loads)}}, result.Regressed, "m at low"},
		{"was broken already", pairs{{side("a", oops, unknown), side("b", loads, loads)}}, result.Fixed, ""},
		{"no bug", pairs{{side("a", loads, loads), side("b", loads, loads)}}, result.NotReproduced, ""},
		{"does not build", pairs{{base, broken}}, result.PatchBroken, "x.c:1: error: no"},
		{"control failed", pairs{{base, void}}, result.NoConclusion, "known-load"},
		{"machine failed", pairs{{base, side("b", infra, loads)}}, result.NoConclusion, ""},
		{"unproved", pairs{{base, side("b", out("", 0), loads)}}, result.NoConclusion, ""},
		{"no signature is no proof of sameness", pairs{{side("", unknown, unknown), side("", unknown, unknown)}}, result.NotFixed, ""},
	} {
		var given []result.Pair
		for _, p := range tc.pairs {
			given = append(given, result.Pair{Before: p[0], After: p[1]})
		}
		got, reason := Verification(given)
		if got != tc.want || !strings.Contains(reason, tc.reason) {
			t.Errorf("%s: %s (%s), want %s (%s)", tc.name, got, reason, tc.want, tc.reason)
		}
	}
}
