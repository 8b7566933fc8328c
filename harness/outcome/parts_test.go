package outcome

import "testing"

func TestProcModule(t *testing.T) {
	tests := []struct {
		line string
		want procModule
	}{
		{"rust_minimal 12288 0 - Live 0x0000000062804000", procModule{"rust_minimal", false, "Live", "0x62804000"}},
		{"c_base 12288 1 c_dep, Live 0x0000000064807000 (O)", procModule{"c_base", false, "Live", "0x64807000"}},
		{"c_noexit 8192 0 [permanent], Live 0x0000000000000000 (O)", procModule{"c_noexit", true, "Live", ""}},
		{"x 4096 2 a,b,[permanent], Loading 0xffffffffc0000000 (OE+)", procModule{"x", true, "Loading", "0xffffffffc0000000"}},
		{"x 4096 -1 - Unloading 0xffffffffc0000000", procModule{"x", false, "Unloading", "0xffffffffc0000000"}},
		{"x 4096 - - Live 0xffffffffc0000000", procModule{"x", false, "Live", "0xffffffffc0000000"}},
	}
	for _, tt := range tests {
		if got, ok := parseProcModule(tt.line); !ok || got != tt.want {
			t.Errorf("%q: got %+v, %v", tt.line, got, ok)
		}
	}
	for _, bad := range []string{
		"", "x", "x 1 0 - Live", "x -1 0 - Live 0x0000000062804000", "x 1 0 a Live 0x0000000062804000", "x 1 0 , Live 0x0000000062804000", "x 1 0 - live 0x0000000062804000",
		"x 1 0 - Live 62804000", "x 1 0 - Live 0x62804G00", "x 1 0 - Live 0x0000000062804000 O", "x 01 0 - Live 0x0000000062804000", "x 1 0 - Live 0x0000000062804000 (O) y",
		" 1 0 - Live 0x0000000062804000", "x 1 0 - Live 0x00000000628040000", "umlab[2]: end modules x status=0",
	} {
		if m, ok := parseProcModule(bad); ok {
			t.Errorf("%q was read as %+v", bad, m)
		}
	}
}
