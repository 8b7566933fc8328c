package history

import (
	"cmp"
	"strings"
)

// CompareVersions orders version numbers and names with numbers in them: runs of
// digits by their value, the rest by its bytes. What begins with "~", or with
// "-" and a letter as in 1.99.0-nightly and 7.3.0-rc4, comes before the version
// that it leads to.
func CompareVersions(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		p, q := word(x), word(y)
		if digit(p[0]) && digit(q[0]) {
			if c := compareNumbers(p, q); c != 0 {
				return c
			}
		} else if p != q {
			switch before, after := early(x), early(y); {
			case before && !after:
				return -1
			case after && !before:
				return 1
			}
			return cmp.Compare(p, q)
		}
		x, y = x[len(p):], y[len(q):]
	}
	switch {
	case x == "" && y == "":
		return cmp.Compare(a, b) // "1" and "01": the same value, and not the same
	case x == "":
		return unless(early(y), -1)
	}
	return unless(early(x), 1)
}

func unless(early bool, order int) int {
	if early {
		return -order
	}
	return order
}

// early reports whether s is the rest of a version that was not released yet.
func early(s string) bool {
	return s[0] == '~' || s[0] == '-' && len(s) > 1 && (s[1] >= 'a' && s[1] <= 'z' || s[1] >= 'A' && s[1] <= 'Z')
}

// word is the first run of digits, or of what is none, of s.
func word(s string) string {
	for i := 1; i < len(s); i++ {
		if digit(s[i]) != digit(s[0]) {
			return s[:i]
		}
	}
	return s
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return cmp.Compare(a, b)
}
