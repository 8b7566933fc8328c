package harness

import (
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// What a run says to type next is about the cell that a reader asks about first, of the same tree, toolchain and modules.
func TestNext(t *testing.T) {
	place := func(name, mem string, kinds ...outcome.Kind) result.Placement {
		p := result.Placement{Name: name, Mem: mem, Runs: []result.Run{{}}}
		for _, k := range kinds {
			p.Runs[0].Modules = append(p.Runs[0].Modules, result.Module{Name: "m", Outcome: outcome.Outcome{Kind: k}})
		}
		return p
	}
	const ok, no = outcome.Loaded, outcome.RelocationOverflow
	loads := result.Cell{ID: "static-large@module", Verdict: result.Loads, AsExpected: true, Placements: []result.Placement{place("low", "64M", ok)}}
	moves := result.Cell{ID: "static-small@module", Verdict: result.AddressDependent, AsExpected: true,
		Placements: []result.Placement{place("low", "64M", ok), place("high", "1G", ok, no)}}
	stock := result.Cell{ID: "stock", Verdict: result.Rejected, AsExpected: true, Placements: []result.Placement{place("low", "64M", no)}}
	odd := loads
	odd.AsExpected = false
	unbuilt := result.Cell{ID: "stock", Verdict: result.Broken, Build: result.Build{Outcome: &outcome.Outcome{Kind: outcome.BuildFailed}}}
	sized := stock
	sized.Placements = []result.Placement{place("504M", "504M", no)}
	const typed = "umlab matrix -tree=/k -modules=./hello -cells=s* -placements=low,high -json=x.json -repeat=3"
	for _, tt := range []struct {
		cells         []result.Cell
		command, want string
	}{
		{[]result.Cell{stock, moves, loads}, typed, "umlab explain static-small@module:high -tree=/k -modules=./hello"},
		{[]result.Cell{stock, loads, unbuilt}, typed, "umlab explain stock:low -tree=/k -modules=./hello"},
		{[]result.Cell{stock, moves, odd}, "go tool mage matrix -fresh", "go tool mage explain static-large@module:low"},
		{[]result.Cell{loads}, "umlab matrix", "umlab explain static-large@module:low"},
		{[]result.Cell{sized}, "umlab matrix -mem=504M,1G -toolchain=sid", "umlab explain stock -toolchain=sid -mem=504M"},
		{[]result.Cell{unbuilt}, typed, ""},
		{[]result.Cell{stock}, "", ""},
		{nil, typed, ""},
	} {
		if got := next(&result.Results{Cells: tt.cells, Command: tt.command}); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
