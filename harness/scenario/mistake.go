package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/usage"
)

// Mistake is one thing wrong with a scenario file.
type Mistake struct {
	File   string
	Line   int    // from 1; 0 where the file as a whole is meant
	Column int    // in bytes, from 1
	Text   string // what is wrong and what is allowed
}

// Error starts with the place, "scenarios/x.toml:3:8: …".
func (m *Mistake) Error() string {
	if m.Line == 0 {
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Text)
}

// pos is a place in the file; the zero pos is the file as a whole.
type pos struct{ line, col int }

// mistakes collects. Two at one place are one: the second is a consequence.
type mistakes struct {
	file    string
	half    bool // the syntax is wrong: of half a file one cannot say what it lacks, nor what it means
	list    []*Mistake
	lacking []*Mistake // of the keys that a table must have, one for each table
	more    []error    // of other files, already with their places
}

// lacks reports an absent key of the table at p.
func (m *mistakes) lacks(p pos, table, key string) {
	for _, old := range m.lacking {
		if old.Line == p.line && old.Column == p.col && strings.HasPrefix(old.Text, table+" ") {
			old.Text += ", " + key
			return
		}
	}
	if !m.half {
		m.lacking = append(m.lacking, &Mistake{m.file, p.line, p.col, table + " lacks " + key})
	}
}

func (m *mistakes) add(p pos, format string, args ...any) {
	if p.line != 0 && slices.ContainsFunc(m.list, func(old *Mistake) bool { return old.Line == p.line && old.Column == p.col }) {
		return
	}
	m.list = append(m.list, &Mistake{File: m.file, Line: p.line, Column: p.col, Text: fmt.Sprintf(format, args...)})
}

// err returns all of them, sorted by place, one a line.
func (m *mistakes) err() error {
	list := slices.Concat(m.list, m.lacking)
	slices.SortStableFunc(list, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for _, one := range list {
		all = append(all, one)
	}
	for _, other := range m.more {
		all = append(all, &usage.Error{Err: other})
	}
	return errors.Join(all...)
}

// list is names as a message shows them.
func list(names []string) string { return cmp.Or(strings.Join(names, ", "), "none") }
