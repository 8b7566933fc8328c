// Package predicate pins what a bisection looks for: it reads the message that a
// result shows for a cell, and says which end of the list it belongs to. It is
// pure; it imports result, outcome and bisect, never runs anything, and never
// takes what proves nothing for an answer.
package predicate

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/bisect"
	"umlab/harness/outcome"
)

// Target is what of a result the question is about.
type Target struct {
	Cell      string `json:"cell"`                // "stock", "static-small@module"
	Placement string `json:"placement,omitempty"` // name; "": all of the cell
	Module    string `json:"module,omitempty"`    // name; "": all of the cell
}

// ParseTarget reads CELL[:PLACEMENT[:MODULE]]: "static-small@module:high",
// "stock:low:rust_print", "stock::rust_print".
func ParseTarget(text string) (Target, error) {
	parts := strings.Split(text, ":")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if parts[0] == "" || len(parts) > 3 {
		return Target{}, fmt.Errorf("%q names no cell: write CELL, CELL:PLACEMENT or CELL:PLACEMENT:MODULE, "+
			"as in stock, static-small@module:high, stock:low:rust_print", text)
	}
	parts = append(parts, "", "")
	return Target{Cell: parts[0], Placement: parts[1], Module: parts[2]}, nil
}

// String is the target as ParseTarget reads it.
func (t Target) String() string {
	return strings.TrimRight(strings.Join([]string{t.Cell, t.Placement, t.Module}, ":"), ":")
}

// verdict says which end a message belongs to, and what it shows, or in a sentence
// why it is skipped. bad is the message of the bad end; it may be nil where the
// condition is not empty.
//
// Without a condition: what equals the good end's message is good, what equals
// the bad end's is bad, all else is skipped.
//
// With a set of outcomes: a message is bad where every targeted module at every
// targeted placement shows an outcome of the set. All, not any: a cell that shows
// one rejection at the good end already would be bad with any, and what is
// neither wholly in the set nor as it was at the good end is another change than
// the one that was asked for. It is skipped.
//
// With a property of the relocations: bad where it holds, good where it does
// not. The boots have no say in it, and good and bad are not read.
//
// Messages that prove nothing, and runs that differ at one placement without a
// confidence for their rates, are skipped. So are build-failed and timeout unless the set names them.
func (c Condition) verdict(good Message, bad *Message, seen Message) (bisect.Verdict, string) {
	if p := c.property; p != nil {
		return p.verdict(seen)
	}
	switch seen.Class {
	case proved:
	case unstable:
		if !seen.Rated() {
			return bisect.Skip, seen.String()
		}
	case buildFailed, timedOut:
		if !c.names(seen) {
			return bisect.Skip, fmt.Sprintf("%s, and -until= does not name it", seen)
		}
	default:
		return bisect.Skip, seen.String()
	}
	if c.Empty() {
		switch {
		case seen.same(good) && bad != nil && seen.same(*bad) && seen.Rated():
			return bisect.Skip, fmt.Sprintf("as both ends, at a confidence of %d %%: %s", seen.Confidence, seen)
		case seen.same(good):
			return bisect.Good, seen.String()
		case bad != nil && seen.same(*bad):
			return bisect.Bad, seen.String()
		}
		return bisect.Skip, "neither end's message: " + seen.String()
	}
	in, all := c.matches(seen)
	switch {
	case all:
		return bisect.Bad, seen.String()
	case seen.same(good):
		return bisect.Good, seen.String()
	case in > 0:
		return bisect.Skip, fmt.Sprintf("%s only in part: %s", c, seen)
	}
	return bisect.Skip, fmt.Sprintf("neither %s nor as at the first end: %s", c, seen)
}

// unpinned says why a message cannot be an end; it is empty where it can.
func (c Condition) unpinned(m Message) string {
	if c.property != nil {
		if v, reason := c.property.verdict(m); v == bisect.Skip {
			return reason
		}
		return ""
	}
	switch {
	case m.Class == proved, c.names(m), m.Rated():
		return ""
	case m.Class == buildFailed:
		return m.String() + "; where that is what you look for, say so: -until=build-failed"
	case m.Class == timedOut:
		return m.String() + "; where that is what you look for, say so: -until=timeout"
	case m.Class == unstable:
		return m.String() + "; name a placement without random addresses, or compare rates, with -confidence=95"
	}
	return m.String()
}

// shown is a message as it answers the condition: for a property the count it is
// about, else all of the message.
func (c Condition) shown(m Message) string {
	if c.property != nil {
		return c.property.shown(m)
	}
	return m.String()
}

// names reports whether the set names the kind of a message that counts only
// where it is asked for.
func (c Condition) names(m Message) bool {
	kind := map[class]outcome.Kind{buildFailed: outcome.BuildFailed, timedOut: outcome.Timeout}[m.Class]
	return slices.ContainsFunc(c.set, func(t term) bool { return t.kind == kind })
}

// matches counts the outcomes of a message that lie in the set.
func (c Condition) matches(m Message) (in int, all bool) {
	outcomes := m.outcomes()
	for _, o := range outcomes {
		if slices.ContainsFunc(c.set, func(t term) bool { return t.holds(o) }) {
			in++
		}
	}
	return in, in > 0 && in == len(outcomes)
}
