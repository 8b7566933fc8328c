package usage

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"matrix", "low", "trixie", "trixie-backports", "unknown-rela-relocation", "-"}
	for got, want := range map[string]string{
		"matrxi": "matrix", "Matrix": "matrix", "lowest": "low", "lo": "low", "trixi": "trixie", "unknown-rela": "unknown-rela-relocation",
		"verify": "", "x": "", "": "",
	} {
		if n := Nearest(got, names); n != want {
			t.Errorf("%q: %q, want %q", got, n, want)
		}
	}
	if m := Meant("matrxi", names) + Meant("verify", names); m != `; did you mean "matrix"?` {
		t.Errorf("%q", m)
	}
}
