package kmsg

import (
	"strings"

	"umlab/harness/pattern"
)

// Formats are what the module loader of one kernel tree can print; without any, nothing
// matches.
type Formats []format

// wordsRE is what a format must have of its own between its verbs: with less, it is anybody's line.
var wordsRE = pattern.New(`(?:[A-Za-z][^A-Za-z]*){8}`)

// Add adds the lines that a format string prints behind prefix, which is part of a format
// too: pr_fmt of its file.
func (f *Formats) Add(prefix, text string) {
	for line := range strings.Lines(text) {
		own := parseFormat(line)
		words := own.first
		for _, v := range own.rest {
			words += v.next
		}
		if wordsRE.MatchString(words) {
			*f = append(*f, parseFormat(prefix+line))
		}
		prefix = ""
	}
}

// Match returns what stands for the verbs of a format that text has as a whole.
func (f Formats) Match(text string) (args []string, ok bool) {
	for _, one := range f {
		if args, ok = one.match(text); ok {
			return args, true
		}
	}
	return nil, false
}
