package plan

import (
	"testing"

	"umlab/harness/toolchain"
)

// Where nobody knows how new a refused rustc is, the oldest that will do is not
// what anybody asked for.
func TestNearest(t *testing.T) {
	from := []toolchain.Candidate{
		{Name: "old", Identity: map[string]string{"rustc": "1.70.0"}}, {Name: "least", Identity: map[string]string{"rustc": "1.78.0"}},
		{Name: "usual", Identity: map[string]string{"rustc": "1.85.0"}}, {Name: "new", Identity: map[string]string{"rustc": "1.97.0"}},
	}
	for _, c := range []struct{ rustc, usual, least, want string }{
		{"", "usual", "1.78.0", "usual"}, {"", "usual", "1.90.0", "new"}, {"", "old", "1.78.0", "least"}, {"", "none", "1.78.0", "least"},
		{"1.96.0", "usual", "1.78.0", "new"}, {"1.60.0", "usual", "1.78.0", "least"}, {"", "usual", "1.99.0", ""},
	} {
		if got := nearest(c.rustc, c.usual, map[string]string{"rustc": c.least}, "clang", from); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
