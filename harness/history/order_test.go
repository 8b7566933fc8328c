package history

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCompareVersions(t *testing.T) {
	want := []string{
		"", "1.85.1", "1.96.0", "1.96.1", "1.98.0-beta.2", "1.98.0-beta.10", "1.98.0-nightly", "1.98.0", "1.98.0+dfsg", "1.98.0.1", "1.100.0~rc1", "1.100.0",
		"6.12.107", "7.3.0-rc4", "7.3.0", "7.3.0-1", "2026-11-09", "2026-11-22", "debian-rustc:1.85.1", "debian-rustc:1.100.0", "sid", "sid-2",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, CompareVersions)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An order, whatever is compared.
func TestCompareVersionsIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.StringMatching(`[0-9a-c.~:+-]{0,6}`)
		a, b, c := any.Draw(t, "a"), any.Draw(t, "b"), any.Draw(t, "c")
		x, y := CompareVersions(a, b), CompareVersions(b, a)
		if x != -y || (x == 0) != (a == b) {
			t.Fatalf("%q and %q: %d and %d", a, b, x, y)
		}
		if x <= 0 && CompareVersions(b, c) <= 0 && CompareVersions(a, c) > 0 {
			t.Fatalf("%q ≤ %q ≤ %q, but not the first and the last", a, b, c)
		}
	})
}
