package pattern

import (
	"regexp"
	"slices"
	"testing"
)

// What a Lazy says is what package regexp says; a text that is no expression does not pass the tests of who has it.
func TestLazy(t *testing.T) {
	const text, of = `(a+)(b)?`, "xaab"
	l, re := New(text), regexp.MustCompile(text)
	if !l.MatchString(of) || !slices.Equal(l.FindStringSubmatch(of), re.FindStringSubmatch(of)) ||
		!slices.Equal(l.FindStringSubmatchIndex(of), re.FindStringSubmatchIndex(of)) || l.ReplaceAllString(of, "$2") != re.ReplaceAllString(of, "$2") {
		t.Error("it differs")
	}
	defer func() {
		if recover() == nil {
			t.Error("it is taken for one")
		}
	}()
	New(`(`)
}
