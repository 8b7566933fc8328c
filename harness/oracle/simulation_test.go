package oracle

import (
	"testing"

	"umlab/harness/loader"
	"umlab/harness/outcome"
)

// What a module leaves behind decides where the next one lands. A module that
// rmmod did not remove stays where it is, whatever its sentence says.
func TestLeave(t *testing.T) {
	layout := &loader.Layout{Regions: []string{"MOD_TEXT", "MOD_INIT_TEXT"}, Sizes: []uint64{4096, 4096}}
	m := candidate{name: "m", placeable: &placeable{&loader.Module{FileSize: 100}, layout}}
	at := "0x64804000"
	for _, tt := range []struct {
		name     string
		observed outcome.Outcome
		next     uint64 // start of its text; that of the module itself is 0x12000
	}{
		{"loaded and removed", outcome.Outcome{Kind: outcome.Loaded}, 0x12000},
		{"loaded after an rmmod that failed", outcome.Outcome{Kind: outcome.Loaded, Detail: "An earlier rmmod failed."}, 0x12000},
		{"in use", outcome.Outcome{Kind: outcome.InsmodFailed, Address: at, Stays: true, Detail: "insmod succeeded and the module is Live, but rmmod failed."}, 0x14000},
		{"no exit function", outcome.Outcome{Kind: outcome.InsmodFailed, Address: at, Stays: true, Detail: "it cannot be removed: it has no exit function."}, 0x14000},
		{"of another kernel", outcome.Outcome{Kind: outcome.InsmodFailed, Evidence: "m: version magic '9.8 ' should be '9.9 '"}, 0x16000},
		{"refused", outcome.Outcome{Kind: outcome.RelocationUnknown}, 0x14000},
	} {
		arena := loader.NewArena(0x10000)
		before := arena.Clone()
		attempt := arena.Attempt(layout, m.FileSize)
		next := leave(before, arena, attempt, m, tt.observed).Attempt(layout, m.FileSize).Placement.Text()
		if attempt.Placement.Text() != 0x12000 || next != tt.next {
			t.Errorf("%s: the next one's text lies at 0x%x, want 0x%x", tt.name, next, tt.next)
		}
	}
}
