// Package pattern has regular expressions that are compiled when they are first used: each sandbox starts with a copy of the
// program, which waits for what its packages do while they are initialised. It imports nothing of umlab, and adds nothing to
// package regexp.
package pattern

import (
	"regexp"
	"sync"
	"testing"
)

// Lazy is a regular expression. Its methods are those of package regexp.
type Lazy struct {
	// Regexp compiles it, at the first call.
	Regexp func() *regexp.Regexp
}

// New is the expression of that text. Where it is none, tests panic at once, and programs when it is used.
func New(text string) *Lazy {
	l := &Lazy{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
	if testing.Testing() {
		l.Regexp()
	}
	return l
}

// MatchString is the method of regexp.Regexp.
func (l *Lazy) MatchString(s string) bool { return l.Regexp().MatchString(s) }

// FindStringSubmatch is the method of regexp.Regexp.
func (l *Lazy) FindStringSubmatch(s string) []string { return l.Regexp().FindStringSubmatch(s) }

// ReplaceAllString is the method of regexp.Regexp.
func (l *Lazy) ReplaceAllString(s, with string) string { return l.Regexp().ReplaceAllString(s, with) }

// FindStringSubmatchIndex is the method of regexp.Regexp.
func (l *Lazy) FindStringSubmatchIndex(s string) []int { return l.Regexp().FindStringSubmatchIndex(s) }
