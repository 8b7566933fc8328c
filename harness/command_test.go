package harness

import "testing"

func TestRetarget(t *testing.T) {
	for _, c := range []struct {
		command, target       string
		positional, drop, add []string
		want                  string
	}{
		{"go tool mage nightly -series=x '-dir=/a b' -tree=t", "matrix", nil, []string{"series", "dir"}, []string{"-toolchain=x:1"},
			"go tool mage matrix -tree=t -toolchain=x:1"},
		{"go tool mage nightly -cells=stock '-placements=low,high x'", "bisect", []string{"x:1", "x:2"}, []string{"cells"}, []string{"-cell=a b"},
			"go tool mage bisect x:1 x:2 '-placements=low,high x' '-cell=a b'"},
		{`go tool mage nightly -series=x '-dir=/it'\''s  mine' '-tree=/a  b' '-fragment=o'\''brien  x'`, "matrix", nil, []string{"series", "dir"}, nil,
			`go tool mage matrix '-tree=/a  b' '-fragment=o'\''brien  x'`},
		{"umlab nightly -series=x -tree=mage", "matrix", nil, []string{"series"}, []string{"-toolchain=x:1"}, "umlab matrix -tree=mage -toolchain=x:1"},
		{"", "matrix", nil, nil, []string{"-tree=t"}, ""},
		{"go test -x=1 -y", "matrix", nil, []string{"x"}, []string{"-tree=t"}, "go test -y -tree=t"},
	} {
		if got := retarget(c.command, c.target, c.positional, c.drop, c.add); got != c.want {
			t.Errorf("%s: %s, want %s", c.command, got, c.want)
		}
	}
}
