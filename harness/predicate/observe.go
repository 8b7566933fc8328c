package predicate

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// Observe reads the message of a result. The error is a *TargetError where the
// result has no such cell, placement or module.
func Observe(r *result.Results, t Target) (Message, error) {
	cell := r.Cell(t.Cell)
	if cell == nil {
		var ids []string
		for _, c := range r.Cells {
			ids = append(ids, c.ID)
		}
		return Message{}, &TargetError{t, "cell", t.Cell, ids}
	}
	c := *cell
	m := Message{Target: t, Relocations: c.Build.Relocations}
	if names := modules(c); t.Module != "" && len(names) > 0 && !slices.Contains(names, t.Module) {
		return Message{}, &TargetError{t, "module", t.Module, names}
	}
	if r.Infra != "" {
		m.Class, m.Reason = unproved, r.Infra
		return m, nil
	}
	if o := c.Build.Outcome; o != nil {
		m.Build = o
		switch {
		case o.Other:
			m.Class, m.Reason = unproved, "it fails, and not as the scenario says: "+withEvidence(*o)
			return m, nil
		case c.Goal() && o.Kind.Kernel(): // the build is what the question is about
			m.Class = proved
			return m, nil
		}
		switch o.Kind {
		case outcome.BuildFailed:
			m.Class = buildFailed
		case outcome.Timeout:
			m.Class = timedOut
		default:
			m.Class, m.Reason = unproved, withEvidence(*o)
		}
		return m, nil
	}
	if len(c.Placements) == 0 {
		m.Class, m.Reason = unproved, t.Cell+" was not booted"
		return m, nil
	}
	if err := m.read(c); err != nil {
		return Message{}, err
	}
	m.classify()
	return m, nil
}

// read takes the targeted placements and modules out of a cell.
func (m *Message) read(c result.Cell) error {
	names := modules(c)
	var placements []string
	found := false
	for _, p := range c.Placements {
		placements = append(placements, p.Name)
		if m.Target.Placement != "" && p.Name != m.Target.Placement {
			continue
		}
		found, m.Confidence = true, p.Confidence
		tallies := p.Tallies()
		for _, name := range names {
			if m.Target.Module != "" && name != m.Target.Module {
				continue
			}
			at := place{Placement: p.Name, Module: name, Runs: len(p.Runs)}
			if i := slices.IndexFunc(tallies, func(t result.Tally) bool { return t.Module == name }); i >= 0 {
				at.Seen = tallies[i].Counts
			}
			m.Places = append(m.Places, at)
		}
	}
	if !found {
		return &TargetError{m.Target, "placement", m.Target.Placement, placements}
	}
	return nil
}

// modules are the names of a cell's modules, in the order in which it loads them, and of
// its steps and tests; where nothing was booted, of the modules that were built.
func modules(c result.Cell) (names []string) {
	for _, p := range c.Placements {
		for _, t := range p.Tallies() {
			if !slices.Contains(names, t.Module) {
				names = append(names, t.Module)
			}
		}
		for _, run := range p.Runs { // those that were not come to are asked for, too
			for _, s := range run.Steps {
				if !slices.Contains(names, s.Of()) {
					names = append(names, s.Of())
				}
			}
		}
	}
	if names != nil {
		return names
	}
	var built []string
	for name := range c.Build.Signature {
		if name != "linux" && !slices.Contains(names, name) {
			built = append(built, name)
		}
	}
	slices.Sort(built)
	return built
}

// classify sets the class from the places: what proves least decides.
func (m *Message) classify() {
	m.Class = proved
	if len(m.Places) == 0 {
		m.Class, m.Reason = unproved, m.Target.String()+" was not booted"
	}
	for _, p := range m.Places {
		runs := 0
		for _, s := range p.Seen {
			runs += s.N
			switch k := s.Outcome.Kind; {
			case k == outcome.Timeout:
				if m.Class == proved {
					m.Class = timedOut
				}
			case !k.Kernel():
				m.Class, m.Reason = unproved, fmt.Sprintf("%s at %s: %s", p.Module, p.Placement, withEvidence(s.Outcome))
				return
			}
		}
		if runs != p.Runs || p.Runs == 0 {
			m.Class, m.Reason = unproved, fmt.Sprintf("%s was tried in %d of %d runs at %s", p.Module, runs, p.Runs, p.Placement)
			return
		}
		if len(p.Seen) > 1 {
			m.Class = unstable
		}
	}
}

func withEvidence(o outcome.Outcome) string {
	text := o.String()
	if text == "" {
		text = "no outcome"
	}
	if o.Evidence != "" {
		text += ": " + o.Evidence
	}
	return line(text)
}

// line makes one line of what a tool or a console said.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// TargetError says that a result has nothing of a target's name.
type TargetError struct {
	Target  Target
	What    string   // "cell", "placement" or "module"
	Name    string   // that was asked for
	Allowed []string // what the result has
}

func (e *TargetError) Error() string {
	has := "none"
	if len(e.Allowed) > 0 {
		has = strings.Join(e.Allowed, ", ")
	}
	return fmt.Sprintf("%s: the result has no %s %q: it has %s", e.Target, e.What, e.Name, has)
}
