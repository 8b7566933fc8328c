package predicate

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// class is how much a message proves.
type class string

// The classes.
const (
	proved      class = "proved"       // the kernel said something for every targeted module at every targeted placement
	buildFailed class = "build-failed" // there was nothing to boot
	timedOut    class = "timeout"      // some run reached a deadline; the kernel or a slow machine
	unstable    class = "unstable"     // runs differ at one placement
	unproved    class = "unproved"     // infra, config-dropped, or not run: never counts
)

// Message is what a result shows for a target. It is a value that can be kept as
// JSON.
type Message struct {
	Target Target           `json:"target"`
	Class  class            `json:"class"`
	Places []place          `json:"places,omitempty"` // in the order of the result; none where nothing was booted
	Build  *outcome.Outcome `json:"build,omitempty"`  // why there was nothing to boot
	Reason string           `json:"reason,omitempty"` // of unproved
	// Confidence is in percent, where the runs are so many that rates can be told apart; else 0.
	Confidence int `json:"confidence,omitempty"`

	// Relocations are those of all modules of the cell, see result.Build. They
	// are proved by the build alone, whatever the class says of the boots.
	Relocations map[string]map[string]int `json:"relocations,omitempty"`
}

// place is what all runs of one placement showed for one module.
type place struct {
	Placement string         `json:"placement"`
	Module    string         `json:"module"`
	Seen      []result.Count `json:"seen"` // one where the runs agree
	Runs      int            `json:"runs"` // of the placement
}

// same reports whether two messages show the same for the same target: equal
// outcomes (see outcome.Outcome.Same) of every module at every placement. What
// proves nothing is the same as nothing, not even as itself.
//
// Where both have rates, they are the same if the intervals of each outcome's rate meet.
func (m Message) same(n Message) bool {
	if m.Rated() && n.Rated() && m.Target == n.Target {
		return m.SameRates(n)
	}
	if m.Target != n.Target || m.Class != n.Class || len(m.Places) != len(n.Places) {
		return false
	}
	switch m.Class {
	case proved, timedOut, buildFailed:
	default:
		return false
	}
	if (m.Build == nil) != (n.Build == nil) || m.Build != nil && !m.Build.Same(*n.Build) {
		return false
	}
	for i, p := range m.Places {
		q := n.Places[i]
		if p.Placement != q.Placement || p.Module != q.Module || len(p.Seen) != 1 || len(q.Seen) != 1 ||
			!p.Seen[0].Outcome.Same(q.Seen[0].Outcome) {
			return false
		}
	}
	return true
}

// Rated reports whether a message shows how often something happens, and not only whether.
func (m Message) Rated() bool { return m.Confidence > 0 && (m.Class == unstable || m.Class == proved) }

// SameRates reports whether two messages that are Rated, whatever cells they are of, show each outcome with rates whose
// intervals meet.
func (m Message) SameRates(n Message) bool {
	if len(m.Places) != len(n.Places) {
		return false
	}
	for i, p := range m.Places {
		q := n.Places[i]
		if p.Placement != q.Placement || p.Module != q.Module {
			return false
		}
		for _, c := range append(p.Seen[:len(p.Seen):len(p.Seen)], q.Seen...) {
			if !p.rate(c.Outcome, m.Confidence).Meets(q.rate(c.Outcome, n.Confidence)) {
				return false
			}
		}
	}
	return true
}

// rate is the interval of how often an outcome is seen.
func (p place) rate(o outcome.Outcome, confidence int) result.Interval {
	n := 0
	for _, c := range p.Seen {
		if c.Outcome.Same(o) {
			n += c.N
		}
	}
	return result.Wilson(n, p.Runs, result.Z(confidence))
}

// outcomes are what the set of a condition is held against.
func (m Message) outcomes() (out []outcome.Outcome) {
	if m.Build != nil {
		return []outcome.Outcome{*m.Build}
	}
	for _, p := range m.Places {
		for _, s := range p.Seen {
			out = append(out, s.Outcome)
		}
	}
	return out
}

// String is the message in one line: "low/high rust_minimal, rust_print:
// relocation-unknown 9 GOTPCREL; …".
func (m Message) String() string {
	switch m.Class {
	case unproved:
		return "nothing was proved: " + line(m.Reason)
	case buildFailed, timedOut, proved:
		if m.Build != nil {
			return withEvidence(*m.Build)
		}
	}
	// Modules of one placement with one outcome stand together, and so do
	// placements at which all is the same.
	type at struct{ placements, text string }
	var list []at
	for i := 0; i < len(m.Places); {
		placement := m.Places[i].Placement
		var order []string
		names := map[string][]string{}
		for ; i < len(m.Places) && m.Places[i].Placement == placement; i++ {
			text := m.Places[i].text()
			if names[text] == nil {
				order = append(order, text)
			}
			names[text] = append(names[text], m.Places[i].Module)
		}
		var parts []string
		for _, text := range order {
			parts = append(parts, strings.Join(names[text], ", ")+": "+text)
		}
		text := strings.Join(parts, "; ")
		if n := len(list); n > 0 && list[n-1].text == text {
			list[n-1].placements += "/" + placement
			continue
		}
		list = append(list, at{placement, text})
	}
	var parts []string
	for _, a := range list {
		parts = append(parts, a.placements+" "+a.text)
	}
	text := strings.Join(parts, "; ")
	if m.Class == unstable {
		return "runs differ: " + text
	}
	return text
}

// text is the outcome of a place, "3/20 loaded, 17/20 relocation-overflow 11 32S"
// where its runs differ.
func (p place) text() string {
	if len(p.Seen) == 1 && p.Seen[0].N == p.Runs {
		return p.Seen[0].Outcome.String()
	}
	var parts []string
	for _, s := range p.Seen {
		parts = append(parts, fmt.Sprintf("%d/%d %s", s.N, p.Runs, s.Outcome))
	}
	return strings.Join(parts, ", ")
}

// Evidence is the lines that prove the message, each once, with where it was
// seen: "Unknown rela relocation: 9  [stock:low rust_minimal]".
func (m Message) Evidence() (lines []string) {
	add := func(text, where string) {
		if text == "" {
			return
		}
		if s := line(text) + "  [" + where + "]"; !slices.Contains(lines, s) {
			lines = append(lines, s)
		}
	}
	if m.Build != nil {
		add(m.Build.Evidence, m.Target.Cell)
	}
	for _, p := range m.Places {
		for _, s := range p.Seen {
			add(s.Outcome.Evidence, m.Target.Cell+":"+p.Placement+" "+p.Module)
		}
	}
	return lines
}

// One is the outcome that a message of one module at one placement shows, or why there was nothing to boot; ok is false
// where nothing is proved, runs differ, or it is of more than one.
func (m Message) One() (o outcome.Outcome, ok bool) {
	all := m.outcomes()
	if m.Class == unstable || m.Class == unproved || len(all) != 1 {
		return outcome.Outcome{}, false
	}
	return all[0], true
}
