package harness

import "testing"

func TestPlaced(t *testing.T) {
	for line, want := range map[string]string{
		"-:21: ERROR: Missing Signed-off-by: line(s)":  ", line 21: ERROR: Missing Signed-off-by: line(s)",
		"total: 1 errors, 0 warnings, 3 lines checked": ": total: 1 errors, 0 warnings, 3 lines checked",
		"WARNING: -:3: is no place":                    ": WARNING: -:3: is no place",
	} {
		if got := placed(line); got != want {
			t.Errorf("%q is told as %q, want %q", line, got, want)
		}
	}
}
