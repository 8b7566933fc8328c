package result

import (
	"strings"
	"testing"

	"umlab/harness/outcome"
)

func out(kind outcome.Kind, relocation uint32) outcome.Outcome {
	o := outcome.Outcome{Kind: kind, Evidence: "line"}
	if relocation != 0 {
		o.Relocation = outcome.NewRelocation(relocation)
	}
	return o
}

// side is a run of the stock cell at low and high, with one module.
func side(sum string, low, high outcome.Outcome) *Results {
	cell := Cell{ID: "stock", Build: Build{Signature: map[string]string{"linux": "l", "m": sum}}}
	for i, o := range []outcome.Outcome{low, high} {
		cell.Placements = append(cell.Placements, Placement{Name: []string{"low", "high"}[i], Runs: []Run{{Modules: []Module{{Name: "m", Outcome: o}}}}})
	}
	return &Results{Toolchain: Toolchain{Name: "trixie"}, Cells: []Cell{cell}}
}

func TestConclude(t *testing.T) {
	unknown, overflow, loads, oops := out(outcome.RelocationUnknown, 9), out(outcome.RelocationOverflow, 11), out(outcome.Loaded, 0), out(outcome.Oops, 0)
	corrupt, infra := out(outcome.LoadedCorrupt, 2), out(outcome.Infra, 0)
	base := side("a", unknown, unknown)
	broken := side("b", loads, loads)
	broken.Cells[0].Build.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "x.c:1: error: no"}
	part := side("b", loads, overflow)
	part.Cells[0].Thresholds = []Threshold{{Mem: "504M", Base: "0x80000000"}}
	void := side("b", loads, loads)
	void.Infra = "control known-load failed"
	for _, tc := range []struct {
		name   string
		pairs  []Pair
		want   Conclusion
		reason string
	}{
		{"nothing", nil, NoConclusion, ""},
		{"fixed", []Pair{{base, side("b", loads, loads)}}, Fixed, "all 2 module loads succeed"},
		{"low only", []Pair{{base, part}}, PartlyFixed, "fails from mem=504M on, where modules begin at 0x80000000"},
		{"one toolchain only", []Pair{{base, side("b", loads, loads)}, {base, side("b", unknown, unknown)}}, PartlyFixed, ""},
		{"another rejection", []Pair{{base, side("b", overflow, overflow)}}, NotFixed, "no module loads that did not"},
		{"comment", []Pair{{base, base}}, NoEffect, "the same"},
		{"oops", []Pair{{base, side("b", oops, loads)}}, Regressed, "m at low"},
		{"corrupt", []Pair{{base, side("b", loads, corrupt)}}, Regressed, "m at high"},
		{"was loaded", []Pair{{side("a", loads, unknown), side("b", unknown, loads)}}, Regressed, "m at low"},
		{"was broken already", []Pair{{side("a", oops, unknown), side("b", loads, loads)}}, Fixed, ""},
		{"no bug", []Pair{{side("a", loads, loads), side("b", loads, loads)}}, NotReproduced, ""},
		{"does not build", []Pair{{base, broken}}, PatchBroken, "x.c:1: error: no"},
		{"control failed", []Pair{{base, void}}, NoConclusion, "known-load"},
		{"machine failed", []Pair{{base, side("b", infra, loads)}}, NoConclusion, ""},
		{"unproved", []Pair{{base, side("b", out("", 0), loads)}}, NoConclusion, ""},
		{"no signature is no proof of sameness", []Pair{{side("", unknown, unknown), side("", unknown, unknown)}}, NotFixed, ""},
	} {
		got, reason := Conclude(tc.pairs)
		if got != tc.want || !strings.Contains(reason, tc.reason) {
			t.Errorf("%s: %s (%s), want %s (%s)", tc.name, got, reason, tc.want, tc.reason)
		}
	}
}
