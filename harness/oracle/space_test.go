package oracle

import (
	"testing"

	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// TestSpace: what was seen counts more than what was computed, and what is not known is not told.
func TestSpace(t *testing.T) {
	if s := (&Forecast{Err: errNoBoot}).Space(result.Module{}); s != nil {
		t.Errorf("of a kernel that could not be read: %+v", s)
	}
	f := &Forecast{Tree: &loader.Tree{Space: &loader.Space{PageSize: 4096, VmallocOffset: 8 << 20, AddsGap: true}},
		Kernel: &loader.Kernel{Link: 0x60000000}, mem: 64 << 20, gap: 4096}
	s := f.Space(result.Module{})
	if s.Kernel.First != "0x60000000" || s.Physical != (result.AddressRange{First: "0x60000000", End: "0x64000000"}) ||
		s.Gap == nil || *s.Gap != (result.AddressRange{First: "0x64000000", End: "0x64001000"}) {
		t.Errorf("%+v, gap %+v", s, s.Gap)
	}
	if s.Modules != "" || s.Module != "" || s.Seen || s.Reach != nil {
		t.Errorf("of a module that nothing is known of: %+v", s)
	}
	s = f.Space(result.Module{Outcome: outcome.Outcome{Kind: outcome.Loaded, Address: "0x64805000"}})
	if s.Module != "0x64805000" || !s.Seen || s.Modules != "" {
		t.Errorf("of a module that was seen: %+v", s)
	}
}

func TestBorneOut(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		kind   outcome.Kind
		agrees *bool
		want   bool
	}{
		{outcome.RelocationOverflow, &yes, true}, {outcome.RelocationOverflow, &no, false}, {outcome.RelocationOverflow, nil, false},
		{outcome.LoadedCorrupt, &yes, true}, {outcome.Oops, &yes, true}, {outcome.Loaded, &yes, false}, {outcome.InitFailed, &yes, false},
		{outcome.RelocationUnknown, &yes, false},
	} {
		if got := borneOut(result.Module{Outcome: outcome.Outcome{Kind: tt.kind}, Agrees: tt.agrees}); got != tt.want {
			t.Errorf("%s, %v: %v", tt.kind, tt.agrees, got)
		}
	}
}
